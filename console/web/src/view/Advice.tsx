import type { Candidate, Recommendation } from "../api/types";
import { moveOf } from "../actions/moves";
import { units } from "../state/store";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { render, shortage, together } from "../words/reasons";
import { age } from "../words/times";

/** Who should go, who else was looked at, and why. */
export function Advice({ found }: { found: Recommendation | null }) {
  return (
    <section aria-labelledby="advice-title">
      <div class="advice-head">
        <h3 id="advice-title">{t("recommendation")}</h3>
        <button class="quiet" id="why-not-nearest" aria-keyshortcuts="w" onClick={() => moveOf("why").move("")}>
          {t("key_nearest")} <kbd>w</kbd>
        </button>
      </div>
      {found === null ? <p class="empty">{t("no_recommendation")}</p> : <Found found={found} />}
    </section>
  );
}

function Found({ found }: { found: Recommendation }) {
  const first = found.candidates.filter((one) => one.chosen);
  const others = found.candidates.filter((one) => !one.chosen);
  return (
    <>
      <ul class="reasons">
        {found.reasons.map((reason, at) => (
          <li key={at}>{render(reason)}</li>
        ))}
        {found.short.map((one) => (
          <li key={typeof one === "string" ? one : one.capability}>
            <b>{t("short_units")}</b> {shortage(one)}
          </li>
        ))}
      </ul>
      <Candidates list={first} />
      {others.length > 0 && (
        <details>
          <summary>
            {t("alternatives")} ({others.length})
          </summary>
          <Candidates list={others} />
        </details>
      )}
    </>
  );
}

function Candidates({ list }: { list: readonly Candidate[] }) {
  return (
    <ul class="candidates">
      {list.map((one) => (
        <li key={`${one.unit} ${one.capability}`}>
          <b>{units.value.get(one.unit)?.name ?? one.unit}</b>
          <span>{word("capability", one.capability)}</span>
          <span class="number">{one.seconds === null ? "–" : age(one.seconds * 1_000)}</span>
          <small>{together(one.reasons)}</small>
        </li>
      ))}
    </ul>
  );
}
