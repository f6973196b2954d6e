/** What an operator decided otherwise, in words. */

import { t } from "../words/catalogue";
import { word } from "../words/codes";

/** A command's action, as it stands in the journal. */
type Told = Readonly<Record<string, unknown>>;

export function deedText(action: Told): string {
  const units = ((action["units"] as string[] | undefined) ?? []).map((id) => id.replace(/^[^-]*-/, "")).join(", ");
  switch (action["action"]) {
    case "override":
      return `${t("act_override")}: ${units}`;
    case "unassign":
      return `${t("act_unassign")}: ${units}`;
    case "assign":
      return `${t("sent_by_name")}: ${units}`;
    case "classify":
      return `${t("act_classify")}: ${corrected(action)}`;
    default:
      return String(action["action"]);
  }
}

function corrected(action: Told): string {
  const category = action["category"] ? word("category", String(action["category"])) : "";
  const severity = action["severity"] ? String(action["severity"]) : "";
  const place = action["point"] || action["where"] ? t("call_place") : "";
  return [severity, category, place].filter(Boolean).join(", ");
}
