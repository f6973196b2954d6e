/** The live stream: what is open, then every change; while it is missing, asked for by and by.
 *
 * Of several tabs one holds it (`tabs`), and the others take what that one relays.
 */

import { signal } from "@preact/signals";
import * as store from "../state/store";
import { sheetConcerns } from "../state/sheet";
import { Problem } from "./http";
import * as read from "./read";
import * as tabs from "./tabs";
import type { Alert, Assignment, Incident, Shortage, Unit } from "./types";
import type { Schemas } from "../client";

const KINDS = ["incident", "dispatch", "alert", "unit"];
const SILENT_MS = 8_000;
const AGAIN_MS = 1_500;
const POLL_MS = 5_000;
const LATE_S = 2;

export type Health =
  | { readonly state: "live" }
  | { readonly state: "starting" }
  | { readonly state: "late"; readonly seconds: number; readonly part: "core" | "gateway" }
  | { readonly state: "cut"; readonly since: number; readonly polling: boolean };

export const health = signal<Health>({ state: "starting" });

/** What the stream says in English stands beside it as data, as the ledger has it. */
type PublishedIncident = Incident & { shortages?: Shortage[] };
type PublishedAlert = Alert & { said?: Schemas["Reason"] | null };
type PublishedAssignment = Assignment & { because?: Schemas["Reason"][] };

interface Told {
  snapshot: { part: string; kind?: string; items?: unknown[]; at?: string };
  incident: { incident: PublishedIncident };
  dispatch: { incident_id: string; assignment: PublishedAssignment | null };
  alert: { alert: PublishedAlert };
  unit: { unit: Unit };
  enter: {
    incident?: PublishedIncident;
    assignments?: PublishedAssignment[];
    alerts?: PublishedAlert[];
  };
  gone: { kind: string; id: string };
  heartbeat: { at: string; gateway_age: number | null; core_age: number | null };
  end: { reason: string };
}

let source: EventSource | null = null;
let lastId = "";
/** Whether all that was open at some moment has come: without it changes mean little. */
let isWhole = false;
let heard = 0;
/** When what is shown was last known to be up to date, on the page's steady clock. */
let current = 0;
let lateness = 0;
let latePart: "core" | "gateway" = "gateway";
let watch = 0;
let gathering: { [kind: string]: unknown[] } | null = null;
let polled = 0;

/** Return when what is shown was last known to be up to date, on the gateway's clock. */
export function currentAt(): number {
  return store.now.value - (performance.now() - current);
}

/** Begin to listen; the answer to a session that has ended is to call it again. */
export function listen(): void {
  stop();
  current ||= performance.now();
  heard = performance.now();
  tabs.join(store.person.value?.name ?? "", PART);
  watch = window.setInterval(look, 500);
}

export function stop(): void {
  tabs.leave();
  hangUp();
  window.clearInterval(watch);
}

function hangUp(): void {
  source?.close();
  source = null;
}

function connect(): void {
  hangUp();
  heard = performance.now();
  const query = new URLSearchParams(KINDS.map((kind) => ["type", kind]));
  if (lastId) query.set("last_event_id", lastId);
  const stream = new EventSource(`/api/v1/stream?${query}`);
  source = stream;
  for (const name of Object.keys(TAKE) as (keyof Told)[]) {
    stream.addEventListener(name, (event: MessageEvent<string>) => {
      if (source !== stream) return;
      const told = { name, data: event.data, id: event.lastEventId };
      take(told);
      tabs.relay(told);
    });
  }
  stream.onerror = () => {
    if (source !== stream) return;
    // The browser itself would not come back after an answer such as 401 or 503.
    hangUp();
    cut();
    window.clearTimeout(again);
    again = window.setTimeout(() => {
      if (source === null && store.locked.value === null) connect();
    }, AGAIN_MS);
  };
}

let again = 0;

function take({ name, data, id }: tabs.Relayed): void {
  heard = performance.now();
  TAKE[name as keyof Told](JSON.parse(data) as never);
  if (id) lastId = id;
}

const PART: tabs.Part = {
  lead: connect,
  yield() {
    window.clearTimeout(again);
    hangUp();
  },
  take,
  takeWhole({ everything, id }) {
    heard = performance.now();
    lastId = id;
    gathering = null;
    isWhole = true;
    store.later(() => store.putEverything(everything));
    store.later(isCurrent);
    sheetConcerns(null);
  },
  cut,
  whole() {
    // What is cut off is not told as if it were the present.
    const isKnown = isWhole && gathering === null && ["live", "late"].includes(health.value.state);
    return isKnown ? { everything: store.everything(), id: lastId } : null;
  },
};

