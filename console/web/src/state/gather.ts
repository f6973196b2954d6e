/** Changes are gathered and shown together: the page is never busy with them alone. */

const SOON_MS = 30;
const PATIENT_MS = 500;
const BUSY_MS = 250;

export class Gathered {
  private readonly changes: (() => void)[] = [];
  private due = Infinity;
  private timer = 0;
  /** How long the page was busy with what was shown the last time, and until when. */
  private busy = 0;
  private idle = -Infinity;

  constructor(private readonly show: (changes: readonly (() => void)[]) => void) {}

  /** Take a change; a patient one waits for others, such as a unit that has moved on. */
  put(change: () => void, patient: boolean): void {
    this.changes.push(change);
    // Whatever the changes cost here, keys are answered for as long in between.
    const now = performance.now();
    const rest = this.idle + Math.min(BUSY_MS, this.busy) - now;
    const wait = patient ? PATIENT_MS : Math.max(SOON_MS, rest);
    const due = now + wait;
    if (due >= this.due) return;
    this.due = due;
    window.clearTimeout(this.timer);
    // Not requestAnimationFrame, which stands still in a tab that nobody sees: its sounds would, too.
    this.timer = window.setTimeout(() => this.flush(), wait);
  }

  flush(): void {
    window.clearTimeout(this.timer);
    this.due = Infinity;
    const changes = this.changes.splice(0);
    if (changes.length === 0) return;
    const begun = performance.now();
    this.show(changes);
    // A task of its own comes behind all that the changes have led to.
    window.setTimeout(() => {
      this.idle = performance.now();
      this.busy = this.idle - begun;
    });
  }
}
