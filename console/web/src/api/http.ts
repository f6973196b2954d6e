/** Requests to the gateway: its answer, or a `Problem`. */

import { Gateway } from "../client";
import type { Schemas } from "../client";

const URN = "urn:jingwei:problem:";
const PAGE = 200;

export const gateway = new Gateway(location.origin);

/** An error of the gateway (RFC 9457); of a refused command also the present state. */
type ProblemBody = Schemas["Problem"] & { readonly incident?: Schemas["IncidentLine"] | null };

export class Problem extends Error {
  readonly kind: string;

  constructor(readonly body: ProblemBody) {
    super(body.detail);
    this.kind = body.type.startsWith(URN) ? body.type.slice(URN.length) : "http";
  }
}

/** The gateway could not be reached. */
export class Unreachable extends Error {}

export interface Answer<Body> {
  readonly data?: Body | undefined;
  readonly error?: unknown;
  readonly response: Response;
}

/** Return what was answered; throws `Problem` or `Unreachable`. */
export async function answered<Body>(asking: Promise<Answer<Body>>): Promise<Answer<Body>> {
  let found: Answer<Body>;
  try {
    found = await asking;
  } catch {
    throw new Unreachable();
  }
  if (found.response.ok) return found;
  throw new Problem(problemOf(found.error, found.response));
}

/** Return the body of an answer; throws `Problem` or `Unreachable`. */
export async function body<Body>(asking: Promise<Answer<Body>>): Promise<Body> {
  return (await answered(asking)).data as Body;
}

interface Page<Item> {
  readonly items: Item[];
  readonly next?: string | null;
}

/** Read a list to its end; `ask` asks for one page of it. */
export async function all<Item>(
  ask: (page: { limit: number; after?: string }) => Promise<Answer<Page<Item>>>,
): Promise<Item[]> {
  const found: Item[] = [];
  let after: string | null | undefined = null;
  do {
    const page: Page<Item> = await body(ask(after ? { limit: PAGE, after } : { limit: PAGE }));
    found.push(...page.items);
    after = page.next;
  } while (after);
  return found;
}

function problemOf(told: unknown, response: Response): ProblemBody {
  const found = told as Partial<ProblemBody> | null | undefined;
  if (typeof found?.type === "string" && typeof found.detail === "string") return found as ProblemBody;
  // A proxy's page, or the plain 503 of a gateway with too many requests.
  const title = response.statusText || String(response.status);
  const kind = response.status === 503 ? "unavailable" : "http";
  return { type: URN + kind, title, status: response.status, detail: title };
}
