import { useState } from "preact/hooks";
import { Preferences } from "../view/Preferences";
import { t } from "../words/catalogue";
import { crew, goAway } from "./duty";
import { waiting } from "./queue";

/** Language, theme, and signing out: with a question if stamps would be lost. */
export function Foot() {
  const [asks, setAsks] = useState(false);
  const count = waiting.value.length;
  return (
    <footer class="unit-foot">
      {asks && count > 0 ? (
        <div class="card" role="alertdialog" aria-labelledby="leave-title">
          <p id="leave-title">{t("leave_with_stamps", { count })}</p>
          <button onClick={() => void goAway()}>{t("sign_out_anyway")}</button>
          <button class="primary" onClick={() => setAsks(false)}>
            {t("cancel")}
          </button>
        </div>
      ) : (
        <>
          <Preferences />
          <span class="who">{crew.value?.name}</span>
          <button class="quiet" id="leave" onClick={() => (count > 0 ? setAsks(true) : void goAway())}>
            {t("sign_out")}
          </button>
        </>
      )}
    </footer>
  );
}
