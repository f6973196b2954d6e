/** A decision is sent until there is an answer, always under the one key that it was made with. */

import { signal } from "@preact/signals";
import { untilAnswered } from "../api/again";
import { gateway, Problem } from "../api/http";
import type { Incident } from "../api/types";
import { sheetConcerns } from "../state/sheet";
import { assignments, atOnce, locked, putIncident, sheet } from "../state/store";
import { closeForm } from "./form";
import type { Action } from "../client";
import { deedOf, type Compensation, type Deed, type Values } from "./table";

export type Stand =
  | { readonly at: "sending"; readonly attempt: number }
  | { readonly at: "signed_out" }
  | { readonly at: "done" }
  | { readonly at: "unknown" }
  | { readonly at: "refused"; readonly title: string; readonly detail: string; readonly incident: Incident | null };

export interface Decision {
  /** The `Idempotency-Key`. */
  readonly key: string;
  readonly deed: Deed;
  readonly incident: string;
  readonly number: string;
  readonly order: Action;
  /** What stood in the form, to be changed after a refusal. */
  readonly typed: Values;
  /** What takes it back; null if nothing does. */
  readonly undo: Compensation | null;
  readonly stand: Stand;
}

export const decisions = signal<readonly Decision[]>([]);

const DONE_SHOWN_MS = 6_000;
/** The action itself waits for nothing: it was sent at once, and what takes it back is another one. */
const UNDO_MS = 10_000;

export function decide(deed: Deed, incident: Incident, order: Action, typed: Values): void {
  const decision: Decision = {
    key: crypto.randomUUID(),
    deed,
    incident: incident.id,
    number: incident.number,
    order,
    typed,
    undo: deed.undo?.({ incident, sent: sentTo(incident.id) }, order) ?? null,
    stand: { at: "sending", attempt: 1 },
  };
  begin(decision);
}

function begin(decision: Decision): void {
  decisions.value = [...decisions.value, decision];
  void send(decision);
}

/** Take back what was done; what was called back or sent meanwhile stays as it is. */
export function undo(decision: Decision): void {
  if (decision.undo === null) return;
  dismiss(decision);
  begin({
    ...decision,
    key: crypto.randomUUID(),
    deed: deedOf(decision.undo.deed),
    order: decision.undo.order(sentTo(decision.incident)),
    typed: {},
    undo: null,
    stand: { at: "sending", attempt: 1 },
  });
}

/** Return the latest decision that can be taken back now. */
export function latestUndoable(): Decision | null {
  const found = decisions.value.filter((one) => one.stand.at === "done" && one.undo !== null);
  return found.at(-1) ?? null;
}

function sentTo(incident: string): string[] {
  // The sheet may have been read before the stream has told of it, and the other way round.
  const read = sheet.value?.incident.id === incident ? sheet.value.assignments : [];
  const active = [...assignments.value.values(), ...read].filter(
    (one) => one.incident === incident && one.ended === null,
  );
  return [...new Set(active.map((one) => one.unit))];
}

export async function send(decision: Decision): Promise<void> {
  const { incident, order, key } = decision;
  try {
    const answer = await untilAnswered(
      () => gateway.give(incident, order, key),
      (attempt) => show(decision, { at: "sending", attempt }),
    );
    if (answer) finish(decision);
    else show(decision, { at: "unknown" });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fail(decision, error);
  }
}

/** Send again what waits for somebody to sign in. */
export function sendWaiting(): void {
  for (const decision of decisions.value) {
    if (decision.stand.at === "signed_out") void send(decision);
  }
}

export function dismiss(decision: Decision): void {
  decisions.value = decisions.value.filter((one) => one.key !== decision.key);
}

function finish(decision: Decision): void {
  show(decision, { at: "done" });
  closeForm(decision.deed, decision.incident);
  sheetConcerns(decision.incident);
  window.setTimeout(() => dismiss(decision), decision.undo ? UNDO_MS : DONE_SHOWN_MS);
}

function fail(decision: Decision, problem: Problem): void {
  if (problem.kind === "sign-in" || problem.kind === "csrf") {
    show(decision, { at: "signed_out" });
    locked.value = "expired";
    return;
  }
  const incident = problem.body.incident?.incident ?? null;
  if (incident) atOnce(() => putIncident(incident));
  sheetConcerns(decision.incident);
  const { title, detail } = problem.body;
  show(decision, { at: "refused", title, detail, incident });
}

function show(decision: Decision, stand: Stand): void {
  decisions.value = decisions.value.map((one) =>
    one.key === decision.key ? { ...one, stand } : one,
  );
}
