/** What is new and must be noticed: told to screen readers, and heard. */

import { effect, signal } from "@preact/signals";
import type { Incident } from "../api/types";
import { health } from "../api/live";
import { t } from "../words/catalogue";
import { play } from "./sound";
import { flooded } from "./flood";
import { returned } from "./shelf";
import { incidents } from "./store";

/** The sentence for screen readers. */
export const announced = signal("");

let known: Set<string> | null = null;

/** Return unacknowledged incidents that were not there before; all that is there at first is known. */
function arrivals(current: ReadonlyMap<string, Incident>): Incident[] {
  const before = known;
  known = new Set(current.keys());
  if (before === null) return [];
  return [...current.values()].filter(
    (one) => !before.has(one.id) && one.acknowledged_at === null,
  );
}

/** Told to screen readers, and heard also in a flood. */
const TOLD = new Set(["P1", "unknown"]);
let wasFlooded = false;
const URGENCY = ["P1", "unknown", "P2", "P3", "P4"];

export function watchArrivals(): void {
  effect(() => {
    if (health.value.state === "starting") return;
    const found = arrivals(incidents.value).sort(
      (a, b) => URGENCY.indexOf(a.severity) - URGENCY.indexOf(b.severity),
    );
    const [worst] = found;
    if (!worst) return;
    const begins = flooded.value && !wasFlooded;
    wasFlooded = flooded.value;
    // In a flood one sound says so; after that a P1 or an unread report is heard, and no other.
    if (begins) play("flood");
    else if (!wasFlooded || TOLD.has(worst.severity)) play(worst.severity);
    const told = found.filter((one) => TOLD.has(one.severity));
    if (told.length > 0) announced.value = told.map(sentence).join(" ");
  });
}

/** What comes back from the shelf is heard again. */
effect(() => {
  const [worst] = [...returned.value].sort(
    (a, b) => URGENCY.indexOf(a.severity) - URGENCY.indexOf(b.severity),
  );
  if (worst) play(worst.severity);
});

function sentence(incident: Incident): string {
  const place = incident.where.address ?? t("no_place");
  const values = { title: incident.title, place };
  return incident.severity === "P1" ? t("new_p1", values) : t("new_unread", values);
}
