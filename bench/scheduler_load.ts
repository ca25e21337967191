import type { SchedulerCommand } from "../src/protocol/command.ts";
import type { DeviceSpec } from "../src/protocol/device.ts";
import type { SchedulerEvent } from "../src/protocol/event.ts";
import { GREEDY } from "../src/protocol/sampling.ts";
import type { RowResult, StepPlan } from "../src/protocol/step.ts";
import type { Policy } from "../src/scheduler/policy.ts";
import { Scheduler } from "../src/scheduler/scheduler.ts";

/** Work for the scheduler alone: devices that answer at once, and conversations that are always as many. */

export interface SchedulerLoadOptions {
  readonly policy: Policy;
  readonly conversations: number;
  readonly devices: number;
  /** Most rows of a step. */
  readonly rows: number;
  readonly speculation: "auto" | "off";
}

/** What has been so far. */
export interface LoadCounts {
  /** Calls of `advance`. */
  readonly events: number;
  /** Rows of all steps that have ended: a token of a decode each, or a chunk of a prompt. */
  readonly rows: number;
  /** Tokens that those rows ran. */
  readonly tokens: number;
  readonly turns: number;
  readonly byKind: Readonly<Partial<Record<SchedulerEvent["kind"], number>>>;
}

interface Conversation {
  readonly id: string;
  turnsLeft: number;
}

/** A conversation that uses a tool: its next turn arrives then. */
interface Paused {
  readonly conversation: Conversation;
  readonly untilMs: number;
}

type Work = Extract<SchedulerCommand, { kind: "run-step" | "export-blocks" | "import-blocks" }>;

const BLOCK_TOKENS = 16;
/** For each conversation: less than all of them need, so that idle ones have to make room. */
const KV_BLOCKS = 32;
const VOCAB_TOKENS = 32_768;
/** What a step is said to take. */
const STEP_MS = 10;
/** All pauses are equally long, so that those who wait form a queue. */
const PAUSE_MS = 1250;
/** Half of the conversations begin with these. */
const SYSTEM = Array.from({ length: 96 }, (_, at) => at);

/** A fleet in a loop: each device reports what it was told first, in turns, and the next commands follow. */
export class SchedulerLoad {
  readonly #scheduler: Scheduler;
  readonly #queue: Work[] = [];
  readonly #pauses: Paused[] = [];
  readonly #running = new Map<number, Conversation>();
  readonly #msPerStep: number;
  readonly #byKind: Partial<Record<SchedulerEvent["kind"], number>> = {};
  #random = 1;
  #nowMs = 0;
  #events = 0;
  #rows = 0;
  #tokens = 0;
  #turns = 0;
  #opened = 0;

  constructor({ policy, conversations, devices, rows, speculation }: SchedulerLoadOptions) {
    this.#msPerStep = STEP_MS / devices;
    const blocks = KV_BLOCKS * conversations;
    const specs = Array.from({ length: devices }, (_, at) =>
      specOf(at, devices, rows, Math.ceil(blocks / devices)),
    );
    this.#scheduler = new Scheduler({ devices: specs, policy, speculation, hostBlocks: blocks / 4 });
    for (let n = 0; n < conversations; n++) this.#open();
  }

