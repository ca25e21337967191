import type { SchedulerCommand } from "../protocol/command.ts";
import type { RowResult, StepResult, StepRow } from "../protocol/step.ts";
import type { Device } from "./device.ts";
import { endOf, type Flight } from "./flight.ts";
import {
  completionTokens,
  outcomeAfter,
  promptTokens,
  type TurnOutcome,
  type TurnState,
  tokensLeft,
} from "./state.ts";

/** Who is told what came of a step. */
export interface LandingSink {
  deliver(command: SchedulerCommand): void;
  end(turn: TurnState, outcome: TurnOutcome): void;
  /** The turn has its first token. */
  firstToken(turn: TurnState, device: Device): void;
  /** All known tokens of a turn that leaves have run. */
  prefilled(turn: TurnState, device: Device): void;
}

/** Takes the results of a step into the books of the turns that still want them. */
export function takeResults(
  device: Device,
  { plan, turns }: Flight,
  result: StepResult,
  sink: LandingSink,
): void {
  const { rows } = plan;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    const turn = turns[index];
    if (row === undefined || turn?.residence?.pool !== device.pool || turn.conversation.turn !== turn)
      continue;
    turn.ahead -= row.tokens.length;
    takeRow(device, turn, row, result.rows[index], sink);
  }
}

function takeRow(
  device: Device,
  turn: TurnState,
  row: StepRow,
  result: RowResult | undefined,
  sink: LandingSink,
): void {
  if (result?.kind !== row.output.kind)
    throw new Error(`A step answered ${row.sequence} with the wrong kind.`);
  if (result.kind === "tokens") {
    takeDrafted(device, turn, row, result.tokens, sink);
    return;
  }
  grow(turn, endOf(row));
  if (result.kind === "token") takeToken(device, turn, result.token, sink);
  if (result.kind === "logits") takeLogits(turn, row, result.logits, sink);
  if (turn.leaves && turn.conversation.turn === turn && result.kind === "token") sink.prefilled(turn, device);
}

/** Takes what was sampled up to the first token that was drafted otherwise; what ran behind it counts for nothing. */
function takeDrafted(
  device: Device,
  turn: TurnState,
  { tokens: run, position }: StepRow,
  sampled: readonly number[],
  sink: LandingSink,
): void {
  const { conversation, residence } = turn;
  turn.drafted = 0;
  for (const [index, token] of sampled.entries()) {
    grow(turn, position + index + 1);
    takeToken(device, turn, token, sink);
    if (conversation.turn !== turn) return;
    if (run[index + 1] !== token) break;
    if (device.drafting) device.drafting.accepted += 1;
  }
  if (residence) residence.pool.cut(residence, residence.table.length);
}

function takeToken(device: Device, turn: TurnState, token: number, sink: LandingSink): void {
  const { request, conversation } = turn;
  if (request.output.kind !== "tokens") return;
  device.drafting?.learn(turn, token);
  if (completionTokens(turn) === 0) sink.firstToken(turn, device);
  conversation.tokens.push(token);
  sink.deliver({ kind: "deliver-token", turn: request.turn, token });
  const outcome = outcomeAfter(turn, token, device.limits.contextTokens);
  if (outcome !== undefined) sink.end(turn, outcome);
}

function takeLogits(
  turn: TurnState,
  { position, tokens }: StepRow,
  logits: Float32Array,
  sink: LandingSink,
): void {
  const { turn: id, keep } = turn.request;
  turn.delivered = position + tokens.length - keep;
  sink.deliver({ kind: "deliver-logits", turn: id, offset: position - keep, logits });
  if (tokensLeft(turn) === 0 && endsAt(turn)) sink.end(turn, { kind: "finish", reason: "end" });
}

function endsAt(turn: TurnState): boolean {
  return turn.residence?.table.length === promptTokens(turn);
}

function grow(turn: TurnState, tokens: number): void {
  const { residence, conversation } = turn;
  if (residence === undefined) throw new Error(`${conversation.id} has run on no device.`);
  residence.pool.grow(residence, tokens);
  conversation.ran = Math.max(conversation.ran, tokens);
}
