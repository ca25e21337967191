import type { DeviceRole } from "../protocol/device.ts";

/**
 * The rules of placement: pure functions of what can be observed. They see token counts of turns that have arrived, queued work,
 * measured times and KV occupancy, and never guess what a conversation will do.
 */
export interface Policy {
  readonly name: string;
  /** Most times that a conversation's KV may go from one device to another while no device is lost; undefined where turns decide it. */
  readonly transfers: number | undefined;
  /** Where blocks run out, the KV of idle conversations goes to host memory, as far as there is any, and comes back; otherwise it is dropped. */
  readonly parks?: boolean;
  /** How devices compose their steps; absent: prompts in the order of their arrival, in chunks of what a step holds. */
  readonly steps?: StepRules;
  /** Where a turn's prompt runs; undefined: nowhere yet. Asked again when turns or blocks have come or gone. */
  place(turn: TurnView, world: WorldView): Placement | undefined;
  /** The device that a conversation goes to whose turn has run its prompt where it does not stay; undefined: none has room. */
  bind(conversation: LeavingView, world: WorldView): string | undefined;
  /** Absent: a conversation never leaves the device it stays on while that is there. */
  readonly rebind?: Rebinding;
}

/** A way out of a full device: a conversation whose turn waits for blocks there may go to another one that has room, and stay there. */
export interface Rebinding {
  /** Most times that a conversation does so. */
  readonly most: number;
  /** The device that it goes to; undefined: it waits. Of those that wait on a device, the first is asked for. */
  to(turn: TurnView, world: WorldView): string | undefined;
}

export interface StepRules {
  /**
   * By how many times the time it takes a prompt counts as if it had come later: short ones go before long ones, and those that wait go
   * before all that come much later. 0 is the order of arrival.
   */
  readonly promptWeight: number;
  /**
   * From when on after its arrival a turn's first token is late. A turn that cannot but be late counts as having come five times as long
   * later, so that under overload others are in time. Absent: none does.
   */
  readonly lateMs?: number;
  /**
   * The mean time between tokens that answers keep. By the measured time of a token, prompts have as much of a step as all answers in it are
   * ahead of that, from half to three times of it, and three times where there are none; where that is little, they rest through a step or two and
   * have more of the next (`pacing.ts`). Steps whose prompts take more than half are not planned ahead of, so that what comes meanwhile is
   * in the next one.
   */
  readonly paceMs: number;
  /**
   * New conversations are let in to a device, first come first served, while the blocks of those that run or arrive there stay under this
   * share of all; the rest is left for these to grow, so that none has to make room for others. Absent: they are let in while there are blocks.
   */
  readonly admitShare?: number;
}

export interface Placement {
  readonly device: string;
  /** When the prompt has run, the conversation leaves for the device that `bind` then names. */
  readonly leaves: boolean;
  /** KV that the conversation has elsewhere is copied there before; otherwise it is prefilled again. */
  readonly moves: boolean;
}

export interface WorldView {
  readonly nowMs: number;
  /** Those that could hold the conversation if it were alone. */
  readonly devices: readonly DeviceView[];
  readonly past: PastView;
}

/** What has been seen of all that has run; undefined before there was any. */
export interface PastView {
  /** Mean tokens of a turn's answer. */
  readonly outputTokens: number | undefined;
  /** Mean time from the end of a turn to the next one of its conversation, which is how long tools take. */
  readonly pauseMs: number | undefined;
  /** Mean new tokens of turns that are not their conversation's first. */
  readonly laterTokens: number | undefined;
  /** What a token's KV takes from one device to another, lately. */
  readonly handoffMsPerToken: number | undefined;
}

export interface ConversationView {
  readonly id: string;
  /** Tokens that have arrived or were sampled. */
  readonly tokens: number;
  /** The device it stays on; undefined before its first handoff, and when that device was lost. */
  readonly bound: string | undefined;
}

export interface LeavingView extends ConversationView {
  /** The device that has its KV. */
  readonly at: string;
}

export interface TurnView extends ConversationView {
  /** Of these, how many are new in this turn. */
  readonly newTokens: number;
  readonly arrivedMs: number;
  /** The number of the turn, which no other has. */
  readonly turn: number;
  /** Most tokens of its answer, as the caller said. */
  readonly maxTokens: number;
}

/** A device that is away, lost and expected back, has no room and no end of work. */
export interface DeviceView {
  readonly id: string;
  readonly role: DeviceRole;
  readonly totalBlocks: number;
  /** Blocks of conversations whose turn runs there or that are on their way there. */
  readonly activeBlocks: number;
  /** Tokens of prompts that it has to run before what comes now. */
  readonly queuedTokens: number;
  /** Turns that run or wait there. */
  readonly turns: number;
  /** Conversations that have KV there, idle ones included. */
  readonly conversations: number;
  /** How long a step with decodes in it takes, lately; undefined before the first. */
  readonly stepMs: number | undefined;
  /** What a token of a prompt took when the devices were tried out; undefined where these are alike, and were not. */
  readonly triedMsPerToken: number | undefined;
  /** What a token of a prompt takes, lately, with the steps that there were; undefined before the first. */
  readonly prefillMsPerToken: number | undefined;
  /** Mean TTFT of the turns whose first token came from there in the last ten seconds; undefined where there was none. */
  readonly ttftMs: number | undefined;
  /** Whether it has room for the conversation and its next token, when idle conversations make room. */
  hasRoomFor(conversation: ConversationView): boolean;
}

/** The least by a finite measure; of equals the first. */
export function least<T>(items: Iterable<T>, measure: (item: T) => number): T | undefined {
  let best: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = measure(item);
    if (value >= least) continue;
    best = item;
    least = value;
  }
  return best;
}

/** Devices of a role, those of both included; all where there are none: a role is a preference. */
export function ofRole(devices: readonly DeviceView[], role: "prefiller" | "decoder"): readonly DeviceView[] {
  const found = devices.filter((device) => device.role === role || device.role === "both");
  return found.length > 0 ? found : devices;
}

export function occupancy({ activeBlocks, totalBlocks }: DeviceView): number {
  return activeBlocks / totalBlocks;
}