  get counts(): LoadCounts {
    return {
      events: this.#events,
      rows: this.#rows,
      tokens: this.#tokens,
      turns: this.#turns,
      byKind: { ...this.#byKind },
    };
  }

  /** Turns that wait for a place or for blocks now. */
  get waiting(): number {
    const { conversations } = this.#scheduler.snapshot();
    return conversations.filter(({ turn }) => turn !== undefined && turn.pool === undefined).length;
  }

  /** So many reports, and the turns that arrive meanwhile. */
  run(reports: number): void {
    for (let n = 0; n < reports; n++) {
      const work = this.#queue.shift();
      if (work === undefined) this.#nowMs = this.#pauses[0]?.untilMs ?? this.#nowMs;
      else if (work.kind === "run-step") this.#step(work.device, work.plan);
      else if (work.kind === "export-blocks") this.#send({ kind: "blocks-exported", handoff: work.handoff });
      else this.#send({ kind: "blocks-imported", handoff: work.handoff });
      this.#resume();
    }
  }

  #step(device: string, plan: StepPlan): void {
    this.#nowMs += this.#msPerStep;
    const rows: RowResult[] = [];
    for (const { tokens, output } of plan.rows) {
      this.#tokens += tokens.length;
      rows.push(this.#answer(output.kind, tokens.length));
    }
    this.#rows += rows.length;
    this.#send({ kind: "step-ended", device, result: { plan: plan.id, rows, ms: STEP_MS } });
  }

  #answer(kind: RowResult["kind"], tokens: number): RowResult {
    if (kind === "token") return { kind, token: this.#below(VOCAB_TOKENS) };
    if (kind === "tokens")
      return { kind, tokens: Array.from({ length: tokens }, () => this.#below(VOCAB_TOKENS)) };
    return { kind: "none" };
  }

  #resume(): void {
    for (let [next] = this.#pauses; next && next.untilMs <= this.#nowMs; [next] = this.#pauses) {
      this.#pauses.shift();
      this.#arrive(next.conversation, this.#between(16, 64));
    }
  }

  #open(): void {
    const conversation = { id: `c${this.#opened++}`, turnsLeft: this.#between(2, 8) };
    this.#arrive(conversation, this.#between(64, 256), this.#opened % 2 === 0);
  }

  #arrive(conversation: Conversation, length: number, system = false): void {
    const { id } = conversation;
    const turn = ++this.#turns;
    this.#running.set(turn, conversation);
    const own = Array.from({ length }, () => this.#below(VOCAB_TOKENS));
    const maxTokens = this.#between(16, 64);
    this.#send({
      kind: "turn-arrived",
      request: {
        conversation: id,
        turn,
        keep: this.#scheduler.ranTokens(id),
        tokens: system ? [...SYSTEM, ...own] : own,
        output: { kind: "tokens", sampling: GREEDY, maxTokens, endTokens: [], stopTokens: [] },
      },
    });
  }

  #end(turn: number): void {
    const conversation = this.#running.get(turn);
    this.#running.delete(turn);
    if (conversation === undefined) return;
    conversation.turnsLeft -= 1;
    if (conversation.turnsLeft > 0) {
      this.#pauses.push({ conversation, untilMs: this.#nowMs + PAUSE_MS });
      return;
    }
    this.#send({ kind: "conversation-closed", conversation: conversation.id });
    this.#open();
  }

  #send(event: SchedulerEvent): void {
    this.#events += 1;
    this.#byKind[event.kind] = (this.#byKind[event.kind] ?? 0) + 1;
    for (const command of this.#scheduler.advance(event, this.#nowMs)) {
      switch (command.kind) {
        case "run-step":
        case "export-blocks":
        case "import-blocks":
          this.#queue.push(command);
          break;
        case "turn-finished":
          this.#end(command.turn);
          break;
        case "turn-failed":
          throw new Error(command.error.message);
      }
    }
  }

  /** A whole number from `least` to `most`. */
  #between(least: number, most: number): number {
    return least + this.#below(most - least + 1);
  }

  /** By a linear congruential generator (the constants of Numerical Recipes). */
  #below(end: number): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * end);
  }
}

/** Where there are several devices, every fourth is a prefiller. */
function specOf(at: number, devices: number, rows: number, blocks: number): DeviceSpec {
  return {
    id: `d${at}`,
    role: at % 4 === 0 && devices > 1 ? "prefiller" : "decoder",
    limits: {
      blockTokens: BLOCK_TOKENS,
      blockBytes: 1,
      blocks,
      maxStepTokens: 256,
      maxStepRows: rows,
      maxLogitRows: 256,
      contextTokens: 4096,
      vocabTokens: VOCAB_TOKENS,
      plansInFlight: 2,
    },
  };
}
