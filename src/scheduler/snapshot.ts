import type { DeviceRole } from "../protocol/device.ts";
import type { Device } from "./device.ts";
import { type ConversationState, completionTokens, decodes, type TurnState, tokensLeft } from "./state.ts";

/** What can be seen of the scheduler from outside, as plain data. */
export interface SchedulerSnapshot {
  readonly steps: number;
  /** Handoffs under way. */
  readonly handoffs: number;
  readonly devices: readonly DeviceSnapshot[];
  /** Blocks of parked conversations in host memory; undefined where nothing is parked. */
  readonly host: DeviceSnapshot["blocks"] | undefined;
  readonly conversations: readonly ConversationSnapshot[];
}

export interface DeviceSnapshot {
  readonly id: string;
  readonly role: DeviceRole;
  /** The ids of the plans that have not reported yet, in their order. */
  readonly inFlight: readonly number[];
  /** Turns that share its steps, and turns that wait for blocks. */
  readonly turns: number;
  readonly queued: number;
  /** How often a turn had to make room for others, and began again later. */
  readonly preemptions: number;
  /** Drafted tokens that were run, and how many of them the model would have chosen. */
  readonly drafts: { readonly drafted: number; readonly accepted: number };
  readonly blocks: { readonly total: number; readonly used: number; readonly peak: number };
}

/** Whose a pool's blocks are. */
export interface PoolSnapshot {
  readonly devices: readonly string[];
  readonly blocks: number;
  readonly owners: readonly { readonly conversation: string; readonly blocks: readonly number[] }[];
}

export interface ConversationSnapshot {
  readonly id: string;
  readonly bound: string | undefined;
  /** Of the tokens that have run, how many each pool has in its cache, and in how many blocks. */
  readonly cached: readonly { readonly pool: string; readonly tokens: number; readonly blocks: number }[];
  readonly transfers: number;
  readonly movedBlocks: number;
  /** How often its KV has gone to host memory. */
  readonly parks: number;
  /** How often it has left a full device that it stayed on. */
  readonly rebinds: number;
  /** It uses a tool. */
  readonly isPaused: boolean;
  readonly turn: TurnSnapshot | undefined;
}

export interface TurnSnapshot {
  readonly turn: number;
  /** `waits`: for a place or for blocks; `handoff`: for its KV to cross. */
  readonly phase: "waits" | "prefill" | "handoff" | "decode";
  /**
   * What it waits for: `placement`: the policy names no device; `handoff`: its conversation's KV is on its way; `gate`: its device lets no
   * new conversations in; `rows`: the steps of its device are full; `blocks`: its device's KV blocks are; `step`: its device's next step is
   * not due yet. Undefined while it runs.
   */
  readonly waitsFor: "placement" | "handoff" | "gate" | "rows" | "blocks" | "step" | undefined;
  /** The pool that its blocks are reserved in, and the device that runs it; undefined while it waits or crosses. */
  readonly pool: string | undefined;
  readonly device: string | undefined;
  readonly arrivedMs: number;
  readonly tokensLeft: number;
  readonly completionTokens: number;
}

export function snapshotOf(
  conversations: Iterable<ConversationState>,
  devices: Iterable<Device>,
  {
    isRefused,
    ...seen
  }: Pick<SchedulerSnapshot, "steps" | "handoffs" | "host"> & {
    /** Whether the turn's device had no room for its KV. */
    readonly isRefused: (turn: TurnState) => boolean;
  },
): SchedulerSnapshot {
  return {
    ...seen,
    devices: Array.from(devices, deviceSnapshot),
    conversations: Array.from(conversations, (state) => conversationSnapshot(state, isRefused)),
  };
}

export function blocksOf({ pool }: Device): DeviceSnapshot["blocks"] {
  const { total, used, peak } = pool.allocator;
  return { total, used, peak };
}

/** Of all pools that these devices have. */
export function poolsOf(devices: readonly Device[]): readonly PoolSnapshot[] {
  return [...new Set(devices.map(({ pool }) => pool))].map((pool) => {
    const owners = Array.from(pool.residences, ({ conversation, table }) => {
      return { conversation: conversation.id, blocks: [...table.blocks] };
    });
    const ids = devices.filter((device) => device.pool === pool).map(({ spec }) => spec.id);
    return { devices: ids, blocks: pool.allocator.total, owners };
  });
}

function deviceSnapshot(device: Device): DeviceSnapshot {
  const { spec, flights, running, admission, preemptions, drafting } = device;
  const { drafted, accepted } = drafting ?? { drafted: 0, accepted: 0 };
  return {
    id: spec.id,
    role: spec.role,
    inFlight: flights.map(({ plan }) => plan.id),
    turns: running,
    queued: admission.length,
    preemptions,
    drafts: { drafted, accepted },
    blocks: blocksOf(device),
  };
}

function conversationSnapshot(
  conversation: ConversationState,
  isRefused: (turn: TurnState) => boolean,
): ConversationSnapshot {
  const { id, bound, residences, moved, isPaused, turn } = conversation;
  const cached = Array.from(residences, ([pool, { table }]) => {
    return { pool: pool.id, tokens: table.length, blocks: table.blocks.length };
  });
  return {
    id,
    bound,
    cached,
    transfers: moved.transfers,
    movedBlocks: moved.blocks,
    parks: moved.parks,
    rebinds: moved.rebinds,
    isPaused,
    turn: turn && turnSnapshot(turn, isRefused(turn)),
  };
}

function turnSnapshot(turn: TurnState, isRefused: boolean): TurnSnapshot {
  const { conversation, request, arrivedMs, admitted } = turn;
  const runs = admitted ? (decodes(turn) ? "decode" : "prefill") : "waits";
  return {
    turn: request.turn,
    waitsFor: admitted ? undefined : waitsFor(turn, isRefused),
    phase: conversation.handoff?.turn === turn ? "handoff" : runs,
    pool: turn.residence?.pool.id,
    device: admitted ? turn.device?.spec.id : undefined,
    arrivedMs,
    tokensLeft: tokensLeft(turn),
    completionTokens: completionTokens(turn),
  };
}

function waitsFor({ conversation, device, list }: TurnState, isRefused: boolean): TurnSnapshot["waitsFor"] {
  if (isRefused) return "blocks";
  if (device === undefined) return conversation.handoff ? "handoff" : "placement";
  if (device.admission.isGate(list)) return "gate";
  if (device.freeRows <= 0) return "rows";
  return device.admission.refused ? "blocks" : "step";
}
