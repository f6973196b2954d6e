/** What the crew is to do: read whenever something changes, kept for the time without a signal. */

import { computed, signal } from "@preact/signals";
import { all, body, gateway, Problem, Unreachable } from "../api/http";
import type { Assignment, EvidenceLine, Incident, Person, Unit } from "../api/types";
import type { Schemas } from "../client";
import { knowAreas, learnAreas, type Named } from "../state/areas";
import { admit, isOver, present, signIn } from "../state/session";
import { locked, now, person, tick } from "../state/store";
import { forget, keep, kept } from "./kept";
import { reread, send, stamps, waiting, whenStamped } from "./queue";

export type Step = Schemas["RouteStep"];
export type Way = Omit<Schemas["RouteFound"], "geometry"> & { readonly geometry: GeoJSON.LineString };

export interface Duty {
  /** When the gateway said so, by this phone's clock. */
  readonly at: number;
  readonly unit: Unit;
  readonly incident: Incident | null;
  readonly evidence: readonly EvidenceLine[];
  readonly assignment: Assignment | null;
  readonly way: Way | null;
}

const POLL_MS = 10_000;
const TOGETHER_MS = 250;
const STREAM_AGAIN_MS = 5_000;
const OLD_MS = 25_000;
const MOVED_DEGREES = 0.001;
const KINDS = ["incident", "dispatch", "unit"];

export const crew = signal<Person | null>(null);
export const duty = signal<Duty | null>(null);
/** Whether the gateway answered when it was last asked. */
export const reached = signal(true);
/** Whether what is shown is too old to be taken for what is. */
export const isOld = computed(() => {
  const shown = duty.value;
  return shown !== null && (!reached.value || now.value - shown.at > OLD_MS);
});

/** The unit's state with the stamps that wait: what its crew knows, the gateway does not yet. */
export const state = computed(() => {
  const unit = duty.value?.unit;
  if (!unit) return null;
  return waiting.value.at(-1)?.status ?? unit.state;
});

let stream: EventSource | null = null;
let planned = 0;
let reading = false;
let again = false;

/** Begin: with what was kept if there is no signal, else with who is signed in. */
export async function begin(): Promise<void> {
  whenStamped((unit) => {
    if (duty.value?.unit.id === unit.id) show({ ...duty.value, unit });
    soon();
  });
  window.setInterval(tick, 1_000);
  window.setInterval(() => void read(), POLL_MS);
  window.addEventListener("online", wake);
  window.addEventListener("offline", () => (reached.value = false));
  window.addEventListener("storage", reread);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") wake();
  });
  await resume();
}

async function resume(): Promise<void> {
  if (kept("leaving") && !(await endSession())) {
    locked.value = "start";
    return;
  }
  try {
    const found = await present();
    reached.value = true;
    if (found) enter(found);
    else locked.value = recall() ? "expired" : "start";
  } catch {
    reached.value = false;
    if (!recall()) locked.value = "start";
  }
}

/** Show what was kept; return whether there was anything. */
function recall(): boolean {
  const known = kept<Person>("crew");
  if (!known) return false;
  crew.value = known;
  person.value = known;
  knowAreas(kept<Named>("areas") ?? []);
  duty.value ??= kept<Duty>("duty");
  return true;
}

/** Sign in; throws `Problem` or `Unreachable`. */
export async function come(name: string, password: string): Promise<void> {
  if (kept("leaving") && !(await endSession())) throw new Unreachable();
  enter(await signIn(name, password));
}

function enter(member: Person): void {
  const before = kept<Person>("crew");
  if (before?.name === member.name && before.unit === member.unit) {
    duty.value ??= kept<Duty>("duty");
  } else {
    duty.value = null;
    keep("duty", null);
  }
  keep("crew", { ...member, csrf: null });
  crew.value = member;
  reached.value = true;
  admit(member);
  void learnAreas().then((named) => keep("areas", named));
  void read();
  void send();
  listen();
}

/** Sign out, and leave nothing on this phone; without a signal the session ends when it is back. */
export async function goAway(): Promise<void> {
  stream?.close();
  stream = null;
  forget();
  stamps.value = [];
  duty.value = null;
  crew.value = null;
  person.value = null;
  locked.value = "start";
  keep("leaving", true);
  await endSession();
}

