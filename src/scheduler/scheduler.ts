import { BlockAllocator } from "../kv/block_allocator.ts";
import { BlockTable } from "../kv/block_table.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { RowResult, RunnerLimits, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import { assertConsistent } from "./audit.ts";
import { Drafting } from "./drafting.ts";
import { type Flight, Flights, tokensRun } from "./flight.ts";
import { disposed, kvFull, refusalOf } from "./scheduler_errors.ts";
import { type SchedulerSnapshot, snapshotOf } from "./snapshot.ts";
import {
  type ConversationState,
  endCommand,
  leavesNothing,
  nextPosition,
  outcomeAfter,
  promptTokens,
  type TurnOutcome,
  type TurnState,
} from "./state.ts";
import { inStepOrder, readyTurns, rowOf, shareOf, stepBudget, takeFrom } from "./step_composition.ts";

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
  readonly #drafting: Drafting | undefined;
  readonly #conversations = new Map<string, ConversationState>();
  /** In the order of arrival. */
  readonly #turns = new Map<number, TurnState>();
  readonly #flights: Flights;
  /** A turn found no blocks while plans were in flight: whether there are any is seen when all have reported. */
  #starved = false;
  #lost: PlainError | undefined;
  #steps = 0;
  #commands: SchedulerCommand[] = [];

  constructor(limits: RunnerLimits, speculation: "auto" | "off" = "auto") {
    this.#limits = limits;
    this.#allocator = new BlockAllocator(limits.blocks);
    this.#flights = new Flights(this.#allocator);
    if (speculation === "auto") this.#drafting = new Drafting(limits, this.#allocator);
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
    const seen = { flights: this.#flights.all, drafting: this.#drafting, steps: this.#steps };
    return snapshotOf(this.#conversations.values(), this.#allocator, seen);
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
      flights: this.#flights.all,
      retired: this.#flights.retired,
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
    const refusal = this.#lost ?? refusalOf(request, conversation, this.#limits);
    if (refusal !== undefined) {
      this.#commands.push({ kind: "turn-failed", turn: request.turn, error: refusal });
      return;
    }
    const state = conversation ?? this.#open(request.conversation);
    if (request.keep > state.table.length) throw new Error("A turn keeps tokens that are not in the cache.");
    this.#flights.retire(state, state.table.truncate(request.keep));
    const turn = {
      request,
      conversation: state,
      arrivedMs: nowMs,
      completion: [],
      ahead: 0,
      drafted: 0,
      drafts: undefined,
    };
    state.turn = turn;
    this.#turns.set(request.turn, turn);
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
    this.#flights.retire(conversation, conversation.table.truncate(0));
    if (!this.#flights.holds(conversation)) this.#conversations.delete(conversation.id);
  }

  /** A lost device writes nothing any more: what was in flight has landed, and its report is dropped if it still comes. */
  #lose(error: PlainError): void {
    this.#lost = error;
    for (const flight of [...this.#flights.all]) this.#settle(flight);
    for (const turn of [...this.#turns.values()]) this.#end(turn, { kind: "fail", error });
  }

  #endStep(result: StepResult): void {
    const flight = this.#flights.landing(result.plan);
    if (flight === undefined) return;
    this.#drafting?.record(flight, result);
    for (const [index, row] of flight.plan.rows.entries()) {
      const turn = flight.turns[index];
      if (turn === undefined || turn.conversation.turn !== turn) continue;
      turn.ahead -= row.tokens.length;
      this.#takeOutput(turn, row, result.rows[index]);
    }
    this.#settle(flight);
  }

  #failStep(plan: number, error: PlainError): void {
    const flight = this.#flights.landing(plan);
    if (flight === undefined) return;
    if (error.code === "device-lost") {
      this.#lose(error);
      return;
    }
    for (const turn of flight.turns)
      if (turn.conversation.turn === turn) this.#end(turn, { kind: "fail", error });
    this.#settle(flight);
  }

  #takeOutput(turn: TurnState, row: StepRow, result: RowResult | undefined): void {
    const { table } = turn.conversation;
    if (result?.kind !== row.output.kind)
      throw new Error(`A step answered ${row.sequence} with the wrong kind.`);
    if (result.kind === "tokens") {
      this.#takeDrafted(turn, row.tokens, result.tokens);
      return;
    }
    table.append(tokensRun(row, turn));
    if (result.kind === "token") this.#takeToken(turn, result.token);
    if (result.kind === "logits") {
      const { turn: id, keep } = turn.request;
      const offset = row.position - keep;
      this.#commands.push({ kind: "deliver-logits", turn: id, offset, logits: result.logits });
      if (table.length === promptTokens(turn)) this.#end(turn, { kind: "finish", reason: "end" });
    }
  }

  /** Takes what was sampled up to the first token that was drafted otherwise; what ran behind it counts for nothing. */
  #takeDrafted(turn: TurnState, run: readonly number[], sampled: readonly number[]): void {
    const { conversation } = turn;
    turn.drafted = 0;
    for (const [index, token] of sampled.entries()) {
      conversation.table.append(run.slice(index, index + 1));
      this.#takeToken(turn, token);
      if (conversation.turn !== turn) return;
      if (run[index + 1] !== token) break;
      if (this.#drafting) this.#drafting.accepted += 1;
    }
    this.#flights.retire(conversation, conversation.table.truncate(conversation.table.length));
  }

  #takeToken(turn: TurnState, token: number): void {
    const { turn: id, output } = turn.request;
    if (output.kind !== "tokens") return;
    this.#drafting?.learn(turn, token);
    turn.completion.push(token);
    this.#commands.push({ kind: "deliver-token", turn: id, token });
    const outcome = outcomeAfter(turn, token, this.#limits.contextTokens);
    if (outcome !== undefined) this.#end(turn, outcome);
  }

  /** Ends a turn, whatever of it is in flight. */
  #end(turn: TurnState | undefined, outcome: TurnOutcome): void {
    if (turn === undefined) return;
    const { conversation, request } = turn;
    const { table } = conversation;
    conversation.turn = undefined;
    this.#turns.delete(request.turn);
    this.#flights.retire(
      conversation,
      table.truncate(leavesNothing(turn, outcome) ? request.keep : table.length),
    );
    this.#commands.push(endCommand(turn, outcome));
  }

  /** The first plan in flight has landed: blocks and conversations that only waited for it go. */
  #settle(flight: Flight): void {
    this.#flights.settle(flight);
    for (const { conversation } of flight.turns)
      if (conversation.closed && !this.#flights.holds(conversation))
        this.#conversations.delete(conversation.id);
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
    const drafting = this.#flights.count === 0 ? this.#drafting : undefined;
    const plan = { id, rows: drafting?.extend(rows, turns, budget) ?? rows };
    this.#flights.add({ plan, turns });
    return plan;
  }

  /** The turns that the next plan may hold; none while it has to wait for those in flight. */
  #ready(): readonly TurnState[] {
    if (this.#flights.count >= this.#limits.plansInFlight) return [];
    if (this.#flights.count === 0) this.#starved = false;
    if (this.#starved) return [];
    const ready = readyTurns(this.#turns.values(), this.#limits.contextTokens, this.#steps);
    return this.#flights.count > 0 && this.#drafting?.holdsBack(ready) ? [] : ready;
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
    const { missing } = reservation;
    if (this.#flights.count > 0) this.#starved = true;
    else
      this.#end(turn, { kind: "fail", error: kvFull(id, { needed, missing, total: this.#limits.blocks }) });
    return false;
  }
}
