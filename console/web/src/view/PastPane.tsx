import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Incident } from "../api/types";
import { AGO_S, closePast, earlier, moment, past, pastFault, rewind, STEP_S } from "../state/past";
import { incidents, now } from "../state/store";
import { address, go } from "../state/url";
import { t } from "../words/catalogue";
import { availability, severityRank, word } from "../words/codes";
import { age, clock, day } from "../words/times";
import { MapBox } from "./MapBox";
import { Severity } from "./Severity";

const DAY_MS = 24 * 3_600_000;

/** The screen as it was at a time, in a pane beside the present. */
export function PastPane() {
  return moment.value === null ? null : <Pane at={moment.value} />;
}

function Pane({ at }: { at: number }) {
  const box = useRef<HTMLElement>(null);
  useLayoutEffect(() => box.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <section ref={box} class="pane past" id="past" aria-labelledby="past-title" tabindex={-1}>
      <div class="pane-head">
        <h2 id="past-title">{t("past_title", { at: now.value - at < DAY_MS ? clock(at) : day(at) })}</h2>
        <span>{t("ago", { age: age(now.value - at) })}</span>
        <button class="quiet" onClick={closePast}>
          {t("back_to_now")}
        </button>
      </div>
      <Choice />
      <p class="fault" role="alert">
        {pastFault.value && (pastFault.value === "away" ? t("no_gateway") : pastFault.value.body.detail)}
      </p>
      <Then />
    </section>
  );
}

function Choice() {
  const [seconds, setSeconds] = useState("");
  return (
    <div class="past-choice">
      <select
        aria-label={t("how_long_ago")}
        value={seconds}
        onChange={(event) => {
          setSeconds(event.currentTarget.value);
          rewind(Number(event.currentTarget.value));
        }}
      >
        <option value="" disabled>
          {t("how_long_ago")}
        </option>
        {AGO_S.map((one) => (
          <option key={one} value={one}>
            {age(one * 1_000)}
          </option>
        ))}
      </select>
      <button onClick={() => earlier(STEP_S)}>− {age(STEP_S * 1_000)}</button>
      <button onClick={() => earlier(-STEP_S)}>+ {age(STEP_S * 1_000)}</button>
    </div>
  );
}

function Then() {
  const found = past.value;
  if (found === null) return <p class="empty">{pastFault.value ? "" : t("starting")}</p>;
  const known = [...found.incidents].sort(
    (a, b) => severityRank(a.severity) - severityRank(b.severity) || a.opened_at.localeCompare(b.opened_at),
  );
  const at = Date.parse(found.at);
  const free = found.units.filter((unit) => availability(unit, at) === "available").length;
  const sent = (id: string) => found.assignments.filter((one) => one.incident === id).length;
  const then = new Set(known.map((one) => one.id));
  const fresh = [...incidents.value.values()].filter((one) => !then.has(one.id)).length;
  return (
    <div class="scroll" role="group" aria-labelledby="past-title" tabindex={0}>
      <div class="past-map">
        <MapBox label={t("past_map")} load={async () => (await import("../map/past")).drawPast} />
      </div>
      <p class="past-sum">
        {t("past_sum", { count: known.length, free, units: found.units.length })}
        {found.unknown.length > 0 && ` ${t("past_unknown", { count: found.unknown.length })}`}
        {fresh > 0 && <b> {t("past_fresh", { count: fresh })}</b>}
      </p>
      <ol class="rows">
        {known.map((one) => (
          <li key={one.id}>
            <Row then={one} units={sent(one.id)} />
          </li>
        ))}
      </ol>
    </div>
  );
}

/** An incident as it was, and what is otherwise now. */
function Row({ then, units }: { then: Incident; units: number }) {
  const present = incidents.value.get(then.id);
  const changes = present === undefined ? [t("over")] : changesOf(then, present);
  return (
    <a
      class="row"
      href={`/incidents/${encodeURIComponent(then.id)}`}
      aria-current={address.value.incident === then.id ? "true" : undefined}
      onClick={(event) => {
        event.preventDefault();
        go({ incident: then.id });
      }}
    >
      <Severity code={then.severity} />
      <span class="row-title">{word("category", then.category)}</span>
      <span class="row-number">{then.number.split("-").at(-1)}</span>
      <span class="row-place">{then.where.address ?? t("no_place")}</span>
      <span class="row-age">{clock(then.opened_at)}</span>
      <span class="row-state">
        {word("state", then.state)}
        {" · "}
        {t("units_count", { count: units })}
        {then.acknowledged_at === null && ` · ${t("unseen")}`}
        {changes.length > 0 && <span class="flag changed">{t("now_is", { what: changes.join(", ") })}</span>}
      </span>
    </a>
  );
}

function changesOf(then: Incident, present: Incident): string[] {
  const found: string[] = [];
  if (then.severity !== present.severity) found.push(present.severity);
  if (then.category !== present.category) found.push(word("category", present.category));
  if (then.state !== present.state) found.push(word("state", present.state));
  if (then.acknowledged_by !== present.acknowledged_by && present.acknowledged_by !== null) {
    found.push(t("seen_by", { name: present.acknowledged_by }));
  }
  return found;
}
