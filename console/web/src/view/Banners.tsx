import { showsList } from "../actions/moves";
import { health } from "../api/live";
import { audible, enableSound } from "../state/sound";
import { now } from "../state/store";
import { t } from "../words/catalogue";
import { age } from "../words/times";

/** What makes the screen less than it should be: never out of sight while it lasts. */
export function Banners() {
  const told = healthText();
  return (
    <div class="banners" role="region" aria-label={t("notices")}>
      <div role="status">{told && (
          <p class="banner trouble">
            {told}
            <button onClick={() => (showsList.value = true)}>
              {t("key_list")} <kbd>p</kbd>
            </button>
          </p>
        )}</div>
      {!audible.value && (
        <p class="banner">
          {t("sound_off")}
          <button onClick={() => void enableSound()}>{t("enable_sound")}</button>
        </p>
      )}
    </div>
  );
}

/** Longer than a worker takes to give its part to another one. */
const DOWN_S = 15;

function isCoreDown(late: { seconds: number; part: string }): boolean {
  return late.part === "core" && late.seconds > DOWN_S;
}

function healthText(): string | null {
  void now.value; // the age goes on
  const current = health.value;
  switch (current.state) {
    case "live":
      return null;
    case "starting":
      return t("starting");
    case "late":
      return t(isCoreDown(current) ? "core_down" : "late", { age: age(current.seconds * 1_000) });
    case "cut":
      return t(current.polling ? "cut_polling" : "cut", {
        age: age(performance.now() - current.since),
      });
  }
}
