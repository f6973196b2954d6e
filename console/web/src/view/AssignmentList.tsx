import type { Assignment } from "../api/types";
import { units } from "../state/store";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { together } from "../words/reasons";
import { clock } from "../words/times";

const STAMPS = ["dispatched", "acknowledged", "en_route", "on_scene", "clear"] as const;

/** Who was sent, and how far each one is. */
export function AssignmentList({ assignments }: { assignments: readonly Assignment[] }) {
  const active = [...assignments].sort((a, b) => Number(a.ended !== null) - Number(b.ended !== null));
  return (
    <section aria-labelledby="assignments-title">
      <h3 id="assignments-title">{t("assignments")}</h3>
      {active.length === 0 && <p class="empty">{t("nobody_sent")}</p>}
      <ul class="assignments">
        {active.map((one) => (
          <li key={one.id} class={one.ended === null ? "" : "is-over"}>
            <b>{units.value.get(one.unit)?.name ?? one.unit}</b>
            <span>{word("capability", one.capability)}</span>
            <span class="number">
              {one.ended !== null
                ? t("ended")
                : one.on_scene === null
                  ? t("eta", { time: clock(Date.parse(one.dispatched) + one.eta_s * 1_000) })
                  : t("on_scene")}
            </span>
            <ol class="stamps">
              {STAMPS.map((stamp) => {
                const at = one[stamp];
                return at === null ? null : (
                  <li key={stamp}>
                    {t(stamp)} <time>{clock(at)}</time>
                  </li>
                );
              })}
            </ol>
            <small>{together(one.reasons)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

