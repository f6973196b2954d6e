/** What the ledger has, as the store keeps it. */

import { all, body, gateway, Problem } from "./http";
import type { Alert, Assignment, EvidenceLine, Incident, Line, Recommendation, Unit } from "./types";

const { api } = gateway;

export async function openIncidents(): Promise<Incident[]> {
  const lines = await all((page) =>
    api.GET("/api/v1/incidents", { params: { query: { open: true, ...page } } }),
  );
  return lines.map((line) => line.incident);
}

export async function units(): Promise<Unit[]> {
  return all((query) => api.GET("/api/v1/units", { params: { query } }));
}

export async function alerts(): Promise<Alert[]> {
  return all((query) => api.GET("/api/v1/alerts", { params: { query } }));
}

/** Everything about one incident. */
export interface Whole {
  readonly incident: Incident;
  readonly timeline: readonly Line[];
  readonly evidence: readonly EvidenceLine[];
  readonly assignments: readonly Assignment[];
  readonly recommendation: Recommendation | null;
}

export async function whole(incident: string): Promise<Whole> {
  const path = { incident };
  const one = { params: { path } };
  const [line, timeline, evidence, assignments, recommendation] = await Promise.all([
    body(api.GET("/api/v1/incidents/{incident}", one)),
    all((query) => api.GET("/api/v1/incidents/{incident}/timeline", { params: { path, query } })),
    hidden(
      all((query) => api.GET("/api/v1/incidents/{incident}/evidence", { params: { path, query } })),
      [],
    ),
    body(api.GET("/api/v1/incidents/{incident}/assignments", one)),
    hidden(body(api.GET("/api/v1/incidents/{incident}/recommendation", one)), null),
  ]);
  return {
    incident: line.incident,
    timeline,
    evidence,
    // The client makes lists of the pairs in their routes.
    assignments: assignments as Assignment[],
    recommendation: recommendation?.recommendation ?? null,
  };
}

/** Read what a role may not see, or what is not there yet, as nothing. */
async function hidden<T, Nothing>(reading: Promise<T>, nothing: Nothing): Promise<T | Nothing> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Problem && ["not-found", "forbidden"].includes(error.kind)) return nothing;
    throw error;
  }
}
