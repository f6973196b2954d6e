import { t } from "../words/catalogue";
import { day } from "../words/times";
import { opened, signed } from "./shift";

/** Hand-overs of before, those that nobody has taken over marked; and the way back to the present. */
export function Past() {
  if (signed.value.length === 0) return null;
  return (
    <nav class="past no-print" aria-label={t("past_handovers")}>
      <h2>{t("past_handovers")}</h2>
      <ul>
        <li>
          <a href="#" aria-current={opened.value === null ? "page" : undefined}>
            {t("handover_now")}
          </a>
        </li>
        {signed.value.map((one) => (
          <li key={one.id}>
            <a href={`#${one.id}`} aria-current={opened.value?.id === one.id ? "page" : undefined}>
              {day(one.at)} {one.given_by} → {one.taken_by ?? t("not_taken")}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
