import { useState } from "preact/hooks";
import type { Reason } from "../api/types";
import { t } from "../words/catalogue";
import { render } from "../words/reasons";
import { basis, carryOver, discard, isChanged, isDraft, isOvertaken, line, NUMBERS, outcome, policy, putInForce, reason, tryIt } from "./policy";

const LISTED = 60;

/** What was changed: nothing of it holds before it was tried on what is open, and put in force. */
export function PolicyDraft() {
  const [busy, setBusy] = useState(false);
  if (!isDraft.value) return null;
  async function doing(work: () => Promise<unknown>) {
    setBusy(true);
    await work().finally(() => setBusy(false));
  }
  const found = outcome.value;
  return (
    <section class="draft card" aria-label={t("draft")}>
      <p>
        <b>{t("draft_changes", { count: changeCount() })}</b> {t("draft_hint")}
      </p>
      {isOvertaken.value && (
        <p class="warning" role="alert">
          {t("overtaken", { version: line.value?.policy.version ?? "" })}{" "}
          <button onClick={carryOver}>{t("carry_over")}</button>
        </p>
      )}
      <div class="buttons">
        <button class={found ? "" : "primary"} disabled={busy || isOvertaken.value} onClick={() => void doing(tryIt)}>
          {t("what_would_change")}
        </button>
        <button disabled={busy} onClick={discard}>
          {t("discard_draft")}
        </button>
      </div>
      <div role="status" class="changes">
        {busy && t("working")}
        {found && <Outcome changes={found} />}
      </div>
      {found && <Decide busy={busy} decide={() => void doing(putInForce)} />}
    </section>
  );
}

function changeCount(): number {
  const [wanted, known] = [policy.value, basis.value];
  if (!wanted || !known) return 0;
  return wanted.plans.filter(isChanged).length + NUMBERS.filter(({ name }) => wanted[name] !== known[name]).length;
}

/** How many incidents are concerned, how many would lack units, and each change. */
function Outcome({ changes }: { changes: readonly Reason[] }) {
  const numbers = new Set(changes.flatMap(({ values }) => values?.["number"] ?? []));
  const short = changes.filter(({ code, values }) => code === "would_alert" && values?.["alert_kind"] === "unresourced");
  return (
    <>
      <p hidden={changes.every(({ code }) => code === "would_change_nothing")}>
        <b>{t("would_concern", { count: numbers.size })}</b> <b>{t("would_be_short", { count: short.length })}</b>
      </p>
      <ul>
        {changes.slice(0, LISTED).map((one, place) => (
          <li key={place}>{render(one)}</li>
        ))}
      </ul>
      {changes.length > LISTED && <p>{t("and_more", { count: changes.length - LISTED })}</p>}
    </>
  );
}

function Decide({ busy, decide }: { busy: boolean; decide: () => void }) {
  function submit(event: SubmitEvent) {
    event.preventDefault();
    decide();
  }
  return (
    <form class="line" id="decide-policy" onSubmit={submit}>
      <label>
        {t("field_reason")}
        <input
          name="reason"
          required
          maxLength={1000}
          pattern=".*\S.*"
          value={reason.value}
          onInput={(event) => (reason.value = event.currentTarget.value)}
        />
      </label>
      <button class="primary" disabled={busy}>
        {t("put_in_force")}
      </button>
    </form>
  );
}
