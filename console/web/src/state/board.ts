/** What the board shows of each unit. Where a unit is, it does not show: a move changes nothing. */

import { computed } from "@preact/signals";
import type { Unit } from "../api/types";
import { availability, isStale, type Availability } from "../words/codes";
import { now, units } from "./store";

export interface Shown {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly incident: string | null;
  /** Where it waits, if that is not its station. */
  readonly standby: string | null;
  readonly availability: Availability;
  /** Since when its position is not known; null while it is. */
  readonly lost: string | null;
}

/** Who is out comes first: there something happens. */
const ORDER: readonly Availability[] = ["committed", "delayed", "unknown", "available", "unavailable"];
const byId = new Intl.Collator(undefined, { numeric: true }).compare;

const shown = computed<readonly Shown[]>(() => {
  const found = [...units.value.values()].map((unit): Shown => {
    const one = shownOf(unit, now.value);
    const before = known.get(unit.id);
    return before && isSame(before, one) ? before : one;
  });
  const same = found.length === list.length && found.every((one, place) => one === list[place]);
  if (same) return list;
  known = new Map(found.map((one) => [one.id, one]));
  return (list = found);
});
let list: readonly Shown[] = [];
let known: ReadonlyMap<string, Shown> = new Map();

function shownOf(unit: Unit, at: number): Shown {
  const { id, name, kind, state, incident } = unit;
  const lost = isStale(unit, at) ? unit.position_at : null;
  const standby = unit.standby?.station ?? null;
  return { id, name, kind, state, incident, standby, availability: availability(unit, at), lost };
}

function isSame(a: Shown, b: Shown): boolean {
  return (Object.keys(a) as (keyof Shown)[]).every((name) => a[name] === b[name]);
}

/** All units by kind, in their order. */
export const board = computed<ReadonlyMap<string, readonly Shown[]>>(() => {
  const kinds = new Map<string, Shown[]>();
  for (const one of shown.value) {
    const there = kinds.get(one.kind);
    if (there) there.push(one);
    else kinds.set(one.kind, [one]);
  }
  const place = (one: Shown) => ORDER.indexOf(one.availability);
  for (const there of kinds.values()) there.sort((a, b) => place(a) - place(b) || byId(a.id, b.id));
  return kinds;
});
