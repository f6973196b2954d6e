/** A call that is being taken: what is typed is kept until it is sent or thrown away. */

import { effect, signal } from "@preact/signals";
import { untilAnswered } from "../api/again";
import { gateway, Problem } from "../api/http";
import type { Schemas } from "../client";
import { t } from "../words/catalogue";
import { Latest } from "./latest";
import { forget, stored } from "./stored";
import { locked, person } from "./store";
import { go } from "./url";

export type PlaceFound = Schemas["PlaceFound"];
export type Became = Schemas["PlacedEvidence"];

export interface Call {
  readonly place: string;
  /** The place that was chosen for what was typed. */
  readonly spot: PlaceFound | null;
  readonly text: string;
  readonly callerName: string;
  readonly callerPhone: string;
  /** The `Idempotency-Key`, and whether it was used for what stands here. */
  readonly key: string;
  readonly tried: boolean;
  readonly by: string;
  readonly begun: string;
}

/** What the form does: it is away, it takes what is typed, it sends. */
export type Stand =
  | { readonly at: "typing"; readonly fault: string | null; readonly restored: boolean }
  | { readonly at: "sending"; readonly attempt: number }
  | { readonly at: "signed_out" };

export const showsCall = signal(false);
export const call = signal<Call | null>(null);
export const stand = signal<Stand>({ at: "typing", fault: null, restored: false });
/** What the last call became. */
export const became = signal<Became | null>(null);

export const places = new Latest<PlaceFound[]>();
export const reading = new Latest<Schemas["TextReading"]>();
export const duplicates = new Latest<Schemas["Duplicates"]>();

const NAME = "call";
/** As long as a session without a request: after it somebody else may sit here. */
const CONTACT_KEPT_MS = 30 * 60_000;
const PLACE_PAUSE_MS = 120;
const TEXT_PAUSE_MS = 250;
const SHOWN_MS = 15_000;
const { api } = gateway;

function blank(): Call {
  return {
    place: "",
    spot: null,
    text: "",
    callerName: "",
    callerPhone: "",
    key: crypto.randomUUID(),
    tried: false,
    by: person.value?.name ?? "",
    begun: new Date().toISOString(),
  };
}

function isEmpty(one: Call): boolean {
  return !(one.place + one.text + one.callerName + one.callerPhone).trim();
}

/** Open the form, with what was typed before if there is any. */
export function takeCall(text = ""): void {
  became.value = null;
  call.value ??= blank();
  showsCall.value = true;
  if (text) change({ text: [call.value.text, text].filter(Boolean).join(" ") });
}

/** Bring back what was typed by this person and not sent when the tab died. */
export function restoreCall(): void {
  const kept = stored(NAME);
  if (kept === null || call.value !== null) return;
  const found = JSON.parse(kept) as Call;
  if (found.by !== person.value?.name) {
    forget(NAME);
    return;
  }
  call.value = withoutOldContact(found);
  keep();
  stand.value = { at: "typing", fault: null, restored: true };
  showsCall.value = true;
  suggestAll(found);
}

export function change(part: Partial<Pick<Call, "place" | "spot" | "text" | "callerName" | "callerPhone">>): void {
  const before = call.value ?? blank();
  const next: Call = {
    ...before,
    ...part,
    // What was sent under a key stays what it was.
    ...(before.tried ? { key: crypto.randomUUID(), tried: false } : {}),
  };
  call.value = next;
  stand.value = { at: "typing", fault: null, restored: false };
  keep();
  if (part.place !== undefined && next.spot === null) suggestPlaces(next);
  if (part.text !== undefined) suggestReading(next);
  if (part.spot !== undefined) suggestDuplicates(next, 0);
  else if (part.text !== undefined) suggestDuplicates(next, TEXT_PAUSE_MS);
}

export function choosePlace(spot: PlaceFound): void {
  places.clear();
  change({ place: spot.name, spot });
}

