/** Why the last reading or change failed. */

import { signal } from "@preact/signals";
import { Problem } from "../api/http";
import { t } from "../words/catalogue";

export const fault = signal("");

export function why(error: unknown): string {
  return error instanceof Problem ? `${error.body.title}: ${error.body.detail}` : t("no_gateway");
}
