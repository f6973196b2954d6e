/** The parts of the page, what each shows, and how it is read and changed. */

import { signal } from "@preact/signals";
import { body, gateway, type Answer } from "../api/http";
import type { Schemas } from "../client";
import { isOver } from "../state/session";
import { member } from "../state/member";
import type { Word } from "../words/catalogue";
import { fault, why } from "./fault";
import { readFences } from "./fences";
import { readPolicies } from "./policy";

export type Part = "status" | "letters" | "accounts" | "tokens" | "plans" | "fences";

interface About {
  readonly word: Word;
  readonly roles: readonly string[];
  readonly read: () => Promise<void>;
}

export type SystemStatus = Schemas["SystemStatus"];
export type LetterCount = Schemas["DeadLetters"];
export type Letter = Schemas["LetterLine"];
export type Account = Schemas["Account"];
export type Token = Schemas["Token"];

export const status = signal<SystemStatus | null>(null);
export const counts = signal<readonly LetterCount[]>([]);
export const letters = signal<readonly Letter[]>([]);
export const accounts = signal<readonly Account[]>([]);
export const tokens = signal<readonly Token[]>([]);

/** A password or token that was just made; it is shown until it is put away, and kept nowhere. */
export const made = signal<{ readonly what: Word; readonly of: string; readonly secret: string } | null>(null);

const { api } = gateway;
const KEEPERS = ["supervisor", "administrator"];
const ADMINISTRATORS = ["administrator"];

export const PARTS: Readonly<Record<Part, About>> = {
  status: {
    word: "part_status",
    roles: KEEPERS,
    read: async () => {
      status.value = await body(api.GET("/api/v1/status"));
    },
  },
  letters: {
    word: "part_letters",
    roles: KEEPERS,
    read: async () => {
      counts.value = await body(api.GET("/api/v1/dead-letters/summary"));
      if (mayAdminister()) {
        letters.value = (await body(api.GET("/api/v1/dead-letters", { params: { query: { limit: 100 } } }))).items;
      }
    },
  },
  accounts: {
    word: "part_accounts",
    roles: ADMINISTRATORS,
    read: async () => {
      accounts.value = await body(api.GET("/api/v1/accounts"));
    },
  },
  tokens: {
    word: "part_tokens",
    roles: ADMINISTRATORS,
    read: async () => {
      [tokens.value, accounts.value] = await Promise.all([
        body(api.GET("/api/v1/tokens")),
        body(api.GET("/api/v1/accounts")),
      ]);
    },
  },
  plans: {
    word: "part_plans",
    roles: KEEPERS,
    read: readPolicies,
  },
  fences: {
    word: "part_fences",
    roles: KEEPERS,
    read: readFences,
  },
};

export const shown = signal<Part>("status");
const EVERY_MS = 10_000;
let timer = 0;

export function mayAdminister(): boolean {
  return ADMINISTRATORS.includes(member.value?.role ?? "");
}

/** The parts that somebody's role may see, in order. */
export function mine(): Part[] {
  const role = member.value?.role ?? "";
  return (Object.keys(PARTS) as Part[]).filter((part) => PARTS[part].roles.includes(role));
}

/** Begin with the part that the address names. */
export function open(): void {
  const named = location.hash.slice(1) as Part;
  go(mine().includes(named) ? named : "status");
  window.clearInterval(timer);
  timer = window.setInterval(() => {
    if (shown.value === "status") void read();
  }, EVERY_MS);
}

export function go(part: Part): void {
  shown.value = part;
  fault.value = "";
  history.replaceState(null, "", `#${part}`);
  void read();
}

export async function read(): Promise<void> {
  const part = shown.value;
  if (!mine().includes(part)) return;
  try {
    await PARTS[part].read();
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
  }
}

/** Change something and read what became of it; null if it was refused: the page says why. */
export async function change<T>(asking: Promise<Answer<T>>): Promise<{ readonly body: T } | null> {
  fault.value = "";
  try {
    return { body: await body(asking) };
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    return null;
  } finally {
    await read();
  }
}
