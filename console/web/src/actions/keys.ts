/** Keys: those of the actions, and those that move about. */

import { signal } from "@preact/signals";
import { rows } from "../state/queue";
import { stored } from "../state/stored";
import { locked } from "../state/store";
import { address, go } from "../state/url";
import type { Word } from "../words/catalogue";
import { form, putAway } from "./form";
import { begin, hint } from "./run";
import { DEEDS } from "./table";

export const showsKeys = signal(false);
export const showsLine = signal(false);
/** Single keys are in the way of speech input, so they can be turned off (WCAG 2.1.4). */
export const singleKeys = signal(stored("keys") !== "off");

export function turnKeys(on: boolean): void {
  singleKeys.value = on;
  stored("keys", on ? "on" : "off");
}

interface Move {
  readonly key: string;
  readonly label: Word;
  move(): void;
}

export const MOVES: readonly Move[] = [
  { key: "j", label: "key_next", move: () => step(1) },
  { key: "k", label: "key_previous", move: () => step(-1) },
  { key: "Enter", label: "key_open", move: open },
  { key: "/", label: "key_line", move: () => (showsLine.value = true) },
  { key: "?", label: "key_keys", move: () => (showsKeys.value = !showsKeys.value) },
  { key: "Escape", label: "key_back", move: back },
];

function step(by: number): void {
  const list = rows.value;
  const at = list.findIndex((row) => row.incident.id === address.value.incident);
  const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + by));
  const row = list[next];
  if (!row) return;
  go({ incident: row.incident.id });
  // At once: done with the next frame, which may take a second, it would take the focus from a form
  // that the next key has opened, and what is typed there would be taken for keys.
  const shown = document.getElementById(`row-${row.incident.id}`);
  shown?.scrollIntoView({ block: "nearest" });
  shown?.focus({ preventScroll: true });
}

function open(): void {
  if (address.value.incident === null) step(1);
  document.getElementById("sheet")?.focus();
}

function back(): void {
  if (showsLine.value) showsLine.value = false;
  else if (showsKeys.value) showsKeys.value = false;
  else if (form.value) putAway();
  else go({ incident: null });
  hint.value = "";
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
    if (showsKeys.value && !["?", "Escape"].includes(event.key)) return;
    const move = MOVES.find((one) => one.key === event.key);
    const deed = DEEDS.find((one) => one.key === event.key);
    if (!move && !deed) return;
    event.preventDefault();
    if (move) move.move();
    else if (deed) begin(deed);
  });
}
