import fc from "fast-check";
import { expect, test } from "vitest";
import type { DeviceRole } from "../../src/protocol/device.ts";
import { LATE_TIMES } from "../../src/scheduler/late_turns.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import type { Policy } from "../../src/scheduler/policy.ts";
import { tokensOf } from "./driver.ts";
import { Fleet, type FleetDevice } from "./fleet.ts";

/** Nobody waits for ever: as many conversations as there are send their next turn as soon as the last one has ended. */

/** A step of priority counts as much as this in the order of turns. */
const PRIORITY_MS = 10_000;
/** As much as this of what a task has waited. */
/** How many may go before one that finds no blocks, though they come after it. */
const MOST_OVERTAKEN = 16;
const MS_PER_EVENT = 50;
const MOST_PROMPT = 12;
const MOST_TOKENS = 8;
/** Conversations begin again when they are longer, so that each fits on every device. */
const MOST_HISTORY = 24;
const TURNS = 160;

interface Waiting {
  readonly arrivedMs: number;
  readonly priority: number;
  firstMs: number | undefined;
}

interface Load {
  /** The priority of each conversation. */
  readonly priorities: readonly number[];
  readonly prompts: readonly number[];
  readonly roles: readonly DeviceRole[];
  readonly blocks: number;
  readonly rows: number;
  readonly hostBlocks: number;
}

const loads = (roles: fc.Arbitrary<readonly DeviceRole[]>): fc.Arbitrary<Load> =>
  fc.record({
    priorities: fc.array(fc.constantFrom(0, 1), { minLength: 3, maxLength: 9 }),
    prompts: fc.array(fc.integer({ min: 1, max: MOST_PROMPT }), { minLength: 5, maxLength: 20 }),
    roles,
    blocks: fc.integer({ min: 13, max: 40 }),
    rows: fc.integer({ min: 1, max: 4 }),
    hostBlocks: fc.constantFrom(0, 30),
  });

/** All turns of a closed loop, in which the devices do one thing each in turns. */
function waitingUnder(
  policy: Policy,
  { priorities, prompts, roles, blocks, rows, hostBlocks }: Load,
): readonly Waiting[] {
  const limits = { blocks, maxStepRows: rows };
  const devices = roles.map((role, at): [string, FleetDevice] => [`d${at}`, { role, limits }]);
  const fleet = new Fleet(Object.fromEntries(devices), policy, 32, hostBlocks);
  fleet.msPerEvent = MS_PER_EVENT;
  const turns: Waiting[] = [];
  const ended: string[] = priorities.map((_, n) => `c${n}`);
  const conversations = new Map<number, string>();
  fleet.onEvent = (_, nowMs, commands) => {
    for (const command of commands) {
      if (command.kind === "turn-failed") throw new Error(command.error.message);
      if (command.kind === "turn-finished") ended.push(conversations.get(command.turn) ?? "");
      const turn = command.kind === "deliver-token" ? turns[command.turn] : undefined;
      if (turn) turn.firstMs ??= nowMs;
    }
  };
  while (turns.length < TURNS || !fleet.isIdle) {
    for (const id of ended.splice(0)) {
      if (turns.length >= TURNS) continue;
      const turn = turns.length;
      const priority = priorities[Number(id.slice(1))] ?? 0;
      conversations.set(turn, id);
      turns.push({ arrivedMs: fleet.nowMs, priority, firstMs: undefined });
      const keep = fleet.scheduler.ranTokens(id) > MOST_HISTORY ? 0 : fleet.scheduler.ranTokens(id);
      const tokens = Array.from(
        { length: prompts[turn % prompts.length] ?? 1 },
        (_, at) => (turn * 13 + at) % 97,
      );
      fleet.arrive(turn, id, tokens, { keep, priority, output: tokensOf(1 + (turn % MOST_TOKENS)) });
    }
    for (const id of [...fleet.machines.keys()]) fleet.step(id);
  }
  return turns;
}

/** By how much a turn that came later may count as if it had come earlier. */
function advantageMs(policy: Policy): number {
  // A step takes a millisecond here, so a token of a prompt does at most.
  const { promptWeight = 0, lateMs = 0 } = policy.steps ?? {};
  return PRIORITY_MS + promptWeight * MOST_PROMPT + LATE_TIMES * lateMs;
}

for (const policy of Object.values(policies)) {
  test(`on one device under ${policy.name}, of those that come ten seconds later at most ${MOST_OVERTAKEN} go before a turn, whatever their priority`, () => {
    fc.assert(
      fc.property(loads(fc.constant(["both"])), (load) => {
        const turns = waitingUnder(policy, load);
        for (const { arrivedMs, firstMs = Number.POSITIVE_INFINITY } of turns) {
          const later = turns.filter((other) => other.arrivedMs > arrivedMs + advantageMs(policy));
          const before = later.filter((other) => (other.firstMs ?? Number.POSITIVE_INFINITY) < firstMs);
          expect(before.length).toBeLessThanOrEqual(MOST_OVERTAKEN);
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 12) },
    );
  });
}

const roles = fc.array(fc.constantFrom<DeviceRole>("prefiller", "decoder", "both"), {
  minLength: 2,
  maxLength: 3,
});

for (const policy of Object.values(policies)) {
  test(`over several devices under ${policy.name}, a turn waits no longer than the others that may go first take`, () => {
    fc.assert(
      fc.property(loads(roles), (load) => {
        const machines = load.roles.length + 1;
        // Each runs alone at worst: its prompt and history with a step a token, its answer, and its blocks out and in again.
        const turnMs = (MOST_PROMPT + MOST_HISTORY + 2 * MOST_TOKENS + 30) * machines * MS_PER_EVENT;
        const most = advantageMs(policy) + (load.priorities.length + MOST_OVERTAKEN) * turnMs;
        for (const { arrivedMs, firstMs = Number.POSITIVE_INFINITY } of waitingUnder(policy, load))
          expect(firstMs - arrivedMs).toBeLessThanOrEqual(most);
      }),
      { numRuns: Number(process.env.RUNS ?? 6) },
    );
  });
}
