import fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { DEVICE, Driver, greedy, tokensOf } from "./driver.ts";

/** Random arrivals, stops, closes and failures over tiny pools, against a model that knows each conversation's tokens. */

const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("step" as const), n: fc.nat(9) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("arrive" as const),
      conversation: fc.nat(4),
      prompt: fc.integer({ min: 1, max: 24 }),
      keep: fc.nat(),
      maxTokens: fc.integer({ min: 1, max: 30 }),
      chunkTokens: fc.option(fc.integer({ min: 1, max: 5 })),
      output: fc.constantFrom("greedy", "penalised", "logits"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("stop" as const), n: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), conversation: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const) }) },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const limits = fc.record({
  blockTokens: fc.integer({ min: 1, max: 5 }),
  blocks: fc.integer({ min: 1, max: 30 }),
  maxStepTokens: fc.integer({ min: 1, max: 12 }),
  maxStepRows: fc.integer({ min: 1, max: 4 }),
  maxLogitRows: fc.integer({ min: 1, max: 12 }),
  contextTokens: fc.integer({ min: 4, max: 80 }),
  plansInFlight: fc.integer({ min: 1, max: 4 }),
  vocabTokens: fc.constantFrom(3, 3, 97),
});

/** The second needs the host between steps; the fake runner answers both alike. */
const samplings = { greedy, penalised: { ...greedy, presencePenalty: 1 } };

interface SentTurn {
  readonly conversation: string;
  readonly prompt: readonly number[];
}

/** What the test itself knows: the tokens of every conversation, which the scheduler must agree with. */
class Model {
  readonly driver: Driver;
  readonly turns: SentTurn[] = [];
  readonly #histories = new Map<string, readonly number[]>();
  #seen = 0;

  constructor(driver: Driver) {
    this.driver = driver;
    driver.runner.next = (sequence) => next(sequence, driver.runner.limits.vocabTokens);
  }

  do(action: Act): void {
    switch (action.kind) {
      case "arrive":
        this.#arrive(action);
        break;
      case "stop":
        this.driver.send({ kind: "turn-stopped", turn: action.n % (this.turns.length + 1), reason: "abort" });
        break;
      case "close":
        this.driver.send({ kind: "conversation-closed", conversation: `c${action.conversation}` });
        break;
      case "fail": {
        const error = new DeviceError("gpu-error", "The step was refused.").toPlain();
        if (this.driver.plan !== undefined)
          this.driver.send({ kind: "step-failed", device: DEVICE, plan: this.driver.plan.id, error });
        break;
      }
      case "step":
        for (let n = 0; n <= action.n && this.driver.plan !== undefined; n++) this.driver.step();
        break;
    }
    this.learn();
  }

  /** Takes finished turns into the histories; checks every delivered token against the sequence alone. */
  learn(): void {
    for (const command of this.driver.commands.slice(this.#seen)) {
      if (command.kind !== "turn-finished") continue;
      const { conversation, prompt } = this.turns[command.turn] ?? { conversation: "", prompt: [] };
      const completion = this.driver.tokens(command.turn);
      expect(completion).toEqual(alone(prompt, completion.length, this.driver.runner.limits.vocabTokens));
      expect(command.usage.completionTokens).toBe(completion.length);
      this.#histories.set(conversation, [...prompt, ...completion]);
    }
    this.#seen = this.driver.commands.length;
  }

  #arrive(action: Extract<Act, { kind: "arrive" }>): void {
    const conversation = `c${action.conversation}`;
    const history = this.#histories.get(conversation) ?? [];
    const cached = Math.min(this.driver.scheduler.history(conversation).length, history.length);
    const keep = action.keep % (cached + 1);
    const tokens = Array.from(
      { length: action.prompt },
      (_, index) => (this.turns.length * 7 + index) % this.driver.runner.limits.vocabTokens,
    );
    const turn = this.turns.push({ conversation, prompt: [...history.slice(0, keep), ...tokens] }) - 1;
    this.driver.arrive(turn, conversation, tokens, {
      keep,
      output:
        action.output === "logits"
          ? { kind: "logits" }
          : tokensOf(action.maxTokens, samplings[action.output]),
      ...(action.chunkTokens === null ? {} : { chunkTokens: action.chunkTokens }),
    });
  }
}

function alone(prompt: readonly number[], length: number, vocabTokens: number): number[] {
  const sequence = [...prompt];
  for (let n = 0; n < length; n++) sequence.push(next(sequence, vocabTokens));
  return sequence.slice(prompt.length);
}

/** Of few tokens a model that forgets soon, so that it repeats itself and drafts, which cost nothing here, come true. */
function next(sequence: readonly number[], vocabTokens: number): number {
  const remembers = vocabTokens > 3 || sequence.length % 7 === 0;
  return fakeToken(remembers ? sequence : sequence.slice(-2), vocabTokens);
}

test("whatever happens, each turn ends once, its tokens are those it would get alone, and no block is lost", () => {
  let [drafted, accepted] = [0, 0];
  fc.assert(
    fc.property(limits, fc.array(act, { maxLength: 60 }), (limits, actions) => {
      const driver = new Driver(limits);
      const model = new Model(driver);
      for (const action of actions) model.do(action);
      driver.finish();
      model.learn();
      for (const turn of model.turns.keys()) expect(driver.end(turn)).toBeDefined();
      for (let n = 0; n < 5; n++) driver.send({ kind: "conversation-closed", conversation: `c${n}` });
      drafted += driver.device.drafts.drafted;
      accepted += driver.device.drafts.accepted;
      expect([driver.device.blocks.used, driver.scheduler.snapshot().conversations]).toEqual([0, []]);
    }),
    { numRuns: 1600 },
  );
  expect(accepted).toBeGreaterThan(10); // drafts were among it, right ones and wrong ones
  expect(drafted - accepted).toBeGreaterThan(10);
});

test("the same events give the same commands", () => {
  fc.assert(
    fc.property(limits, fc.array(act, { maxLength: 40 }), (limits, actions) => {
      const [first, second] = [new Driver(limits), new Driver(limits)];
      const models = [new Model(first), new Model(second)];
      for (const action of actions) for (const model of models) model.do(action);
      expect(first.commands).toEqual(second.commands);
    }),
    { numRuns: 50 },
  );
});

test("a decode never waits for longer than one step, however long the prompts that arrive", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }), (prompts) => {
      const driver = new Driver({ blocks: 400, maxStepTokens: 6 });
      driver.arrive(0, "steady", [1], { output: tokensOf(80) });
      driver.step();
      for (const [index, length] of prompts.entries()) {
        driver.arrive(index + 1, `c${index}`, Array<number>(length).fill(2), { output: tokensOf(2) });
        const before = driver.tokens(0).length;
        for (let n = 0; n < 3; n++) driver.step();
        expect(driver.tokens(0).length).toBe(before + 3);
      }
    }),
    { numRuns: 50 },
  );
});
