/** The queue: in which order incidents stand, and when that order may change. */

import { computed, effect, signal } from "@preact/signals";
import type { Alert, Incident } from "../api/types";
import { severityRank } from "../words/codes";
import { flooded } from "./flood";
import { isShelved } from "./shelf";
import { alertsOf, incidents } from "./store";
import { address } from "./url";

/** In a flood, what is neither P1 nor unread stands by its area. */
export type Group = "urgent" | "act" | "held" | "shelved" | `area:${string}`;

export interface Row {
  readonly incident: Incident;
  readonly group: Group;
}

/** Somebody must act: nobody has seen it, it lacks units, a question is open, an alarm stands. */
export function mustAct(incident: Incident, alerts: readonly Alert[]): boolean {
  return (
    incident.acknowledged_at === null ||
    incident.severity === "unknown" ||
    incident.possible_duplicate_of !== null ||
    alerts.some((alert) => alert.priority === 1)
  );
}

const matching = computed(() => {
  const { severities, words } = address.value;
  const sought = words.toLowerCase();
  return [...incidents.value.values()].filter(
    (one) =>
      (severities.length === 0 || severities.includes(one.severity)) &&
      (sought === "" ||
        `${one.number} ${one.title} ${one.where.address ?? ""}`.toLowerCase().includes(sought)),
  );
});

/** All rows as they should stand: what needs acting, worst first, unseen first, oldest first. */
const wanted = computed<readonly Row[]>(() => {
  const rows = matching.value.map((incident): Row => ({ incident, group: groupOf(incident) }));
  const worst = new Map<Group, number>();
  for (const { incident, group } of rows) {
    const rank = severityRank(incident.severity);
    worst.set(group, Math.min(rank, worst.get(group) ?? rank));
  }
  return rows.sort((a, b) => compare(a, b, worst));
});

function groupOf(incident: Incident): Group {
  if (isShelved(incident)) return "shelved";
  const isWorst = incident.severity === "P1" || incident.severity === "unknown";
  if (flooded.value) return isWorst ? "urgent" : `area:${areaOf(incident)}`;
  return mustAct(incident, alertsOf.value.get(incident.id) ?? []) ? "act" : "held";
}

function areaOf({ where }: Incident): string {
  return where.subdistrict ?? where.beat ?? where.district ?? "";
}

const PLACES: Record<string, number> = { urgent: 0, act: 1, held: 3, shelved: 4 };
const AREA = 2;

/** The unacknowledged incident that has waited longest. */
export const oldest = computed<Incident | null>(() => {
  const unseen = [...incidents.value.values()].filter(
    (one) => one.acknowledged_at === null && !isShelved(one),
  );
  return unseen.reduce<Incident | null>(
    (first, one) => (first === null || one.opened_at < first.opened_at ? one : first),
    null,
  );
});

function compare(a: Row, b: Row, worst: ReadonlyMap<Group, number>): number {
  const seen = (row: Row) => (row.incident.acknowledged_at === null ? 0 : 1);
  return (
    (PLACES[a.group] ?? AREA) - (PLACES[b.group] ?? AREA) ||
    (worst.get(a.group) ?? 0) - (worst.get(b.group) ?? 0) ||
    order(a.group, b.group) ||
    severityRank(a.incident.severity) - severityRank(b.incident.severity) ||
    seen(a) - seen(b) ||
    order(a.incident.opened_at, b.incident.opened_at) ||
    order(a.incident.id, b.incident.id)
  );
}

/** By code points: codes, ids and times in UTC, which no language orders otherwise. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Place {
  readonly id: string;
  readonly group: Group;
}

/** While it is true no row moves: the pointer is on the list. */
export const held = signal(false);
const places = signal<readonly Place[]>([]);

effect(() => {
  if (!held.value) {
    places.value = wanted.value.map((row) => ({ id: row.incident.id, group: row.group }));
  }
});

/** The rows as they stand. One that is over stays in its place, as it was, while they are held. */
export const rows = computed<readonly Row[]>(() => {
  const current = new Map(wanted.value.map((row) => [row.incident.id, row.incident]));
  return places.value.flatMap(({ id, group }) => {
    const incident = current.get(id) ?? lastSeen.get(id);
    if (!incident) return [];
    lastSeen.set(id, incident);
    return [{ incident, group }];
  });
});
const lastSeen = new Map<string, Incident>();

/** What waits to be shown while rows are held. */
export const waiting = computed<readonly Incident[]>(() => {
  const standing = new Set(places.value.map((place) => place.id));
  return wanted.value.filter((row) => !standing.has(row.incident.id)).map((row) => row.incident);
});

effect(() => {
  const standing = new Set(places.value.map((place) => place.id));
  for (const id of lastSeen.keys()) if (!standing.has(id)) lastSeen.delete(id);
});

/** So many rows are put on the page at once; more follow when the page has answered what waits. */
const AT_ONCE = 50;
const drawn = signal(AT_ONCE);
let drawing = 0;

/** The rows that are on the page: all of them, a moment after many have come together. */
export const drawnRows = computed<readonly Row[]>(() => rows.value.slice(0, drawn.value));

effect(() => drawMore(rows.value.length));

function drawMore(many: number): void {
  drawn.value = Math.max(AT_ONCE, Math.min(many, drawn.peek() + AT_ONCE));
  window.clearTimeout(drawing);
  if (drawn.peek() < many) drawing = window.setTimeout(() => drawMore(rows.peek().length), 30);
}
