/** The gateway as pages ask it: every path, parameter and answer is typed by `api.d.ts`. */
import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./api";

export type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type Action = Schemas["Order"]["action"];

/** A gateway, and the CSRF token of the session that the browser's cookie stands for. */
export class Gateway {
  readonly api: Client<paths>;
  #csrf: string | null = null;

  constructor(baseUrl: string) {
    this.api = createClient<paths>({ baseUrl, credentials: "same-origin" });
    this.api.use({
      onRequest: ({ request }) => {
        if (this.#csrf !== null && request.method !== "GET") {
          request.headers.set("X-CSRF-Token", this.#csrf);
        }
        return request;
      },
    });
  }

  /** Take the token that every request which changes something must carry. */
  trust(session: Session): void {
    this.#csrf = session.csrf;
  }

  async signIn(name: string, password: string): Promise<Session | undefined> {
    const { data } = await this.api.POST("/api/v1/session", { body: { name, password } });
    if (data) this.trust(data);
    return data;
  }

  /** The open incidents, the latest first; `after` is `next` of the page before. */
  async openIncidents(after?: string) {
    const query = after === undefined ? { open: true } : { open: true, after };
    return this.api.GET("/api/v1/incidents", { params: { query } });
  }

  /** Give a command. Send it again with the same key until there is an answer. */
  async give(incident: string, action: Action, key: string = crypto.randomUUID(), dry = false) {
    return this.api.POST("/api/v1/incidents/{incident}/commands", {
      params: { path: { incident }, header: { "Idempotency-Key": key } },
      body: { action, dry_run: dry },
    });
  }
}