/** Forget the call, here and in this browser. */
export function discardCall(): void {
  forget(NAME);
  call.value = null;
  showsCall.value = false;
  stand.value = { at: "typing", fault: null, restored: false };
  for (const one of [places, reading, duplicates]) one.clear();
}

export async function sendCall(): Promise<void> {
  const current = call.value;
  if (current === null || stand.value.at === "sending") return;
  call.value = { ...current, tried: true };
  keep();
  try {
    const answer = await untilAnswered(
      () => api.POST("/api/v1/reports", { params: { header: { "Idempotency-Key": current.key } }, body: report(current) }),
      (attempt) => (stand.value = { at: "sending", attempt }),
    );
    if (answer?.data) finish(answer.data);
    else stand.value = { at: "typing", fault: t("call_unknown"), restored: false };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.kind === "sign-in" || error.kind === "csrf") {
      stand.value = { at: "signed_out" };
      locked.value = "expired";
    } else stand.value = { at: "typing", fault: error.body.detail, restored: false };
  }
}

/** Send again what waited for somebody to sign in. */
export function sendWaitingCall(): void {
  if (stand.value.at === "signed_out") void sendCall();
}

function finish(answer: Became): void {
  discardCall();
  became.value = answer;
  if (answer.incident) go({ incident: answer.incident });
  window.setTimeout(() => {
    if (became.value === answer) became.value = null;
  }, SHOWN_MS);
}

function report(one: Call): Schemas["Call"] {
  const contact = { name: one.callerName.trim() || null, phone: one.callerPhone.trim() || null, email: null };
  const { spot } = one;
  return {
    text: one.text.trim(),
    point: spot && { lon: spot.point.lon, lat: spot.point.lat, crs: "WGS-84", accuracy_m: spot.point.accuracy_m },
    address: one.place.trim() || null,
    channel: "phone",
    call_type: null,
    caller: contact.name || contact.phone ? contact : null,
    at: one.begun,
  };
}

function suggestAll(one: Call): void {
  suggestReading(one);
  suggestDuplicates(one, 0);
}

function suggestPlaces(one: Call): void {
  const q = one.place.trim();
  if (q === "") places.clear();
  else places.ask(() => api.GET("/api/v1/places", { params: { query: { q, limit: 6 } } }), PLACE_PAUSE_MS);
}

function suggestReading(one: Call): void {
  const text = one.text.trim();
  const words = { text, call_type: null, channel: "phone" };
  if (text === "") reading.clear();
  else reading.ask(() => api.POST("/api/v1/reading", { body: words }), TEXT_PAUSE_MS);
}

function suggestDuplicates(one: Call, afterMs: number): void {
  const { spot } = one;
  if (spot === null) {
    duplicates.clear();
    return;
  }
  const { lon, lat, accuracy_m } = spot.point;
  const supposed: Schemas["Supposed"] = {
    point: { lon, lat, crs: "WGS-84", accuracy_m },
    category: null,
    text: one.text.trim() || null,
    at: null,
  };
  duplicates.ask(() => api.POST("/api/v1/duplicates", { body: supposed }), afterMs);
}

function keep(): void {
  const one = call.value;
  if (one === null || isEmpty(one)) forget(NAME);
  else stored(NAME, JSON.stringify(one));
}

function withoutOldContact(one: Call): Call {
  const isOld = Date.now() - Date.parse(one.begun) > CONTACT_KEPT_MS;
  return isOld ? { ...one, callerName: "", callerPhone: "" } : one;
}

window.setInterval(() => {
  const one = call.peek();
  if (one === null || stand.peek().at === "sending" || withoutOldContact(one) === one) return;
  call.value = withoutOldContact(one);
  keep();
}, 60_000);

// Somebody else who signs in here reads nothing of a call that was not theirs.
effect(() => {
  const name = person.value?.name;
  const one = call.peek();
  if (name !== undefined && one !== null && one.by !== name) discardCall();
});
