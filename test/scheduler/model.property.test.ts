import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { HOST } from "../../src/protocol/device.ts";
import { baton } from "../../src/scheduler/policies/baton.ts";
import { conserve } from "../../src/scheduler/policies/conserve.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import { least, occupancy, type Policy } from "../../src/scheduler/policy.ts";
import { Fleet, type FleetDevice } from "./fleet.ts";
import { Model } from "./model.ts";

/**
 * Several devices that do what they are told when they like, under every policy, beside a model that knows each conversation's tokens.
 * After every event: the books add up, the same events give the same commands, each token comes once and is the one that the
 * conversation would get alone; after every command: nothing moves more often than its policy says, nothing waits while nothing is in flight.
 * RUNS sets how many sequences of commands each policy gets.
 */

const roomy: Policy["rebind"] = {
  most: 2,
  to: (turn, { devices }) =>
    least(
      devices.filter((device) => device.id !== turn.bound && device.hasRoomFor(turn)),
      occupancy,
    )?.id,
};

const POLICIES: readonly Policy[] = [
  ...Object.values(policies),
  { ...baton, name: "baton with rebinding and a gate", steps: { promptWeight: 8, paceMs: 200, admitShare: 0.6 }, rebind: roomy }, // biome-ignore format: one record
  { ...conserve, name: "conserve with rebinding and parking", parks: true, rebind: roomy },
];

const SYSTEM = Array.from({ length: 9 }, (_, index) => 40 + index);
const broken = new DeviceError("gpu-error", "This was meant to fail.").toPlain();
const gone = new DeviceError("device-lost", "The device is gone.").toPlain();

type Act = fc.Command<Model, Fleet>;

/** A command of the test: when it makes sense, and what it does. */
function act(
  name: string,
  run: (model: Model) => void,
  makesSense: (model: Model) => boolean = () => true,
): Act {
  return {
    check: makesSense,
    run: (model) => {
      run(model);
      model.check();
    },
    toString: () => name,
  };
}

const conversation = fc.nat(5).map((n) => `c${n}`);
const device = fc.nat(4);
const known = (model: Model, id: string) => model.fleet.conversation(id) !== undefined;
/** Host memory included, which copies blocks as devices do. */
const machineOf = (model: Model, n: number) => [...model.devices, HOST][n % (model.devices.length + 1)] ?? "";
const deviceOf = (model: Model, n: number) => model.devices[n % model.devices.length] ?? "";

const arrives = fc
  .record({
    conversation,
    prompt: fc.integer({ min: 1, max: 18 }),
    /** Half of the conversations begin alike. */
    system: fc.boolean(),
    keep: fc.option(fc.nat(40), { freq: 3 }),
    maxTokens: fc.integer({ min: 1, max: 12 }),
    priority: fc.constantFrom(0, 0, 0, 1),
  })
  .map((turn) =>
    act(`arrive ${JSON.stringify(turn)}`, (model) => {
      const history = model.fleet.scheduler.history(turn.conversation);
      const keep = turn.keep === null ? history.length : turn.keep % (history.length + 1);
      const fresh = Array.from({ length: turn.prompt }, (_, at) => (model.turns.size * 7 + at) % 97);
      const tokens = turn.system && keep === 0 ? [...SYSTEM, ...fresh] : fresh;
      model.arrive(turn.conversation, tokens, keep, turn.maxTokens, turn.priority);
    }),
  );

const steps = fc.record({ device, count: fc.integer({ min: 1, max: 6 }) }).map(({ device, count }) =>
  act(`step ${device} x${count}`, (model) => {
    for (let n = 0; n < count; n++) model.fleet.step(machineOf(model, device));
  }),
);

const fails = device.map((n) =>
  act(`fail ${n}`, (model) => void model.fleet.step(machineOf(model, n), broken)),
);

const stops = fc
  .record({ turn: fc.nat(30), reason: fc.constantFrom("stop" as const, "abort" as const) })
  .map(({ turn, reason }) =>
    act(`stop ${turn}`, (model) => void model.fleet.send({ kind: "turn-stopped", turn, reason })),
  );

const closes = conversation.map((id) =>
  act(`close ${id}`, (model) => {
    model.fleet.send({ kind: "conversation-closed", conversation: id });
    model.histories.delete(id);
  }),
);

const forks = fc.record({ conversation, tokens: fc.nat(20) }).map(({ conversation: from, tokens }) =>
  act(
    `fork ${from} at ${tokens}`,
    (model) => {
      const id = `fork${model.ids++}`;
      const history = model.fleet.scheduler.history(from).slice(0, tokens);
      model.fleet.send({ kind: "conversation-forked", conversation: id, from, tokens });
      expect(model.fleet.scheduler.history(id)).toEqual(history);
      model.histories.set(id, history);
      model.arrive(id, [90], history.length, 5);
    },
    (model) => known(model, from),
  ),
);

