import { t } from "../words/catalogue";
import { made } from "./parts";

/** A password or token, shown this once. */
export function Made() {
  const shown = made.value;
  return (
    <div role="status">
      {shown && (
        <div class="card made">
          <p>{t(shown.what, { name: shown.of })}</p>
          <code>{shown.secret}</code>
          <button onClick={() => void navigator.clipboard.writeText(shown.secret)}>{t("copy")}</button>
          <button class="primary" onClick={() => (made.value = null)}>
            {t("put_away")}
          </button>
        </div>
      )}
    </div>
  );
}
