/** An answer to a question that changes while it is typed: the latest one holds. */

import { signal } from "@preact/signals";
import { body, Problem, Unreachable, type Answer } from "../api/http";
import { locked } from "./store";

const AGAIN_MS = 1_000;
const LATER = new Set(["unavailable", "rate"]);

export class Latest<Found> {
  readonly found = signal<Found | null>(null);
  private turn = 0;
  private timer = 0;

  /** Ask after a pause, unless something else is asked meanwhile. */
  ask(asking: () => Promise<Answer<Found>>, afterMs = 0): void {
    const mine = this.end();
    this.timer = window.setTimeout(() => void this.look(mine, asking), afterMs);
  }

  clear(): void {
    this.end();
    this.found.value = null;
  }

  private end(): number {
    window.clearTimeout(this.timer);
    return ++this.turn;
  }

  private async look(mine: number, asking: () => Promise<Answer<Found>>): Promise<void> {
    try {
      const found = await body(asking());
      if (mine === this.turn) this.found.value = found;
    } catch (error) {
      if (mine !== this.turn) return;
      this.found.value = null;
      // A suggestion is a help: without it the work goes on, and it comes when it can be had.
      if (error instanceof Unreachable || (error instanceof Problem && LATER.has(error.kind))) {
        this.timer = window.setTimeout(() => void this.look(mine, asking), AGAIN_MS);
      } else if (error instanceof Problem && error.kind === "sign-in") locked.value = "expired";
      else if (!(error instanceof Problem)) throw error;
    }
  }
}
