/** Why not the nearest: for each thing that is asked for, who is sent and who is nearest on the map. */

import { signal } from "@preact/signals";
import { body, gateway } from "../api/http";
import type { Said } from "../api/types";
import type { Whole } from "../api/read";
import type { Schemas } from "../client";
import { locked, sheet, units } from "./store";

type Found = Schemas["UnitFor"];
type Spot = { readonly lon: number; readonly lat: number };

export interface Side {
  readonly unit: string;
  readonly name: string;
  /** To the scene by the streets; null if it was not asked because it cannot go. */
  readonly seconds: number | null;
  /** As the crow flies. */
  readonly metres: number;
  readonly reasons: readonly Said[];
}

export interface Comparison {
  readonly capability: string;
  /** Null if nobody was sent or recommended for it. */
  readonly chosen: Side | null;
  readonly nearest: Side | null;
}

export type Answer =
  | { readonly incident: string; readonly at: "asking" }
  | { readonly incident: string; readonly at: "failed"; readonly why: string }
  | { readonly incident: string; readonly at: "found"; readonly lines: readonly Comparison[] };

export const nearest = signal<Answer | null>(null);

export async function askWhyNotNearest(incident: string): Promise<void> {
  nearest.value = { incident, at: "asking" };
  const path = { params: { path: { incident } } };
  try {
    const found = await body(gateway.api.GET("/api/v1/incidents/{incident}/candidates", path));
    const whole = sheet.value;
    const scene = whole?.incident.id === incident ? whole.incident.point : null;
    if (nearest.value?.incident !== incident) return;
    const lines = whole && scene ? compare(whole, scene, found.units) : [];
    nearest.value = { incident, at: "found", lines };
  } catch (error) {
    if (nearest.value?.incident !== incident) return;
    nearest.value = { incident, at: "failed", why: error instanceof Error ? error.message : "" };
    if ((error as { kind?: string }).kind === "sign-in") locked.value = "expired";
  }
}

function compare(whole: Whole, scene: Spot, found: readonly Found[]): Comparison[] {
  const byId = new Map(found.map((one) => [one.unit, one]));
  const sent = whole.assignments.filter((one) => one.ended === null);
  const advised = (whole.recommendation?.candidates ?? []).filter((one) => one.chosen);
  const asked = new Set([...sent, ...advised].map((one) => one.capability));
  if (asked.size === 0) found.forEach((one) => one.capabilities.forEach((code) => asked.add(code)));
  return [...asked].map((capability): Comparison => {
    const able = found.filter((one) => one.capabilities.includes(capability));
    const [closest] = able.map((one) => side(one, scene)).sort((a, b) => a.metres - b.metres);
    const going = sent.find((one) => one.capability === capability);
    const best = advised.find((one) => one.capability === capability);
    const unit = going?.unit ?? best?.unit;
    if (unit === undefined) return { capability, chosen: null, nearest: closest ?? null };
    const one = byId.get(unit);
    return {
      capability,
      chosen: {
        unit,
        name: units.value.get(unit)?.name ?? unit,
        seconds: going?.eta_s ?? best?.seconds ?? one?.seconds ?? null,
        metres: metresOf(unit, scene),
        reasons: going?.reasons ?? best?.reasons ?? one?.reasons ?? [],
      },
      nearest: closest ?? null,
    };
  });
}

function side(one: Found, scene: Spot): Side {
  const { unit, name, seconds, reasons } = one;
  return { unit, name, seconds, reasons, metres: metresOf(unit, scene) };
}

function metresOf(unit: string, scene: Spot): number {
  const position = units.value.get(unit)?.position;
  return position ? metres(position, scene) : Infinity;
}

const METRES_PER_DEGREE = 111_195;

/** A plane is true enough within a city. */
function metres(a: Spot, b: Spot): number {
  const aside = (a.lon - b.lon) * Math.cos((b.lat * Math.PI) / 180);
  return Math.hypot(aside, a.lat - b.lat) * METRES_PER_DEGREE;
}
