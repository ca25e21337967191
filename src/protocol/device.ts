import type { RunnerLimits } from "./step.ts";

/** What a device is for, where a policy tells them apart: first turns' prefill, everything after it, or both. */
export type DeviceRole = "prefiller" | "decoder" | "both";

/** A device as the scheduler knows it. */
export interface DeviceSpec {
  /** Names it in events and commands. */
  readonly id: string;
  readonly role: DeviceRole;
  readonly limits: RunnerLimits;
  /**
   * Devices of the same pool are one GPU and share its blocks: KV goes from one to the other without being copied, and what any of them is
   * given runs after what any of them was given before. Its own when absent.
   */
  readonly pool?: string;
  /** What a token of a prompt takes there, in ms, where that was tried; what is seen later counts from then on. */
  readonly prefillMsPerToken?: number;
}

/** The id of host memory in commands: blocks are copied to it and from it as with any device, and no step runs there. */
export const HOST = "host";
