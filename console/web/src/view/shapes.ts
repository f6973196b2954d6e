/** The shapes of severities, in a box of 32: on the lists and on the map the same. */

interface Shape {
  readonly path: string;
  readonly letter: string;
}

const SHAPES: Record<string, Shape> = {
  // octagon, as a stop sign
  P1: { path: "M10 1h12l9 9v12l-9 9H10l-9-9V10z", letter: "P1" },
  // diamond
  P2: { path: "M16 0l16 16-16 16L0 16z", letter: "P2" },
  // square
  P3: { path: "M4 3h24a1 1 0 0 1 1 1v24a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z", letter: "P3" },
  // circle
  P4: { path: "M16 2a14 14 0 1 1 0 28a14 14 0 1 1 0-28z", letter: "P4" },
};
const UNKNOWN: Shape = { path: "M16 1l15 11-6 18H7L1 12z", letter: "?" };

export function shapeOf(code: string): Shape {
  return SHAPES[code] ?? UNKNOWN;
}
