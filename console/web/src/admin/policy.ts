/** The policy as somebody wants it: changed here, tried on what is open, then put in force. */

import { computed, signal } from "@preact/signals";
import { untilAnswered } from "../api/again";
import { body, gateway, Problem, Unreachable } from "../api/http";
import type { Reason } from "../api/types";
import type { Schemas } from "../client";
import { isOver } from "../state/session";
import { fault, why } from "./fault";

export type Line = Schemas["PolicyLine"];
export type Policy = Schemas["Policy"];
export type Plan = Schemas["ResponsePlan"];
export type Requirement = Schemas["Requirement"];

/** The numbers that can be changed here, and what they may be. */
export const NUMBERS = [
  { name: "auto_assign_confidence", word: "policy_auto_assign_confidence", least: 0, most: 1, step: 0.01 },
  { name: "ask_hold_s", word: "policy_ask_hold_s", least: 0, most: 3_600, step: 1 },
  { name: "stale_position_s", word: "policy_stale_position_s", least: 1, most: 86_400, step: 1 },
  { name: "max_eta_s", word: "policy_max_eta_s", least: 1, most: 86_400, step: 1 },
] as const;

/** The policies in force, by region; the region that is shown. */
export const lines = signal<readonly Line[]>([]);
export const region = signal<string | null>(null);
/** What is wanted in its place, and the policy from which that was made; null without a change. */
const draft = signal<{ readonly from: Policy; readonly policy: Policy } | null>(null);
/** What the draft would change, by the draft that was tried. */
const tried = signal<{ readonly of: Policy; readonly changes: readonly Reason[] } | null>(null);
/** The version that was put in force from here. */
export const changed = signal<{ readonly version: string; readonly at: number } | null>(null);

export const line = computed(() => lines.value.find((one) => one.region === region.value) ?? lines.value[0] ?? null);
export const policy = computed(() => draft.value?.policy ?? line.value?.policy ?? null);
/** The policy that the draft was made from; without a draft the one in force. */
export const basis = computed(() => draft.value?.from ?? line.value?.policy ?? null);
/** Why it is changed; kept with the draft. */
export const reason = signal("");
export const isDraft = computed(() => draft.value !== null);
/** Somebody else has changed the policy since the draft was begun. */
export const isOvertaken = computed(
  () => draft.value !== null && line.value !== null && draft.value.from.version !== line.value.policy.version,
);
export const outcome = computed(() =>
  draft.value !== null && !isOvertaken.value && tried.value?.of === draft.value.policy ? tried.value.changes : null,
);

export async function readPolicies(): Promise<void> {
  lines.value = await body(gateway.api.GET("/api/v1/policies"));
}

function put(next: Policy): void {
  const from = draft.value?.from ?? line.value?.policy;
  if (!from) return;
  changed.value = null;
  draft.value = isEqual(next, from) ? null : { from, policy: next };
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function keyOf(plan: Pick<Plan, "category" | "severity">): string {
  return `${plan.category} ${plan.severity}`;
}

/** Let a plan ask for something else; one that there was none of before stands before those for any severity. */
export function setPlan(plan: Plan): void {
  if (policy.value) put(withPlan(policy.value, plan));
}

function withPlan(of: Policy, plan: Plan): Policy {
  const known = of.plans.some((one) => keyOf(one) === keyOf(plan));
  const plans = known ? of.plans.map((one) => (keyOf(one) === keyOf(plan) ? plan : one)) : [plan, ...of.plans];
  return { ...of, plans };
}

export function setNumber(name: (typeof NUMBERS)[number]["name"], value: number): void {
  if (policy.value && Number.isFinite(value)) put({ ...policy.value, [name]: value });
}

/** What a plan asked for before it was changed; null if there was none such. */
export function planBefore(plan: Plan): Plan | null {
  return basis.value?.plans.find((one) => keyOf(one) === keyOf(plan)) ?? null;
}

export function isChanged(plan: Plan): boolean {
  return !isEqual(planBefore(plan)?.requirements, plan.requirements);
}

export function discard(): void {
  draft.value = null;
  reason.value = "";
  tried.value = null;
}

/** Make the same changes to the policy that is in force by now; the others' changes stay. */
export function carryOver(): void {
  const [mine, known] = [draft.value, line.value?.policy];
  if (!mine || !known) return;
  const plans = mine.policy.plans.filter(
    (plan) => !isEqual(plan, mine.from.plans.find((one) => keyOf(one) === keyOf(plan))),
  );
  const numbers = NUMBERS.filter(({ name }) => mine.policy[name] !== mine.from[name]).map(
    ({ name }) => [name, mine.policy[name]] as const,
  );
  draft.value = null;
  put({ ...plans.reduce(withPlan, known), ...Object.fromEntries(numbers) });
}

/** Ask what the draft would change; false if it cannot be tried. */
export async function tryIt(): Promise<boolean> {
  const [mine, known] = [draft.value, line.value];
  if (!mine || !known) return false;
  fault.value = "";
  try {
    const supposed = { region: known.region, policy: mine.policy, plans: null };
    const { changes } = await body(gateway.api.POST("/api/v1/policies/dry-run", { body: supposed }));
    tried.value = { of: mine.policy, changes };
    return true;
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    return false;
  }
}

/** Put the draft in force; the policy is read again, also if it was refused. */
export async function putInForce(): Promise<void> {
  const [mine, known] = [draft.value, line.value];
  if (!mine || !known) return;
  fault.value = "";
  const version = versionAfter(mine.from.version);
  const given = { region: known.region, policy: { ...mine.policy, version }, instead_of: mine.from.version, reason: reason.value.trim() };
  const params = { header: { "Idempotency-Key": crypto.randomUUID() } };
  try {
    const answer = await untilAnswered(() => gateway.api.POST("/api/v1/policies", { params, body: given }), () => {});
    if (answer === null) throw new Unreachable();
    discard();
    changed.value = { version, at: Date.now() };
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    if (!(error instanceof Problem)) return;
  }
  await readPolicies().catch((error: unknown) => (fault.value ||= why(error)));
}

/** A version begins with its date, and sorts behind the one before. */
function versionAfter(known: string): string {
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  return at > known ? at : `${known}-${at}`;
}
