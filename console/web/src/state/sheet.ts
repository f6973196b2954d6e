/** The chosen incident, read again whenever something is told of it. */

import { effect, signal } from "@preact/signals";
import { Problem } from "../api/http";
import { whole } from "../api/read";
import { locked, sheet } from "./store";
import { address } from "./url";

const TOGETHER_MS = 120;

/** Why the chosen incident cannot be shown. */
export const missing = signal<string | null>(null);
let waiting = 0;
let turn = 0;

/** Read the sheet again if it shows this incident; null is any. */
export function sheetConcerns(id: string | null): void {
  const chosen = address.value.incident;
  if (chosen === null || (id !== null && id !== chosen) || waiting) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    void readSheet();
  }, TOGETHER_MS);
}

export async function readSheet(): Promise<void> {
  const chosen = address.value.incident;
  const mine = ++turn;
  if (chosen === null) {
    sheet.value = null;
    missing.value = null;
    return;
  }
  try {
    const found = await whole(chosen);
    if (mine !== turn) return;
    sheet.value = found;
    missing.value = null;
  } catch (error) {
    if (mine !== turn) return;
    if (!(error instanceof Problem)) return; // the banner says that the gateway does not answer
    if (error.kind === "sign-in") locked.value = "expired";
    else if (sheet.value?.incident.id !== chosen) missing.value = error.body.detail;
  }
}

effect(() => {
  const chosen = address.value.incident;
  if (sheet.peek()?.incident.id !== chosen) {
    sheet.value = null;
    void readSheet();
  }
});
