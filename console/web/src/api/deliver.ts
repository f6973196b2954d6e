/** A change is asked for until there is an answer, always under the one key that it began with. */

import { ask, Problem, Unreachable, type Answer } from "./http";

const ATTEMPTS = 20;
const LONGEST_WAIT_MS = 4_000;
const AGAIN = new Set(["in-flight", "unavailable", "no-answer", "rate"]);

/** Return the answer; throws `Problem` if it is a refusal, `Unreachable` if there was none. */
export async function deliver(
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  key: string = crypto.randomUUID(),
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await ask(method, path, body, { "Idempotency-Key": key });
      if (answer.status !== 202 || attempt === ATTEMPTS) return answer;
    } catch (error) {
      const passes = error instanceof Problem ? AGAIN.has(error.kind) : error instanceof Unreachable;
      if (!passes || attempt === ATTEMPTS) throw error;
    }
    await new Promise((go) => setTimeout(go, Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempt)));
  }
}
