import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createNodePlatform } from "../../src/node.ts";
import { openTiny } from "../runtime/tiny_runtime.ts";
import { LoopbackWorker, openInNode, openRemoteTiny } from "./remote_tiny.ts";
import { runtimeContract } from "./runtime_contract.ts";

const cacheFolder = mkdtempSync(join(tmpdir(), "baton-test-"));
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));
const platform = createNodePlatform({ cacheFolder });

runtimeContract("a runtime in the thread that creates it", (options) => openTiny({ platform, ...options }));
runtimeContract("a runtime behind a worker's border", (options) =>
  openRemoteTiny(options, new LoopbackWorker(openInNode(cacheFolder))),
);
