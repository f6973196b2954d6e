/** Day or night: as the machine has it, or as somebody has chosen. */

import { effect, signal } from "@preact/signals";
import { stored } from "./stored";

export type Theme = "day" | "night";

const usual: Theme = window.matchMedia("(prefers-color-scheme: light)").matches ? "day" : "night";
const chosen = stored("theme");

export const theme = signal<Theme>(chosen === "day" || chosen === "night" ? chosen : usual);

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

export function choose(next: Theme): void {
  theme.value = next;
  stored("theme", next);
}
