/** What has changed while nobody looked: marked until it is read. */

import { computed, effect, signal } from "@preact/signals";
import type { Incident } from "../api/types";
import { incidents } from "./store";
import { address } from "./url";

const AWAY_MS = 30_000;

export interface Mark {
  /** The version that was seen; null if the incident is new. */
  readonly version: number | null;
}

interface Since {
  readonly at: number;
  readonly marks: ReadonlyMap<string, Mark>;
  /** Those that are over, by when they were last seen. */
  readonly over: readonly Incident[];
}

export const since = signal<Since | null>(null);
export const counts = computed(() => {
  const marks = [...(since.value?.marks.values() ?? [])];
  const fresh = marks.filter((one) => one.version === null).length;
  return { fresh, changed: marks.length - fresh, over: since.value?.over.length ?? 0 };
});

let left: { readonly at: number; readonly known: ReadonlyMap<string, Incident> } | null = null;

function leave(): void {
  left ??= { at: Date.now(), known: incidents.peek() };
}

function comeBack(): void {
  if (left === null || document.hidden) return;
  const { at, known } = left;
  left = null;
  if (Date.now() - at < AWAY_MS) return;
  const current = incidents.peek();
  const changed = [...current.values()].flatMap((one): [string, Mark][] => {
    const before = known.get(one.id);
    if (before?.version === one.version) return [];
    return [[one.id, { version: before?.version ?? null }]];
  });
  const over = [...known.values()].filter((one) => !current.has(one.id));
  const unread = since.peek();
  // What was not read the last time is marked from then on.
  const marks = new Map([...changed, ...(unread?.marks ?? [])]);
  const all = [...(unread?.over ?? []), ...over];
  since.value = marks.size + all.length > 0 ? { at: unread?.at ?? at, marks, over: all } : null;
}

export function readAll(): void {
  since.value = null;
}

/** Whoever has opened an incident and goes on has read it. */
let opened: string | null = null;
effect(() => {
  const chosen = address.value.incident;
  const read = opened;
  opened = chosen;
  const unread = since.peek();
  if (read === null || read === chosen || !unread?.marks.has(read)) return;
  const marks = new Map(unread.marks);
  marks.delete(read);
  since.value = marks.size + unread.over.length > 0 ? { ...unread, marks } : null;
});

export function watchLooks(): void {
  window.addEventListener("blur", leave);
  window.addEventListener("focus", comeBack);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : comeBack()));
}
