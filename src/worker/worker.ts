import { expose } from "comlink";
import { createBrowserPlatform } from "../platform/browser/browser_platform.ts";
import { openRuntime } from "../runtime.ts";
import { RuntimeEndpoint } from "./endpoint.ts";

/** The script of a Web Worker. It is of one runtime or one comparison of policies, and ends with it. */

const platformAt = (baseUrl: string | undefined, modelsUrl: string | URL | undefined) => () =>
  createBrowserPlatform({ baseUrl, modelsUrl });

expose(
  new RuntimeEndpoint(
    (options, pageUrl) => openRuntime(options, platformAt(pageUrl, options.modelsUrl)),
    async (options, pageUrl) => {
      // Most workers compare nothing.
      const { comparePoliciesOn } = await import("../compare_policies.ts");
      return comparePoliciesOn(options, platformAt(pageUrl, options.modelsUrl));
    },
  ),
);
