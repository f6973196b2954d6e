/** One request, sent until there is an answer: its `Idempotency-Key` lets it be carried out once. */

import { answered, Problem, Unreachable, type Answer } from "./http";

const ATTEMPTS = 40;
const LONGEST_WAIT_MS = 5_000;
const AGAIN = new Set(["in-flight", "unavailable", "no-answer"]);
const NOT_KNOWN_YET = 202;

/** Return the answer, null if none came; throws `Problem` if it was refused. */
export async function untilAnswered<Body>(
  ask: () => Promise<Answer<Body>>,
  told: (attempt: number) => void,
): Promise<Answer<Body> | null> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    told(attempt);
    try {
      const answer = await answered(ask());
      if (answer.response.status !== NOT_KNOWN_YET) return answer;
    } catch (error) {
      const passes = error instanceof Unreachable || (error instanceof Problem && AGAIN.has(error.kind));
      if (!passes) throw error;
    }
    await new Promise((go) => setTimeout(go, Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempt)));
  }
  return null;
}
