/** Reasons in words, as `schemas/words.py` renders them. */

import table from "../../../../schemas/codes/reasons.json";
import type { Said, Shortage, Value } from "../api/types";
import { word, type Table } from "./codes";
import { language, type Language } from "./language";

const TEMPLATES = new Map(table.map((row) => [row.code, row]));
const BETWEEN = { en: "; ", zh: "；" };
const ITEMS = { en: ", ", zh: "、" };
const LISTS = new Set(["units", "requirements", "plan", "plan_before", "readings", "signs"]);
const NAMED = new Map<string, Table>(
  (["alert_kind", "capability", "category", "disposition", "state", "unit_kind", "unit_state"] as const).map(
    (name) => [name, name],
  ),
);
const CHINESE: Record<string, Record<string, string>> = {
  condition_kind: {
    closure: "封路",
    lane_closure: "车道封闭",
    speed_factor: "缓行",
    flood_depth: "积水",
  },
  severity: { unknown: "未知" },
  source: { sensor: "传感器", report: "报警" },
  sign: {
    told: "转述",
    fiction: "影视虚构",
    sport: "体育",
    trade: "买卖",
    work: "工作",
    feeling: "感受",
    likeness: "比喻",
    question: "询问",
    notice: "通知",
    past: "往事",
    elsewhere: "别处",
    over: "已结束",
    hypothetical: "假设",
  },
  text_source: { address: "地址", description: "描述" },
  place_kind: { street: "道路", crossing: "路口", address: "地址" },
};
const FIELD = /\{(\w+)(!r)?(?::([^}]*))?\}/g;

export function render(reason: Said, tongue: Language = language.value): string {
  if (typeof reason === "string") return reason;
  const values = new Map(
    Object.entries(reason.values ?? {}).map(([name, value]) => [name, named(name, value, tongue)]),
  );
  const template = TEMPLATES.get(reason.code)?.[tongue];
  if (template !== undefined) {
    let whole = true;
    const told = template.replace(FIELD, (_, name: string, quoted?: string, format?: string) => {
      const value = values.get(name);
      const shown = value === undefined ? null : formatted(value, format ?? "");
      whole &&= shown !== null;
      return quoted ? `'${shown}'` : String(shown);
    });
    if (whole) return told;
  }
  const told = [...values].map(([name, value]) => `${name} ${value}`).join(", ");
  return told ? `${reason.code}: ${told}` : reason.code;
}

export function together(reasons: readonly Said[], tongue: Language = language.value): string {
  return reasons.map((one) => render(one, tongue)).join(BETWEEN[tongue]);
}

export function shortage(short: Shortage | string, tongue: Language = language.value): string {
  if (typeof short === "string") return short;
  const { capability, count, why } = short;
  return render({ code: "short_of", values: { capability, count, why } }, tongue);
}

function named(name: string, value: Value, tongue: Language): string | number {
  if (Array.isArray(value)) {
    const between = LISTS.has(name) ? ITEMS : BETWEEN;
    return value.map((one) => render(one, tongue)).join(between[tongue]);
  }
  if (typeof value === "object") return render(value, tongue);
  if (tongue === "en") return value;
  const kind = name.replace(/_before$|_other$/, "");
  const codes = NAMED.get(kind);
  if (codes) return word(codes, String(value), tongue);
  return CHINESE[kind]?.[String(value)] ?? value;
}

/** Write a value in the formats that the table uses: none, `.Nf` and `g`; null for another one. */
function formatted(value: string | number, format: string): string | null {
  if (format === "") return String(value);
  const digits = /^\.(\d)f$/.exec(format);
  if (typeof value !== "number") return null;
  if (digits) return value.toFixed(Number(digits[1]));
  return format === "g" ? String(Number(value.toPrecision(6))) : null;
}
