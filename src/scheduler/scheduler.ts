import { BlockAllocator } from "../kv/block_allocator.ts";
import { BlockTable } from "../kv/block_table.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { RowResult, RunnerLimits, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import { assertConsistent } from "./audit.ts";
import { type Flight, type RetiredBlocks, tokensRun } from "./flight.ts";
import { busy, disposed, kvFull, promptTooLong } from "./scheduler_errors.ts";
import { type SchedulerSnapshot, snapshotOf } from "./snapshot.ts";
import {
  type ConversationState,
  endCommand,
  leavesNothing,
  mostTokens,
  nextPosition,
  promptTokens,
  standingOf,
  type TurnOutcome,
  type TurnState,
} from "./state.ts";
import { inStepOrder, rowOf, shareOf, stepBudget, takeFrom } from "./step_composition.ts";

/**
 * Decides what runs: events in, commands out. It has no clock, no timer, no randomness and no GPU, so the same events give the same
 * commands anywhere. "Cannot run now" is never an exception.
 *
 * Plans are made ahead of the results, as many as `plansInFlight` allows. A turn ends at once; a row of it that is still in
 * flight then runs for nothing, its token is in no book, and its blocks go back in `#settle`, when the last plan that writes to
 * them has reported. A plan is made ahead only while no turn needs the host between two steps, so that such turns stay in one step
 * with the others instead of taking turns with them.
 */
export class Scheduler {
  readonly #limits: RunnerLimits;
  readonly #allocator: BlockAllocator;
  readonly #conversations = new Map<string, ConversationState>();
  /** In the order of arrival. */
  readonly #turns = new Map<number, TurnState>();
  /** In the order in which they run and report. */
  readonly #flights: Flight[] = [];
  #retired: RetiredBlocks[] = [];
  /** A turn found no blocks while plans were in flight: whether there are any is seen when all have reported. */
  #starved = false;
  #lost: PlainError | undefined;
  #steps = 0;
  #commands: SchedulerCommand[] = [];

  constructor(limits: RunnerLimits) {
    this.#limits = limits;
    this.#allocator = new BlockAllocator(limits.blocks);
  }

