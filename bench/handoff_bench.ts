import { TurnLoop } from "../src/conversation/turn_loop.ts";
import type { Runner } from "../src/protocol/step.ts";
import { policies } from "../src/scheduler/policies/table.ts";
import { Scheduler } from "../src/scheduler/scheduler.ts";
import { COPY_BLOCKS } from "./copy_cost.ts";
import { runTurn } from "./live_turns.ts";
import { type Observed, observed } from "./observed_runner.ts";
import { RandomWords } from "./random_model.ts";

const PREFILLER = "prefiller";
const DECODER = "decoder";
/** Of a measured turn: the handoff is over when the second one begins. */
const ANSWER_TOKENS = 3;
/** Of the conversations that keep the decoder busy: a prompt, and answers until they are told to stop. */
const OTHER_PROMPT = 32;
const OTHER_ANSWER = 128;

/** What one turn's handoff took, in ms. */
export interface HandoffSample {
  /** From the end of the last prefill step to the start of the decoder's first step for the turn: `ownMs` and `stepWaitMs`. */
  readonly visibleMs: number;
  readonly ownMs: number;
  readonly stepWaitMs: number;
  /** Blocks of the last export, and of all. */
  readonly lastBlocks: number;
  readonly blocks: number;
  readonly bytes: number;
  /** Of the prompt's K and V alone. */
  readonly kvBytes: number;
  readonly transfers: number;
}

export interface BusyDecoder {
  stop(): Promise<void>;
}

/** A prefiller and a decoder under `conserve`, whose conversations' handoffs are timed one by one. */
export class HandoffBench {
  readonly #loop: TurnLoop;
  readonly #scheduler: Scheduler;
  readonly #log: Observed = { steps: [], copies: [] };
  readonly #random: RandomWords;
  readonly #blockBytes: number;
  readonly #blockTokens: number;
  readonly #vocabTokens: number;
  #conversations = 0;

  constructor(pair: { readonly prefiller: Runner; readonly decoder: Runner }, seed: number) {
    const blocks = Math.max(1, pair.decoder.limits.blocks - COPY_BLOCKS);
    const devices = ([PREFILLER, DECODER] as const).map((id) => ({
      id,
      role: id,
      runner: observed(id, pair[id], this.#log, blocks),
    }));
    const specs = devices.map(({ id, role, runner: { limits } }) => ({ id, role, limits }));
    this.#scheduler = new Scheduler({ devices: specs, policy: policies.conserve, speculation: "off" });
    this.#loop = new TurnLoop(this.#scheduler, new Map(devices.map(({ id, runner }) => [id, runner])));
    this.#random = new RandomWords(seed);
    const { blockBytes, blockTokens, vocabTokens } = pair.decoder.limits;
    this.#blockBytes = blockBytes;
    this.#blockTokens = blockTokens;
    this.#vocabTokens = vocabTokens;
  }

  /** A first turn of so many tokens, prefilled on one device and decoded on the other. */
  async sample(promptTokens: number): Promise<HandoffSample> {
    const id = `handoff-${++this.#conversations}`;
    this.#log.steps.length = 0;
    this.#log.copies.length = 0;
    await runTurn(this.#loop, id, 0, this.#prompt(promptTokens), ANSWER_TOKENS);
    const { transfers } = this.#scheduler.movedOf(id);
    this.#loop.close(id);
    const own = this.#log.steps.filter(({ sequences }) => sequences.includes(id));
    const prefilled = own.findLast(({ device }) => device === PREFILLER);
    const decoding = own.find(({ device }) => device === DECODER);
    const exports = this.#log.copies.filter(({ step }) => step === "export");
    const imports = this.#log.copies.filter(({ step }) => step === "import");
    const [last, arrived] = [exports.at(-1), imports.at(-1)];
    if (prefilled === undefined || decoding === undefined || last === undefined || arrived === undefined)
      throw new Error("the conversation was not handed over");
    // KV that is there before the step's result has been read costs the turn nothing.
    const ownMs = Math.max(0, arrived.endMs - prefilled.endMs);
    const visibleMs = Math.max(0, decoding.startMs - prefilled.endMs);
    return {
      visibleMs,
      ownMs,
      stepWaitMs: visibleMs - ownMs,
      lastBlocks: last.blocks,
      blocks: exports.reduce((sum, { blocks }) => sum + blocks, 0),
      bytes: imports.reduce((sum, { bytes }) => sum + bytes, 0),
      kvBytes: (promptTokens / this.#blockTokens) * this.#blockBytes,
      transfers,
    };
  }

  /** So many other conversations decode on the decoder, from when it resolves until they are stopped. */
  async occupy(others: number): Promise<BusyDecoder> {
    let stopped = false;
    const ids = Array.from({ length: others }, () => `other-${++this.#conversations}`);
    for (const id of ids) await runTurn(this.#loop, id, 0, this.#prompt(OTHER_PROMPT), 2);
    const running = ids.map(async (id) => {
      while (!stopped) await runTurn(this.#loop, id, OTHER_PROMPT, [1], OTHER_ANSWER).catch(() => {});
    });
    return {
      stop: async () => {
        stopped = true;
        for (const id of ids) this.#loop.close(id);
        await Promise.all(running);
      },
    };
  }

  dispose(): Promise<void> {
    return this.#loop.dispose();
  }

  #prompt(tokens: number): readonly number[] {
    return this.#random.integers(tokens, this.#vocabTokens);
  }
}
