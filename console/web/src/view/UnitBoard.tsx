import { useState } from "preact/hooks";
import { isPicked, pick } from "../actions/form";
import { carry } from "../actions/drag";
import { board, type Shown } from "../state/board";
import { incidents } from "../state/store";
import { address, go } from "../state/url";
import { t } from "../words/catalogue";
import { word, type Availability } from "../words/codes";
import { Age } from "./Age";

const LONG = 60;
const SIGNS: Record<Availability, string> = {
  available: "○",
  committed: "●",
  delayed: "◐",
  unavailable: "✕",
  unknown: "?",
};

/** All units by kind: who is free, who is where, whose position is old. */
export function UnitBoard() {
  const [words, setWords] = useState("");
  const sought = words.toLowerCase();
  const isSought = (unit: Shown) => sought === "" || `${unit.id} ${unit.name}`.toLowerCase().includes(sought);
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
        {[...board.value].map(([kind, all]) => {
          const found = sought === "" ? all : all.filter(isSought);
          return found.length > 0 && <Kind key={kind} kind={kind} found={found} />;
        })}
      </div>
    </section>
  );
}

function Kind({ kind, found }: { kind: string; found: readonly Shown[] }) {
  const free = found.filter((unit) => unit.availability === "available").length;
  return (
    <div class={found.length > LONG ? "kind is-long" : "kind"}>
      <h3>
        {word("unit_kind", kind)} <span>{t("free_of", { free, count: found.length })}</span>
      </h3>
      <ul>
        {found.map((unit) => (
          <li key={unit.id}>
            <Cell
              unit={unit}
              number={unit.incident === null ? undefined : incidents.value.get(unit.incident)?.number}
              mine={unit.incident !== null && unit.incident === address.value.incident}
              isPicked={isPicked(unit.id)}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

interface CellProps {
  readonly unit: Shown;
  /** The number of the incident that it is sent to. */
  readonly number: string | undefined;
  readonly mine: boolean;
  /** Whether the form that is open has it; null if none asks for units. */
  readonly isPicked: boolean | null;
}

function Cell({ unit, number, mine, isPicked: pressed }: CellProps) {
  const text = (
    <>
      <span aria-hidden="true">{SIGNS[unit.availability]}</span> <b>{unit.name}</b> {word("unit_state", unit.state)}
      {number && ` → ${number.split("-").at(-1)}`}
      {unit.standby && <small> {t("waits_at", { station: unit.standby })}</small>}
      {unit.lost && (
        <em>
          {" "}
          <Age at={unit.lost} told="position_age" />
        </em>
      )}
    </>
  );
  const look = `cell u-${unit.availability} ${mine ? "mine" : ""}`;
  const drag = { draggable: true, onDragStart: (event: DragEvent) => carry(event, unit.id) };
  if (pressed !== null) {
    return (
      <button class={look} aria-pressed={pressed} onClick={() => pick(unit.id)}>
        {text}
      </button>
    );
  }
  if (unit.incident === null) return <span class={look} {...drag}>{text}</span>;
  const there = unit.incident;
  return (
    <button class={look} {...drag} onClick={() => go({ incident: there })}>
      {text}
    </button>
  );
}
