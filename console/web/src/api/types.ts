/** Short names for the shapes of the gateway's document. */

import type { Schemas } from "../client";

export type Alert = Schemas["Alert"];
export type Assignment = Schemas["Assignment"];
export type Candidate = Schemas["Candidate"];
export type EvidenceLine = Schemas["EvidenceLine"];
export type Incident = Schemas["Incident"];
export type Line = Schemas["TimelineEntry"];
export type Person = Schemas["Session"];
export type Reason = Schemas["Reason"];
export type Recommendation = Schemas["Recommendation"];
export type Shortage = Schemas["Shortage"];
export type Unit = Schemas["Unit"];

/** What is said: a code with values, or, of records of before version 0.3, a sentence. */
export type Said = Schemas["Reason"] | string;
export type Value = Schemas["Reason"]["values"][string];
