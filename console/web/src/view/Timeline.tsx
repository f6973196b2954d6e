import type { Line } from "../api/types";
import { units } from "../state/store";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { render, together } from "../words/reasons";
import { clock } from "../words/times";

/** What has happened, the latest first, with the reasons. */
export function Timeline({ lines }: { lines: readonly Line[] }) {
  return (
    <section aria-labelledby="timeline-title">
      <h3 id="timeline-title">{t("timeline")}</h3>
      <ol class="timeline" reversed>
        {[...lines].reverse().map((line) => (
          <li key={line.seq}>
            <time>{clock(line.at)}</time>
            <div>
              <b>{word("timeline_kind", line.kind)}</b> {render(line.text)}
              <small>{[actor(line.actor), together(line.reasons)].filter(Boolean).join(" · ")}</small>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function actor(name: string): string {
  if (name === "policy") return t("policy_actor");
  if (name === "sensor") return t("sensor");
  if (name === "citizen") return t("report");
  return units.value.get(name)?.name ?? name;
}
