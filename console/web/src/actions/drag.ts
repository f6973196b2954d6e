/** A unit that is dragged to an incident is sent there, as by button, key or command. */

import type { Incident } from "../api/types";
import { go } from "../state/url";
import { run } from "./run";
import { deedOf } from "./table";

const MEDIA = "application/x-jingwei-unit";

/** Take a unit along. */
export function carry(event: DragEvent, unit: string): void {
  event.dataTransfer?.setData(MEDIA, unit);
}

export function carriesUnit(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes(MEDIA) ?? false;
}

/** Send the unit that is carried. */
export function drop(event: DragEvent, incident: Incident): void {
  const unit = event.dataTransfer?.getData(MEDIA);
  if (!unit) return;
  event.preventDefault();
  go({ incident: incident.id });
  run(deedOf("send"), incident, { units: unit });
}
