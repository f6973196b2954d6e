import { render } from "preact";
import { listenToKeys } from "./actions/keys";
import { watchArrivals } from "./state/arrivals";
import { resume } from "./state/entry";
import { watchLooks } from "./state/since";
import "./style/base.css";
import "./style/screen.css";
import "./style/severity.css";
import "./style/sheet.css";
import { App } from "./view/App";

const root = document.getElementById("app");
if (root) render(<App />, root);
listenToKeys();
watchArrivals();
watchLooks();
void resume();
