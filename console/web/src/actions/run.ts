/** The one way from a button, a key or a typed command to a decision. */

import { signal } from "@preact/signals";
import type { Incident } from "../api/types";
import { incidents, person, sheet } from "../state/store";
import { address } from "../state/url";
import { t } from "../words/catalogue";
import { decide } from "./decide";
import { openForm } from "./form";
import { resolve, Slip } from "./resolve";
import type { Deed, Values } from "./table";

const COMMANDERS = new Set(["operator", "supervisor"]);

/** Why the last key or command did nothing. */
export const hint = signal("");

export function mayAct(): boolean {
  return COMMANDERS.has(person.value?.role ?? "");
}

export function chosen(): Incident | null {
  const id = address.value.incident;
  if (id === null) return null;
  const inSheet = sheet.value?.incident;
  const inQueue = incidents.value.get(id);
  if (inSheet?.id !== id) return inQueue ?? null;
  return inQueue && inQueue.version > inSheet.version ? inQueue : inSheet;
}

export function mayTakeCalls(): boolean {
  hint.value = mayAct() ? "" : t("may_not");
  return mayAct();
}

export function mayHandOver(): boolean {
  const may = mayAct() || person.value?.role === "administrator";
  hint.value = may ? "" : t("may_not");
  return may;
}

/** Begin an action by button or key: at once, or by its form. */
export function begin(deed: Deed): void {
  const incident = chosen();
  if (!isPossible(deed, incident)) return;
  if (deed.asks) openForm(deed, incident.id);
  else carryOut(deed, incident, {}, {});
}

/** Do an action with what was typed in its form or in the command line. */
export function run(deed: Deed, incident: Incident | null, typed: Values): void {
  if (!isPossible(deed, incident)) return;
  try {
    carryOut(deed, incident, resolve(deed, typed), typed);
  } catch (error) {
    if (!(error instanceof Slip)) throw error;
    openForm(deed, incident.id, typed, { field: error.field.name, message: error.message });
  }
}

function carryOut(deed: Deed, incident: Incident, values: Values, typed: Values): void {
  const order = deed.order(values, incident);
  deed.here?.(values, incident);
  decide(deed, incident, order, typed);
}

function isPossible(deed: Deed, incident: Incident | null): incident is Incident {
  if (!mayAct()) hint.value = t("may_not");
  else if (incident === null) hint.value = t("choose_first");
  else if (!deed.isOpenTo(incident)) hint.value = t("not_now", { what: t(deed.label) });
  else {
    hint.value = "";
    return true;
  }
  return false;
}
