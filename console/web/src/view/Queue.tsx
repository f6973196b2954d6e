import { useRef } from "preact/hooks";
import type { Incident } from "../api/types";
import { held, rows, waiting, type Group } from "../state/queue";
import { alertsOf, incidents, now, unitsOf } from "../state/store";
import { address, go } from "../state/url";
import { t } from "../words/catalogue";
import { codesOf, word } from "../words/codes";
import { age } from "../words/times";
import { Severity } from "./Severity";

const RESTING_MS = 15_000;
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
      <div class="scroll" onPointerMove={hold} onPointerLeave={release} role="group" aria-labelledby="queue-title" tabindex={0}>
        <List group="act" />
        <List group="held" />
        {shown.length === 0 && (
          <p class="empty">{t(incidents.value.size > 0 ? "nothing_matches" : "nothing_open")}</p>
        )}
      </div>
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

function List({ group }: { group: Group }) {
  const shown = rows.value.filter((row) => row.group === group);
  if (shown.length === 0) return null;
  return (
    <>
      <h3 class="group">
        {t(group === "act" ? "needs_acting" : "in_hand")} <span>{shown.length}</span>
      </h3>
      <ol class="rows">
        {shown.map(({ incident }) => (
          <li key={incident.id}>
            <Row incident={incident} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Row({ incident }: { incident: Incident }) {
  const chosen = address.value.incident === incident.id;
  const isOver = !incidents.value.has(incident.id);
  const count = unitsOf.value.get(incident.id)?.length ?? 0;
  const state = isOver ? t("over") : word("state", incident.state);
  const crews = count === 0 ? "" : count === 1 ? t("one_unit") : t("units_count", { count });
  return (
    <a
      id={`row-${incident.id}`}
      class={`row ${isOver ? "is-over" : ""} ${incident.acknowledged_at === null && !isOver ? "unseen-row" : ""}`}
      href={`/incidents/${encodeURIComponent(incident.id)}${location.search}`}
      aria-current={chosen ? "true" : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go({ incident: incident.id });
      }}
    >
      <Severity code={incident.severity} />
      <span class="row-title">{word("category", incident.category)}</span>
      <time class="row-age">{age(now.value - Date.parse(incident.opened_at))}</time>
      <span class="row-place">{incident.where.address ?? (incident.point ? incident.title : t("no_place"))}</span>
      <span class="row-number">{incident.number.split("-").at(-1)}</span>
      <span class="row-state">
        {[state, crews].filter(Boolean).join(" · ")}
        <Flags incident={incident} />
      </span>
    </a>
  );
}

function Flags({ incident }: { incident: Incident }) {
  const alerts = alertsOf.value.get(incident.id) ?? [];
  // That nobody has seen it stands there anyhow.
  const urgent = alerts.find((alert) => alert.priority === 1 && !UNSEEN.has(alert.kind));
  return (
    <>
      {incident.acknowledged_at === null && <span class="flag">{t("unseen")}</span>}
      {incident.short.length > 0 && <span class="flag">{t("short_units")}</span>}
      {incident.possible_duplicate_of !== null && <span class="flag">{t("maybe_same")}</span>}
      {urgent && <span class="flag alarm">{word("alert_kind", urgent.kind)}</span>}
    </>
  );
}
