import { choose, theme } from "../state/theme";
import { t } from "../words/catalogue";
import { language } from "../words/language";

/** Language and theme. */
export function Preferences() {
  const next = theme.value === "day" ? "night" : "day";
  const other = language.value === "zh" ? "en" : "zh";
  return (
    <div class="preferences">
      <button type="button" class="quiet" lang={other} onClick={() => (language.value = other)}>
        {t(other === "zh" ? "chinese" : "english")}
      </button>
      <button type="button" class="quiet" onClick={() => choose(next)}>
        {t(next)}
      </button>
    </div>
  );
}
