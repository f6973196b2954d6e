import { render } from "preact";
import { begin } from "../state/member";
import "../style/base.css";
import "../style/handover.css";
import "../style/page.css";
import "../style/severity.css";
import { HandoverPage } from "./HandoverPage";
import { follow } from "./shift";

const root = document.getElementById("app");
if (root) render(<HandoverPage />, root);
void begin(follow);
