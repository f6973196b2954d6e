import { render } from "preact";
import "../style/base.css";
import "../style/severity.css";
import "../style/unit.css";
import { begin } from "./duty";
import { UnitPage } from "./UnitPage";

const root = document.getElementById("app");
if (root) render(<UnitPage />, root);
void begin();
// Without it the page works as long as there is a signal when it is opened.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/unit-worker.js", { scope: "/unit" }).catch(() => {});
}
