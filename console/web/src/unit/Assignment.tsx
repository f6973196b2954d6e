import { areaName } from "../state/areas";
import { Severity } from "../view/Severity";
import { MapBox } from "../view/MapBox";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { language } from "../words/language";
import { clock } from "../words/times";
import type { Duty } from "./duty";

const STAMPED = ["dispatched", "acknowledged", "en_route", "on_scene"] as const;

/** The assignment: where, what, what is known, and the way. */
export function Assignment({ duty }: { duty: Duty }) {
  const { incident, assignment, evidence } = duty;
  if (incident === null) return null;
  const { where } = incident;
  return (
    <article class="card assignment" aria-labelledby="task-title">
      <header>
        <Severity code={incident.severity} large />
        <div>
          <h2 id="task-title">{word("category", incident.category)}</h2>
          <p class="number">{incident.number}</p>
        </div>
      </header>
      <p class="place">{where.address ?? t("no_place")}</p>
      <p class="area">{[where.district, where.subdistrict].map((code) => code && areaName(code)).filter(Boolean).join(" · ")}</p>
      {where.hazard_zones.length > 0 && (
        <p class="hazard">{t("in_hazard_zone", { zones: where.hazard_zones.map(areaName).join(", ") })}</p>
      )}
      {assignment && (
        <ol class="stamps">
          {STAMPED.map((stamp) => {
            const at = assignment[stamp];
            return at === null ? null : (
              <li key={stamp}>
                {t(stamp)} <time>{clock(at)}</time>
              </li>
            );
          })}
        </ol>
      )}
      <section aria-labelledby="known-title">
        <h3 id="known-title">{t("what_is_known")}</h3>
        {evidence.length === 0 && <p class="empty">{t("no_evidence")}</p>}
        <ul class="known">
          {evidence.map(({ evidence: one }) => (
            <li key={one.id}>
              <q>{one.text}</q>
              <small>
                <time>{clock(one.observed_at)}</time> {t(one.source === "sensor" ? "sensor" : "report")}
              </small>
            </li>
          ))}
        </ul>
      </section>
      {incident.point && <WayThere duty={duty} />}
    </article>
  );
}

function WayThere({ duty }: { duty: Duty }) {
  const { way } = duty;
  return (
    <section class="way" aria-labelledby="way-title">
      <h3 id="way-title">
        {t("way")}{" "}
        {way && <span>{t("way_length", { km: (way.metres / 1_000).toFixed(1), minutes: minutes(way.seconds) })}</span>}
      </h3>
      <MapBox load={async () => (await import("./map")).drawWay} />
      <ol class="way-steps">
        {way?.steps.map((step, place) => <li key={place}>{step[language.value]}</li>)}
      </ol>
    </section>
  );
}

function minutes(seconds: number): number {
  return Math.max(1, Math.round(seconds / 60));
}
