/** What moves about or opens something, by key and by typed command; it decides nothing. */

import { signal } from "@preact/signals";
import { showsCall, takeCall } from "../state/call";
import { askWhyNotNearest, nearest } from "../state/nearest";
import { closePast, moment, rewind } from "../state/past";
import { rows } from "../state/queue";
import { address, go } from "../state/url";
import { t, type Word } from "../words/catalogue";
import { latestUndoable, undo } from "./decide";
import { form, putAway } from "./form";
import { Slip } from "./resolve";
import { hint, mayHandOver, mayTakeCalls } from "./run";

export const showsKeys = signal(false);
export const showsLine = signal(false);
export const showsList = signal(false);

export interface Move {
  readonly key: string;
  readonly label: Word;
  /** The command that does the same. */
  readonly verb?: string;
  move(rest: string): void;
}

export const MOVES: readonly Move[] = [
  { key: "j", label: "key_next", move: () => step(1) },
  { key: "k", label: "key_previous", move: () => step(-1) },
  { key: "Enter", label: "key_open", move: open },
  { key: "t", label: "key_call", verb: "call", move: (text) => mayTakeCalls() && takeCall(text) },
  { key: "w", label: "key_nearest", verb: "why", move: whyNotNearest },
  { key: "z", label: "key_undo", verb: "undo", move: undoLatest },
  { key: "b", label: "key_past", verb: "rewind", move: lookBack },
  { key: "f", label: "key_wall", verb: "wall", move: () => go({ wall: !address.value.wall }) },
  { key: "H", label: "title_handover", verb: "handover", move: openHandover },
  { key: "p", label: "key_list", verb: "print", move: () => (showsList.value = true) },
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

function whyNotNearest(): void {
  const incident = address.value.incident;
  if (incident === null) hint.value = t("choose_first");
  else if (nearest.value?.incident === incident) nearest.value = null;
  else void askWhyNotNearest(incident);
}

const UNITS: Readonly<Record<string, number>> = { s: 1, "": 60, m: 60, h: 3_600 };
const USUAL_S = 300;
const [SHORTEST_S, LONGEST_S] = [30, 43_200];

/** `rewind 5`, `rewind 30s`, `rewind 2h`; by its key five minutes, and back to the present. */
function lookBack(text: string): void {
  const typed = /^(\d+)\s*([smh]?)$/.exec(text.trim().toLowerCase());
  if (text.trim() === "") {
    if (moment.value === null) rewind(USUAL_S);
    else closePast();
    return;
  }
  const seconds = typed ? Number(typed[1]) * (UNITS[typed[2] ?? ""] ?? 60) : 0;
  if (seconds >= SHORTEST_S && seconds <= LONGEST_S) rewind(seconds);
  else throw new Slip({ name: "", kind: "text", label: "typed", required: true }, t("rewind_range"));
}

function openHandover(): void {
  if (mayHandOver()) location.assign("/handover");
}

function undoLatest(): void {
  const found = latestUndoable();
  if (found) undo(found);
  else hint.value = t("nothing_to_undo");
}

function back(): void {
  if (showsLine.value) showsLine.value = false;
  else if (showsKeys.value) showsKeys.value = false;
  else if (showsList.value) showsList.value = false;
  else if (showsCall.value) showsCall.value = false;
  else if (nearest.value) nearest.value = null;
  else if (form.value) putAway();
  else if (moment.value !== null) closePast();
  else if (address.value.wall) go({ wall: false });
  else go({ incident: null });
  hint.value = "";
}

export function moveOf(verb: string): Move {
  const found = MOVES.find((one) => one.verb === verb);
  if (!found) throw new Error(`no move ${verb}`);
  return found;
}
