import type { DeviceSpec } from "../protocol/device.ts";
import { HOST } from "../protocol/device.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import { reserveBlocks } from "./admission.ts";
import { Device } from "./device.ts";
import { Pool } from "./pool.ts";
import { type ConversationState, isIdle, type Residence } from "./state.ts";

/** Host memory as a device that runs nothing, and the idle conversations that are to go there so that their blocks come free. */
export class Parking {
  readonly host: Device;
  /** Of all pools. */
  readonly wanted = new Set<Residence>();

  constructor(blocks: number, limits: RunnerLimits, sharesPrefixes: boolean) {
    const { blockTokens } = limits;
    const spec: DeviceSpec = {
      id: HOST,
      role: "both",
      limits: { ...limits, blocks, maxStepRows: Number.POSITIVE_INFINITY },
    };
    this.host = new Device(spec, new Pool(HOST, { blocks, blockTokens, sharesPrefixes, wanted: undefined }), {
      drafts: false,
      steps: undefined,
      onNews: () => {},
      onRoom: () => {},
      onFull: () => {},
    });
  }

  /** Those that are still idle begin their way, as `send` does it; those that there is no room for are dropped. */
  park(send: (source: Residence, parked: Residence) => void): void {
    for (const residence of this.wanted) {
      const { pool, table, conversation } = residence;
      if (!isIdle(residence)) pool.parking -= 1;
      else {
        const tokens = table.length;
        const parked = tokens > 0 ? roomFor(this.host, conversation, tokens, tokens) : undefined;
        if (parked) send(residence, parked);
        else {
          pool.parking -= 1;
          pool.leave(residence);
        }
      }
    }
    this.wanted.clear();
  }
}

/** Blocks on `device` for `upTo` tokens of the conversation, of which the first `crossing` cross; undefined: no room. */
export function roomFor(
  device: Device,
  conversation: ConversationState,
  crossing: number,
  upTo: number,
): Residence | undefined {
  const { pool } = device;
  if (device.freeRows <= 0) return undefined;
  const hadNothing = pool.blocksOf(conversation.id) === 0;
  const residence = pool.enter(conversation, crossing);
  const { table } = residence;
  const missing = table.missingFor(upTo);
  const needed = missing + pool.copiesAt(residence, table.length);
  const blocks = reserveBlocks(pool, needed, device.running, residence);
  if (blocks === undefined) {
    if (hadNothing) pool.undo(residence);
    return undefined;
  }
  pool.extend(residence, blocks.slice(0, missing));
  // The block that it is in crosses again, so nothing has to be copied when it was a shared one.
  pool.own(residence, table.length, blocks[missing]);
  return residence;
}

/** So many tokens and the next one. A conversation that fills the device still has its turn: the token that ends it is never run. */
export function andNext({ limits }: Device, tokens: number): number {
  return Math.min(tokens + 1, Math.max(tokens, limits.blocks * limits.blockTokens));
}
