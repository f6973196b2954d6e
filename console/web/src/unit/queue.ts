/**
 * Stamps as they were pressed: kept at once, sent in order, each under the one key and with the
 * time of its press, however long there is no signal.
 */

import { computed, signal } from "@preact/signals";
import { answered, gateway, Problem, Unreachable } from "../api/http";
import type { Schemas } from "../client";
import type { Reason, Unit } from "../api/types";
import { isOver } from "../state/session";
import { locked, person } from "../state/store";
import { keep, kept } from "./kept";

export interface Stamp {
  /** The `Idempotency-Key`. */
  readonly key: string;
  /** The account that pressed it; another one does not send it. */
  readonly by: string;
  readonly unit: string;
  readonly status: string;
  readonly at: string;
  readonly incident: string | null;
  readonly reason: string | null;
  /** Why it was refused; it is then sent no more. */
  readonly refused: { readonly said: Reason | null; readonly detail: string } | null;
}

const NAME = "stamps";
const AGAIN_MS = 3_000;
/** Answers after which the same request is sent again. */
const AGAIN = new Set(["in-flight", "unavailable", "no-answer", "rate", "slow", "internal", "http"]);

export const stamps = signal<readonly Stamp[]>(kept<Stamp[]>(NAME) ?? []);
export const waiting = computed(() =>
  stamps.value.filter((one) => one.refused === null && one.by === person.value?.name),
);
export const refused = computed(() =>
  stamps.value.filter((one) => one.refused !== null && one.by === person.value?.name),
);
/** False if this browser keeps nothing: a stamp that waits is lost with the page. */
export const lasting = signal(true);
/** What the gateway said of the last stamp that it took. */
export const note = signal<string | null>(null);

let told: (unit: Unit) => void = () => {};
let timer = 0;

/** Be told of the unit as it is after each stamp. */
export function whenStamped(listener: (unit: Unit) => void): void {
  told = listener;
}

export function press(unit: string, status: string, incident: string | null, reason: string | null): void {
  const stamp: Stamp = {
    key: crypto.randomUUID(),
    by: person.value?.name ?? "",
    unit,
    status,
    at: new Date().toISOString(),
    incident,
    reason,
    refused: null,
  };
  change((all) => [...all, stamp]);
  void send();
}

export function dismiss(stamp: Stamp): void {
  change((all) => all.filter((one) => one.key !== stamp.key));
}

/** Take up what another tab has changed. */
export function reread(): void {
  stamps.value = kept<Stamp[]>(NAME) ?? stamps.value;
}

/** Send what waits, one after the other; another tab that does so already is left to it. */
export async function send(): Promise<void> {
  window.clearTimeout(timer);
  const more = await navigator.locks.request(NAME, { ifAvailable: true }, async (lock) => {
    if (lock === null) return true;
    reread();
    for (;;) {
      const [first] = waiting.value;
      if (!first || locked.value !== null) return false;
      if (!(await sendOne(first))) return locked.value === null;
    }
  });
  if (more) timer = window.setTimeout(() => void send(), AGAIN_MS);
}

/** Send a stamp; return whether it is settled. */
async function sendOne(stamp: Stamp): Promise<boolean> {
  const { status, at, incident, reason } = stamp;
  const params = { path: { unit: stamp.unit }, header: { "Idempotency-Key": stamp.key } };
  const body = { status, at, incident, reason } as Schemas["Stamp"];
  try {
    const answer = await answered(gateway.api.POST("/api/v1/units/{unit}/stamps", { params, body }));
    if (answer.response.status === 202) return false; // sent, and nobody has taken it in yet
    const stamped = answer.data as Schemas["Stamped"];
    dismiss(stamp);
    note.value = stamped.note;
    told(stamped.unit);
    return true;
  } catch (error) {
    if (error instanceof Unreachable || isOver(error)) return false;
    if (!(error instanceof Problem)) throw error;
    if (AGAIN.has(error.kind)) return false;
    const { said = null, detail, unit } = error.body as Refusal;
    change((all) =>
      all.map((one) => (one.key === stamp.key ? { ...one, refused: { said, detail } } : one)),
    );
    if (unit) told(unit);
    return true;
  }
}

type Refusal = Problem["body"] & { readonly said?: Reason; readonly unit?: Unit };

function change(how: (all: readonly Stamp[]) => readonly Stamp[]): void {
  reread();
  stamps.value = how(stamps.value);
  lasting.value = keep(NAME, stamps.value);
}
