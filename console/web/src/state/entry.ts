/** Signing in and out; a session that ends takes nothing from the screen. */

import { signal } from "@preact/signals";
import { body, gateway, Problem } from "../api/http";
import { listen, stop } from "../api/live";
import type { Person } from "../api/types";
import { sendWaiting } from "../actions/decide";
import { learnAreas } from "./areas";
import { discardCall, restoreCall, sendWaitingCall } from "./call";
import { readEndedAlarms } from "./flood";
import { readSheet } from "./sheet";
import { locked, person } from "./store";

const AGAIN_MS = 2_000;

const LINK = /^#link=(.+)$/;

/** Why the link in the address did not sign anybody in. */
export const linkFault = signal("");

/** Come in by the link in the address, or go on with the session that the browser has. */
export async function resume(): Promise<void> {
  try {
    const link = LINK.exec(location.hash)?.[1];
    if (link !== undefined && (await signInBy(link))) return;
    enter(await body(gateway.api.GET("/api/v1/session")));
  } catch (error) {
    if (error instanceof Problem && error.kind === "sign-in") locked.value = "start";
    else window.setTimeout(() => void resume(), AGAIN_MS);
  }
}

/** Sign in; throws `Problem` or `Unreachable`. */
export async function signIn(name: string, password: string): Promise<void> {
  enter(await body(gateway.api.POST("/api/v1/session", { body: { name, password } })));
}

/** Sign in by a link, which works once; false, and why, if it does not. Throws `Unreachable`. */
async function signInBy(link: string): Promise<boolean> {
  try {
    enter(await body(gateway.api.POST("/api/v1/session/link", { body: { link } })));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    linkFault.value = `${error.body.title}: ${error.body.detail}`;
  }
  // Used up or of no use, it stays neither in the address nor in the history.
  history.replaceState(null, "", location.pathname + location.search);
  return linkFault.value === "";
}

export async function signOut(): Promise<void> {
  await body(gateway.api.DELETE("/api/v1/session"));
  stop();
  // Nothing of the one stays for the next: neither what was seen nor what was typed.
  sessionStorage.clear();
  discardCall();
  location.assign("/");
}

function enter(found: Person): void {
  gateway.trust(found);
  person.value = found;
  locked.value = null;
  linkFault.value = "";
  listen();
  sendWaiting();
  void learnAreas();
  void readEndedAlarms();
  restoreCall();
  sendWaitingCall();
  void readSheet();
}
