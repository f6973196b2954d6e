/** Incidents put aside for a while by this operator, on this screen; never one that may be P1. */

import { effect, signal } from "@preact/signals";
import type { Incident } from "../api/types";
import { stored } from "./stored";
import { incidents, person } from "./store";

export const MINUTES: readonly string[] = ["5", "10", "15", "30", "60"];

export interface Shelved {
  readonly incident: string;
  readonly until: number;
  readonly reason: string;
}

export const shelf = signal<ReadonlyMap<string, Shelved>>(new Map());
/** What comes back to the queue because its time is over. */
export const returned = signal<readonly Incident[]>([]);

export function mayShelve(incident: Incident): boolean {
  return incident.severity !== "P1" && incident.severity !== "unknown";
}

export function isShelved(incident: Incident): boolean {
  return shelf.value.has(incident.id) && mayShelve(incident);
}

export function shelve(incident: Incident, minutes: number, reason: string): void {
  const until = Date.now() + minutes * 60_000;
  put([...shelf.value.values(), { incident: incident.id, until, reason }]);
}

export function unshelve(incident: string): void {
  put([...shelf.value.values()].filter((one) => one.incident !== incident));
}

function put(found: readonly Shelved[]): void {
  shelf.value = new Map(found.map((one) => [one.incident, one]));
  if (person.value) stored(nameOf(person.value.name), JSON.stringify(found));
}

function nameOf(operator: string): string {
  return `shelf.${operator}`;
}

effect(() => {
  const name = person.value?.name;
  if (name === undefined) return;
  const found = JSON.parse(stored(nameOf(name)) ?? "[]") as Shelved[];
  shelf.value = new Map(found.map((one) => [one.incident, one]));
});

window.setInterval(() => {
  const over = [...shelf.peek().values()].filter((one) => one.until <= Date.now());
  if (over.length === 0) return;
  put([...shelf.peek().values()].filter((one) => !over.includes(one)));
  returned.value = over.flatMap((one) => incidents.peek().get(one.incident) ?? []);
}, 1_000);
