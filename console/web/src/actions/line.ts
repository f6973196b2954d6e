/** The command line: `VERB [#NUMBER] ARGUMENTS`, such as `close #0007 resolved burnt food`. */

import { MINUTES } from "../state/shelf";
import { incidents, units } from "../state/store";
import { codesOf } from "../words/codes";
import { MOVES } from "./moves";
import { unitNamed } from "./resolve";
import { DEEDS, type Deed, type Field, type Values } from "./table";

export interface Typed {
  readonly verb: string;
  /** Null if no action has the verb. */
  readonly deed: Deed | null;
  /** The incident's number, where one was given. */
  readonly number: string | null;
  readonly values: Values;
  /** Words that no field takes: the command may mean something else than it would do. */
  readonly left: readonly string[];
}

export const GO = "go";
const VERBS = MOVES.flatMap((move) => move.verb ?? []);

export function parse(text: string): Typed {
  const [verb = "", ...rest] = text.trim().replace(/^\//, "").split(/\s+/);
  const named = rest[0]?.startsWith("#") ? rest.shift() : undefined;
  const deed = DEEDS.find((one) => one.verbs.includes(verb.toLowerCase())) ?? null;
  return {
    verb: verb.toLowerCase(),
    deed,
    number: named?.slice(1) ?? null,
    ...(deed ? valuesOf(deed.fields, rest) : { values: {}, left: [] }),
  };
}

/** Give words to fields: codes and ids by what they are, the rest to the last field of text. */
function valuesOf(fields: readonly Field[], words: readonly string[]): Pick<Typed, "values" | "left"> {
  const values: Record<string, string> = {};
  const left = [...words];
  for (const field of fields) {
    const [first] = left;
    if (first === undefined) break;
    if (field.kind === "text") {
      values[field.name] = left.splice(0).join(" ");
    } else if (field.kind === "units") {
      values[field.name] = left.splice(0, Math.max(1, countOfUnits(left))).join(",");
    } else if (field.required || isOf(field, first)) {
      values[field.name] = first;
      left.shift();
    }
  }
  return { values, left };
}

/** Return how many words name units, one after the other. */
function countOfUnits(words: readonly string[]): number {
  const isUnits = (word: string) => word.split(/[,，、]+/).filter(Boolean).every((one) => unitNamed(one) !== null);
  const other = words.findIndex((word) => !isUnits(word));
  return other < 0 ? words.length : other;
}

function isOf(field: Field, word: string): boolean {
  const same = (other: string) => other.toLowerCase() === word.toLowerCase();
  if (field.kind === "units" || field.kind === "incident" || field.kind === "text") return false;
  if (field.kind === "minutes") return MINUTES.includes(word);
  return codesOf(field.kind).some((row) => same(row.code) || same(row.en) || row.zh === word);
}

/** Return how the word that is being typed could go on. */
export function completions(text: string): string[] {
  const words = text.replace(/^\//, "").split(/\s+/);
  const last = words.at(-1) ?? "";
  const start = text.slice(0, text.length - last.length);
  return candidates(words, last)
    .filter((one) => one.toLowerCase().startsWith(last.toLowerCase()))
    .slice(0, 8)
    .map((one) => start + one);
}

function candidates(words: readonly string[], last: string): string[] {
  if (words.length === 1) return [GO, ...VERBS, ...DEEDS.flatMap((deed) => deed.verbs[0] ?? [])].sort();
  if (last.startsWith("#")) return numbers().map((one) => `#${one}`);
  const verb = (words[0] ?? "").toLowerCase();
  if (verb === GO) return numbers();
  const deed = DEEDS.find((one) => one.verbs.includes(verb));
  return (deed?.fields ?? []).flatMap(candidatesOf);
}

function candidatesOf(field: Field): string[] {
  if (field.kind === "text") return [];
  if (field.kind === "minutes") return [...MINUTES];
  if (field.kind === "incident") return numbers();
  if (field.kind === "units") return [...units.value.keys()].map((id) => id.replace(/^[^-]*-/, ""));
  return codesOf(field.kind).map((row) => row.code);
}

function numbers(): string[] {
  return [...incidents.value.values()].map((one) => one.number.split("-").at(-1) ?? one.number);
}
