/** What is new and must be noticed: told to screen readers, and heard. */

import { effect, signal } from "@preact/signals";
import type { Incident } from "../api/types";
import { health } from "../api/live";
import { t } from "../words/catalogue";
import { play } from "./sound";
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

const URGENCY = ["P1", "unknown", "P2", "P3", "P4"];

export function watchArrivals(): void {
  effect(() => {
    if (health.value.state === "starting") return;
    const found = arrivals(incidents.value).sort(
      (a, b) => URGENCY.indexOf(a.severity) - URGENCY.indexOf(b.severity),
    );
    const [worst] = found;
    if (!worst) return;
    play(worst.severity);
    const told = found.filter((one) => one.severity === "P1" || one.severity === "unknown");
    if (told.length > 0) announced.value = told.map(sentence).join(" ");
  });
}

function sentence(incident: Incident): string {
  const place = incident.where.address ?? t("no_place");
  const values = { title: incident.title, place };
  return incident.severity === "P1" ? t("new_p1", values) : t("new_unread", values);
}
