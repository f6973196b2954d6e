/** The form of an action, and what is typed into it: kept until it is done or given up. */

import { signal } from "@preact/signals";
import { address } from "../state/url";
import type { Deed, Values } from "./table";

export interface Form {
  readonly deed: Deed;
  readonly incident: string;
  /** What is wrong with what was typed, and in which field. */
  readonly slip: { readonly field: string; readonly message: string } | null;
}

export const form = signal<Form | null>(null);

const PREFIX = "jingwei.draft.";

function nameOf(deed: Deed, incident: string): string {
  return `${PREFIX}${incident}.${deed.id}`;
}

/** Return what was typed and not sent, also before the tab was reloaded. */
export function draft(deed: Deed, incident: string): Values {
  return JSON.parse(sessionStorage.getItem(nameOf(deed, incident)) ?? "{}") as Values;
}

export function keepDraft(deed: Deed, incident: string, values: Values): void {
  sessionStorage.setItem(nameOf(deed, incident), JSON.stringify(values));
}

export function openForm(
  deed: Deed,
  incident: string,
  typed: Values = {},
  slip: Form["slip"] = null,
): void {
  keepDraft(deed, incident, { ...draft(deed, incident), ...typed });
  form.value = { deed, incident, slip };
}

/** Forget a form and what was typed: it is done. */
export function closeForm(deed: Deed, incident: string): void {
  sessionStorage.removeItem(nameOf(deed, incident));
  if (form.value?.deed === deed && form.value.incident === incident) form.value = null;
}

/** Put a form away; what was typed comes back with it. */
export function putAway(): void {
  form.value = null;
}

address.subscribe(({ incident }) => {
  if (form.value !== null && form.value.incident !== incident) form.value = null;
});
