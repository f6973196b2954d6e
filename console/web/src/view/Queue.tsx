import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Alert, Incident } from "../api/types";
import { carriesUnit, drop } from "../actions/drag";
import { areaName } from "../state/areas";
import { drawnRows, held, rows, waiting, type Group } from "../state/queue";
import { isShelved, shelf, type Shelved } from "../state/shelf";
import { since, type Mark } from "../state/since";
import { alertsOf, crewsOf, incidents } from "../state/store";
import { address, go } from "../state/url";
import { t, type Word } from "../words/catalogue";
import { codesOf, word } from "../words/codes";
import { clock } from "../words/times";
import { Age } from "./Age";
import { Flood } from "./Flood";
import { Severity } from "./Severity";
import { Since } from "./Since";

const RESTING_MS = 15_000;
const LONG = 100;
const UNSEEN = new Set(["new_incident"]);

export function Queue() {
  const resting = useRef(0);
  function hold() {
    held.value = true;
    window.clearTimeout(resting.current);
    // A pointer that was left on the list must not keep new incidents out of sight for good.
    resting.current = window.setTimeout(release, RESTING_MS);
  }
  function release() {
    window.clearTimeout(resting.current);
    held.value = false;
  }
  const shown = rows.value;
  return (
    <section class="pane queue" id="queue" aria-labelledby="queue-title" tabindex={-1}>
      <div class="pane-head">
        <h2 id="queue-title">{t("queue")}</h2>
        <Waiting onShow={release} />
      </div>
      <Filter />
      <div class="scroll" onPointerMove={hold} onDragOver={hold} onPointerLeave={release} role="group" aria-labelledby="queue-title" tabindex={0}>
        {groupsOf(shown).map((group) => (
          <List key={group} group={group} />
        ))}
        {shown.length === 0 && (
          <p class="empty">{t(incidents.value.size > 0 ? "nothing_matches" : "nothing_open")}</p>
        )}
      </div>
      {/* Below the list: what appears here moves no row. */}
      <Since />
      <Flood />
    </section>
  );
}

/** New incidents that wait until the pointer has left the list; a P1 shows among them. */
function Waiting({ onShow }: { onShow: () => void }) {
  const found = waiting.value;
  if (found.length === 0) return null;
  const [worst] = found;
  return (
    <button class="waiting" onClick={onShow}>
      {worst && <Severity code={worst.severity} />}
      {t("waiting_rows", { count: found.length })} · {t("show_now")}
    </button>
  );
}

function Filter() {
  const { severities, words } = address.value;
  const toggle = (code: string) =>
    go({
      severities: severities.includes(code)
        ? severities.filter((one) => one !== code)
        : [...severities, code],
    });
  return (
    <form class="filter" role="search" aria-label={t("filter")} onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        value={words}
        placeholder={t("filter_hint")}
        aria-label={t("filter_hint")}
        onInput={(event) => go({ words: event.currentTarget.value })}
      />
      <div class="chips">
        {codesOf("severity").map(({ code }) => (
          <button
            type="button"
            key={code}
            class="chip"
            aria-pressed={severities.includes(code)}
            title={word("severity", code)}
            onClick={() => toggle(code)}
          >
            {code === "unknown" ? "?" : code}
          </button>
        ))}
        {(severities.length > 0 || words !== "") && (
          <button type="button" class="quiet" onClick={() => go({ severities: [], words: "" })}>
            {t("clear_filter")}
          </button>
        )}
      </div>
    </form>
  );
}

function groupsOf(shown: readonly { readonly group: Group }[]): Group[] {
  return [...new Set(shown.map((row) => row.group))];
}

const TITLES: Partial<Record<Group, Word>> = {
  urgent: "urgent",
  act: "needs_acting",
  held: "in_hand",
  shelved: "shelved",
};

function List({ group }: { group: Group }) {
  const all = rows.value.filter((row) => row.group === group);
  const title = TITLES[group];
  const list = (
    <ol class={all.length > LONG ? "rows is-long" : "rows"}>
      {drawnRows.value.map(
        (row) =>
          row.group === group && (
            <li key={row.incident.id}>
              <Row {...propsOf(row.incident)} />
            </li>
          ),
      )}
    </ol>
  );
  if (title === undefined) return <Area name={group.slice("area:".length)} shown={all.map((row) => row.incident)} list={list} />;
  return (
    <>
      <h3 class="group">
        {t(title)} <span>{all.length}</span>
      </h3>
      {list}
    </>
  );
}

