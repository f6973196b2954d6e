import { t, type Word } from "../words/catalogue";
import { fences } from "./parts";

const KINDS: Record<string, Word> = {
  district: "fence_district",
  subdistrict: "fence_subdistrict",
  beat: "fence_beat",
  hazard_zone: "fence_hazard_zone",
};

/** The fences of the cities in force; they are part of a city's files. */
export function Fences() {
  return (
    <>
      <p class="hint">{t("fences_hint")}</p>
      <table>
        <caption class="unseen">{t("part_fences")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("kind")}</th>
            <th scope="col">{t("name_of_thing")}</th>
            <th scope="col">{t("id")}</th>
          </tr>
        </thead>
        <tbody>
          {fences.value.map((one) => (
            <tr key={`${one.region} ${one.id}`}>
              <td>{kindOf(one.kind)}</td>
              <td>{one.name}</td>
              <td>
                {one.region}/{one.id}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function kindOf(kind: string): string {
  const named = KINDS[kind];
  return named ? t(named) : kind;
}
