import { useState } from "preact/hooks";
import type { Unit } from "../api/types";
import { incidents, now, units } from "../state/store";
import { address, go } from "../state/url";
import { t } from "../words/catalogue";
import { availability, isStale, word, type Availability } from "../words/codes";
import { age } from "../words/times";

const SIGNS: Record<Availability, string> = {
  available: "○",
  committed: "●",
  delayed: "◐",
  unavailable: "✕",
  unknown: "?",
};

/** Who is out comes first: there something happens. */
const ORDER: readonly Availability[] = ["committed", "delayed", "unknown", "available", "unavailable"];

/** All units by kind: who is free, who is where, whose position is old. */
export function UnitBoard() {
  const [words, setWords] = useState("");
  const kinds = new Map<string, Unit[]>();
  for (const unit of units.value.values()) {
    if (words && !`${unit.id} ${unit.name}`.toLowerCase().includes(words.toLowerCase())) continue;
    kinds.set(unit.kind, [...(kinds.get(unit.kind) ?? []), unit]);
  }
  return (
    <section class="pane units" aria-labelledby="units-title">
      <div class="pane-head">
        <h2 id="units-title">{t("unit_board")}</h2>
        <input
          type="search"
          value={words}
          aria-label={t("filter")}
          placeholder={t("filter")}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <ul class="legend">
          {(Object.keys(SIGNS) as Availability[]).map((one) => (
            <li key={one} class={`u-${one}`}>
              <span aria-hidden="true">{SIGNS[one]}</span> {t(one)}
            </li>
          ))}
        </ul>
      </div>
      <div class="scroll" role="group" aria-labelledby="units-title" tabindex={0}>
        {[...kinds].map(([kind, found]) => (
          <Kind key={kind} kind={kind} found={found} />
        ))}
      </div>
    </section>
  );
}

function Kind({ kind, found }: { kind: string; found: Unit[] }) {
  const free = found.filter((unit) => availability(unit, now.value) === "available").length;
  const order = (unit: Unit) => ORDER.indexOf(availability(unit, now.value));
  found.sort(
    (a, b) => order(a) - order(b) || a.id.localeCompare(b.id, undefined, { numeric: true }),
  );
  return (
    <div class="kind">
      <h3>
        {word("unit_kind", kind)} <span>{t("free_of", { free, count: found.length })}</span>
      </h3>
      <ul>
        {found.map((unit) => (
          <li key={unit.id}>
            <Cell unit={unit} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Cell({ unit }: { unit: Unit }) {
  const kind = availability(unit, now.value);
  const incident = unit.incident === null ? null : incidents.value.get(unit.incident);
  const old = isStale(unit, now.value) && unit.position_at;
  const mine = unit.incident !== null && unit.incident === address.value.incident;
  const text = (
    <>
      <span aria-hidden="true">{SIGNS[kind]}</span> <b>{unit.name}</b> {word("unit_state", unit.state)}
      {incident && ` → ${incident.number.split("-").at(-1)}`}
      {old && <em> {t("position_age", { age: age(now.value - Date.parse(old)) })}</em>}
    </>
  );
  const look = `cell u-${kind} ${mine ? "mine" : ""}`;
  if (unit.incident === null) return <span class={look}>{text}</span>;
  const there = unit.incident;
  return (
    <button class={look} onClick={() => go({ incident: there })}>
      {text}
    </button>
  );
}