  /** Takes one event that happened at `nowMs` and says what is to be done about it, the next steps first. */
  advance(event: SchedulerEvent, nowMs: number): readonly SchedulerCommand[] {
    this.#commands = [];
    this.#take(event, nowMs);
    const steps: SchedulerCommand[] = [];
    for (let plan = this.#compose(); plan !== undefined; plan = this.#compose())
      steps.push({ kind: "run-step", plan });
    return [...steps, ...this.#commands];
  }

  snapshot(): SchedulerSnapshot {
    const inFlight = this.#flights.map(({ plan }) => plan.id);
    return snapshotOf(this.#conversations.values(), this.#allocator, inFlight, this.#steps);
  }

  /** The tokens whose K and V are in the cache: its next turn can keep as many of them as it likes. */
  cached(conversation: string): readonly number[] {
    return this.#conversations.get(conversation)?.table.tokens ?? [];
  }

  /** Throws when the books do not add up; for tests. */
  assertConsistent(): void {
    assertConsistent({
      conversations: this.#conversations,
      turns: this.#turns,
      allocator: this.#allocator,
      flights: this.#flights,
      retired: this.#retired,
      plansInFlight: this.#limits.plansInFlight,
    });
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
    this.#retire(state, state.table.truncate(request.keep));
    const turn = { request, conversation: state, arrivedMs: nowMs, completion: [], ahead: 0 };
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
    const conversation = { id, table, turn: undefined, lastPlan: 0, closed: false };
    this.#conversations.set(id, conversation);
    return conversation;
  }

  #close(conversation: ConversationState | undefined): void {
    if (conversation === undefined || conversation.closed) return;
    this.#end(conversation.turn, { kind: "fail", error: disposed(conversation.id) });
    conversation.closed = true;
    this.#retire(conversation, conversation.table.truncate(0));
    if (!this.#isFlying(conversation)) this.#conversations.delete(conversation.id);
  }

  /** A lost device writes nothing any more: what was in flight has landed, and its report is dropped if it still comes. */
  #lose(error: PlainError): void {
    this.#lost = error;
    while (this.#flights[0] !== undefined) this.#settle(this.#flights[0]);
    for (const turn of [...this.#turns.values()]) this.#end(turn, { kind: "fail", error });
  }

  #endStep(result: StepResult): void {
    const flight = this.#landing(result.plan);
    if (flight === undefined) return;
    for (const [index, row] of flight.plan.rows.entries()) {
      const turn = flight.turns[index];
      if (turn === undefined || turn.conversation.turn !== turn) continue;
      turn.ahead -= row.tokens.length;
      turn.conversation.table.append(tokensRun(row, turn));
      this.#takeOutput(turn, row, result.rows[index]);
    }
    this.#settle(flight);
  }

  #failStep(plan: number, error: PlainError): void {
    const flight = this.#landing(plan);
    if (flight === undefined) return;
    if (error.code === "device-lost") {
      this.#lose(error);
      return;
    }
    for (const turn of flight.turns)
      if (turn.conversation.turn === turn) this.#end(turn, { kind: "fail", error });
    this.#settle(flight);
  }

  /** The plan in flight of this id; undefined for one that is unknown. */
  #landing(plan: number): Flight | undefined {
    if (!this.#flights.some((flight) => flight.plan.id === plan)) return undefined;
    const [first] = this.#flights;
    if (first?.plan.id !== plan) throw new Error(`Plan ${plan} reported before one that was given earlier.`);
    return first;
  }

  #takeOutput(turn: TurnState, row: StepRow, result: RowResult | undefined): void {
    const { turn: id, keep, output } = turn.request;
    if (result?.kind !== row.output.kind)
      throw new Error(`A step answered ${row.sequence} with the wrong kind.`);
    if (result.kind === "token" && output.kind === "tokens") {
      turn.completion.push(result.token);
      this.#commands.push({ kind: "deliver-token", turn: id, token: result.token });
      if (output.endTokens.includes(result.token)) this.#end(turn, { kind: "finish", reason: "end" });
      else if (output.stopTokens.includes(result.token)) this.#end(turn, { kind: "finish", reason: "stop" });
      else if (turn.completion.length >= mostTokens(turn, this.#limits.contextTokens))
        this.#end(turn, { kind: "finish", reason: "length" });
    }
    if (result.kind === "logits") {
      const offset = row.position - keep;
      this.#commands.push({ kind: "deliver-logits", turn: id, offset, logits: result.logits });
      if (turn.conversation.table.length === promptTokens(turn))
        this.#end(turn, { kind: "finish", reason: "end" });
    }
  }

  /** Ends a turn, whatever of it is in flight. */
  #end(turn: TurnState | undefined, outcome: TurnOutcome): void {
    if (turn === undefined) return;
    const { conversation, request } = turn;
    const { table } = conversation;
    conversation.turn = undefined;
    this.#turns.delete(request.turn);
    this.#retire(conversation, table.truncate(leavesNothing(turn, outcome) ? request.keep : table.length));
    this.#commands.push(endCommand(turn, outcome));
  }

  /** Gives blocks back that the conversation does not hold any more, once nothing in flight writes to them. */
  #retire(conversation: ConversationState, blocks: readonly number[]): void {
    if (blocks.length === 0) return;
    if (this.#isFlying(conversation)) this.#retired.push({ plan: conversation.lastPlan, blocks });
    else this.#allocator.free(blocks);
  }

  /** The first plan in flight has landed: what only waited for it goes. */
  #settle(flight: Flight): void {
    this.#flights.shift();
    const { id } = flight.plan;
    for (const { plan, blocks } of this.#retired) if (plan === id) this.#allocator.free(blocks);
    this.#retired = this.#retired.filter(({ plan }) => plan !== id);
    for (const { conversation } of flight.turns)
      if (conversation.closed && conversation.lastPlan === id) this.#conversations.delete(conversation.id);
  }

  #isFlying({ lastPlan }: ConversationState): boolean {
    const [first] = this.#flights;
    return first !== undefined && lastPlan >= first.plan.id;
  }

  #compose(): StepPlan | undefined {
    const ready = this.#ready();
    const budget = stepBudget(this.#limits);
    const id = this.#steps + 1;
    const rows: StepRow[] = [];
    const turns: TurnState[] = [];
    for (const turn of inStepOrder(ready)) {
      if (budget.rows === 0 || budget.tokens === 0) break;
      const count = shareOf(turn, budget);
      if (count === 0 || !this.#makeRoom(turn, count)) continue;
      const row = rowOf(turn, count);
      takeFrom(budget, row);
      rows.push(row);
      turns.push(turn);
      turn.ahead += count;
      turn.conversation.lastPlan = id;
    }
    if (rows.length === 0) return undefined;
    this.#steps = id;
    const plan = { id, rows };
    this.#flights.push({ plan, turns });
    return plan;
  }

  /** The turns that the next plan may hold; none while it has to wait for those in flight. */
  #ready(): readonly TurnState[] {
    if (this.#flights.length >= this.#limits.plansInFlight) return [];
    if (this.#flights.length === 0) this.#starved = false;
    if (this.#starved) return [];
    const ready: TurnState[] = [];
    for (const turn of this.#turns.values()) {
      const standing = standingOf(turn, this.#limits.contextTokens, this.#steps);
      if (standing === "waits") return [];
      if (standing === "ready") ready.push(turn);
    }
    return ready;
  }

  /**
   * Blocks for the turn's next `count` tokens, and for its whole prompt at its first: a prompt is not begun that cannot end. Plans
   * in flight may hold blocks that come back, or that nobody would have taken without running ahead: it fails without them only.
   */
  #makeRoom(turn: TurnState, count: number): boolean {
    const { id, table } = turn.conversation;
    const needed = table.missingFor(Math.max(promptTokens(turn), nextPosition(turn) + count));
    const reservation = this.#allocator.reserve(needed);
    if (reservation.kind === "ok") {
      table.addBlocks(reservation.blocks);
      return true;
    }
    if (this.#flights.length > 0) this.#starved = true;
    else {
      const { missing } = reservation;
      this.#end(turn, { kind: "fail", error: kvFull(id, { needed, missing, total: this.#limits.blocks }) });
    }
    return false;
  }
}
