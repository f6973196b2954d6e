/** What an operator can decide: one table for the buttons, the keys and the command line. */

import type { Incident } from "../api/types";
import type { Word } from "../words/catalogue";
import { isOpen } from "../words/codes";

export type FieldKind = "units" | "text" | "category" | "severity" | "incident" | "disposition";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly label: Word;
  readonly required: boolean;
}

export type Values = Readonly<Record<string, string>>;

/** An action of the journal; see the gateway's document. */
export interface Order {
  readonly action: string;
  readonly [field: string]: unknown;
}

export interface Deed {
  readonly id: string;
  readonly label: Word;
  readonly key: string | null;
  readonly verbs: readonly string[];
  readonly fields: readonly Field[];
  /** The form comes first even if nothing in it is required. */
  readonly asks: boolean;
  isOpenTo(incident: Incident): boolean;
  order(values: Values): Order;
}

const reason = (required: boolean): Field => ({
  name: "reason",
  kind: "text",
  label: "field_reason",
  required,
});
const units = (required: boolean): Field => ({
  name: "units",
  kind: "units",
  label: "field_units",
  required,
});

const open = (one: Incident) => isOpen(one.state);
const list = (text: string | undefined) => (text ?? "").split(",").filter(Boolean);
const given = (values: Values) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));

function deed(
  id: string,
  label: Word,
  key: string | null,
  verbs: readonly string[],
  fields: readonly Field[],
  isOpenTo: (incident: Incident) => boolean,
  order: (values: Values) => Order,
): Deed {
  return { id, label, key, verbs, fields, isOpenTo, order, asks: fields.length > 0 };
}

export const DEEDS: readonly Deed[] = [
  deed(
    "acknowledge",
    "act_acknowledge",
    "a",
    ["ack", "acknowledge"],
    [],
    (one) => open(one) && one.acknowledged_at === null,
    () => ({ action: "acknowledge" }),
  ),
  {
    ...deed(
      "send",
      "act_send",
      "s",
      ["send", "assign"],
      [units(false)],
      (one) => open(one) && one.state !== "on_hold",
      (values) => ({ action: "assign", units: list(values["units"]) }),
    ),
    asks: false,
  },
  deed("override", "act_override", "o", ["override"], [units(true), reason(true)], open, (values) => ({
    action: "override",
    units: list(values["units"]),
    reason: values["reason"],
  })),
  deed("unassign", "act_unassign", "u", ["unassign", "recall"], [units(true), reason(true)], open, (values) => ({
    action: "unassign",
    units: list(values["units"]),
    reason: values["reason"],
  })),
  deed(
    "note",
    "act_note",
    "n",
    ["note"],
    [{ name: "text", kind: "text", label: "field_text", required: true }],
    () => true,
    (values) => ({ action: "note", text: values["text"] }),
  ),
  deed(
    "classify",
    "act_classify",
    "y",
    ["classify", "class"],
    [
      { name: "severity", kind: "severity", label: "field_severity", required: false },
      { name: "category", kind: "category", label: "field_category", required: false },
      reason(false),
    ],
    open,
    (values) => ({ action: "classify", ...given(values) }),
  ),
  deed(
    "hold",
    "act_hold",
    "h",
    ["hold"],
    [reason(true)],
    (one) => open(one) && one.state !== "on_hold",
    (values) => ({ action: "hold", reason: values["reason"] }),
  ),
  deed(
    "resume",
    "act_resume",
    "r",
    ["resume"],
    [],
    (one) => one.state === "on_hold",
    () => ({ action: "resume" }),
  ),
  deed(
    "merge",
    "act_merge",
    "m",
    ["merge"],
    [{ name: "into", kind: "incident", label: "field_into", required: true }, reason(false)],
    open,
    (values) => ({ action: "merge", into: values["into"], reason: values["reason"] ?? "" }),
  ),
  deed(
    "keep_apart",
    "act_keep_apart",
    "x",
    ["apart", "keep-apart"],
    [],
    (one) => open(one) && one.possible_duplicate_of !== null,
    () => ({ action: "keep_apart" }),
  ),
  deed(
    "unmerge",
    "act_unmerge",
    "M",
    ["unmerge"],
    [reason(true)],
    (one) => one.state === "merged",
    (values) => ({ action: "unmerge", reason: values["reason"] }),
  ),
  deed(
    "close",
    "act_close",
    "c",
    ["close"],
    [
      { name: "disposition", kind: "disposition", label: "field_disposition", required: true },
      reason(false),
    ],
    open,
    (values) => ({
      action: "close",
      disposition: values["disposition"],
      reason: values["reason"] ?? "",
    }),
  ),
  deed(
    "reopen",
    "act_reopen",
    "R",
    ["reopen"],
    [reason(true)],
    (one) => !isOpen(one.state) && one.state !== "merged",
    (values) => ({ action: "reopen", reason: values["reason"] }),
  ),
];

export function deedOf(id: string): Deed {
  const found = DEEDS.find((one) => one.id === id);
  if (!found) throw new Error(`no action ${id}`);
  return found;
}
