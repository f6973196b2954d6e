import type { Line } from "../api/types";
import { since } from "../state/since";
import { units } from "../state/store";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { render, together } from "../words/reasons";
import { clock } from "../words/times";

/** What has happened, the latest first, with the reasons. */
export function Timeline({ lines }: { lines: readonly Line[] }) {
  const mark = since.value?.marks.get(lines[0]?.incident ?? "");
  const isUnread = (line: Line) => mark !== undefined && line.seq > (mark.version ?? 0);
  return (
    <section aria-labelledby="timeline-title">
      <h3 id="timeline-title">{t("timeline")}</h3>
      <ol class="timeline" reversed>
        {[...lines].reverse().map((line) => (
          <li key={line.seq} class={isUnread(line) ? "is-unread" : ""}>
            <time>{clock(line.at)}</time>
            <div>
              {isUnread(line) && <span class="flag changed">{t("mark_new")}</span>}{" "}
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