/** Say how old is what is shown. */
function look(): void {
  store.tick();
  if (store.locked.value !== null) return;
  const silent = performance.now() - heard;
  if (source !== null && silent > SILENT_MS) {
    hangUp();
    cut();
    connect();
  }
  const { state } = health.value;
  if (state === "cut") {
    if (performance.now() - polled > POLL_MS) void poll();
  } else if (state !== "starting") {
    // What the last heartbeat said, and what has passed since, but for the time between two.
    const late = lateness + Math.max(0, (silent - 5_500) / 1_000);
    health.value = late > LATE_S ? { state: "late", seconds: Math.round(late), part: latePart } : { state: "live" };
    if (late <= LATE_S) current = performance.now();
  }
}

function cut(): void {
  gathering = null;
  tabs.relayCut();
  if (health.value.state !== "cut") {
    health.value = { state: "cut", since: current, polling: false };
    polled = performance.now() - POLL_MS + 1_000;
  }
}

async function poll(): Promise<void> {
  polled = performance.now();
  try {
    const [incidents, units, alerts] = await Promise.all([
      read.openIncidents(),
      read.units(),
      read.alerts(),
    ]);
    if (health.value.state !== "cut") return;
    const assignments = [...store.assignments.value.values()];
    store.atOnce(() => store.putEverything({ incidents, units, alerts, assignments }));
    sheetConcerns(null);
    current = performance.now();
    health.value = { state: "cut", since: current, polling: true };
  } catch (error) {
    if (error instanceof Problem && error.kind === "sign-in") lock();
    else if (health.value.state === "cut") health.value = { ...health.value, polling: false };
  }
}

function lock(): void {
  stop();
  store.locked.value = "expired";
}

const TAKE: { [Name in keyof Told]: (data: Told[Name]) => void } = {
  snapshot(data) {
    if (data.part === "begin") gathering = {};
    else if (data.part === "items" && gathering && data.kind) {
      (gathering[data.kind] ??= []).push(...(data.items ?? []));
    } else if (data.part === "end" && gathering) {
      const found = gathering;
      gathering = null;
      isWhole = true;
      store.later(() =>
        store.putEverything({
          incidents: ((found["incident"] ?? []) as PublishedIncident[]).map(asIncident),
          units: (found["unit"] ?? []) as Unit[],
          alerts: ((found["alert"] ?? []) as PublishedAlert[]).map(asAlert),
          assignments: ((found["dispatch"] ?? []) as PublishedAssignment[]).map(asAssignment),
        }),
      );
      // Together with what it brings: what is there at first is no arrival.
      store.later(isCurrent);
      sheetConcerns(null);
    }
  },
  incident({ incident }) {
    store.later(() => store.putIncident(asIncident(incident)));
    sheetConcerns(incident.id);
  },
  dispatch({ incident_id, assignment }) {
    if (assignment) store.later(() => store.putAssignment(asAssignment(assignment)));
    sheetConcerns(incident_id);
  },
  alert({ alert }) {
    store.later(() => store.putAlert(asAlert(alert)));
    sheetConcerns(alert.incident);
  },
  unit({ unit }) {
    store.later(() => store.putUnit(unit), store.isMove(unit));
  },
  enter({ incident, assignments, alerts }) {
    store.later(() => {
      if (incident) store.putIncident(asIncident(incident));
      assignments?.map(asAssignment).forEach(store.putAssignment);
      alerts?.map(asAlert).forEach(store.putAlert);
    });
  },
  gone({ kind, id }) {
    store.later(() => (kind === "unit" ? store.dropUnit(id) : store.dropIncident(id)));
  },
  heartbeat({ at, gateway_age, core_age }) {
    store.setClock(at);
    lateness = Math.max(gateway_age ?? 0, core_age ?? 0);
    latePart = (core_age ?? 0) > (gateway_age ?? 0) ? "core" : "gateway";
    if (gathering !== null) return;
    if (isWhole) isCurrent();
    // It came to this tab in the middle of a snapshot.
    else tabs.ask();
  },
  end({ reason }) {
    if (reason === "signed_out") lock();
  },
};

function isCurrent(): void {
  if (health.value.state === "cut" || health.value.state === "starting") {
    health.value = { state: "live" };
  }
}

function asIncident(told: PublishedIncident): Incident {
  return { ...told, short: told.shortages ?? [] };
}

function asAlert(told: PublishedAlert): Alert {
  return { ...told, text: told.said ?? told.text };
}

function asAssignment(told: PublishedAssignment): Assignment {
  return { ...told, reasons: told.because ?? told.reasons };
}
