/** The words of codes, from the same tables as all of Jingwei. */

import alertKinds from "../../../../schemas/codes/alert_kinds.json";
import capabilities from "../../../../schemas/codes/capabilities.json";
import categories from "../../../../schemas/codes/categories.json";
import departments from "../../../../schemas/codes/departments.json";
import dispositions from "../../../../schemas/codes/dispositions.json";
import incidentStates from "../../../../schemas/codes/incident_states.json";
import severities from "../../../../schemas/codes/severities.json";
import timelineKinds from "../../../../schemas/codes/timeline_kinds.json";
import unitKinds from "../../../../schemas/codes/unit_kinds.json";
import unitStates from "../../../../schemas/codes/unit_states.json";
import { language, type Language } from "./language";

export interface Row {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
}

const TABLES = {
  alert_kind: alertKinds,
  capability: capabilities,
  category: categories,
  department: departments,
  disposition: dispositions,
  state: incidentStates,
  severity: severities,
  timeline_kind: timelineKinds,
  unit_kind: unitKinds,
  unit_state: unitStates,
} satisfies Record<string, readonly Row[]>;

export type Table = keyof typeof TABLES;

const BY_CODE = new Map(
  Object.entries(TABLES).map(([table, rows]) => [
    table,
    new Map((rows as readonly Row[]).map((row) => [row.code, row])),
  ]),
);

/** Return a code's words; one that is not known here, as from newer software, as it is. */
export function word(table: Table, code: string, tongue: Language = language.value): string {
  return BY_CODE.get(table)?.get(code)?.[tongue] ?? code;
}

export function codesOf(table: Table): readonly Row[] {
  return TABLES[table];
}

const OPEN = new Map(incidentStates.map((row) => [row.code, row.open]));

/** Return whether somebody may still have to act; a state not known here does count. */
export function isOpen(state: string): boolean {
  return OPEN.get(state) ?? true;
}

const RANKS = new Map(severities.map((row) => [row.code, row.rank]));

/** 0 is what nobody could read, then P1 to P4. */
export function severityRank(code: string): number {
  return RANKS.get(code) ?? 0;
}

const AVAILABILITY = new Map(unitStates.map((row) => [row.code, row.availability]));
const STALE_MS = 5 * 60_000;

export type Availability = "available" | "committed" | "delayed" | "unavailable" | "unknown";

/** Return whether a unit can be sent; unknown if its position is too old to be relied on. */
export function availability(
  unit: { readonly state: string; readonly position_at: string | null },
  now: number,
): Availability {
  const found = (AVAILABILITY.get(unit.state) ?? "unknown") as Availability;
  return found === "available" && isStale(unit, now) ? "unknown" : found;
}

export function isStale(unit: { readonly position_at: string | null }, now: number): boolean {
  return unit.position_at !== null && now - Date.parse(unit.position_at) > STALE_MS;
}
