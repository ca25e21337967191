import type { BlockAllocator } from "../kv/block_allocator.ts";
import type { Flight } from "./flight.ts";
import { type ConversationState, promptLeft } from "./state.ts";

/** What can be seen of the scheduler from outside, as plain data. */
export interface SchedulerSnapshot {
  readonly steps: number;
  /** The ids of the plans that have not reported yet, in their order. */
  readonly inFlight: readonly number[];
  /** Drafted tokens that were run, and how many of them the model would have chosen. */
  readonly drafts: { readonly drafted: number; readonly accepted: number };
  readonly blocks: { readonly total: number; readonly used: number; readonly peak: number };
  readonly conversations: readonly ConversationSnapshot[];
}

export interface ConversationSnapshot {
  readonly id: string;
  readonly cachedTokens: number;
  readonly blocks: number;
  readonly turn: TurnSnapshot | undefined;
}

export interface TurnSnapshot {
  readonly turn: number;
  readonly phase: "prefill" | "decode";
  readonly arrivedMs: number;
  readonly promptLeft: number;
  readonly completionTokens: number;
}

export function snapshotOf(
  conversations: Iterable<ConversationState>,
  { total, used, peak }: BlockAllocator,
  seen: {
    readonly steps: number;
    readonly flights: readonly Flight[];
    readonly drafting: SchedulerSnapshot["drafts"] | undefined;
  },
): SchedulerSnapshot {
  const views = Array.from(conversations, conversationSnapshot);
  const { drafted, accepted } = seen.drafting ?? { drafted: 0, accepted: 0 };
  return {
    steps: seen.steps,
    inFlight: seen.flights.map(({ plan }) => plan.id),
    drafts: { drafted, accepted },
    blocks: { total, used, peak },
    conversations: views,
  };
}

function conversationSnapshot({ id, table, turn }: ConversationState): ConversationSnapshot {
  return { id, cachedTokens: table.length, blocks: table.blocks.length, turn: turn && turnSnapshot(turn) };
}

function turnSnapshot(turn: NonNullable<ConversationState["turn"]>): TurnSnapshot {
  const left = promptLeft(turn);
  return {
    turn: turn.request.turn,
    phase: left > 0 ? "prefill" : "decode",
    arrivedMs: turn.arrivedMs,
    promptLeft: left,
    completionTokens: turn.completion.length,
  };
}
