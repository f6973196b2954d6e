/** What is being drawn, and the streets that it means. */

import { effect, signal } from "@preact/signals";
import { body, gateway, Problem } from "../api/http";
import type { Schemas } from "../client";
import { isOver } from "../state/session";
import { fault, why } from "./conditions";

export type Shape = "line" | "area";
export type LonLat = readonly [lon: number, lat: number];

export type Meant = Omit<Schemas["StreetsDrawn"], "geometry"> & {
  readonly geometry: GeoJSON.MultiLineString;
};

/** What a click on the map draws; null while it draws nothing. */
export const shape = signal<Shape | null>(null);
export const points = signal<readonly LonLat[]>([]);
export const meant = signal<Meant | null>(null);
/** While something is put in force: what was drawn for it stays as it is. */
export const held = signal(false);

const TOGETHER_MS = 150;
const AGAIN_MS = 1_000;
let turn = 0;
let waiting = 0;

export function draw(next: Shape | null): void {
  shape.value = next;
  points.value = [];
}

export function undoPoint(): void {
  points.value = points.value.slice(0, -1);
}

effect(() => {
  const [kind, drawn] = [shape.value, points.value];
  const mine = ++turn;
  window.clearTimeout(waiting);
  if (kind === null || drawn.length < (kind === "area" ? 3 : 2)) {
    meant.value = null;
    return;
  }
  waiting = window.setTimeout(() => void look(kind, drawn, mine), TOGETHER_MS);
});

async function look(kind: Shape, drawn: readonly LonLat[], mine: number): Promise<void> {
  try {
    const points = drawn.map(([lon, lat]): [number, number] => [lon, lat]);
    const found = await body(gateway.api.POST("/api/v1/streets", { body: { kind, points } }));
    if (mine === turn) {
      meant.value = found as unknown as Meant;
      fault.value = "";
    }
  } catch (error) {
    if (mine !== turn) return;
    meant.value = null;
    if (isOver(error)) return;
    fault.value = why(error);
    // The streets are being loaded, or there was no answer.
    const passes = !(error instanceof Problem) || error.kind === "unavailable";
    if (passes) waiting = window.setTimeout(() => void look(kind, drawn, mine), AGAIN_MS);
  }
}
