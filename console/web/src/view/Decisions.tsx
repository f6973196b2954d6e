import { decisions, dismiss, send, undo, type Decision } from "../actions/decide";
import { openForm } from "../actions/form";
import { became } from "../state/call";
import { go } from "../state/url";
import { t } from "../words/catalogue";
import { word } from "../words/codes";

/** What was decided and what became of it; a refusal stays until it is read. */
export function Decisions() {
  return (
    <section class="decisions" role="status" aria-label={t("decisions")}>
      <Became />
      <ul>
        {decisions.value.map((one) => (
          <li key={one.key} class={`decision d-${one.stand.at}`}>
            <Told decision={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What the call became that was sent last. */
function Became() {
  const found = became.value;
  if (found === null) return null;
  const number = found.number?.split("-").at(-1) ?? "";
  return (
    <p class="decision became">
      {t(found.placed === "attached" ? "call_attached" : found.number ? "call_opened" : "call_sent", { number })}
      {found.placed === "asked" && ` ${t("call_asked")}`}
    </p>
  );
}

function Told({ decision }: { decision: Decision }) {
  const { stand, deed } = decision;
  const what = `${t(deed.label)} ${decision.number.split("-").at(-1)}`;
  switch (stand.at) {
    case "sending":
      return stand.attempt === 1 ? t("sending", { what }) : t("trying", { what, count: stand.attempt });
    case "signed_out":
      return t("needs_sign_in", { what });
    case "done":
      return (
        <>
          {t("done", { what })}{" "}
          {decision.undo && (
            <button class="undo" aria-keyshortcuts="z" onClick={() => undo(decision)}>
              {t("key_undo")} <kbd>z</kbd>
            </button>
          )}
        </>
      );
    case "unknown":
      return (
        <>
          {t("given_up", { what })} <button onClick={() => void send(decision)}>{t("try_again")}</button>
        </>
      );
    case "refused":
      return <Refused decision={decision} what={what} stand={stand} />;
  }
}

interface RefusedProps {
  decision: Decision;
  what: string;
  stand: Extract<Decision["stand"], { at: "refused" }>;
}

function Refused({ decision, what, stand }: RefusedProps) {
  const { deed, incident, typed } = decision;
  const present = stand.incident;
  return (
    <>
      <b>{t("refused", { what, title: stand.title })}</b>
      <p>{stand.detail}</p>
      {present && (
        <p>{t("present_state", { state: word("state", present.state), version: present.version })}</p>
      )}
      {deed.fields.length > 0 && (
        <button
          onClick={() => {
            dismiss(decision);
            go({ incident });
            openForm(deed, incident, typed);
          }}
        >
          {t("change_it")}
        </button>
      )}
      <button onClick={() => dismiss(decision)}>{t("dismiss")}</button>
    </>
  );
}
