import { nearest, type Comparison, type Side } from "../state/nearest";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { together } from "../words/reasons";
import { age } from "../words/times";

/** The unit that goes beside the one that is nearest on the map, and why. */
export function Nearest({ incident }: { incident: string }) {
  const found = nearest.value;
  if (found?.incident !== incident) return null;
  return (
    <section class="nearest" aria-labelledby="nearest-title">
      <h3 id="nearest-title">{t("nearest_title")}</h3>
      <div role="status">
        {found.at === "asking" && <p class="empty">{t("starting")}</p>}
        {found.at === "failed" && <p class="fault">{found.why}</p>}
        {found.at === "found" && found.lines.length === 0 && <p class="empty">{t("nearest_nobody")}</p>}
        {found.at === "found" && found.lines.map((one) => <Line key={one.capability} found={one} />)}
      </div>
      <button onClick={() => (nearest.value = null)}>{t("dismiss")}</button>
    </section>
  );
}

function Line({ found }: { found: Comparison }) {
  const { capability, chosen, nearest: closest } = found;
  return (
    <div class="comparison">
      <h4>{word("capability", capability)}</h4>
      <p>{verdict(chosen, closest)}</p>
      <dl>
        {chosen && <Shown label={t("nearest_chosen")} side={chosen} />}
        {closest && closest.unit !== chosen?.unit && <Shown label={t("nearest_closest")} side={closest} />}
      </dl>
    </div>
  );
}

function Shown({ label, side }: { label: string; side: Side }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <b>{side.name}</b>{" "}
        <span class="number">
          {side.seconds === null ? t("nearest_unasked") : age(side.seconds * 1_000)}
          {Number.isFinite(side.metres) && ` · ${t("metres", { metres: Math.round(side.metres / 10) * 10 })}`}
        </span>
        <small>{together(side.reasons)}</small>
      </dd>
    </div>
  );
}

function verdict(chosen: Side | null, closest: Side | null): string {
  if (chosen === null) return t("nearest_nobody");
  if (closest === null || closest.unit === chosen.unit) return t("nearest_same");
  if (closest.seconds === null || chosen.seconds === null) return t("nearest_not_able", { name: closest.name });
  const seconds = Math.round(closest.seconds - chosen.seconds);
  return t(seconds > 0 ? "nearest_slower" : "nearest_faster", { name: closest.name, seconds: Math.abs(seconds) });
}
