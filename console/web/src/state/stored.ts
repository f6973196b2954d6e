/** What this browser keeps. Without storage they last as long as the page. */

const kept = new Map<string, string>();

/** Return what is stored under a name, after storing a value if one is given. */
export function stored(name: string, value?: string): string | null {
  const key = `jingwei.${name}`;
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    if (value !== undefined) kept.set(key, value);
    return kept.get(key) ?? null;
  }
}

export function forget(name: string): void {
  kept.delete(`jingwei.${name}`);
  try {
    localStorage.removeItem(`jingwei.${name}`);
  } catch {
    // without storage nothing is there
  }
}
