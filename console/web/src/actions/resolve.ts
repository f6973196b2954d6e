/** What was typed in a field, as the gateway names it; or what is wrong with it. */

import type { Unit } from "../api/types";
import { MINUTES } from "../state/shelf";
import { incidents, units } from "../state/store";
import { t } from "../words/catalogue";
import { codesOf, type Table } from "../words/codes";
import type { Deed, Field, Values } from "./table";

export class Slip extends Error {
  constructor(
    readonly field: Field,
    message: string,
  ) {
    super(message);
  }
}

/** Return the values of a deed's fields; throws `Slip` for the first that cannot be used. */
export function resolve(deed: Deed, typed: Values): Values {
  const found: Record<string, string> = {};
  for (const field of deed.fields) {
    const text = (typed[field.name] ?? "").trim();
    if (text !== "") found[field.name] = resolved(field, text);
    else if (field.required) throw new Slip(field, t("required", { field: t(field.label) }));
  }
  return found;
}

function resolved(field: Field, text: string): string {
  switch (field.kind) {
    case "units":
      return unitList(field, text).join(",");
    case "incident":
      return incident(field, text);
    case "text":
      return text;
    case "minutes":
      if (!MINUTES.includes(text)) throw new Slip(field, t("no_such_code", { code: text }));
      return text;
    default:
      return code(field, field.kind, text);
  }
}

function unitList(field: Field, text: string): string[] {
  return text
    .split(/[,，、\s]+/)
    .filter(Boolean)
    .map((part) => {
      const only = unitNamed(part);
      if (!only) throw new Slip(field, t("no_such_unit", { unit: part }));
      return only.id;
    });
}

/** Return the unit of an id, of one without the region, or of a name; never of a part of it. */
export function unitNamed(text: string): Unit | null {
  const same = (other: string) => other.toLowerCase() === text.toLowerCase();
  const found = [...units.value.values()].filter(
    (unit) => same(unit.id) || same(unit.id.replace(/^[^-]*-/, "")) || same(unit.name),
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}

function incident(field: Field, text: string): string {
  const sought = text.replace(/^#/, "");
  const found = [...incidents.value.values()].filter(
    (one) => one.id === sought || one.number === sought || one.number.endsWith(`-${sought}`),
  );
  const [only] = found;
  if (!only) throw new Slip(field, t("no_such_incident", { number: text }));
  if (found.length > 1) throw new Slip(field, t("ambiguous_incident", { number: text }));
  return only.id;
}

/** Return the incident that a number names; throws `Slip`. */
export function incidentNamed(number: string): string {
  return incident({ name: "", kind: "incident", label: "field_into", required: true }, number);
}

function code(field: Field, table: Table, text: string): string {
  const same = (other: string) => other.toLowerCase() === text.toLowerCase();
  const row = codesOf(table).find((one) => same(one.code) || same(one.en) || one.zh === text);
  if (!row) throw new Slip(field, t("no_such_code", { code: text }));
  return row.code;
}
