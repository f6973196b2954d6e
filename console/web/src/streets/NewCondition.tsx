import { useState } from "preact/hooks";
import { t, type Word } from "../words/catalogue";
import { putInForce } from "./conditions";
import { draw, held, meant, points, shape, undoPoint, type Shape } from "./drawing";

const KINDS = [
  ["closure", "close_street"],
  ["lane_closure", "close_lanes"],
  ["flood_depth", "flood_street"],
  ["speed_factor", "slow_street"],
] as const satisfies readonly (readonly [string, Word])[];
type Kind = (typeof KINDS)[number][0];

/** The figure that a kind needs: its word, least, most, step, and what it is at first. */
const FIGURES = {
  lane_closure: ["lanes_figure", 1, 20, 1, 1],
  flood_depth: ["depth_figure", 0.05, 10, 0.05, 0.3],
  speed_factor: ["speed_figure", 5, 95, 5, 50],
} as const satisfies Partial<
  Record<Kind, readonly [Word, least: number, most: number, step: number, usual: number]>
>;
const HOURS = [0, 1, 4, 12, 24];
const SHAPES = [
  ["line", "draw_line"],
  ["area", "draw_area"],
] as const satisfies readonly (readonly [Shape, Word])[];

/** Draw over streets, or name one, and say what holds there. */
export function NewCondition() {
  const [kind, setKind] = useState<Kind>("closure");
  const [street, setStreet] = useState("");
  const figure = kind === "closure" ? null : FIGURES[kind];
  const drawn = meant.value;
  const ready = (drawn !== null && drawn.segments.length > 0) || street.trim() !== "";

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const hours = Number(given.get("hours"));
    held.value = true;
    try {
      await putInForce({
        kind,
        reason: String(given.get("reason")),
        segments: drawn?.segments ?? [],
        street: drawn ? null : street.trim(),
        ...figures(kind, Number(given.get("figure"))),
        valid_from: null,
        valid_until: hours > 0 ? new Date(Date.now() + hours * 3_600_000).toISOString() : null,
      });
      draw(null);
      setStreet("");
      form.reset();
    } catch {
      // What was drawn and typed stays; the page says why.
    }
    held.value = false;
  }

  return (
    <fieldset class="new-condition" disabled={held.value}>
      <legend>{t("new_condition")}</legend>
      <div class="tools" role="group" aria-label={t("draw")}>
        {SHAPES.map(([one, word]) => (
          <button
            key={one}
            id={`draw-${one}`}
            aria-pressed={shape.value === one}
            onClick={() => draw(shape.value === one ? null : one)}
          >
            {t(word)}
          </button>
        ))}
        <button class="quiet" disabled={points.value.length === 0} onClick={undoPoint}>
          {t("undo_point")}
        </button>
      </div>
      <p class="hint" role="status">
        {shape.value !== null && <Meaning />}
      </p>
      <form onSubmit={submit}>
        {shape.value === null && (
          <label>
            {t("or_street")}
            <input
              name="street"
              maxLength={200}
              value={street}
              onInput={(event) => setStreet(event.currentTarget.value)}
            />
          </label>
        )}
        <label>
          {t("what_holds")}
          <select
            name="kind"
            value={kind}
            onChange={(event) => setKind(event.currentTarget.value as Kind)}
          >
            {KINDS.map(([code, word]) => (
              <option key={code} value={code}>
                {t(word)}
              </option>
            ))}
          </select>
        </label>
        {figure && (
          <label key={kind}>
            {t(figure[0])}
            <input
              name="figure"
              type="number"
              required
              min={figure[1]}
              max={figure[2]}
              step={figure[3]}
              defaultValue={String(figure[4])}
            />
          </label>
        )}
        <label>
          {t("how_long")}
          <select name="hours">
            {HOURS.map((hours) => (
              <option key={hours} value={hours}>
                {hours === 0 ? t("until_cleared") : t("hours", { count: hours })}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("field_reason")}
          <input name="reason" maxLength={200} />
        </label>
        <button class="primary" id="put-in-force" disabled={!ready}>
          {t("put_in_force")}
        </button>
      </form>
    </fieldset>
  );
}

function Meaning() {
  const drawn = meant.value;
  if (drawn === null) return <>{t(shape.value === "area" ? "draw_area_hint" : "draw_line_hint")}</>;
  if (drawn.segments.length === 0) return <>{t("no_street_meant")}</>;
  return (
    <>{t("streets_meant", { streets: drawn.streets.join(" · "), metres: Math.round(drawn.metres) })}</>
  );
}

function figures(kind: Kind, value: number) {
  return {
    lanes_closed: kind === "lane_closure" ? value : null,
    depth_m: kind === "flood_depth" ? value : null,
    speed_factor: kind === "speed_factor" ? value / 100 : null,
  };
}
