import fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { HOST } from "../../src/protocol/device.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";
import { Fleet, type FleetDevice } from "./fleet.ts";

/** Several devices that do what they are told when they like, under every policy, against what each turn would get alone. */

const POLICIES = Object.values(policies);

const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("arrive" as const),
      conversation: fc.nat(5),
      prompt: fc.integer({ min: 1, max: 18 }),
      /** Half of the conversations begin alike. */
      system: fc.boolean(),
      keep: fc.option(fc.nat(40), { freq: 3 }),
      maxTokens: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant("step" as const), device: fc.nat(3), count: fc.nat(5) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stop" as const), turn: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), conversation: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("fork" as const), conversation: fc.nat(5), tokens: fc.nat(20) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("save" as const), conversation: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("load" as const), saved: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const), device: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const), device: fc.nat(3) }) },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const limits = fc.record({
  blocks: fc.integer({ min: 10, max: 40 }),
  maxStepTokens: fc.integer({ min: 1, max: 20 }),
  maxStepRows: fc.integer({ min: 1, max: 4 }),
  plansInFlight: fc.integer({ min: 1, max: 3 }),
});

const fleets = fc.record({
  roles: fc.array(fc.constantFrom("prefiller" as const, "decoder" as const, "both" as const), {
    minLength: 1,
    maxLength: 4,
  }),
  limits,
  pooled: fc.boolean(),
  stagingBlocks: fc.integer({ min: 2, max: 40 }),
  hostBlocks: fc.constantFrom(0, 3, 12, 100),
});

const SYSTEM = Array.from({ length: 9 }, (_, index) => 40 + index);
const broken = new DeviceError("gpu-error", "This was meant to fail.").toPlain();
const gone = new DeviceError("device-lost", "The device is gone.").toPlain();

interface SentTurn {
  readonly conversation: string;
  readonly prompt: readonly number[];
}

class Model {
  readonly fleet: Fleet;
  readonly turns: SentTurn[] = [];
  losses = 0;
  readonly #histories = new Map<string, readonly number[]>();
  /** Host memory included. */
  readonly #ids: readonly string[];
  readonly #devices: readonly string[];
  #forks = 0;
  #seen = 0;

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    this.#ids = [...fleet.machines.keys()];
    this.#devices = this.#ids.filter((id) => id !== HOST);
  }

  do(action: Act): void {
    const device = "device" in action ? (this.#ids[action.device % this.#ids.length] ?? "") : "";
    switch (action.kind) {
      case "arrive":
        this.#arrive(action);
        break;
      case "step":
        for (let n = 0; n <= action.count; n++) this.fleet.step(device);
        break;
      case "stop":
        this.fleet.send({ kind: "turn-stopped", turn: action.turn, reason: "abort" });
        break;
      case "close":
        this.fleet.send({ kind: "conversation-closed", conversation: `c${action.conversation}` });
        break;
      case "fork":
        this.#fork(`c${action.conversation}`, action.tokens);
        break;
      case "save":
        this.fleet.save(`c${action.conversation}`);
        break;
      case "load":
        this.#load(action.saved);
        break;
      case "fail":
        this.fleet.step(device, broken);
        break;
      case "lose": {
        const lost = this.#devices[action.device % this.#devices.length] ?? "";
        this.losses += 1;
        this.fleet.lose(lost, gone, true);
        this.fleet.recover(lost);
        break;
      }
    }
    this.learn();
  }

  learn(): void {
    for (const command of this.fleet.commands.slice(this.#seen)) {
      if (command.kind === "turn-failed") expect(["gpu-error", "kv-full", "disposed", "conversation-busy", "prompt-too-long"]).toContain(command.error.code); // biome-ignore format: a list
      if (command.kind !== "turn-finished") continue;
      const { conversation, prompt } = this.turns[command.turn] ?? { conversation: "", prompt: [] };
      const completion = this.fleet.tokens(command.turn);
      expect(completion).toEqual(alone(prompt, completion.length));
      expect(command.usage.completionTokens).toBe(completion.length);
      this.#histories.set(conversation, [...prompt, ...completion]);
    }
    this.#seen = this.fleet.commands.length;
  }

  #arrive({
    conversation: n,
    prompt,
    system,
    keep: kept,
    maxTokens,
  }: Extract<Act, { kind: "arrive" }>): void {
    const conversation = `c${n}`;
    const history = this.fleet.scheduler.history(conversation);
    const keep = kept === null ? history.length : kept % (history.length + 1);
    const fresh = Array.from({ length: prompt }, (_, index) => (this.turns.length * 7 + index) % 97);
    const tokens = system && keep === 0 ? [...SYSTEM, ...fresh] : fresh;
    const turn = this.turns.push({ conversation, prompt: [...history.slice(0, keep), ...tokens] }) - 1;
    this.fleet.arrive(turn, conversation, tokens, { keep, output: tokensOf(maxTokens) });
  }

  #load(n: number): void {
    const saved = this.fleet.saved[n % (this.fleet.saved.length + 1)];
    if (saved === undefined) return;
    const id = `loaded${this.#forks++}`;
    this.fleet.load(id, saved);
    expect(this.fleet.scheduler.history(id)).toEqual(saved.tokens);
    const turn = this.turns.push({ conversation: id, prompt: [...saved.tokens, 91] }) - 1;
    this.fleet.arrive(turn, id, [91], { output: tokensOf(5) });
  }

  #fork(from: string, tokens: number): void {
    if (this.fleet.conversation(from) === undefined) return;
    const id = `fork${this.#forks++}`;
    const history = this.fleet.scheduler.history(from);
    this.fleet.send({ kind: "conversation-forked", conversation: id, from, tokens });
    expect(this.fleet.scheduler.history(id)).toEqual(history.slice(0, tokens));
    const prompt = [...history.slice(0, tokens), 90];
    const turn = this.turns.push({ conversation: id, prompt }) - 1;
    this.fleet.arrive(turn, id, [90], { output: tokensOf(5) });
  }
}

function alone(prompt: readonly number[], length: number): number[] {
  const sequence = [...prompt];
  for (let n = 0; n < length; n++) sequence.push(fakeToken(sequence, 97));
  return sequence.slice(prompt.length);
}

for (const policy of POLICIES) {
  test(`under ${policy.name} each turn ends once with the tokens it would get alone, and nothing leaks or waits for ever`, () => {
    fc.assert(
      fc.property(
        fleets,
        fc.array(act, { maxLength: 80 }),
        ({ roles, limits, pooled, stagingBlocks, hostBlocks }, actions) => {
          const devices = Object.fromEntries(
            roles.map((role, index): [string, FleetDevice] => [
              `d${index}`,
              { role, limits, ...(pooled && index < 2 && { pool: "shared" }) },
            ]),
          );
          const model = new Model(new Fleet(devices, policy, stagingBlocks, hostBlocks));
          for (const action of actions) model.do(action);
          model.fleet.finish();
          model.learn();
          for (const turn of model.turns.keys()) expect(model.fleet.end(turn)).toBeDefined();
          const { conversations } = model.fleet.scheduler.snapshot();
          if (model.losses === 0 && policy.transfers !== undefined)
            for (const { transfers } of conversations)
              expect(transfers).toBeLessThanOrEqual(policy.transfers);
          for (const { id } of conversations)
            model.fleet.send({ kind: "conversation-closed", conversation: id });
          model.fleet.finish();
          expect(model.fleet.used().every((blocks) => blocks === 0)).toBe(true);
          expect(model.fleet.scheduler.snapshot()).toMatchObject({ handoffs: 0, conversations: [] });
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 400) },
    );
  });
}
