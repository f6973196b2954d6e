/** A decision is sent until there is an answer, always under the one key that it was made with. */

import { signal } from "@preact/signals";
import { ask, Problem, Unreachable } from "../api/http";
import type { Incident } from "../api/types";
import { sheetConcerns } from "../state/sheet";
import { locked, putIncident } from "../state/store";
import { closeForm } from "./form";
import type { Deed, Order, Values } from "./table";

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
  readonly order: Order;
  /** What stood in the form, to be changed after a refusal. */
  readonly typed: Values;
  readonly stand: Stand;
}

export const decisions = signal<readonly Decision[]>([]);

const ATTEMPTS = 40;
const LONGEST_WAIT_MS = 5_000;
const DONE_SHOWN_MS = 6_000;
const AGAIN = new Set(["in-flight", "unavailable", "no-answer"]);

export function decide(deed: Deed, incident: Incident, order: Order, typed: Values): void {
  const decision: Decision = {
    key: crypto.randomUUID(),
    deed,
    incident: incident.id,
    number: incident.number,
    order,
    typed,
    stand: { at: "sending", attempt: 1 },
  };
  decisions.value = [...decisions.value, decision];
  void send(decision);
}

export async function send(decision: Decision): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    show(decision, { at: "sending", attempt });
    try {
      const path = `/incidents/${encodeURIComponent(decision.incident)}/commands`;
      const headers = { "Idempotency-Key": decision.key };
      const answer = await ask("POST", path, { action: decision.order }, headers);
      if (answer.status !== 202) {
        finish(decision);
        return;
      }
    } catch (error) {
      if (error instanceof Problem && !AGAIN.has(error.kind)) {
        fail(decision, error);
        return;
      }
      if (!(error instanceof Problem) && !(error instanceof Unreachable)) throw error;
    }
    await new Promise((go) => setTimeout(go, Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempt)));
  }
  show(decision, { at: "unknown" });
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
  window.setTimeout(() => dismiss(decision), DONE_SHOWN_MS);
}

function fail(decision: Decision, problem: Problem): void {
  if (problem.kind === "sign-in" || problem.kind === "csrf") {
    show(decision, { at: "signed_out" });
    locked.value = "expired";
    return;
  }
  const incident = problem.body.incident?.incident ?? null;
  if (incident) putIncident(incident);
  sheetConcerns(decision.incident);
  const { title, detail } = problem.body;
  show(decision, { at: "refused", title, detail, incident });
}

function show(decision: Decision, stand: Stand): void {
  decisions.value = decisions.value.map((one) =>
    one.key === decision.key ? { ...one, stand } : one,
  );
}