const pauses = fc.record({ conversation, ends: fc.boolean() }).map(({ conversation, ends }) =>
  act(
    `${ends ? "resume" : "pause"} ${conversation}`,
    ({ fleet }) => {
      fleet.send({ kind: ends ? "pause-ended" : "pause-began", conversation });
      expect(fleet.conversation(conversation)?.isPaused).toBe(
        !ends && fleet.conversation(conversation)?.turn === undefined,
      );
    },
    (model) => known(model, conversation),
  ),
);

const saves = conversation.map((id) => act(`save ${id}`, (model) => model.fleet.save(id)));

const loads = fc.nat(9).map((n) =>
  act(
    `load ${n}`,
    (model) => {
      const saved = model.fleet.saved[n % model.fleet.saved.length];
      if (saved === undefined) return;
      const id = `loaded${model.ids++}`;
      model.fleet.load(id, saved);
      expect(model.fleet.scheduler.history(id)).toEqual(saved.tokens);
      model.histories.set(id, saved.tokens);
      model.arrive(id, [91], saved.tokens.length, 5);
    },
    (model) => model.fleet.saved.length > 0,
  ),
);

function lose(model: Model, id: string, recovering: boolean): void {
  model.losses += 1;
  model.fleet.lose(id, gone, recovering);
  for (const one of model.devices) if (!model.fleet.machines.has(one)) model.away.add(one);
}

function recover(model: Model, id: string): void {
  model.fleet.recover(id);
  for (const one of model.devices) if (model.fleet.machines.has(one)) model.away.delete(one);
}

const losses = fc.record({ device, recovering: fc.boolean() }).map(({ device, recovering }) =>
  act(
    `lose ${device}`,
    (model) => lose(model, deviceOf(model, device), recovering),
    (model) => model.fleet.machines.has(deviceOf(model, device)),
  ),
);

const recoveries = device.map((n) =>
  act(
    `recover ${n}`,
    (model) => recover(model, deviceOf(model, n)),
    (model) => model.away.has(deviceOf(model, n)),
  ),
);

const acts = fc.commands(
  [steps, arrives, steps, stops, steps, closes, steps, forks, arrives, pauses, steps, saves, loads, fails, steps, losses, arrives, recoveries], // biome-ignore format: by weight
  { maxCommands: 90, size: "max" },
);

const fleets = fc.record({
  roles: fc.array(fc.constantFrom("prefiller" as const, "decoder" as const, "both" as const), {
    minLength: 1,
    maxLength: 4,
  }),
  limits: fc.record({
    blocks: fc.integer({ min: 10, max: 40 }),
    maxStepTokens: fc.integer({ min: 1, max: 20 }),
    maxStepRows: fc.integer({ min: 1, max: 4 }),
    plansInFlight: fc.integer({ min: 1, max: 3 }),
  }),
  pooled: fc.boolean(),
  stagingBlocks: fc.integer({ min: 2, max: 40 }),
  hostBlocks: fc.constantFrom(0, 3, 12, 100),
});
type Drawn = typeof fleets extends fc.Arbitrary<infer T> ? T : never;

function fleetOf({ roles, limits, pooled, stagingBlocks, hostBlocks }: Drawn, policy: Policy): Fleet {
  const devices = roles.map((role, index): [string, FleetDevice] => [
    `d${index}`,
    { role, limits, ...(pooled && index < 2 && { pool: "shared" }) },
  ]);
  return new Fleet(Object.fromEntries(devices), policy, stagingBlocks, hostBlocks);
}

/** Everything comes back and ends; then nothing is left. */
function windUp(model: Model): void {
  for (const id of [...model.away]) if (model.away.has(id)) recover(model, id);
  model.fleet.finish();
  model.check();
  for (const { id } of model.fleet.scheduler.snapshot().conversations)
    model.fleet.send({ kind: "conversation-closed", conversation: id });
  model.fleet.finish();
  expect(model.fleet.used().every((blocks) => blocks === 0)).toBe(true);
  expect(model.fleet.scheduler.snapshot()).toMatchObject({ handoffs: 0, conversations: [] });
}

let events = 0;
afterAll(() => {
  if (process.env.RUNS !== undefined) console.log(`${events} events`);
});

for (const policy of POLICIES) {
  test(`under ${policy.name} the scheduler does what the model says, and nothing leaks, waits for ever or moves too often`, () => {
    fc.assert(
      fc.property(fleets, acts, (drawn, commands) => {
        const model = new Model(fleetOf(drawn, policy));
        fc.modelRun(() => ({ model, real: model.fleet }), commands);
        windUp(model);
        events += model.events;
      }),
      { numRuns: Number(process.env.RUNS ?? 40) },
    );
  });
}
