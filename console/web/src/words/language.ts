/** Which language the page speaks. */

import { effect, signal } from "@preact/signals";
import { stored } from "../state/stored";

export type Language = "zh" | "en";

const usual: Language = navigator.language.startsWith("zh") ? "zh" : "en";

export const language = signal<Language>(stored("language") === "zh" ? "zh" : stored("language") === "en" ? "en" : usual);

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
  stored("language", language.value);
});
