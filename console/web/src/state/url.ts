/** What is shown stands in the URL: `/incidents/ID?severity=P1&wall`, to be kept or handed on. */

import { signal } from "@preact/signals";

export interface Address {
  readonly incident: string | null;
  readonly severities: readonly string[];
  readonly words: string;
  /** The map alone, for a wall. */
  readonly wall: boolean;
}

function parse(): Address {
  const chosen = /^\/incidents\/([^/]+)$/.exec(location.pathname);
  const query = new URLSearchParams(location.search);
  return {
    incident: chosen?.[1] ? decodeURIComponent(chosen[1]) : null,
    severities: query.getAll("severity"),
    words: query.get("q") ?? "",
    wall: query.has("wall"),
  };
}

export const address = signal<Address>(parse());

/** Go to another place; the browser's Back leads from one incident to the one before. */
export function go(change: Partial<Address>): void {
  const next = { ...address.value, ...change };
  const query = new URLSearchParams(next.severities.map((code) => ["severity", code]));
  if (next.words) query.set("q", next.words);
  if (next.wall) query.set("wall", "");
  const path = next.incident === null ? "/" : `/incidents/${encodeURIComponent(next.incident)}`;
  const url = query.size ? `${path}?${query}` : path;
  const stays = next.incident === address.value.incident && next.wall === address.value.wall;
  if (stays) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  address.value = next;
}

window.addEventListener("popstate", () => {
  address.value = parse();
});
