import { expose } from "comlink";
import { createBrowserPlatform } from "../platform/browser/browser_platform.ts";
import { openRuntime } from "../runtime.ts";
import { RuntimeEndpoint } from "./endpoint.ts";

/** The script of a runtime's Web Worker. It is of one runtime, and ends with it. */

expose(
  new RuntimeEndpoint((options, baseUrl) =>
    openRuntime(options, () => createBrowserPlatform({ baseUrl, modelsUrl: options.modelsUrl })),
  ),
);
