import { locked, person } from "../state/store";
import { SignIn } from "../view/SignIn";
import { t } from "../words/catalogue";
import { word } from "../words/codes";
import { render } from "../words/reasons";
import { come, crew, duty, isOld, state, type Duty } from "./duty";
import { Assignment } from "./Assignment";
import { Foot } from "./Foot";
import { Stamps } from "./Stamps";
import { Waiting } from "./Waiting";
import { Signal } from "./Signal";

/** The responders' page: what to do, the way there, and what to press. */
export function UnitPage() {
  const lock = locked.value;
  const shown = duty.value;
  document.title = shown ? `${shown.unit.name} · ${t("title_unit")}` : t("title_unit");
  return (
    <>
      {person.value !== null && (
        <div class="unit-page" inert={lock !== null}>
          <header class="unit-head">
            <h1>{shown?.unit.name ?? crew.value?.name}</h1>
            {state.value !== null && <b class="unit-state">{word("unit_state", state.value)}</b>}
          </header>
          <Signal />
          <main>
            {crew.value?.unit == null ? (
              <p class="card">{t("not_a_crew", { name: person.value.name })}</p>
            ) : (
              <>
                <Waiting />
                {shown?.incident ? (
                  <Assignment duty={shown} />
                ) : (
                  shown && <NoTask duty={shown} />
                )}
                {shown && <Stamps duty={shown} />}
              </>
            )}
          </main>
          <Foot />
        </div>
      )}
      {lock !== null && <SignIn expired={lock === "expired"} enter={come} />}
    </>
  );
}

/** Nothing to do: where to wait, and why there, if that is not the station. */
function NoTask({ duty: { unit } }: { duty: Duty }) {
  return (
    <div class="card nothing">
      <p>{t(isOld.value ? "no_task_known" : "no_task")}</p>
      {unit.standby && (
        <>
          <p>
            <b>{t("waits_at", { station: unit.standby.station })}</b>
          </p>
          {unit.standby.reasons.map((reason) => (
            <p key={reason.code}>{render(reason)}</p>
          ))}
        </>
      )}
    </div>
  );
}
