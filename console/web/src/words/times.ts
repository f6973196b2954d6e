/** Ages and times of day, as the page tells them. */

import { t } from "./catalogue";
import { language } from "./language";

/** From here on ages are told in minutes. */
export const IN_MINUTES_MS = 100_000;

export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < IN_MINUTES_MS / 1_000) return t("seconds", { count: seconds });
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return t("minutes", { count: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t("hours", { count: hours }) : t("days", { count: Math.round(hours / 24) });
}

/** The time of day where the operator sits. */
export function clock(at: string | number): string {
  return new Date(at).toLocaleTimeString(language.value === "zh" ? "zh-CN" : "en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/** Day and time, for what may lie days away. */
export function day(at: string | number): string {
  return new Date(at).toLocaleString(language.value === "zh" ? "zh-CN" : "en-GB", {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}
