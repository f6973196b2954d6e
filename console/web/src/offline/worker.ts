/**
 * The service worker of the responders' page: it opens the page without a signal.
 *
 * It keeps the shell only: the document and the files it is made of. What the gateway says of units
 * and incidents never passes through it, so nothing of that can stay in a cache.
 */

declare const self: ServiceWorkerGlobalScope;
export {};

const CACHE = "jingwei-unit";
const PAGE = "/unit";
const PATIENCE_MS = 4_000;
/** Files of the pages as the document and their own code name them: `assets/unit-C5D1x_f2.js`. */
const FILES = /[\w.-]+-[\w-]{8}\.(?:js|css|svg|webmanifest)/g;

self.addEventListener("install", (event) => {
  event.waitUntil(renew().then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin || request.method !== "GET") return;
  if (request.mode === "navigate" && pathname === PAGE) {
    event.respondWith(page(request));
    event.waitUntil(renew().catch(() => {})); // without a signal the old shell stays
  } else if (pathname.startsWith("/assets/")) {
    event.respondWith(file(request));
  }
});

/** The document as the gateway has it; as it was kept if that does not answer. */
async function page(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) return answer;
    return (await kept(PAGE)) ?? answer;
  } catch {
    return (await kept(PAGE)) ?? Response.error();
  }
}

async function file(request: Request): Promise<Response> {
  return (await kept(new URL(request.url).pathname)) ?? fetch(request);
}

async function kept(path: string): Promise<Response | undefined> {
  return (await caches.open(CACHE)).match(path);
}

/** Keep the document and all it is made of, and nothing else. The document comes last. */
async function renew(): Promise<void> {
  const cache = await caches.open(CACHE);
  const document = await fetch(PAGE, { cache: "no-cache", credentials: "omit" });
  if (!document.ok) return;
  const wanted = new Set<string>([PAGE]);
  let found = named(await document.clone().text());
  while (found.length > 0) {
    const next: string[] = [];
    for (const path of found) {
      if (wanted.has(path)) continue;
      wanted.add(path);
      next.push(...named(await keep(cache, path)));
    }
    found = next;
  }
  await cache.put(PAGE, document);
  for (const old of await cache.keys()) {
    if (!wanted.has(new URL(old.url).pathname)) await cache.delete(old);
  }
}

/** Keep a file and return its code, to look for what that names. */
async function keep(cache: Cache, path: string): Promise<string> {
  const known = await cache.match(path);
  const answer = known ?? (await fetch(path, { credentials: "omit" }));
  if (!answer.ok) return ""; // a name that only looked like a file's
  if (!known) await cache.put(path, answer.clone());
  return path.endsWith(".js") || path.endsWith(".css") ? answer.text() : "";
}

function named(text: string): string[] {
  return [...new Set(text.match(FILES) ?? [])].map((name) => `/assets/${name}`);
}
