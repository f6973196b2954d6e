/** One tab of a browser holds the live stream; the others hear what it hears.
 *
 * Whoever has the Web Lock leads. When that tab is closed the next one gets the lock, and goes on
 * from the last message; a leader that no longer says anything is robbed of it.
 */

import type { Everything } from "../state/store";

/** A message of the stream, as it came. */
export interface Relayed {
  readonly name: string;
  readonly data: string;
  readonly id: string;
}

export interface Whole {
  readonly everything: Everything;
  readonly id: string;
}

type Message =
  | { readonly kind: "relayed"; readonly relayed: Relayed }
  | { readonly kind: "whole"; readonly whole: Whole }
  | { readonly kind: "ask" | "cut" | "here" };

/** What a tab does in its part. */
export interface Part {
  lead(): void;
  /** It no longer leads: another tab does. */
  yield(): void;
  take(relayed: Relayed): void;
  takeWhole(whole: Whole): void;
  cut(): void;
  /** All that is known, for a tab that begins; null while it is not known. */
  whole(): Whole | null;
}

const SILENT_MS = 8_000;
const HERE_MS = 2_000;

let part: Part | null = null;
let channel: BroadcastChannel | null = null;
let lock = "";
let release: (() => void) | null = null;
let turn = 0;
let isLeader = false;
let heard = 0;
let timer = 0;

/** Begin to lead, or to hear from the tab that does; tabs of another account are none of ours. */
export function join(account: string, mine: Part): void {
  leave();
  part = mine;
  if (navigator.locks === undefined || typeof BroadcastChannel === "undefined") {
    isLeader = true;
    mine.lead();
    return;
  }
  lock = `jingwei.stream.${account}`;
  channel = new BroadcastChannel(lock);
  channel.onmessage = (event: MessageEvent<Message>) => hear(event.data);
  heard = performance.now();
  timer = window.setInterval(look, HERE_MS);
  request(false);
  ask();
}

export function leave(): void {
  turn++;
  isLeader = false;
  release?.();
  release = null;
  channel?.close();
  channel = null;
  part = null;
  window.clearInterval(timer);
}

/** Tell the other tabs what the stream has said. */
export function relay(relayed: Relayed): void {
  if (isLeader) post({ kind: "relayed", relayed });
}

export function relayCut(): void {
  if (isLeader) post({ kind: "cut" });
}

/** Ask the leader for all that it knows. */
export function ask(): void {
  if (!isLeader) post({ kind: "ask" });
}

function post(message: Message): void {
  channel?.postMessage(message);
}

function request(steal: boolean): void {
  const mine = ++turn;
  const held = () => {
    if (mine !== turn) return undefined;
    isLeader = true;
    part?.lead();
    return new Promise<void>((done) => (release = done));
  };
  navigator.locks.request(lock, { steal }, held).catch(() => {
    if (mine !== turn) return;
    isLeader = false;
    release = null;
    heard = performance.now();
    part?.yield();
    request(false);
    ask();
  });
}

function look(): void {
  if (isLeader) post({ kind: "here" });
  else if (performance.now() - heard > SILENT_MS) {
    heard = performance.now();
    request(true);
  }
}

function hear(message: Message): void {
  if (message.kind === "ask") {
    const whole = isLeader ? part?.whole() : null;
    if (whole) post({ kind: "whole", whole });
    return;
  }
  if (isLeader) return;
  heard = performance.now();
  if (message.kind === "relayed") part?.take(message.relayed);
  else if (message.kind === "whole") part?.takeWhole(message.whole);
  else if (message.kind === "cut") part?.cut();
}
