import { render } from "preact";
import { App } from "./app.tsx";
import { createSession } from "./session.ts";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/page.css";
import "./style/chat.css";
import "./style/devices.css";
import "./style/fleet.css";

const root = document.getElementById("app");
if (root === null) throw new Error("The page has no place for the app.");
render(<App session={createSession()} />, root);
