import { counts, readAll, since } from "../state/since";
import { now } from "../state/store";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { age } from "../words/times";

/** What has changed since this screen was last looked at. */
export function Since() {
  const found = since.value;
  return (
    <div role="status">
      {found && (
        <div class="since">
          <p>{t("since_you_looked", { age: age(now.value - found.at), ...counts.value })}</p>
          {found.over.length > 0 && (
            <small>
              {t("over")}:{" "}
              {found.over.map((one) => `${one.number.split("-").at(-1)} ${word("category", one.category)}`).join(" · ")}
            </small>
          )}
          <button onClick={readAll}>{t("all_read")}</button>
        </div>
      )}
    </div>
  );
}
