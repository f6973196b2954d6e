/** A sound for each severity, made here: a browser lets a page be heard after a press only. */

import { signal } from "@preact/signals";

/** Whether sounds can be heard. */
export const audible = signal(false);

/** Tones by severity, after ISA-18.2: the worse, the more, the higher, the faster. Hz, seconds. */
const TUNES: Record<string, readonly (readonly [hertz: number, seconds: number])[]> = {
  P1: [[880, 0.14], [0, 0.05], [1175, 0.14], [0, 0.05], [880, 0.14], [0, 0.05], [1175, 0.3]],
  unknown: [[740, 0.14], [0, 0.08], [740, 0.14], [0, 0.08], [988, 0.22]],
  flood: [[740, 0.2], [0, 0.06], [587, 0.2], [0, 0.06], [740, 0.2], [0, 0.06], [587, 0.3]],
  P2: [[660, 0.16], [0, 0.08], [880, 0.24]],
  P3: [[520, 0.22]],
  P4: [[392, 0.16]],
};
const LOUDNESS = 0.25;
const EDGE_S = 0.01;

let context: AudioContext | null = null;

export async function enableSound(): Promise<void> {
  context ??= new AudioContext();
  context.onstatechange = () => (audible.value = context?.state === "running");
  await context.resume();
  audible.value = context.state === "running";
  play("P4");
}

export async function mute(): Promise<void> {
  await context?.suspend();
  audible.value = false;
}

/** Play the sound of a severity, or of a flood. */
export function play(severity: string): void {
  if (context === null || context.state !== "running") return;
  let at = context.currentTime;
  for (const [hertz, seconds] of TUNES[severity] ?? []) {
    if (hertz > 0) beep(context, hertz, at, at + seconds);
    at += seconds;
  }
}

function beep(context: AudioContext, hertz: number, from: number, until: number): void {
  const tone = new OscillatorNode(context, { type: "triangle", frequency: hertz });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, from);
  volume.gain.linearRampToValueAtTime(LOUDNESS, from + EDGE_S);
  volume.gain.setValueAtTime(LOUDNESS, until - EDGE_S);
  volume.gain.linearRampToValueAtTime(0, until);
  tone.connect(volume).connect(context.destination);
  tone.start(from);
  tone.stop(until);
}
