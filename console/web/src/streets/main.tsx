import { render } from "preact";
import { begin } from "../state/member";
import "../style/base.css";
import "../style/page.css";
import "../style/streets.css";
import { follow } from "./conditions";
import { draw, held } from "./drawing";
import { StreetsPage } from "./StreetsPage";

const root = document.getElementById("app");
if (root) render(<StreetsPage />, root);
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !held.value) draw(null);
});
void begin(follow);
