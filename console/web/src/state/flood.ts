/** How many alarms came in ten minutes, and whether that is more than anybody can act on. */

import { computed, effect, signal } from "@preact/signals";
import { health } from "../api/live";
import { all, gateway } from "../api/http";
import type { Alert } from "../api/types";
import { alerts } from "./store";

/** EEMUA 191, ISA-18.2: a flood begins with more than 10 alarms in 10 minutes, ends below 5. */
const WINDOW_MS = 10 * 60_000;
const BEGINS = 10;
const ENDS = 5;
const LOOK_MS = 5_000;

/** Alarms by when they came to this screen, or were raised if they were there before it. */
const came = signal<ReadonlyMap<string, number>>(new Map());
const clock = signal(Date.now());
let started = false;

export const alarmCount = computed(
  () => [...came.value.values()].filter((at) => clock.value - at < WINDOW_MS).length,
);
export const flooded = signal(false);

effect(() => {
  const count = alarmCount.value;
  flooded.value = flooded.peek() ? count >= ENDS : count > BEGINS;
});

effect(() => {
  if (health.value.state === "starting") return;
  const known = came.peek();
  const fresh = [...alerts.value.values()].filter((one) => !known.has(one.id));
  if (fresh.length > 0) note(fresh.map((one) => [one.id, started ? Date.now() : Date.parse(one.raised_at)]));
  started = true;
});

function note(fresh: readonly (readonly [id: string, at: number])[]): void {
  clock.value = Date.now();
  const kept = [...came.peek()].filter(([, at]) => clock.value - at < WINDOW_MS);
  came.value = new Map([...kept, ...fresh]);
}

/** Count also those that had come and gone when this page was loaded. */
export async function readEndedAlarms(): Promise<void> {
  const since = new Date(Date.now() - WINDOW_MS).toISOString();
  const ended: Alert[] = await all((page) =>
    gateway.api.GET("/api/v1/alerts", { params: { query: { active: false, since, ...page } } }),
  ).catch(() => []);
  note(ended.map((one) => [one.id, Date.parse(one.raised_at)]));
}

window.setInterval(() => (clock.value = Date.now()), LOOK_MS);
