/** One kind of records by their ids: however many change together, they make one new map. */

import { signal } from "@preact/signals";

export class Table<T extends { readonly id: string }> {
  readonly all = signal<ReadonlyMap<string, T>>(new Map());
  private draft: Map<string, T> | null = null;

  /** Return a record with the changes that are not settled yet. */
  get(id: string): T | undefined {
    return (this.draft ?? this.all.peek()).get(id);
  }

  put(one: T): void {
    this.changed().set(one.id, one);
  }

  drop(id: string): void {
    if (this.get(id) !== undefined) this.changed().delete(id);
  }

  replace(found: readonly T[]): void {
    this.draft = new Map(found.map((one) => [one.id, one]));
  }

  /** Show what was changed. */
  settle(): void {
    if (this.draft === null) return;
    this.all.value = this.draft;
    this.draft = null;
  }

  private changed(): Map<string, T> {
    return (this.draft ??= new Map(this.all.peek()));
  }
}
