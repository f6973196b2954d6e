/** The form of an action, and what is typed into it: kept until it is done or given up. */

import { computed, signal } from "@preact/signals";
import { address } from "../state/url";
import type { Deed, Values } from "./table";

export interface Form {
  readonly deed: Deed;
  readonly incident: string;
  /** What is typed into it. */
  readonly values: Values;
  /** What is wrong with what was typed, and in which field. */
  readonly slip: { readonly field: string; readonly message: string } | null;
}

export const form = signal<Form | null>(null);

const PREFIX = "jingwei.draft.";

function nameOf(deed: Deed, incident: string): string {
  return `${PREFIX}${incident}.${deed.id}`;
}

/** Return what was typed and not sent, also before the tab was reloaded. */
function draft(deed: Deed, incident: string): Values {
  return JSON.parse(sessionStorage.getItem(nameOf(deed, incident)) ?? "{}") as Values;
}

function keep(next: Form): void {
  sessionStorage.setItem(nameOf(next.deed, next.incident), JSON.stringify(next.values));
  form.value = next;
}

/** Type into a field of the form that is open. */
export function type(field: string, text: string): void {
  if (form.value) keep({ ...form.value, values: { ...form.value.values, [field]: text } });
}

/** The units that are typed into the form that is open; null if it asks for none. */
const picked = computed<readonly string[] | null>(() => {
  const field = form.value?.deed.fields.find(({ kind }) => kind === "units");
  return field ? (form.value?.values[field.name] ?? "").split(/[,，、\s]+/).filter(Boolean) : null;
});

/** Put a unit into the form by pointer, or take it out. */
export function pick(unit: string): void {
  const field = form.value?.deed.fields.find(({ kind }) => kind === "units");
  const known = picked.value;
  if (!field || !known) return;
  const others = known.filter((one) => !isSame(one, unit));
  type(field.name, (others.length < known.length ? others : [...known, unit]).join(", "));
}

export function isPicked(unit: string): boolean | null {
  return picked.value === null ? null : picked.value.some((one) => isSame(one, unit));
}

/** As it may be typed: with or without the region. */
function isSame(typed: string, unit: string): boolean {
  return typed === unit || typed === unit.replace(/^[^-]*-/, "");
}

export function openForm(
  deed: Deed,
  incident: string,
  typed: Values = {},
  slip: Form["slip"] = null,
): void {
  keep({ deed, incident, values: { ...draft(deed, incident), ...typed }, slip });
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
