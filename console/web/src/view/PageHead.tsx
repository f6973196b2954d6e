import { goAway, member } from "../state/member";
import { t, type Word } from "../words/catalogue";
import { PageLinks } from "./PageLinks";
import { Preferences } from "./Preferences";

/** The head of a page beside the console: where else to go, and how one is signed in. */
export function PageHead({ path, title }: { path: string; title: Word }) {
  return (
    <header class="page-head">
      <h1>{t(title)}</h1>
      <PageLinks path={path} />
      <span class="space" />
      <Preferences />
      <span class="who">{member.value?.name}</span>
      <button class="quiet" onClick={() => void goAway()}>
        {t("sign_out")}
      </button>
    </header>
  );
}
