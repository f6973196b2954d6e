/** What the screen shows: one store, kept by the stream, read by every view. */

import { batch, computed, signal } from "@preact/signals";
import type { Whole } from "../api/read";
import type { Alert, Assignment, Incident, Person, Unit } from "../api/types";
import { isOpen } from "../words/codes";

export const person = signal<Person | null>(null);
/** Why somebody has to sign in; null while nobody has to. */
export const locked = signal<"start" | "expired" | null>(null);

export const incidents = signal<ReadonlyMap<string, Incident>>(new Map());
export const units = signal<ReadonlyMap<string, Unit>>(new Map());
export const alerts = signal<ReadonlyMap<string, Alert>>(new Map());
export const assignments = signal<ReadonlyMap<string, Assignment>>(new Map());

/** The incident that the sheet shows, with all that belongs to it. */
export const sheet = signal<Whole | null>(null);

/** The time by which ages are told, a second apart; the gateway's clock, not this machine's. */
export const now = signal(Date.now());
let skew = 0;

export function setClock(gatewayTime: string): void {
  skew = Date.parse(gatewayTime) - Date.now();
  tick();
}

export function tick(): void {
  now.value = Date.now() + skew;
}

export const alertsOf = computed(() => {
  const found = new Map<string, Alert[]>();
  for (const alert of alerts.value.values()) {
    const list = found.get(alert.incident);
    if (list) list.push(alert);
    else found.set(alert.incident, [alert]);
  }
  for (const list of found.values()) {
    list.sort((a, b) => a.priority - b.priority || (a.raised_at < b.raised_at ? -1 : 1));
  }
  return found;
});

export const unitsOf = computed(() => {
  const found = new Map<string, Unit[]>();
  for (const unit of units.value.values()) {
    if (unit.incident === null) continue;
    found.set(unit.incident, [...(found.get(unit.incident) ?? []), unit]);
  }
  return found;
});

/** Changes gathered, and shown together with the next frame. */
class Gathered {
  private readonly changes: (() => void)[] = [];
  private waiting = false;

  put(change: () => void): void {
    this.changes.push(change);
    if (this.waiting) return;
    this.waiting = true;
    // Not requestAnimationFrame, which stands still in a tab that nobody sees: its sounds would, too.
    setTimeout(() => {
      this.waiting = false;
      this.flush();
    }, 30);
  }

  flush(): void {
    const changes = this.changes.splice(0);
    batch(() => changes.forEach((one) => one()));
  }
}

const gathered = new Gathered();

export function later(change: () => void): void {
  gathered.put(change);
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

export function putIncident(incident: Incident): void {
  const before = incidents.value.get(incident.id);
  if (before && before.version > incident.version) return;
  const changed = new Map(incidents.value);
  if (isOpen(incident.state)) changed.set(incident.id, incident);
  else changed.delete(incident.id);
  incidents.value = changed;
}

export function dropIncident(id: string): void {
  const changed = new Map(incidents.value);
  changed.delete(id);
  incidents.value = changed;
}

export function putUnit(unit: Unit): void {
  units.value = new Map(units.value).set(unit.id, unit);
}

export function dropUnit(id: string): void {
  const changed = new Map(units.value);
  changed.delete(id);
  units.value = changed;
}

export function putAlert(alert: Alert): void {
  const changed = new Map(alerts.value);
  if (alert.ended_at === null) changed.set(alert.id, alert);
  else changed.delete(alert.id);
  alerts.value = changed;
}

export function putAssignment(assignment: Assignment): void {
  const changed = new Map(assignments.value);
  if (assignment.ended === null) changed.set(assignment.id, assignment);
  else changed.delete(assignment.id);
  assignments.value = changed;
}

export interface Everything {
  readonly incidents: readonly Incident[];
  readonly units: readonly Unit[];
  readonly alerts: readonly Alert[];
  readonly assignments: readonly Assignment[];
}

/** Put a snapshot in the place of all that was known. */
export function putEverything(found: Everything): void {
  batch(() => {
    incidents.value = new Map(
      found.incidents.filter((one) => isOpen(one.state)).map((one) => [one.id, one]),
    );
    units.value = new Map(found.units.map((one) => [one.id, one]));
    alerts.value = new Map(found.alerts.map((one) => [one.id, one]));
    assignments.value = new Map(found.assignments.map((one) => [one.id, one]));
  });
}
