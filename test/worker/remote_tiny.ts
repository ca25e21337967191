import { expose } from "comlink";
import type { Runtime, RuntimeOptions } from "../../src/api.ts";
import { comparePoliciesOn } from "../../src/compare_policies.ts";
import { createNodePlatform } from "../../src/node.ts";
import { openRuntime } from "../../src/runtime.ts";
import { checkRuntimeOptions } from "../../src/runtime_options.ts";
import { type ComparePolicies, type OpenRuntime, RuntimeEndpoint } from "../../src/worker/endpoint.ts";
import type { WorkerPort } from "../../src/worker/link.ts";
import { openRemoteRuntime } from "../../src/worker/remote_runtime.ts";
import { tinyModel } from "../runtime/tiny_runtime.ts";

/** A port with the worker's side at its other end, which runs in this thread: all that crosses is cloned or transferred as to a worker. */
export class LoopbackWorker implements WorkerPort {
  readonly endpoint: MessagePort;
  terminated = false;
  constructor(open: OpenRuntime) {
    const { port1, port2 } = new MessageChannel();
    const compare: ComparePolicies = (options) => comparePoliciesOn(options, createNodePlatform);
    expose(new RuntimeEndpoint(open, compare), port2);
    this.endpoint = port1;
  }

  /** As a worker does whose script throws. */
  die(message: string): void {
    this.endpoint.dispatchEvent(Object.assign(new Event("error"), { message }));
  }

  terminate(): void {
    this.terminated = true;
    this.endpoint.close();
  }
}

/** @param cacheFolder where what was measured is kept */
export function openInNode(cacheFolder?: string): OpenRuntime {
  const platform = () => createNodePlatform(cacheFolder === undefined ? {} : { cacheFolder });
  return (options) => openRuntime(options, platform);
}

/** What `openTiny` of test/runtime gives, through a worker's border. */
export async function openRemoteTiny(
  options: Partial<RuntimeOptions> = {},
  worker = new LoopbackWorker(openInNode()),
): Promise<Runtime> {
  const whole = { model: tinyModel(), precision: "exact", kvMiB: 2, ...options } as const;
  return openRemoteRuntime(checkRuntimeOptions(whole), worker, undefined);
}
