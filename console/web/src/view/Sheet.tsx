import { carriesUnit, drop } from "../actions/drag";
import { chosen } from "../actions/run";
import { missing } from "../state/sheet";
import { alertsOf, incidents, sheet } from "../state/store";
import { address, go } from "../state/url";
import type { Incident } from "../api/types";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { render, shortage } from "../words/reasons";
import { clock } from "../words/times";
import { ActionBar } from "./ActionBar";
import { AssignmentList } from "./AssignmentList";
import { EvidenceList } from "./EvidenceList";
import { Advice } from "./Advice";
import { Nearest } from "./Nearest";
import { Severity } from "./Severity";
import { Timeline } from "./Timeline";

/** All about the chosen incident, and what can be done. */
export function Sheet() {
  const incident = chosen();
  return (
    <section
      class="pane sheet"
      id="sheet"
      tabindex={-1}
      aria-labelledby="sheet-title"
      onDragOver={(event) => carriesUnit(event) && event.preventDefault()}
      onDrop={(event) => incident && drop(event, incident)}
    >
      {incident === null ? <Nothing /> : <Chosen incident={incident} />}
    </section>
  );
}

function Nothing() {
  const id = address.value.incident;
  const told = missing.value ?? (id === null ? t("choose") : t("starting"));
  return (
    <p class="empty" id="sheet-title">
      {told}
    </p>
  );
}

function Chosen({ incident }: { incident: Incident }) {
  const whole = sheet.value;
  const read = whole?.incident.id === incident.id ? whole : null;
  return (
    <>
      <Head incident={incident} />
      <ActionBar incident={incident} />
      <div class="scroll" role="group" aria-labelledby="sheet-title" tabindex={0}>
        <Nearest incident={incident.id} />
        <Question incident={incident} />
        <Alerts id={incident.id} />
        {read && (
          <>
            <AssignmentList assignments={read.assignments} />
            <Advice found={read.recommendation} />
            <EvidenceList lines={read.evidence} />
            <Timeline lines={read.timeline} />
          </>
        )}
      </div>
    </>
  );
}

function Head({ incident }: { incident: Incident }) {
  const by = incident.acknowledged_by;
  return (
    <div class="sheet-head">
      <Severity code={incident.severity} large />
      <div>
        <h2 id="sheet-title">
          {word("category", incident.category)}{" "}
          <span class="sheet-state">{word("state", incident.state)}</span>
        </h2>
        <p class="sheet-place">{incident.where.address ?? (incident.point ? incident.title : t("no_place"))}</p>
        <p class="sheet-facts">
          {incident.number} · {t("opened", { at: clock(incident.opened_at) })} ·{" "}
          {t("confidence", { value: Math.round(incident.confidence * 100) })} ·{" "}
          {by === null ? t("unseen") : t("seen_by", { name: by })}
        </p>
        {incident.disposition && <p class="sheet-facts">{word("disposition", incident.disposition)}</p>}
      </div>
      <button class="quiet" aria-label={t("close_sheet")} onClick={() => go({ incident: null })}>
        ✕
      </button>
    </div>
  );
}

/** The question whether two incidents are one, or where a merged one has gone. */
function Question({ incident }: { incident: Incident }) {
  const other = incident.merged_into ?? incident.possible_duplicate_of;
  if (other === null) return null;
  const found = incidents.value.get(other);
  return (
    <p class="note">
      {t(incident.merged_into === null ? "duplicate_question" : "merged_into")}{" "}
      <a
        href={`/incidents/${encodeURIComponent(other)}`}
        onClick={(event) => {
          event.preventDefault();
          go({ incident: other });
        }}
      >
        {found ? `${found.number} ${found.title}` : other}
      </a>
    </p>
  );
}

function Alerts({ id }: { id: string }) {
  const found = alertsOf.value.get(id) ?? [];
  const short = incidents.value.get(id)?.short ?? [];
  if (found.length === 0 && short.length === 0) return null;
  return (
    <section aria-labelledby="alerts-title">
      <h3 id="alerts-title">{t("alerts")}</h3>
      <ul class="alerts">
        {found.map((alert) => (
          <li key={alert.id} class={alert.priority === 1 ? "alarm" : ""}>
            <time>{clock(alert.raised_at)}</time> <b>{word("alert_kind", alert.kind)}</b>{" "}
            {render(alert.text)}
          </li>
        ))}
        {short.map((one) => (
          <li key={typeof one === "string" ? one : one.capability}>
            <b>{t("short_units")}</b> {shortage(one)}
          </li>
        ))}
      </ul>
    </section>
  );
}
