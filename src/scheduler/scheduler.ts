import { BlockAllocator } from "../kv/block_allocator.ts";
import { BlockTable } from "../kv/block_table.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { RowResult, RunnerLimits, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import { assertConsistent } from "./audit.ts";
import { busy, disposed, kvFull, promptTooLong } from "./scheduler_errors.ts";
import { type SchedulerSnapshot, snapshotOf } from "./snapshot.ts";
import {
  type ConversationState,
  leavesNothing,
  promptLeft,
  promptTokens,
  type TurnOutcome,
  type TurnState,
} from "./state.ts";
import { inStepOrder, rowOf, shareOf, stepBudget, takeFrom } from "./step_composition.ts";

/**
 * Decides what runs: events in, commands out. It has no clock, no timer, no randomness and no GPU, so the same events give the same
 * commands anywhere. One step is in flight at a time. Stop, abort, close and loss only mark; blocks go back in `#settle`, when the
 * last step that writes to them has reported. "Cannot run now" is never an exception.
 */
export class Scheduler {
  readonly #limits: RunnerLimits;
  readonly #allocator: BlockAllocator;
  readonly #conversations = new Map<string, ConversationState>();
  /** In the order of arrival. */
  readonly #turns = new Map<number, TurnState>();
  #inFlight: StepPlan | undefined;
  #lost: PlainError | undefined;
  #steps = 0;
  #commands: SchedulerCommand[] = [];

  constructor(limits: RunnerLimits) {
    this.#limits = limits;
    this.#allocator = new BlockAllocator(limits.blocks);
  }

  /** Takes one event that happened at `nowMs` and says what is to be done about it, the next step first. */
  advance(event: SchedulerEvent, nowMs: number): readonly SchedulerCommand[] {
    this.#commands = [];
    this.#take(event, nowMs);
    const plan = this.#inFlight === undefined ? this.#compose() : undefined;
    return plan === undefined ? this.#commands : [{ kind: "run-step", plan }, ...this.#commands];
  }

  snapshot(): SchedulerSnapshot {
    return snapshotOf(this.#conversations.values(), this.#allocator, this.#inFlight, this.#steps);
  }

  /** The tokens whose K and V are in the cache: its next turn can keep as many of them as it likes. */
  cached(conversation: string): readonly number[] {
    return this.#conversations.get(conversation)?.table.tokens ?? [];
  }

  /** Throws when the books do not add up; for tests. */
  assertConsistent(): void {
    assertConsistent(this.#conversations, this.#turns, this.#allocator, this.#inFlight);
  }

  #take(event: SchedulerEvent, nowMs: number): void {
    switch (event.kind) {
      case "turn-arrived":
        this.#arrive(event.request, nowMs);
        break;
      case "turn-stopped":
        this.#end(this.#turns.get(event.turn), { kind: "finish", reason: event.reason });
        break;
      case "conversation-closed":
        this.#close(this.#conversations.get(event.conversation));
        break;
      case "step-ended":
        this.#endStep(event.result);
        break;
      case "step-failed":
        this.#failStep(event.plan, event.error);
        break;
      case "device-lost":
        this.#lose(event.error);
        break;
      default:
        event satisfies never;
    }
  }

  #arrive(request: TurnRequest, nowMs: number): void {
    const conversation = this.#conversations.get(request.conversation);
    const refusal = this.#refusal(request, conversation);
    if (refusal !== undefined) {
      this.#commands.push({ kind: "turn-failed", turn: request.turn, error: refusal });
      return;
    }
    const state = conversation ?? this.#open(request.conversation);
    if (request.keep > state.table.length) throw new Error("A turn keeps tokens that are not in the cache.");
    this.#allocator.free(state.table.truncate(request.keep));
    const turn = { request, conversation: state, arrivedMs: nowMs, completion: [], outcome: undefined };
    state.turn = turn;
    this.#turns.set(request.turn, turn);
  }

  #refusal(request: TurnRequest, conversation: ConversationState | undefined): PlainError | undefined {
    if (this.#lost !== undefined) return this.#lost;
    if (conversation?.closed) return disposed(conversation.id);
    if (conversation?.turn !== undefined) return busy(conversation.id);
    return promptTooLong(request, this.#limits);
  }

  #open(id: string): ConversationState {
    const table = new BlockTable(this.#limits.blockTokens);
    const conversation = { id, table, turn: undefined, inFlight: false, closed: false };
    this.#conversations.set(id, conversation);
    return conversation;
  }

  #close(conversation: ConversationState | undefined): void {
    if (conversation === undefined) return;
    conversation.closed = true;
    if (conversation.turn === undefined) this.#settle(conversation);
    else this.#end(conversation.turn, { kind: "fail", error: disposed(conversation.id) });
  }

  /** A lost device writes nothing any more: what was in flight has landed, and its report is dropped if it still comes. */
  #lose(error: PlainError): void {
    this.#lost = error;
    this.#failInFlight(error);
    for (const turn of [...this.#turns.values()]) this.#end(turn, { kind: "fail", error });
  }

  /** Marks a turn; what was marked first stays. */
  #end(turn: TurnState | undefined, outcome: TurnOutcome): void {
    if (turn === undefined) return;
    turn.outcome ??= outcome;
    this.#settle(turn.conversation);
  }

