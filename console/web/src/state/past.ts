/** This screen as it was: at a fixed time, beside the present, which goes on. */

import { effect, signal } from "@preact/signals";
import { body, gateway, Problem, Unreachable } from "../api/http";
import type { Alert, Assignment, Incident, Unit } from "../api/types";
import { locked, now } from "./store";

export interface Past {
  readonly at: string;
  readonly incidents: readonly Incident[];
  readonly assignments: readonly Assignment[];
  readonly alerts: readonly Alert[];
  readonly units: readonly Unit[];
  readonly unknown: readonly string[];
}

/** So many seconds ago it can be looked at: 30 s to 12 h. */
export const AGO_S = [30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200];
export const STEP_S = 30;
const LONGEST_MS = 43_200_000;

/** The time that is looked at; null while only the present is. */
export const moment = signal<number | null>(null);
export const past = signal<Past | null>(null);
/** Why it cannot be shown. */
export const pastFault = signal<Problem | "away" | null>(null);

export function rewind(seconds: number): void {
  moment.value = now.peek() - seconds * 1_000;
}

/** Look some seconds earlier, or later if they are negative; never out of what can be looked at. */
export function earlier(seconds: number): void {
  const first = now.peek() - LONGEST_MS;
  const last = now.peek() - STEP_S * 1_000;
  const next = (moment.peek() ?? last) - seconds * 1_000;
  moment.value = Math.min(last, Math.max(first, next));
}

export function closePast(): void {
  moment.value = null;
}

let turn = 0;

effect(() => {
  const at = moment.value;
  const mine = ++turn;
  pastFault.value = null;
  if (at === null) past.value = null;
  else void look(at, mine);
});

async function look(at: number, mine: number): Promise<void> {
  try {
    const query = { t: new Date(at).toISOString() };
    const found = await body(gateway.api.GET("/api/v1/at", { params: { query } }));
    // The client makes lists of the pairs in their routes.
    if (mine === turn) past.value = found as Past;
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof Problem && error.kind === "sign-in") locked.value = "expired";
    else if (error instanceof Problem) pastFault.value = error;
    else if (error instanceof Unreachable) pastFault.value = "away";
    else throw error;
  }
}
