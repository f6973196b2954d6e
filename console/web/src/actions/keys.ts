/** Keys: those of the actions, and those that move about. */

import { signal } from "@preact/signals";
import { stored } from "../state/stored";
import { locked } from "../state/store";
import { address } from "../state/url";
import { MOVES, showsKeys, showsList } from "./moves";
import { begin } from "./run";
import { DEEDS } from "./table";

/** Single keys are in the way of speech input, so they can be turned off (WCAG 2.1.4). */
export const singleKeys = signal(stored("keys") !== "off");

export function turnKeys(on: boolean): void {
  singleKeys.value = on;
  stored("keys", on ? "on" : "off");
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Return whether the key belongs to what is focused: a link or button takes Enter. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target instanceof HTMLElement ? event.target.tagName : "";
  return event.key === "Enter" && /^(A|BUTTON|SUMMARY)$/.test(target);
}

export function listenToKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (locked.value !== null || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || event.repeat && !["j", "k"].includes(event.key)) return;
    if (event.key !== "Escape" && (isTyping(event.target) || isTaken(event) || !singleKeys.value)) return;
    // Nobody decides on a wall, where what is chosen is not read.
    if (address.value.wall && !["f", "Escape"].includes(event.key)) return;
    if (showsKeys.value && !["?", "Escape"].includes(event.key)) return;
    if (showsList.value && event.key !== "Escape") return;
    const move = MOVES.find((one) => one.key === event.key);
    const deed = DEEDS.find((one) => one.key === event.key);
    if (!move && !deed) return;
    event.preventDefault();
    if (move) move.move("");
    else if (deed) begin(deed);
  });
}
