import { locked, person } from "../state/store";
import { announced } from "../state/arrivals";
import { linkFault, signIn } from "../state/entry";
import { moment } from "../state/past";
import { address } from "../state/url";
import { t } from "../words/catalogue";
import { CallForm } from "./CallForm";
import { Banners } from "./Banners";
import { CommandLine } from "./CommandLine";
import { Decisions } from "./Decisions";
import { Header } from "./Header";
import { Keys } from "./Keys";
import { MapPane } from "./MapPane";
import { OpenList } from "./OpenList";
import { PastPane } from "./PastPane";
import { Queue } from "./Queue";
import { Sheet } from "./Sheet";
import { SignIn } from "./SignIn";
import { UnitBoard } from "./UnitBoard";
import { Wall } from "./Wall";

export function App() {
  const lock = locked.value;
  document.title = t("title");
  return (
    <>
      {person.value !== null && (
        <div
          class={address.value.wall ? "screen is-wall" : "screen"}
          inert={lock !== null}
          data-chosen={address.value.incident !== null}
          data-past={moment.value !== null}
        >
          {address.value.wall ? <Wall /> : <Desk />}
        </div>
      )}
      <div class="unseen" role="alert" aria-live="assertive">
        {announced.value}
      </div>
      {lock !== null && <SignIn expired={lock === "expired"} enter={signIn} trouble={linkFault.value} />}
    </>
  );
}

/** All that an operator works with. */
function Desk() {
  return (
    <>
      <a class="skip" href="#queue">
        {t("skip_to_queue")}
      </a>
      <Header />
      <Banners />
      <main class="panes">
        <Queue />
        <div class="middle">
          <CallForm />
          <MapPane />
          <UnitBoard />
        </div>
        <PastPane />
        <Sheet />
      </main>
      <Decisions />
      <CommandLine />
      <Keys />
      <OpenList />
    </>
  );
}
