import { render } from "preact";
import { begin } from "../state/member";
import "../style/base.css";
import "../style/page.css";
import "../style/admin.css";
import { AdminPage } from "./AdminPage";
import { open } from "./parts";

const root = document.getElementById("app");
if (root) render(<AdminPage />, root);
void begin(open);