function propsOf(incident: Incident): RowProps {
  const { id } = incident;
  return {
    incident,
    chosen: address.value.incident === id,
    isOver: !incidents.value.has(id),
    crews: crewsOf.value.get(id) ?? 0,
    alerts: alertsOf.value.get(id),
    mark: since.value?.marks.get(id),
    put: isShelved(incident) ? shelf.value.get(id) : undefined,
  };
}

interface AreaProps {
  name: string;
  shown: readonly Incident[];
  list: ComponentChildren;
}

/** In a flood: the incidents of an area under one line. */
function Area({ name, shown, list }: AreaProps) {
  const [open, setOpen] = useState(true);
  const isOpen = open || shown.some((one) => one.id === address.value.incident);
  const alarms = shown.reduce((sum, one) => sum + (alertsOf.value.get(one.id)?.length ?? 0), 0);
  const [worst] = shown;
  return (
    <>
      <h3 class="group area">
        <button class="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
          {worst && <Severity code={worst.severity} />} {name ? areaName(name) : t("no_place")}{" "}
          <span>{t("area_counts", { incidents: shown.length, alarms })}</span>
        </button>
      </h3>
      {isOpen && list}
    </>
  );
}

interface RowProps {
  readonly incident: Incident;
  readonly chosen: boolean;
  readonly isOver: boolean;
  readonly crews: number;
  readonly alerts: readonly Alert[] | undefined;
  readonly mark: Mark | undefined;
  readonly put: Shelved | undefined;
}

/** A row of the list. It depends on what it is given alone: of a thousand only those are drawn
 * again for which that has changed. */
function Row({ incident, chosen, isOver, crews, alerts, mark, put }: RowProps) {
  const state = isOver ? t("over") : word("state", incident.state);
  return (
    <a
      id={`row-${incident.id}`}
      class={`row ${isOver ? "is-over" : ""} ${incident.acknowledged_at === null && !isOver ? "unseen-row" : ""}`}
      href={`/incidents/${encodeURIComponent(incident.id)}${location.search}`}
      aria-current={chosen ? "true" : undefined}
      draggable={false}
      onDragOver={(event) => carriesUnit(event) && event.preventDefault()}
      onDrop={(event) => drop(event, incident)}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go({ incident: incident.id });
      }}
    >
      <Severity code={incident.severity} />
      <span class="row-title">{word("category", incident.category)}</span>
      <time class="row-age">
        <Age at={incident.opened_at} />
      </time>
      <span class="row-place">{incident.where.address ?? (incident.point ? incident.title : t("no_place"))}</span>
      <span class="row-number">{incident.number.split("-").at(-1)}</span>
      <span class="row-state">
        {[state, crews === 0 ? "" : t("units_count", { count: crews })].filter(Boolean).join(" · ")}
        <Flags incident={incident} alerts={alerts} mark={mark} put={put} />
      </span>
    </a>
  );
}

function Flags({ incident, alerts = [], mark, put }: Pick<RowProps, "incident" | "alerts" | "mark" | "put">) {
  // That nobody has seen it stands there anyhow.
  const urgent = alerts.find((alert) => alert.priority === 1 && !UNSEEN.has(alert.kind));
  return (
    <>
      {mark && <span class="flag changed">{t(mark.version === null ? "mark_new" : "mark_changed")}</span>}
      {put && <span class="flag">{t("shelved_until", { at: clock(put.until), reason: put.reason })}</span>}
      {incident.acknowledged_at === null && <span class="flag">{t("unseen")}</span>}
      {incident.short.length > 0 && <span class="flag">{t("short_units")}</span>}
      {incident.possible_duplicate_of !== null && <span class="flag">{t("maybe_same")}</span>}
      {urgent && <span class="flag alarm">{word("alert_kind", urgent.kind)}</span>}
    </>
  );
}
