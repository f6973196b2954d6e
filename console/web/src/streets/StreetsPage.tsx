import { member } from "../state/member";
import { come } from "../state/member";
import { locked } from "../state/store";
import { MapBox } from "../view/MapBox";
import { PageHead } from "../view/PageHead";
import { SignIn } from "../view/SignIn";
import { t } from "../words/catalogue";
import { ConditionList } from "./ConditionList";
import { fault } from "./conditions";
import { NewCondition } from "./NewCondition";

const COMMANDERS = ["operator", "supervisor"];

/** Streets closed, narrowed, flooded or slow: on the map and as a list, drawn or named. */
export function StreetsPage() {
  const lock = locked.value;
  const may = COMMANDERS.includes(member.value?.role ?? "");
  document.title = t("title_streets");
  return (
    <>
      {member.value !== null && (
        <div class="page" inert={lock !== null}>
          <PageHead path="/streets" title="title_streets" />
          <main class="streets">
            <div class="pane map">
              <MapBox load={async () => (await import("./map")).drawStreets} />
            </div>
            <div class="side">
              <p class="fault" role="alert">
                {fault.value}
              </p>
              {may ? <NewCondition /> : <p class="hint">{t("may_not")}</p>}
              <ConditionList may={may} />
            </div>
          </main>
        </div>
      )}
      {lock !== null && <SignIn expired={lock === "expired"} enter={come} />}
    </>
  );
}
