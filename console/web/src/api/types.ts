/** The shapes that the gateway sends, as far as the pages read them. */

export type Value = string | number | Reason | readonly Reason[];

export interface Reason {
  readonly code: string;
  readonly values?: Readonly<Record<string, Value>>;
}

export interface Place {
  readonly lon: number;
  readonly lat: number;
  readonly accuracy_m?: number | null;
}

export interface Where {
  readonly district: string | null;
  readonly subdistrict: string | null;
  readonly beat: string | null;
  readonly hazard_zones: readonly string[];
  readonly address: string | null;
}

export interface Shortage {
  readonly capability: string;
  readonly count: number;
  readonly why: Reason;
}

export interface Incident {
  readonly id: string;
  readonly number: string;
  readonly version: number;
  readonly category: string;
  readonly severity: string;
  readonly confidence: number;
  readonly state: string;
  readonly point: Place | null;
  readonly where: Where;
  readonly title: string;
  readonly opened_at: string;
  readonly updated_at: string;
  readonly acknowledged_at: string | null;
  readonly acknowledged_by: string | null;
  readonly possible_duplicate_of: string | null;
  readonly merged_into: string | null;
  readonly disposition: string | null;
  readonly evidence_count: number;
  readonly short: readonly Shortage[];
}

export interface Unit {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly department: string;
  readonly state: string;
  readonly position: Place;
  readonly position_at: string | null;
  readonly incident: string | null;
}

export interface Alert {
  readonly id: string;
  readonly incident: string;
  readonly kind: string;
  readonly priority: number;
  readonly raised_at: string;
  readonly ended_at: string | null;
  readonly said: Reason | null;
}

export interface Assignment {
  readonly id: string;
  readonly incident: string;
  readonly unit: string;
  readonly capability: string;
  readonly by: string;
  readonly eta_s: number;
  readonly route: { readonly coordinates: readonly (readonly [number, number])[] } | null;
  readonly dispatched: string;
  readonly acknowledged: string | null;
  readonly en_route: string | null;
  readonly on_scene: string | null;
  readonly clear: string | null;
  readonly ended: string | null;
  readonly because: readonly Reason[];
}

export interface Candidate {
  readonly unit: string;
  readonly capability: string;
  readonly seconds: number | null;
  readonly chosen: boolean;
  readonly reasons?: readonly Reason[];
}

export interface Recommendation {
  readonly policy: string;
  readonly requirements: readonly string[];
  readonly candidates: readonly Candidate[];
  readonly short: readonly Shortage[];
  readonly reasons: readonly Reason[];
}

export interface Line {
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  readonly actor: string;
  readonly text: Reason;
  readonly reasons: readonly Reason[];
}

export interface EvidenceLine {
  readonly evidence: {
    readonly id: string;
    readonly source: string;
    readonly category: string;
    readonly severity: string;
    readonly confidence: number;
    readonly observed_at: string;
    readonly text: string;
  };
  readonly because: readonly Reason[];
}

export interface Person {
  readonly name: string;
  readonly role: string;
  readonly csrf: string | null;
}

/** An error of the gateway (RFC 9457). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly incident?: { readonly incident: Incident } | null;
}
