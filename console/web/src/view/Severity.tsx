import { word } from "../words/codes";
import { shapeOf } from "./shapes";

/** A severity by shape, letter and colour, so that any one of them is enough. */
export function Severity({ code, large = false }: { code: string; large?: boolean }) {
  const { path, letter } = shapeOf(code);
  const size = large ? 34 : 26;
  return (
    <svg
      class={`severity s-${code}`}
      width={size}
      height={size}
      viewBox="0 0 32 32"
      role="img"
      aria-label={`${code} ${word("severity", code)}`}
    >
      <path d={path} />
      <text x="16" y="21" text-anchor="middle">
        {letter}
      </text>
    </svg>
  );
}
