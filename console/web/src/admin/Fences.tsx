import { MapBox } from "../view/MapBox";
import { t, type Word } from "../words/catalogue";
import { clock, day } from "../words/times";
import { FenceDraft } from "./FenceDraft";
import { changes, done, draft, drawNew, edit, fences } from "./fences";
import { mayAdminister } from "./parts";

export const KINDS: Record<string, Word> = {
  district: "fence_district",
  subdistrict: "fence_subdistrict",
  beat: "fence_beat",
  hazard_zone: "fence_hazard_zone",
};

/** The fences of the cities in force: on the map and as a list; administrators change them. */
export function Fences() {
  const may = mayAdminister();
  return (
    <>
      <p class="hint">{t(may ? "fences_hint" : "fences_only_shown")}</p>
      <p role="status">{done.value && <b>{t("fence_done", { name: done.value.name, number: done.value.number })}</b>}</p>
      <div class="fence-map">
        <MapBox load={async () => (await import("./fenceMap")).drawFences} />
      </div>
      {may && <FenceDraft />}
      {may && !draft.value && (
        <p>
          <button id="new-fence" onClick={drawNew}>
            {t("fence_new")}
          </button>
        </p>
      )}
      <Table may={may} />
      <History />
    </>
  );
}

function Table({ may }: { may: boolean }) {
  return (
    <table>
      <caption class="unseen">{t("part_fences")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("kind")}</th>
          <th scope="col">{t("name_of_thing")}</th>
          <th scope="col">{t("id")}</th>
          {may && <th scope="col">{t("do_it")}</th>}
        </tr>
      </thead>
      <tbody>
        {fences.value.map((one) => (
          <tr key={`${one.region} ${one.id}`} id={`fence-${one.id}`}>
            <td>{kindOf(one.kind)}</td>
            <td>{one.name}</td>
            <td>
              {one.region}/{one.id}
            </td>
            {may && (
              <td class="deeds">
                <button aria-label={`${t("edit")} ${one.name}`} disabled={draft.value !== null} onClick={() => edit(one)}>
                  {t("edit")}
                </button>
                <button aria-label={`${t("fence_remove")} ${one.name}`} disabled={draft.value !== null} onClick={() => edit(one, true)}>
                  {t("fence_remove")}
                </button>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Who changed which fence, when and why. */
function History() {
  const lines = changes.value.flatMap((one) => one.changes);
  if (lines.length === 0) return null;
  return (
    <table id="fence-changes">
      <caption>{t("fence_history")}</caption>
      <tbody>
        {lines.map((one) => (
          <tr key={`${one.region} ${one.number}`} class={one.removed ? "is-over" : ""}>
            <th scope="row">{one.name}</th>
            <td>{kindOf(one.kind)}</td>
            <td>{one.operator}</td>
            <td>
              <time>
                {day(one.at)} {clock(Date.parse(one.at))}
              </time>
            </td>
            <td>{one.reason}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function kindOf(kind: string): string {
  const named = KINDS[kind];
  return named ? t(named) : kind;
}
