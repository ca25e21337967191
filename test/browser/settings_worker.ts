import { createBrowserPlatform } from "../../src/index.ts";
import { askSettings } from "../platform/settings_contract.ts";

/** The contract of notes, asked in a Web Worker. */
askSettings(createBrowserPlatform().settings).then(postMessage, reportError);