  #endStep(result: StepResult): void {
    const plan = this.#inFlight;
    if (plan?.id !== result.plan) return;
    this.#inFlight = undefined;
    for (const [index, row] of plan.rows.entries()) {
      const conversation = this.#landed(row);
      conversation.table.append(row.tokens);
      const turn = conversation.turn;
      if (turn !== undefined && turn.outcome === undefined) this.#takeOutput(turn, row, result.rows[index]);
      this.#settle(conversation);
    }
  }

  #failStep(plan: number, error: PlainError): void {
    if (this.#inFlight?.id !== plan) return;
    if (error.code === "device-lost") this.#lose(error);
    else this.#failInFlight(error);
  }

  #failInFlight(error: PlainError): void {
    const rows = this.#inFlight?.rows ?? [];
    this.#inFlight = undefined;
    for (const row of rows) this.#end(this.#landed(row).turn, { kind: "fail", error });
  }

  #landed(row: StepRow): ConversationState {
    const conversation = this.#conversations.get(row.sequence);
    if (conversation === undefined) throw new Error(`${row.sequence} left while a step of it was in flight.`);
    conversation.inFlight = false;
    return conversation;
  }

  #takeOutput(turn: TurnState, row: StepRow, result: RowResult | undefined): void {
    const { turn: id, keep, output } = turn.request;
    if (result?.kind !== row.output.kind)
      throw new Error(`A step answered ${row.sequence} with the wrong kind.`);
    if (result.kind === "token" && output.kind === "tokens") {
      turn.completion.push(result.token);
      this.#commands.push({ kind: "deliver-token", turn: id, token: result.token });
      const most = Math.min(output.maxTokens, this.#limits.contextTokens - promptTokens(turn));
      if (output.endTokens.includes(result.token)) turn.outcome = { kind: "finish", reason: "end" };
      else if (output.stopTokens.includes(result.token)) turn.outcome = { kind: "finish", reason: "stop" };
      else if (turn.completion.length >= most) turn.outcome = { kind: "finish", reason: "length" };
    }
    if (result.kind === "logits") {
      const offset = row.position - keep;
      this.#commands.push({ kind: "deliver-logits", turn: id, offset, logits: result.logits });
      if (promptLeft(turn) === 0) turn.outcome = { kind: "finish", reason: "end" };
    }
  }

  /** The one place where a turn or a conversation ends and its blocks go back. */
  #settle(conversation: ConversationState): void {
    const { turn, table, closed } = conversation;
    const outcome = turn?.outcome;
    if (conversation.inFlight || (outcome === undefined && !closed)) return;
    const undone = turn !== undefined && outcome !== undefined && leavesNothing(turn, outcome);
    this.#allocator.free(table.truncate(closed ? 0 : undone ? turn.request.keep : table.length));
    if (closed) this.#conversations.delete(conversation.id);
    if (turn === undefined || outcome === undefined) return;
    conversation.turn = undefined;
    this.#turns.delete(turn.request.turn);
    this.#commands.push(endCommand(turn, outcome));
  }

  #compose(): StepPlan | undefined {
    const budget = stepBudget(this.#limits);
    const rows: StepRow[] = [];
    for (const turn of inStepOrder(this.#turns.values())) {
      if (budget.rows === 0 || budget.tokens === 0) break;
      const count = shareOf(turn, budget);
      if (count === 0 || !this.#makeRoom(turn, count)) continue;
      const row = rowOf(turn, count);
      takeFrom(budget, row);
      rows.push(row);
      turn.conversation.inFlight = true;
    }
    if (rows.length === 0) return undefined;
    this.#steps += 1;
    this.#inFlight = { id: this.#steps, rows };
    return this.#inFlight;
  }

  /** Blocks for the turn's next `count` tokens, and for its whole prompt at its first: a prompt is not begun that cannot end. */
  #makeRoom(turn: TurnState, count: number): boolean {
    const { id, table } = turn.conversation;
    const needed = table.missingFor(Math.max(promptTokens(turn), table.length + count));
    const reservation = this.#allocator.reserve(needed);
    if (reservation.kind === "full") {
      const { missing } = reservation;
      this.#end(turn, { kind: "fail", error: kvFull(id, { needed, missing, total: this.#limits.blocks }) });
      return false;
    }
    table.addBlocks(reservation.blocks);
    return true;
  }
}

function endCommand(turn: TurnState, outcome: TurnOutcome): SchedulerCommand {
  const { turn: id, keep } = turn.request;
  if (outcome.kind === "fail") return { kind: "turn-failed", turn: id, error: outcome.error };
  const usage = {
    promptTokens: promptTokens(turn),
    cachedTokens: keep,
    completionTokens: turn.completion.length,
  };
  return { kind: "turn-finished", turn: id, reason: outcome.reason, usage };
}
