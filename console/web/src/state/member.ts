/** Who works on a page beside the console: in, out, and in again when the session has ended. */

import { signal } from "@preact/signals";
import { body, gateway } from "../api/http";
import type { Person } from "../api/types";
import { admit, present, signIn } from "./session";
import { locked, tick } from "./store";

export const member = signal<Person | null>(null);

const AGAIN_MS = 2_000;
let entered: () => void = () => {};

/** Begin with the session that the browser has; `then` follows each time somebody comes in. */
export async function begin(then: () => void): Promise<void> {
  entered = then;
  window.setInterval(tick, 1_000);
  await resume();
}

async function resume(): Promise<void> {
  try {
    const found = await present();
    if (found) enter(found);
    else locked.value = "start";
  } catch {
    window.setTimeout(() => void resume(), AGAIN_MS);
  }
}

/** Sign in; throws `Problem` or `Unreachable`. */
export async function come(name: string, password: string): Promise<void> {
  enter(await signIn(name, password));
}

export async function goAway(): Promise<void> {
  await body(gateway.api.DELETE("/api/v1/session"));
  sessionStorage.clear();
  location.assign(location.pathname);
}

function enter(found: Person): void {
  member.value = found;
  admit(found);
  entered();
}
