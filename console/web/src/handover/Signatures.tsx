import { member } from "../state/member";
import { t } from "../words/catalogue";
import { day } from "../words/times";
import { busy, maySign, takeOver, type Handover } from "./shift";

/** Who handed over and who took over: on the page, in the ledger, and in the audit. */
export function Signatures({ handover }: { handover: Handover }) {
  const mine = handover.given_by === member.value?.name;
  return (
    <>
      <dl class="signatures">
        <div>
          <dt>{t("given_by")}</dt>
          <dd>
            <b>{handover.given_by}</b> <time>{day(handover.at)}</time>
          </dd>
        </div>
        <div>
          <dt>{t("taken_by")}</dt>
          <dd>
            {handover.taken_by && handover.taken_at ? (
              <>
                <b>{handover.taken_by}</b> <time>{day(handover.taken_at)}</time>
              </>
            ) : (
              t("not_taken")
            )}
          </dd>
        </div>
      </dl>
      <p class="digest">SHA-256 {handover.sha256}</p>
      <div class="buttons no-print">
        {handover.taken_by === null && maySign() && !mine && (
          <button id="take-over" class="primary" disabled={busy.value} onClick={() => void takeOver(handover.id)}>
            {t("take_over_as", { name: member.value?.name ?? "" })}
          </button>
        )}
        <button onClick={() => window.print()}>{t("print")}</button>
      </div>
      {handover.taken_by === null && mine && <p class="hint no-print">{t("taker_signs")}</p>}
    </>
  );
}
