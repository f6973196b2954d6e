/** Names of areas: what is said of a place has the codes of its fences, and nobody knows those. */

import { signal } from "@preact/signals";
import { all, gateway } from "../api/http";

export type Named = readonly (readonly [code: string, name: string])[];

const names = signal<ReadonlyMap<string, string>>(new Map());

/** Ask for the names of all areas; without an answer the codes stand for them. */
export async function learnAreas(): Promise<Named> {
  try {
    const fences = await all((query) => gateway.api.GET("/api/v1/fences", { params: { query } }));
    knowAreas(fences.map((one) => [one.id, one.name]));
  } catch {
    // The next one who signs in asks again.
  }
  return [...names.value];
}

/** Take names that were learnt before. */
export function knowAreas(named: Named): void {
  names.value = new Map(named);
}

/** Return an area's name, or its code while that is not known. */
export function areaName(code: string): string {
  return names.value.get(code) ?? code;
}
