/** The session of a page beside the console. */

import { body, gateway, Problem } from "../api/http";
import type { Person } from "../api/types";
import { locked, person } from "./store";

/** Return who is signed in, null if nobody is; throws `Unreachable`, and `Problem` for all else. */
export async function present(): Promise<Person | null> {
  try {
    return await body(gateway.api.GET("/api/v1/session"));
  } catch (error) {
    if (error instanceof Problem && error.kind === "sign-in") return null;
    throw error;
  }
}

export async function signIn(name: string, password: string): Promise<Person> {
  return body(gateway.api.POST("/api/v1/session", { body: { name, password } }));
}

/** Let somebody in: what is asked for from now on is asked in their name. */
export function admit(member: Person): void {
  gateway.trust(member);
  person.value = member;
  locked.value = null;
}

/** Tell whether an answer means that the session is over, and ask for another one if so. */
export function isOver(error: unknown): boolean {
  const over = error instanceof Problem && (error.kind === "sign-in" || error.kind === "csrf");
  if (over) locked.value = "expired";
  return over;
}
