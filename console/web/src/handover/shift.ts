/** A shift and its end: what there is to hand over, and what was signed. */

import { computed, effect, signal } from "@preact/signals";
import { body, gateway, Problem } from "../api/http";
import { untilAnswered } from "../api/again";
import type { Schemas } from "../client";
import { member } from "../state/member";
import { isOver } from "../state/session";
import { shelf } from "../state/shelf";
import { now } from "../state/store";
import { t } from "../words/catalogue";

export type Content = Schemas["Content"];
export type Handover = Schemas["Handover"];
export type Signed = Schemas["HandoverLine"];

/** Hours ago at which a shift may have begun, beside the last hand-over. */
export const HOURS = [4, 8, 12, 24];
const AGAIN_MS = 10_000;
const NOTE = "jingwei.handover.note";
const DAY_MS = 24 * 3_600_000;
const { api } = gateway;

export const signed = signal<readonly Signed[]>([]);
export const draft = signal<Content | null>(null);
/** The hand-over that the address names, as it was signed. */
export const opened = signal<Handover | null>(null);
export const fault = signal("");
export const busy = signal(false);
/** How many hours ago the shift began; null is at the last hand-over. */
export const hours = signal<number | null>(null);
/** What is typed for the next shift; it lasts as long as the tab. */
export const note = signal(sessionStorage.getItem(NOTE) ?? "");
note.subscribe((text) => sessionStorage.setItem(NOTE, text));

/** When the last shift was handed over; null if that was not within a day. */
export const last = computed(() => {
  const at = signed.value[0]?.at;
  return at !== undefined && now.value - Date.parse(at) < DAY_MS ? at : null;
});

export function since(): string {
  if (hours.value === null && last.value !== null) return last.value;
  return new Date(now.peek() - (hours.value ?? 12) * 3_600_000).toISOString();
}

export function mayWatch(): boolean {
  return ["operator", "supervisor", "administrator"].includes(member.value?.role ?? "");
}

export function maySign(): boolean {
  return mayWatch() && member.value?.role !== "administrator";
}

/** What this operator has put aside on this browser. */
export function shelved() {
  const numbers = new Map(draft.value?.open.map((one) => [one.incident, one.number]));
  return [...shelf.value.values()].flatMap((one) => {
    const number = numbers.get(one.incident);
    const until = new Date(one.until).toISOString();
    return number === undefined ? [] : [{ incident: one.incident, number, until, reason: one.reason }];
  });
}

export function go(id: string | null): void {
  location.hash = id ?? "";
}

/** Begin to follow; called again whenever somebody has signed in. */
export function follow(): void {
  window.removeEventListener("hashchange", look);
  window.addEventListener("hashchange", look);
  window.clearInterval(timer);
  timer = window.setInterval(() => void read(), AGAIN_MS);
  void read().then(look);
}

let timer = 0;

async function read(): Promise<void> {
  if (!mayWatch()) return;
  await tried(async () => {
    signed.value = (await body(api.GET("/api/v1/handovers", { params: { query: { limit: 20 } } }))).items;
    if (location.hash.length <= 1) await readDraft();
  });
}

async function readDraft(): Promise<void> {
  draft.value = await body(api.GET("/api/v1/handovers/draft", { params: { query: { since: since() } } }));
}

function look(): void {
  const handover = decodeURIComponent(location.hash.slice(1));
  fault.value = "";
  if (handover === "") opened.value = null;
  else if (opened.value?.id !== handover) {
    void tried(async () => {
      opened.value = await body(api.GET("/api/v1/handovers/{handover}", { params: { path: { handover } } }));
    });
  }
}

effect(() => {
  void hours.value;
  if (member.peek() !== null && opened.peek() === null) void tried(readDraft);
});

/** Sign as the one who goes: what is there now is kept. */
export async function handOver(): Promise<void> {
  const given = { since: since(), note: note.value.trim(), shelved: shelved() };
  const header = { "Idempotency-Key": crypto.randomUUID() };
  await sign(() => api.POST("/api/v1/handovers", { params: { header }, body: given }));
  if (opened.value !== null) note.value = "";
}

/** Sign as the one who comes. */
export async function takeOver(handover: string): Promise<void> {
  await sign(() => api.POST("/api/v1/handovers/{handover}/taken", { params: { path: { handover } } }));
}

async function sign(ask: Parameters<typeof untilAnswered<Handover>>[0]): Promise<void> {
  busy.value = true;
  await tried(async () => {
    const answer = await untilAnswered(ask, () => {});
    if (answer?.data === undefined) throw new Error(t("no_gateway"));
    opened.value = answer.data;
    go(answer.data.id);
    await read();
  });
  busy.value = false;
}

async function tried(work: () => Promise<void>): Promise<void> {
  try {
    await work();
    fault.value = "";
  } catch (error) {
    if (isOver(error)) return;
    fault.value = error instanceof Problem ? `${error.body.title}: ${error.body.detail}` : t("no_gateway");
  }
}
