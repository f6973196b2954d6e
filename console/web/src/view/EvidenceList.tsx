import type { EvidenceLine } from "../api/types";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { together } from "../words/reasons";
import { clock } from "../words/times";
import { Severity } from "./Severity";

/** What was said and measured, in its own words. */
export function EvidenceList({ lines }: { lines: readonly EvidenceLine[] }) {
  return (
    <section aria-labelledby="evidence-title">
      <h3 id="evidence-title">
        {t("evidence")} <span>{lines.length}</span>
      </h3>
      {lines.length === 0 && <p class="empty">{t("no_evidence")}</p>}
      <ul class="evidence">
        {lines.map(({ evidence, because }) => (
          <li key={evidence.id}>
            <Severity code={evidence.severity} />
            <div>
              <q>{evidence.text}</q>
              <small>
                <time>{clock(evidence.observed_at)}</time> {t(evidence.source === "sensor" ? "sensor" : "report")} ·{" "}
                {word("category", evidence.category)} ·{" "}
                {t("confidence", { value: Math.round(evidence.confidence * 100) })}
              </small>
              <small>{together(because)}</small>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
