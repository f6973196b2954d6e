/** What the ledger has, as the store keeps it. */

import { all, get, Problem } from "./http";
import type {
  Alert,
  Assignment,
  EvidenceLine,
  Incident,
  Line,
  Reason,
  Recommendation,
  Unit,
} from "./types";

interface IncidentRow {
  incident: Incident;
  units: string[];
}

export async function openIncidents(): Promise<Incident[]> {
  return (await all<IncidentRow>("/incidents?open=true")).map((row) => row.incident);
}

export async function units(): Promise<Unit[]> {
  return all<Unit>("/units");
}

export async function alerts(): Promise<Alert[]> {
  const rows = await all<Omit<Alert, "said"> & { text: Reason }>("/alerts");
  return rows.map((row) => ({ ...row, said: row.text }));
}

/** Everything about one incident. */
export interface Whole {
  readonly incident: Incident;
  readonly timeline: readonly Line[];
  readonly evidence: readonly EvidenceLine[];
  readonly assignments: readonly Assignment[];
  readonly recommendation: Recommendation | null;
}

export async function whole(id: string): Promise<Whole> {
  const path = `/incidents/${encodeURIComponent(id)}`;
  const [row, timeline, evidence, assignments, recommendation] = await Promise.all([
    get<IncidentRow>(path),
    all<Line>(`${path}/timeline`),
    hidden(all<EvidenceLine>(`${path}/evidence`), []),
    get<(Omit<Assignment, "because"> & { reasons: Reason[] })[]>(`${path}/assignments`),
    hidden(get<{ recommendation: Recommendation } | null>(`${path}/recommendation`), null),
  ]);
  return {
    incident: row.incident,
    timeline,
    evidence,
    assignments: assignments.map((one) => ({ ...one, because: one.reasons })),
    recommendation: recommendation?.recommendation ?? null,
  };
}

/** Read what a role may not see, or what is not there yet, as nothing. */
async function hidden<T>(reading: Promise<T>, nothing: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Problem && ["not-found", "forbidden"].includes(error.kind)) return nothing;
    throw error;
  }
}
