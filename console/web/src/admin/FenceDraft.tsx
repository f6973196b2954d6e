import { useState } from "preact/hooks";
import { t } from "../words/catalogue";
import { KINDS, kindOf } from "./Fences";
import { accepted, canUndo, discard, doubts, draft, isRefused, outcome, put, putInForce, putRing, reason, tryIt, undo, type Draft, type Kind, type LonLat } from "./fences";

const FAULTS = {
  crossing: "fence_fault_crossing",
  antimeridian: "fence_fault_antimeridian",
  shape: "fence_fault_shape",
  empty: "fence_fault_empty",
  outside: "fence_fault_outside",
  overlaps: "fence_fault_overlaps",
} as const;

/** A fence as it is wanted: nothing of it holds before it was looked at, and put in force. */
export function FenceDraft() {
  const [busy, setBusy] = useState(false);
  const mine = draft.value;
  if (!mine) return null;
  async function doing(work: () => Promise<unknown>) {
    setBusy(true);
    await work().finally(() => setBusy(false));
  }
  const drawn = mine.isRemoved || mine.polygons.every((rings) => rings.every((ring) => ring.length > 2));
  return (
    <section class="draft card" aria-label={t("draft")}>
      <p>
        <b>{t(mine.isRemoved ? "fence_removed_draft" : mine.isNew ? "fence_new_draft" : "fence_changed_draft", { name: mine.name })}</b>{" "}
        {!mine.isRemoved && t("fence_draw_hint")}
      </p>
      {!mine.isRemoved && <Fields mine={mine} />}
      <div class="buttons">
        <button class={outcome.value ? "" : "primary"} disabled={busy || !drawn || mine.name.trim() === ""} onClick={() => void doing(tryIt)}>
          {t("what_would_change")}
        </button>
        {!mine.isRemoved && (
          <button disabled={busy || !canUndo.value} onClick={undo}>
            {t("undo_point")}
          </button>
        )}
        <button disabled={busy} onClick={discard}>
          {t("discard_draft")}
        </button>
      </div>
      <div role="status" class="changes">
        {busy && t("working")}
        {outcome.value && <Outcome />}
      </div>
      {outcome.value && !isRefused.value && <Decide busy={busy} decide={() => void doing(putInForce)} />}
    </section>
  );
}

function Fields({ mine }: { mine: Draft }) {
  return (
    <div class="line">
      <label>
        {t("name_of_thing")}
        <input name="fence-name" required maxLength={200} value={mine.name} onInput={(event) => put({ name: event.currentTarget.value })} />
      </label>
      <label>
        {t("kind")}
        <select name="fence-kind" value={mine.kind} onChange={(event) => put({ kind: event.currentTarget.value as Kind })}>
          {Object.keys(KINDS).map((kind) => (
            <option key={kind} value={kind}>
              {kindOf(kind)}
            </option>
          ))}
        </select>
      </label>
      {mine.polygons.flatMap((rings, part) =>
        rings.map((ring, place) => (
          <Points key={`${part} ${place}`} part={part} place={place} ring={ring} />
        )),
      )}
    </div>
  );
}

interface PointsProps {
  readonly part: number;
  readonly place: number;
  readonly ring: readonly LonLat[];
}

/** A border as text: what is being typed stays as it is typed. */
function Points({ part, place, ring }: PointsProps) {
  const [typed, setTyped] = useState<string | null>(null);
  function input(text: string) {
    setTyped(text);
    const points = read(text);
    if (points) putRing(part, place, points);
  }
  return (
    <label>
      {t("fence_points", { number: part + 1 })}
      <textarea
        name="fence-points"
        rows={4}
        spellcheck={false}
        value={typed ?? ring.map(([lon, lat]) => `${lon.toFixed(6)}, ${lat.toFixed(6)}`).join("\n")}
        onInput={(event) => input(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
      />
    </label>
  );
}

/** Points as they are typed, a line each; null if one cannot be read. */
function read(text: string): LonLat[] | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const points = lines.map((line) => line.split(/[,\s]+/).filter(Boolean).map(Number));
  if (points.some((one) => one.length !== 2 || !one.every(Number.isFinite))) return null;
  return points.map(([lon, lat]): LonLat => [lon ?? 0, lat ?? 0]);
}

function Outcome() {
  const found = outcome.value;
  if (!found) return null;
  return (
    <>
      {found.faults.map((one) => (
        <p key={one.code} class="warning" id={`fence-fault-${one.code}`}>
          {t(FAULTS[one.code], {
            names: one.names?.join("、") ?? "",
            percent: one.percent ?? 0,
            at: one.at ? one.at.map((value) => value.toFixed(5)).join(", ") : "",
          })}
        </p>
      ))}
      {!isRefused.value && (
        <p>
          <b>{t("fence_concerns", { count: found.incidents })}</b> {found.numbers.join(" ")}
        </p>
      )}
    </>
  );
}

function Decide({ busy, decide }: { busy: boolean; decide: () => void }) {
  function submit(event: SubmitEvent) {
    event.preventDefault();
    decide();
  }
  return (
    <form class="line" id="decide-fence" onSubmit={submit}>
      {doubts.value.length > 0 && (
        <label>
          <input type="checkbox" name="accepted" required checked={accepted.value} onChange={(event) => (accepted.value = event.currentTarget.checked)} />
          {t("fence_accept")}
        </label>
      )}
      <label>
        {t("field_reason")}
        <input name="reason" required maxLength={1000} pattern=".*\S.*" value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
      </label>
      <button class="primary" disabled={busy}>
        {t("put_in_force")}
      </button>
    </form>
  );
}
