import type { FunctionComponent } from "preact";
import { come, member } from "../state/member";
import { locked } from "../state/store";
import { PageHead } from "../view/PageHead";
import { SignIn } from "../view/SignIn";
import { t } from "../words/catalogue";
import { Accounts } from "./Accounts";
import { Fences } from "./Fences";
import { Letters } from "./Letters";
import { Made } from "./Made";
import { fault } from "./fault";
import { go, mine, PARTS, shown, type Part } from "./parts";
import { Plans } from "./Plans";
import { Status } from "./Status";
import { Tokens } from "./Tokens";

const VIEWS: Readonly<Record<Part, FunctionComponent>> = {
  status: Status,
  letters: Letters,
  accounts: Accounts,
  tokens: Tokens,
  plans: Plans,
  fences: Fences,
};

/** The administrators' page: how the system is, who may come in, and what is set. */
export function AdminPage() {
  const lock = locked.value;
  document.title = t("title_admin");
  return (
    <>
      {member.value !== null && (
        <div class="page" inert={lock !== null}>
          <PageHead path="/admin" title="title_admin" />
          {mine().length === 0 ? (
            <main class="admin">
              <p class="card">{t("may_not_see", { name: member.value.name })}</p>
            </main>
          ) : (
            <Shown />
          )}
        </div>
      )}
      {lock !== null && <SignIn expired={lock === "expired"} enter={come} />}
    </>
  );
}

function Shown() {
  const part = shown.value;
  const View = VIEWS[part];
  return (
    <main class="admin">
      <nav class="parts" aria-label={t("title_admin")}>
        {mine().map((one) => (
          <button
            key={one}
            id={`part-${one}`}
            aria-current={one === part ? "page" : undefined}
            onClick={() => go(one)}
          >
            {t(PARTS[one].word)}
          </button>
        ))}
      </nav>
      <section class="part" aria-labelledby="part-title">
        <h2 id="part-title">{t(PARTS[part].word)}</h2>
        <p class="fault" role="alert">
          {fault.value}
        </p>
        <Made />
        <View />
      </section>
    </main>
  );
}
