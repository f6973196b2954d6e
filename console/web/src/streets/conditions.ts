/** Conditions of streets: those that hold or will, put in force, and ended. */

import { signal } from "@preact/signals";
import { untilAnswered } from "../api/again";
import { body, gateway, Problem, Unreachable, type Answer } from "../api/http";
import type { Schemas } from "../client";
import { isOver } from "../state/session";
import { t, type Word } from "../words/catalogue";

export interface Condition {
  readonly condition: string;
  readonly kind: string;
  readonly streets: string | null;
  readonly reason: string;
  readonly speed_factor: number | null;
  readonly lanes_closed: number | null;
  readonly depth_m: number | null;
  readonly valid_from: string;
  readonly valid_until: string | null;
}

export type Shown = GeoJSON.Feature<GeoJSON.Geometry | null, Condition>;

export const conditions = signal<readonly Shown[]>([]);
/** Why the last reading or change failed. */
export const fault = signal("");

const POLL_MS = 8_000;
let timer = 0;
let turn = 0;

/** Read now and by and by. */
export function follow(): void {
  window.clearInterval(timer);
  timer = window.setInterval(() => void read(), POLL_MS);
  void read();
}

export async function read(): Promise<void> {
  const mine = ++turn;
  try {
    const query = { datetime: `${new Date().toISOString()}/..`, limit: 10_000 };
    const params = { path: { collection: "conditions" }, query } as const;
    const asked = gateway.api.GET("/api/v1/ogc/collections/{collection}/items", { params });
    const { features } = (await body(asked)) as { features: Shown[] };
    if (mine === turn) conditions.value = features;
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
  }
}

/** Put a condition in force; throws what the gateway says against it. */
export function putInForce(given: Schemas["ConditionGiven"]): Promise<void> {
  const params = { header: { "Idempotency-Key": crypto.randomUUID() } };
  return change(() => gateway.api.POST("/api/v1/conditions", { params, body: given }));
}

/** End a condition; throws what the gateway says against it. */
export function endNow({ condition }: Condition): Promise<void> {
  const params = { path: { condition }, header: { "Idempotency-Key": crypto.randomUUID() } };
  return change(() => gateway.api.DELETE("/api/v1/conditions/{condition}", { params }));
}

async function change<T>(asking: () => Promise<Answer<T>>): Promise<void> {
  fault.value = "";
  try {
    if ((await untilAnswered(asking, () => {})) === null) throw new Unreachable();
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    throw error;
  } finally {
    await read();
  }
}

export function why(error: unknown): string {
  return error instanceof Problem ? error.body.detail : t("no_gateway");
}

const KIND_WORDS: Record<string, Word> = {
  closure: "street_closed",
  lane_closure: "street_lanes",
  flood_depth: "street_water",
  speed_factor: "street_slow",
};

/** Say what holds. */
export function told(one: Condition): string {
  const named = KIND_WORDS[one.kind];
  return named
    ? t(named, {
        lanes: one.lanes_closed ?? 0,
        metres: one.depth_m ?? 0,
        percent: Math.round((one.speed_factor ?? 1) * 100),
      })
    : one.kind;
}
