import { now } from "../state/store";
import { t } from "../words/catalogue";
import { age } from "../words/times";
import { duty, isOld, reached } from "./duty";
import { lasting, waiting } from "./queue";

/** What makes the page less than it should be, for as long as it lasts. */
export function Signal() {
  const shown = duty.value;
  const since = shown === null ? null : age(now.value - shown.at);
  return (
    <div class="banners" role="status">
      {!reached.value && (
        <p class="banner trouble">
          {since === null ? t("no_signal") : t("no_signal_since", { age: since })}
        </p>
      )}
      {reached.value && isOld.value && since !== null && (
        <p class="banner trouble">{t("shown_age", { age: since })}</p>
      )}
      {!lasting.value && waiting.value.length > 0 && <p class="banner trouble">{t("not_kept")}</p>}
    </div>
  );
}
