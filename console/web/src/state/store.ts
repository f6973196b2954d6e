/** What the screen shows: one store, kept by the stream, read by every view. */

import { batch, computed, signal } from "@preact/signals";
import type { Whole } from "../api/read";
import type { Alert, Assignment, Incident, Person, Unit } from "../api/types";
import { isOpen } from "../words/codes";
import { Gathered } from "./gather";
import { Table } from "./table";

export const person = signal<Person | null>(null);
/** Why somebody has to sign in; null while nobody has to. */
export const locked = signal<"start" | "expired" | null>(null);

const tables = {
  incidents: new Table<Incident>(),
  units: new Table<Unit>(),
  alerts: new Table<Alert>(),
  assignments: new Table<Assignment>(),
};
export const incidents = tables.incidents.all;
export const units = tables.units.all;
export const alerts = tables.alerts.all;
export const assignments = tables.assignments.all;

/** The incident that the sheet shows, with all that belongs to it. */
export const sheet = signal<Whole | null>(null);

/** The time by which ages are told, in whole seconds; the gateway's clock, not this machine's. */
export const now = signal(wholeSecond(Date.now()));
let skew = 0;

function wholeSecond(at: number): number {
  return at - (at % 1_000);
}

export function setClock(gatewayTime: string): void {
  skew = Date.parse(gatewayTime) - Date.now();
  tick();
}

export function tick(): void {
  now.value = wholeSecond(Date.now() + skew);
}

/** The alerts of each incident; the list of one whose alerts are the same stays the same. */
export const alertsOf = computed<ReadonlyMap<string, readonly Alert[]>>(() => {
  const found = new Map<string, Alert[]>();
  for (const alert of alerts.value.values()) {
    const list = found.get(alert.incident);
    if (list) list.push(alert);
    else found.set(alert.incident, [alert]);
  }
  const kept = new Map<string, readonly Alert[]>();
  for (const [incident, list] of found) {
    list.sort((a, b) => a.priority - b.priority || (a.raised_at < b.raised_at ? -1 : 1));
    const before = alertsBefore.get(incident);
    const same = before?.length === list.length && list.every((one, place) => one === before[place]);
    kept.set(incident, same ? before : list);
  }
  alertsBefore = kept;
  return kept;
});
let alertsBefore: ReadonlyMap<string, readonly Alert[]> = new Map();

/** How many units are sent to each incident; the same map while that is the same. */
export const crewsOf = computed<ReadonlyMap<string, number>>(() => {
  const found = new Map<string, number>();
  for (const { incident } of units.value.values()) {
    if (incident !== null) found.set(incident, (found.get(incident) ?? 0) + 1);
  }
  const before = crewsBefore;
  const same = before.size === found.size && [...found].every(([id, count]) => before.get(id) === count);
  return same ? before : (crewsBefore = found);
});
let crewsBefore: ReadonlyMap<string, number> = new Map();

function settle(): void {
  for (const one of Object.values(tables)) one.settle();
}

const gathered = new Gathered((changes) =>
  batch(() => {
    changes.forEach((one) => one());
    settle();
  }),
);

/** Change the store soon, together with what else comes; a patient change may wait longer. */
export function later(change: () => void, patient = false): void {
  gathered.put(change, patient);
}

/** Change the store now. */
export function atOnce(change: () => void): void {
  batch(() => {
    change();
    settle();
  });
}

/** Return all that is known, with the changes that are still gathered. */
export function everything(): Everything {
  gathered.flush();
  return {
    incidents: [...incidents.peek().values()],
    units: [...units.peek().values()],
    alerts: [...alerts.peek().values()],
    assignments: [...assignments.peek().values()],
  };
}

// What follows changes the store within `later` or `atOnce`.

export function putIncident(incident: Incident): void {
  const before = tables.incidents.get(incident.id);
  if (before && before.version > incident.version) return;
  if (isOpen(incident.state)) tables.incidents.put(incident);
  else if (before) tables.incidents.drop(incident.id);
}

export function dropIncident(id: string): void {
  tables.incidents.drop(id);
}

export function putUnit(unit: Unit): void {
  tables.units.put(unit);
}

/** Whether a unit has but moved: it does what it did, for the incident that it was sent to. */
export function isMove(unit: Unit): boolean {
  const before = tables.units.get(unit.id);
  return before?.state === unit.state && before.incident === unit.incident;
}

export function dropUnit(id: string): void {
  tables.units.drop(id);
}

export function putAlert(alert: Alert): void {
  if (alert.ended_at === null) tables.alerts.put(alert);
  else tables.alerts.drop(alert.id);
}

export function putAssignment(assignment: Assignment): void {
  if (assignment.ended === null) tables.assignments.put(assignment);
  else tables.assignments.drop(assignment.id);
}

export interface Everything {
  readonly incidents: readonly Incident[];
  readonly units: readonly Unit[];
  readonly alerts: readonly Alert[];
  readonly assignments: readonly Assignment[];
}

/** Put a snapshot in the place of all that was known. */
export function putEverything(found: Everything): void {
  tables.incidents.replace(found.incidents.filter((one) => isOpen(one.state)));
  tables.units.replace(found.units);
  tables.alerts.replace(found.alerts);
  tables.assignments.replace(found.assignments);
}
