/** The fences in force, and one of them as somebody wants it: drawn, looked at, then put in force. */

import { computed, signal } from "@preact/signals";
import { untilAnswered } from "../api/again";
import { all, body, gateway, Problem, Unreachable } from "../api/http";
import type { Schemas } from "../client";
import { isOver } from "../state/session";
import { fault, why } from "./fault";

export type Fence = Schemas["Fence"];
export type Kind = Schemas["FenceMeant"]["kind"];
export type LonLat = readonly [lon: number, lat: number];
/** A ring as it is edited: its last point is not the first one again. */
export type Ring = readonly LonLat[];
export type Polygons = readonly (readonly Ring[])[];

export interface Draft {
  readonly region: string;
  readonly fence: string;
  readonly kind: Kind;
  readonly name: string;
  readonly polygons: Polygons;
  readonly isNew: boolean;
  readonly isRemoved: boolean;
  /** Number of the last change when this one was begun. */
  readonly from: number;
}

export const fences = signal<readonly Fence[]>([]);
export const changes = signal<readonly Schemas["FenceChanges"][]>([]);
export const draft = signal<Draft | null>(null);
export const reason = signal("");
/** What was accepted although it is doubtful. */
export const accepted = signal(false);
/** The last change that was put in force from here. */
export const done = signal<{ readonly name: string; readonly number: number } | null>(null);
const steps = signal<readonly Polygons[]>([]);
const tried = signal<{ readonly of: Draft; readonly found: Schemas["FenceTried"] } | null>(null);

export const canUndo = computed(() => steps.value.length > 0);
export const outcome = computed(() => (tried.value && tried.value.of === draft.value ? tried.value.found : null));
export const doubts = computed(() => outcome.value?.faults.filter((one) => one.accepted_by_hand) ?? []);
export const isRefused = computed(() => outcome.value?.faults.some((one) => !one.accepted_by_hand) ?? false);

export async function readFences(): Promise<void> {
  [fences.value, changes.value] = await Promise.all([
    all((query) => gateway.api.GET("/api/v1/fences", { params: { query } })),
    body(gateway.api.GET("/api/v1/fences/changes")),
  ]);
}

function numberOf(region: string): number {
  return changes.value.find((one) => one.region === region)?.number ?? 0;
}

function begin(next: Draft): void {
  draft.value = next;
  steps.value = [];
  reason.value = "";
  accepted.value = false;
  done.value = null;
  fault.value = "";
}

export function drawNew(): void {
  const region = changes.value[0]?.region;
  if (region === undefined) return;
  const fence = `drawn-${crypto.randomUUID().slice(0, 8)}`;
  begin({ region, fence, kind: "hazard_zone", name: "", polygons: [[[]]], isNew: true, isRemoved: false, from: numberOf(region) });
}

export function edit(one: Fence, isRemoved = false): void {
  begin({
    region: one.region,
    fence: one.id,
    kind: one.kind as Kind,
    name: one.name,
    polygons: polygonsOf(one.geometry as unknown as GeoJSON.Geometry),
    isNew: false,
    isRemoved,
    from: numberOf(one.region),
  });
}

function polygonsOf(geometry: GeoJSON.Geometry): Polygons {
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  return parts.map((rings) => rings.map((ring) => ring.slice(0, -1).map(([lon, lat]): LonLat => [lon ?? 0, lat ?? 0])));
}

export function put(change: Partial<Pick<Draft, "kind" | "name">>): void {
  if (draft.value) draft.value = { ...draft.value, ...change };
}

/** Change one ring; `undo` takes it back. */
export function putRing(part: number, place: number, ring: Ring, remembers = true): void {
  const mine = draft.value;
  if (!mine) return;
  if (remembers) remember();
  const polygons = mine.polygons.map((rings, p) => (p === part ? rings.map((one, r) => (r === place ? ring : one)) : rings));
  draft.value = { ...mine, polygons };
}

export function remember(): void {
  if (draft.value) steps.value = [...steps.value, draft.value.polygons];
}

export function undo(): void {
  const last = steps.value.at(-1);
  if (!draft.value || !last) return;
  steps.value = steps.value.slice(0, -1);
  draft.value = { ...draft.value, polygons: last };
}

export function discard(): void {
  draft.value = null;
  tried.value = null;
}

function meant(of: Draft): Schemas["FenceMeant"] {
  const closed = (ring: Ring) => [...ring, ...ring.slice(0, 1)].map(([lon, lat]): [number, number] => [lon, lat]);
  const polygons = of.isRemoved ? null : of.polygons.map((rings) => rings.map(closed));
  return { region: of.region, fence: of.fence, kind: of.kind, name: of.name.trim(), polygons };
}

/** Ask what is wrong with the draft, and which open incidents it concerns. */
export async function tryIt(): Promise<void> {
  const mine = draft.value;
  if (!mine) return;
  fault.value = "";
  accepted.value = false;
  try {
    const found = await body(gateway.api.POST("/api/v1/fences/dry-run", { body: meant(mine) }));
    tried.value = { of: mine, found: found as Schemas["FenceTried"] };
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
  }
}

export async function putInForce(): Promise<void> {
  const mine = draft.value;
  if (!mine) return;
  fault.value = "";
  const despite = accepted.value ? doubts.value.map((one) => one.code) : [];
  const given = { ...meant(mine), instead_of: mine.from, reason: reason.value.trim(), despite };
  const params = { header: { "Idempotency-Key": crypto.randomUUID() } };
  try {
    const answer = await untilAnswered(() => gateway.api.POST("/api/v1/fences", { params, body: given }), () => {});
    if (answer === null) throw new Unreachable();
    discard();
    done.value = { name: mine.name, number: answer.data?.number ?? mine.from + 1 };
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    if (!(error instanceof Problem)) return;
  }
  await readFences().catch((error: unknown) => (fault.value ||= why(error)));
  // What was drawn stays, made from what is in force by now; it is looked at again.
  if (draft.value) draft.value = { ...draft.value, from: numberOf(draft.value.region) };
}
