/** What an operator can decide: one table for the buttons, the keys and the command line. */

import type { Incident } from "../api/types";
import type { Action } from "../client";
import { isShelved, mayShelve, shelve, unshelve } from "../state/shelf";
import { t, type Word } from "../words/catalogue";
import { isOpen } from "../words/codes";

export type FieldKind =
  | "units"
  | "text"
  | "category"
  | "severity"
  | "incident"
  | "disposition"
  | "minutes";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly label: Word;
  readonly required: boolean;
}

export type Values = Readonly<Record<string, string>>;

export interface Deed {
  readonly id: string;
  readonly label: Word;
  readonly key: string | null;
  readonly verbs: readonly string[];
  readonly fields: readonly Field[];
  /** The form comes first even if nothing in it is required. */
  readonly asks: boolean;
  isOpenTo(incident: Incident): boolean;
  order(values: Values, incident: Incident): Action;
  /** What it does on this screen alone. */
  here?(values: Values, incident: Incident): void;
  /** What takes it back. */
  undo?(before: Before, order: Action): Compensation;
}

/** How it was before an action: the incident, and the units that were on their way to it. */
export interface Before {
  readonly incident: Incident;
  readonly sent: readonly string[];
}

/** A new action that takes an earlier one back, given the units that are on their way now. */
export interface Compensation {
  readonly deed: string;
  order(sent: readonly string[]): Action;
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
const text = (values: Values, name = "reason") => values[name] ?? "";

function deed(
  id: string,
  label: Word,
  key: string | null,
  verbs: readonly string[],
  fields: readonly Field[],
  isOpenTo: (incident: Incident) => boolean,
  order: Deed["order"],
  more: Pick<Deed, "undo" | "here"> = {},
): Deed {
  return { id, label, key, verbs, fields, isOpenTo, order, asks: fields.length > 0, ...more };
}

const undone = () => t("undone");

function callBack(units: readonly string[]): Action {
  return { action: "unassign", units: [...units], reason: undone() };
}

/** Call back whom the action has sent. */
const undoSend = ({ sent: before }: Before): Compensation => ({
  deed: "unassign",
  order: (sent) => callBack(sent.filter((unit) => !before.includes(unit))),
});

/** Send those again whom the action has replaced. */
const undoOverride = (before: Before): Compensation =>
  before.sent.length === 0
    ? undoSend(before)
    : {
        deed: "override",
        order: () => ({ action: "override", units: [...before.sent], reason: undone() }),
      };

const undoUnassign = (_: Before, order: Action): Compensation => ({
  deed: "send",
  order: () => ({
    action: "assign",
    units: order.action === "unassign" ? order.units : [],
    reason: undone(),
  }),
});

/** An action that needs no more than a reason. */
const back = (deed: string, order: Action): Compensation => ({ deed, order: () => order });

const WORSE: Readonly<Record<string, string>> = { P4: "P3", P3: "P2", P2: "P1" };

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
      (values) => ({ action: "assign", units: list(values["units"]), reason: "" }),
      { undo: undoSend },
    ),
    asks: false,
  },
  deed(
    "override",
    "act_override",
    "o",
    ["override"],
    [units(true), reason(true)],
    open,
    (values) => ({ action: "override", units: list(values["units"]), reason: text(values) }),
    { undo: undoOverride },
  ),
  deed(
    "unassign",
    "act_unassign",
    "u",
    ["unassign", "recall"],
    [units(true), reason(true)],
    open,
    (values) => ({ action: "unassign", units: list(values["units"]), reason: text(values) }),
    { undo: undoUnassign },
  ),
  deed(
    "note",
    "act_note",
    "n",
    ["note"],
    [{ name: "text", kind: "text", label: "field_text", required: true }],
    () => true,
    (values) => ({ action: "note", text: text(values, "text") }),
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
    (values) => ({
      action: "classify",
      severity: values["severity"] ?? null,
      category: values["category"] ?? null,
      point: null,
      where: null,
      reason: text(values),
    }),
  ),
  deed(
    "escalate",
    "act_escalate",
    "e",
    ["escalate"],
    [reason(true)],
    (one) => open(one) && one.severity in WORSE,
    (values, incident) => ({
      action: "classify",
      severity: WORSE[incident.severity] ?? "P1",
      category: null,
      point: null,
      where: null,
      reason: text(values),
    }),
  ),
  deed(
    "shelve",
    "act_shelve",
    "l",
    ["shelve"],
    [{ name: "minutes", kind: "minutes", label: "field_minutes", required: true }, reason(true)],
    (one) => open(one) && mayShelve(one) && !isShelved(one),
    // The others read it in the timeline.
    (values) => ({
      action: "note",
      text: t("shelved_note", { minutes: text(values, "minutes"), reason: text(values) }),
    }),
    { here: (values, incident) => shelve(incident, Number(values["minutes"]), text(values)) },
  ),
  deed(
    "unshelve",
    "act_unshelve",
    "L",
    ["unshelve"],
    [],
    isShelved,
    () => ({ action: "note", text: t("unshelved_note") }),
    { here: (_, incident) => unshelve(incident.id) },
  ),
  deed(
    "hold",
    "act_hold",
    "h",
    ["hold"],
    [reason(true)],
    (one) => open(one) && one.state !== "on_hold",
    (values) => ({ action: "hold", reason: text(values) }),
    { undo: () => back("resume", { action: "resume" }) },
  ),
  deed(
    "resume",
    "act_resume",
    "r",
    ["resume"],
    [],
    (one) => one.state === "on_hold",
    () => ({ action: "resume" }),
    { undo: () => back("hold", { action: "hold", reason: undone() }) },
  ),
  deed(
    "merge",
    "act_merge",
    "m",
    ["merge"],
    [{ name: "into", kind: "incident", label: "field_into", required: true }, reason(false)],
    open,
    (values) => ({ action: "merge", into: text(values, "into"), reason: text(values) }),
    { undo: () => back("unmerge", { action: "unmerge", reason: undone() }) },
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
    (values) => ({ action: "unmerge", reason: text(values) }),
    {
      undo: ({ incident }) =>
        back("merge", { action: "merge", into: incident.merged_into ?? "", reason: undone() }),
    },
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
      disposition: text(values, "disposition"),
      reason: text(values),
    }),
    { undo: () => back("reopen", { action: "reopen", reason: undone() }) },
  ),
  deed(
    "reopen",
    "act_reopen",
    "R",
    ["reopen"],
    [reason(true)],
    (one) => !isOpen(one.state) && one.state !== "merged",
    (values) => ({ action: "reopen", reason: text(values) }),
    {
      undo: ({ incident }) =>
        back("close", {
          action: "close",
          disposition: incident.disposition ?? "resolved",
          reason: undone(),
        }),
    },
  ),
];

export function deedOf(id: string): Deed {
  const found = DEEDS.find((one) => one.id === id);
  if (!found) throw new Error(`no action ${id}`);
  return found;
}