/** End the session of somebody who has left; return whether that is done. */
async function endSession(): Promise<boolean> {
  try {
    const still = await present();
    if (still) {
      gateway.trust(still);
      await body(gateway.api.DELETE("/api/v1/session"));
    }
  } catch {
    reached.value = false;
    return false;
  }
  forget();
  return true;
}

/** The signal may be back: look at once. */
function wake(): void {
  if (crew.value === null || person.value?.csrf == null) {
    if (locked.value !== "expired") void resume();
    return;
  }
  void read();
  void send();
  listen();
}

/** Read again in a moment: several changes come together. */
function soon(): void {
  if (planned) return;
  planned = window.setTimeout(() => {
    planned = 0;
    void read();
  }, TOGETHER_MS);
}

async function read(): Promise<void> {
  const unit = crew.value?.unit;
  if (!unit || locked.value !== null) return;
  if (person.value?.csrf == null) {
    await resume();
    return;
  }
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  try {
    const found = await whole(unit);
    if (crew.value?.unit === unit) show(found);
    if (!reached.value) {
      reached.value = true;
      void send();
      listen();
    }
  } catch (error) {
    if (isOver(error)) return;
    reached.value = false;
    if (!(error instanceof Unreachable || error instanceof Problem)) throw error;
  } finally {
    reading = false;
    if (again) {
      again = false;
      soon();
    }
  }
}

function show(found: Duty): void {
  duty.value = found;
  keep("duty", found);
}

async function whole(id: string): Promise<Duty> {
  const unit = await body(gateway.api.GET("/api/v1/units/{unit}", { params: { path: { unit: id } } }));
  const at = Date.now();
  if (unit.incident === null) {
    return { at, unit, incident: null, evidence: [], assignment: null, way: null };
  }
  const path = { incident: unit.incident };
  try {
    const [row, evidence, sent] = await Promise.all([
      body(gateway.api.GET("/api/v1/incidents/{incident}", { params: { path } })),
      all((query) => gateway.api.GET("/api/v1/incidents/{incident}/evidence", { params: { path, query } })),
      body(gateway.api.GET("/api/v1/incidents/{incident}/assignments", { params: { path } })),
    ]);
    const own = sent.find((one) => one.unit === id && one.ended === null);
    const assignment = (own ?? null) as Assignment | null;
    const way = await wayTo(unit, row.incident);
    return { at, unit, incident: row.incident, evidence, assignment, way };
  } catch (error) {
    // Called back between two questions: the next reading says so.
    if (!(error instanceof Problem) || error.kind !== "not-found") throw error;
    return { at, unit, incident: null, evidence: [], assignment: null, way: null };
  }
}

let asked: { readonly from: string; readonly lon: number; readonly lat: number } | null = null;

/** Return the way from where the unit is; the one known as long as neither end has moved. */
async function wayTo(unit: Unit, incident: Incident): Promise<Way | null> {
  const known = duty.value?.incident?.id === incident.id ? duty.value.way : null;
  const { point } = incident;
  if (point === null || unit.state === "on_scene") return null;
  const { lon, lat } = unit.position;
  const near =
    asked !== null &&
    asked.from === `${incident.id} ${point.lon} ${point.lat}` &&
    Math.abs(asked.lon - lon) + Math.abs(asked.lat - lat) < MOVED_DEGREES;
  if (known && near) return known;
  const query = { from: `${lon},${lat}`, to: `${point.lon},${point.lat}`, unit: unit.id };
  try {
    const found = (await body(gateway.api.GET("/api/v1/route", { params: { query } }))) as unknown as Way;
    asked = { from: `${incident.id} ${point.lon} ${point.lat}`, lon, lat };
    return found;
  } catch (error) {
    if (error instanceof Problem && !["sign-in", "csrf"].includes(error.kind)) return known;
    throw error;
  }
}

/** Listen for changes; what they are is then read. */
function listen(): void {
  if (stream !== null || crew.value === null) return;
  const query = new URLSearchParams(KINDS.map((kind) => ["type", kind]));
  const opened = new EventSource(`/api/v1/stream?${query}`);
  stream = opened;
  for (const kind of [...KINDS, "enter", "gone", "end"]) opened.addEventListener(kind, soon);
  opened.onerror = () => {
    opened.close();
    if (stream === opened) stream = null;
    window.setTimeout(() => {
      if (reached.value && locked.value === null) listen();
    }, STREAM_AGAIN_MS);
  };
}
