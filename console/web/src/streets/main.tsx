import { render } from "preact";
import { begin } from "../state/member";
import "../style/base.css";
import "../style/page.css";
import "../style/streets.css";
import { follow } from "./conditions";
import { StreetsPage } from "./StreetsPage";

const root = document.getElementById("app");
if (root) render(<StreetsPage />, root);
void begin(follow);
