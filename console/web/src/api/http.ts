/** Requests to the gateway: its answer, or a `Problem`. */

import type { ProblemBody } from "./types";

const URN = "urn:jingwei:problem:";

export class Problem extends Error {
  readonly kind: string;

  constructor(readonly body: ProblemBody) {
    super(body.detail);
    this.kind = body.type.startsWith(URN) ? body.type.slice(URN.length) : "http";
  }
}

/** The gateway could not be reached. */
export class Unreachable extends Error {}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

let csrf: string | null = null;

/** Take the token that every request which changes something must carry. */
export function trust(token: string | null): void {
  csrf = token;
}

export async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const sent: Record<string, string> = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method !== "GET" && csrf !== null) sent["X-CSRF-Token"] = csrf;
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: sent,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Unreachable();
  }
  const text = await response.text().catch(() => {
    throw new Unreachable();
  });
  if (response.ok) return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  throw new Problem(problemOf(response, text));
}

export async function get<T>(path: string): Promise<T> {
  return (await ask("GET", path)).body as T;
}

/** Read a list to its end. */
export async function all<T>(path: string): Promise<T[]> {
  const found: T[] = [];
  let after: string | null = null;
  do {
    const query = `${path.includes("?") ? "&" : "?"}limit=200`;
    const next: string = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    const page: { items: T[]; next: string | null } = await get(path + query + next);
    found.push(...page.items);
    after = page.next;
  } while (after !== null);
  return found;
}

function problemOf(response: Response, text: string): ProblemBody {
  try {
    const body = JSON.parse(text) as ProblemBody;
    if (typeof body.type === "string" && typeof body.detail === "string") return body;
  } catch {
    // A proxy's page, or the plain 503 of a gateway with too many requests.
  }
  const title = response.statusText || String(response.status);
  const kind = response.status === 503 ? "unavailable" : "http";
  return { type: URN + kind, title, status: response.status, detail: title };
}
