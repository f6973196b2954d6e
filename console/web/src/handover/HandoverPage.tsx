import { come, member } from "../state/member";
import { locked, now } from "../state/store";
import { PageHead } from "../view/PageHead";
import { SignIn } from "../view/SignIn";
import { t } from "../words/catalogue";
import { clock, day } from "../words/times";
import { Paper } from "./Paper";
import { Past } from "./Past";
import { busy, draft, fault, handOver, hours, HOURS, last, maySign, mayWatch, note, opened, shelved, since } from "./shift";
import { Signatures } from "./Signatures";

/** The end of a shift on one page, to be signed by who goes and by who comes. */
export function HandoverPage() {
  const lock = locked.value;
  document.title = t("title_handover");
  return (
    <>
      {member.value !== null && (
        <div class="page" inert={lock !== null}>
          <PageHead path="/handover" title="title_handover" />
          <main class="handover">
            <p class="fault" role="alert">
              {fault.value}
            </p>
            {mayWatch() ? <Shown /> : <p class="hint">{t("may_not_see", { name: member.value.name })}</p>}
          </main>
        </div>
      )}
      {lock !== null && <SignIn expired={lock === "expired"} enter={come} />}
    </>
  );
}

function Shown() {
  const found = opened.value;
  return (
    <>
      <Past />
      <article class="paper" aria-labelledby="paper-title">
        {found ? (
          <>
            <h2 id="paper-title">{t("handover_of", { since: day(found.since), at: day(found.at) })}</h2>
            <Paper content={found.content} at={Date.parse(found.at)} />
            <Signatures handover={found} />
          </>
        ) : (
          draft.value && <Draft />
        )}
      </article>
    </>
  );
}

function Draft() {
  const content = draft.value;
  if (!content) return null;
  return (
    <>
      <h2 id="paper-title">{t("handover_of", { since: day(since()), at: clock(now.value) })}</h2>
      <p class="hint no-print">{t("handover_hint")}</p>
      <label class="no-print">
        {t("shift_began")}
        <select
          name="hours"
          value={hours.value ?? ""}
          onChange={(event) => (hours.value = Number(event.currentTarget.value) || null)}
        >
          <option value="">{last.value ? t("at_last_handover", { at: day(last.value) }) : t("hours_ago", { count: 12 })}</option>
          {HOURS.filter((one) => last.value !== null || one !== 12).map((one) => (
            <option key={one} value={one}>
              {t("hours_ago", { count: one })}
            </option>
          ))}
        </select>
      </label>
      <Paper content={{ ...content, shelved: shelved() }} at={now.value} />
      {maySign() && (
        <form
          class="no-print"
          onSubmit={(event) => {
            event.preventDefault();
            void handOver();
          }}
        >
          <label>
            {t("handover_note")}
            <textarea
              name="note"
              rows={3}
              maxLength={2000}
              value={note.value}
              onInput={(event) => (note.value = event.currentTarget.value)}
            />
          </label>
          <div class="buttons">
            <button id="hand-over" class="primary" disabled={busy.value}>
              {t("hand_over_as", { name: member.value?.name ?? "" })}
            </button>
            <button type="button" onClick={() => window.print()}>
              {t("print")}
            </button>
          </div>
        </form>
      )}
    </>
  );
}
