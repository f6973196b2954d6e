/** The session of a page beside the console. */

import { ask, get, Problem, trust } from "../api/http";
import type { Person } from "../api/types";
import { locked, person } from "./store";

/** Who signed in, with what a responder or a department is tied to. */
export interface Member extends Person {
  readonly department: string | null;
  readonly unit: string | null;
}

/** Return who is signed in, null if nobody is; throws `Unreachable`, and `Problem` for all else. */
export async function present(): Promise<Member | null> {
  try {
    return await get<Member>("/session");
  } catch (error) {
    if (error instanceof Problem && error.kind === "sign-in") return null;
    throw error;
  }
}

export async function signIn(name: string, password: string): Promise<Member> {
  return (await ask("POST", "/session", { name, password })).body as Member;
}

/** Let somebody in: what is asked for from now on is asked in their name. */
export function admit(member: Member): void {
  trust(member.csrf);
  person.value = member;
  locked.value = null;
}

/** Tell whether an answer means that the session is over, and ask for another one if so. */
export function isOver(error: unknown): boolean {
  const over = error instanceof Problem && (error.kind === "sign-in" || error.kind === "csrf");
  if (over) locked.value = "expired";
  return over;
}
