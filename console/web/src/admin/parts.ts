/** The parts of the page, what each shows, and how it is read and changed. */

import { signal } from "@preact/signals";
import { all, ask, get, Problem } from "../api/http";
import type { Reason } from "../api/types";
import { isOver } from "../state/session";
import { member } from "../state/member";
import { t, type Word } from "../words/catalogue";

export type Part = "status" | "letters" | "accounts" | "tokens" | "plans" | "fences";

interface About {
  readonly word: Word;
  readonly roles: readonly string[];
  readonly read: () => Promise<void>;
}

export interface SystemStatus {
  readonly at: string;
  readonly lag: readonly { readonly topic: string; readonly messages: number }[] | null;
  readonly backlog: {
    readonly outbox: number;
    readonly outbox_oldest: string | null;
    readonly outbox_refused: number;
    readonly dead_letters: number;
  };
  readonly parts: readonly { readonly part: string; readonly hosts: number; readonly connections: number }[];
}

export interface LetterCount {
  readonly topic: string;
  readonly error: string;
  readonly letters: number;
  readonly redriven: number;
  readonly last: string;
}

export interface Letter {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly error: string;
  readonly reason: string;
  readonly at: string;
}

export interface Account {
  readonly name: string;
  readonly role: string;
  readonly department: string | null;
  readonly unit: string | null;
  readonly disabled_at: string | null;
  readonly issuer: string | null;
  readonly seen_at: string | null;
}

export interface Token {
  readonly prefix: string;
  readonly account: string;
  readonly role: string;
  readonly label: string;
  readonly expires_at: string;
  readonly used_at: string | null;
  readonly revoked_at: string | null;
}

export interface Requirement {
  readonly capability: string;
  readonly count: number;
}

export interface Plan {
  readonly region: string;
  readonly policy: string;
  readonly category: string;
  readonly severity: string;
  readonly requirements: readonly Requirement[];
}

export interface Fence {
  readonly region: string;
  readonly id: string;
  readonly kind: string;
  readonly name: string;
}

export const status = signal<SystemStatus | null>(null);
export const counts = signal<readonly LetterCount[]>([]);
export const letters = signal<readonly Letter[]>([]);
export const accounts = signal<readonly Account[]>([]);
export const tokens = signal<readonly Token[]>([]);
export const plans = signal<readonly Plan[]>([]);
export const fences = signal<readonly Fence[]>([]);

/** Why the last reading or change failed. */
export const fault = signal("");
/** A password or token that was just made; it is shown until it is put away, and kept nowhere. */
export const made = signal<{ readonly what: Word; readonly of: string; readonly secret: string } | null>(null);

const KEEPERS = ["supervisor", "administrator"];
const ADMINISTRATORS = ["administrator"];

export const PARTS: Readonly<Record<Part, About>> = {
  status: {
    word: "part_status",
    roles: KEEPERS,
    read: async () => {
      status.value = await get("/status");
    },
  },
  letters: {
    word: "part_letters",
    roles: KEEPERS,
    read: async () => {
      counts.value = await get("/dead-letters/summary");
      if (mayAdminister()) {
        letters.value = (await get<{ items: Letter[] }>("/dead-letters?limit=100")).items;
      }
    },
  },
  accounts: {
    word: "part_accounts",
    roles: ADMINISTRATORS,
    read: async () => {
      accounts.value = await get("/accounts");
    },
  },
  tokens: {
    word: "part_tokens",
    roles: ADMINISTRATORS,
    read: async () => {
      [tokens.value, accounts.value] = await Promise.all([
        get<Token[]>("/tokens"),
        get<Account[]>("/accounts"),
      ]);
    },
  },
  plans: {
    word: "part_plans",
    roles: KEEPERS,
    read: async () => {
      plans.value = await get("/plans");
    },
  },
  fences: {
    word: "part_fences",
    roles: KEEPERS,
    read: async () => {
      fences.value = await all<Fence>("/fences");
    },
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
export async function change<T = null>(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly body: T } | null> {
  fault.value = "";
  try {
    const answer = await ask(method, path, body);
    return { body: answer.body as T };
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    return null;
  } finally {
    await read();
  }
}

/** Ask what another plan would change; null if it cannot be tried. */
export async function rehearse(plan: Plan, requirements: readonly Requirement[]) {
  const { region, category, severity } = plan;
  fault.value = "";
  try {
    const body = { region, plans: [{ category, severity, requirements }] };
    return (await ask("POST", "/policies/dry-run", body)).body as { changes: readonly Reason[] };
  } catch (error) {
    if (!isOver(error)) fault.value = why(error);
    return null;
  }
}

function why(error: unknown): string {
  return error instanceof Problem ? `${error.body.title}: ${error.body.detail}` : t("no_gateway");
}
