import { goAway, member } from "../state/member";
import { t, type Word } from "../words/catalogue";
import { Preferences } from "./Preferences";

const PAGES: readonly (readonly [path: string, word: Word, roles: readonly string[] | null])[] = [
  ["/", "title", null],
  ["/streets", "title_streets", null],
  ["/admin", "title_admin", ["administrator", "supervisor"]],
];

/** The head of a page beside the console: where else to go, and how one is signed in. */
export function PageHead({ path, title }: { path: string; title: Word }) {
  const role = member.value?.role ?? "";
  return (
    <header class="page-head">
      <h1>{t(title)}</h1>
      <nav aria-label={t("pages")}>
        {PAGES.map(([other, word, roles]) =>
          other !== path && (roles === null || roles.includes(role)) ? (
            <a key={other} href={other}>
              {t(word)}
            </a>
          ) : null,
        )}
      </nav>
      <span class="space" />
      <Preferences />
      <span class="who">{member.value?.name}</span>
      <button class="quiet" onClick={() => void goAway()}>
        {t("sign_out")}
      </button>
    </header>
  );
}
