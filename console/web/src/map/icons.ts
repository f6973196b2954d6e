/** Marks on the map, drawn by the same shapes and colours as on the lists. */

import { shapeOf } from "../view/shapes";
import type { Availability } from "../words/codes";

const SCALE = 2;

function canvas(size: number): CanvasRenderingContext2D {
  const made = document.createElement("canvas");
  made.width = made.height = size * SCALE;
  const context = made.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.scale(SCALE, SCALE);
  context.textAlign = "center";
  context.textBaseline = "middle";
  return context;
}

function imageOf(context: CanvasRenderingContext2D): ImageData {
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function incidentIcon(severity: string): ImageData {
  const context = canvas(32);
  const { path, letter } = shapeOf(severity);
  const known = /^P[1-4]$/.test(severity) ? severity.toLowerCase() : "unknown";
  const drawn = new Path2D(path);
  context.fillStyle = colour(`--${known}`);
  context.strokeStyle = colour("--surface");
  context.lineWidth = 1.5;
  context.fill(drawn);
  context.stroke(drawn);
  context.fillStyle = colour(`--on-${known}`);
  context.font = "700 13px system-ui, sans-serif";
  context.fillText(letter, 16, 17);
  return imageOf(context);
}

export function unitIcon(letter: string, kind: Availability): ImageData {
  const context = canvas(20);
  const busy = kind === "committed" || kind === "delayed";
  const box = new Path2D();
  box.roundRect(1.5, 1.5, 17, 17, 5);
  context.fillStyle = busy ? colour("--unit") : colour("--surface");
  context.strokeStyle = colour(kind === "unavailable" || kind === "unknown" ? "--faint" : "--unit");
  context.lineWidth = 1.5;
  if (kind === "unavailable" || kind === "unknown") context.setLineDash([3, 2]);
  context.fill(box);
  context.stroke(box);
  context.fillStyle = busy ? colour("--surface") : colour("--text");
  context.font = "600 11px system-ui, sans-serif";
  context.fillText(kind === "unknown" ? "?" : letter, 10, 10.5);
  return imageOf(context);
}

/** Return the image that a style calls `incident:P1` or `unit:E:available`; null for another name. */
export function imageNamed(name: string): ImageData | null {
  const [what, first, kind] = name.split(":");
  if (what === "incident" && first) return incidentIcon(first);
  if (what === "unit" && first && kind) return unitIcon(first, kind as Availability);
  return null;
}
