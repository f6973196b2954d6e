import { computed, useComputed } from "@preact/signals";
import { now } from "../state/store";
import { t, type Word } from "../words/catalogue";
import { age, IN_MINUTES_MS } from "../words/times";

interface Props {
  readonly at: string;
  /** A sentence about it. */
  readonly told?: Word;
}

/** What is told in minutes is looked at every ten seconds only: there may be a thousand of them. */
const SLOW_MS = 10_000;
const slowly = computed(() => now.value - (now.value % SLOW_MS));

/** How long ago something was. As time goes on only this text changes, and nothing is drawn again. */
export function Age({ at, told }: Props) {
  return <Text key={at} at={at} told={told} />;
}

function Text({ at, told }: { at: string; told: Word | undefined }) {
  const began = Date.parse(at);
  const text = useComputed(() => {
    const since = age((slowly.value - began > IN_MINUTES_MS ? slowly : now).value - began);
    return told === undefined ? since : t(told, { age: since });
  });
  return <>{text}</>;
}
