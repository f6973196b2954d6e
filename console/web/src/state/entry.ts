/** Signing in and out; a session that ends takes nothing from the screen. */

import { ask, get, Problem, trust } from "../api/http";
import { listen, stop } from "../api/live";
import type { Person } from "../api/types";
import { sendWaiting } from "../actions/decide";
import { readSheet } from "./sheet";
import { locked, person } from "./store";

const AGAIN_MS = 2_000;

/** Go on with the session that the browser has, if it has one. */
export async function resume(): Promise<void> {
  try {
    enter(await get<Person>("/session"));
  } catch (error) {
    if (error instanceof Problem && error.kind === "sign-in") locked.value = "start";
    else window.setTimeout(() => void resume(), AGAIN_MS);
  }
}

/** Sign in; throws `Problem` or `Unreachable`. */
export async function signIn(name: string, password: string): Promise<void> {
  enter((await ask("POST", "/session", { name, password })).body as Person);
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/session");
  stop();
  // Nothing of the one stays for the next: neither what was seen nor what was typed.
  sessionStorage.clear();
  location.assign("/");
}

function enter(found: Person): void {
  trust(found.csrf);
  person.value = found;
  locked.value = null;
  listen();
  sendWaiting();
  void readSheet();
}
