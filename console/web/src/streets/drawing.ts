/** What is being drawn, and the streets that it means. */

import { effect, signal } from "@preact/signals";
import { ask, Problem } from "../api/http";
import { isOver } from "../state/session";
import { fault, why } from "./conditions";

export type Shape = "line" | "area";
export type LonLat = readonly [lon: number, lat: number];

export interface Meant {
  readonly segments: readonly string[];
  readonly streets: readonly string[];
  readonly metres: number;
  readonly geometry: GeoJSON.MultiLineString;
}

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
    const { body } = await ask("POST", "/streets", { kind, points: drawn });
    if (mine === turn) {
      meant.value = body as Meant;
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
