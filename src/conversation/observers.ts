import type { CopyContent, RuntimeEvent, StepContent } from "../api.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import { FED_TOKEN, type StepPlan } from "../protocol/step.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";

type Listener = (event: RuntimeEvent) => void;
type CopyCommand = Extract<SchedulerCommand, { kind: "export-blocks" | "import-blocks" }>;
type ReportedEvent = SchedulerEvent | undefined;

export interface ObserversParts {
  readonly scheduler: Pick<Scheduler, "pools" | "conversationOf">;
  readonly now: () => number;
  readonly blockBytes: number;
}

/** Whoever watches a runtime, and what they are told. While there is nobody nothing is computed. */
export class Observers {
  readonly #parts: ObserversParts;
  readonly #listeners = new Set<Listener>();
  readonly #timers = new Set<ReturnType<typeof setInterval>>();

  constructor(parts: ObserversParts) {
    this.#parts = parts;
  }

  /** Returns what ends it. */
  add(given: Listener, kvEveryMs?: number): () => void {
    // One that is given twice is called twice.
    const listener: Listener = (event) => given(event);
    this.#listeners.add(listener);
    const timer = kvEveryMs === undefined ? undefined : setInterval(() => this.#tellKv(listener), kvEveryMs);
    if (timer !== undefined) this.#timers.add(timer);
    return () => {
      this.#listeners.delete(listener);
      if (timer === undefined) return;
      clearInterval(timer);
      this.#timers.delete(timer);
    };
  }

  clear(): void {
    this.#listeners.clear();
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
  }

  /** A plan is given to its device; what it returns is to hear how it ended. */
  step(device: string, plan: StepPlan): (event: ReportedEvent) => void {
    if (this.#listeners.size === 0) return IGNORE;
    const content = contentOf(device, plan);
    const sinceMs = this.#parts.now();
    this.#tell({ kind: "step-began", atMs: sinceMs, ...content });
    return (event) => {
      const atMs = this.#parts.now();
      const ended = event?.kind === "step-ended" ? event.result : undefined;
      const ms = ended?.ms ?? atMs - sinceMs;
      this.#tell({ kind: "step-ended", atMs, ms, failed: ended === undefined, ...content });
    };
  }

  /** Blocks leave a device or enter it; what it returns is to hear how that ended. */
  copy({ kind, device, handoff, blocks }: CopyCommand): (event: ReportedEvent) => void {
    if (this.#listeners.size === 0) return IGNORE;
    const content: CopyContent = {
      device,
      direction: kind === "export-blocks" ? "export" : "import",
      handoff,
      conversation: this.#parts.scheduler.conversationOf(handoff),
      blocks: blocks.length,
      bytes: blocks.length * this.#parts.blockBytes,
    };
    const sinceMs = this.#parts.now();
    this.#tell({ kind: "copy-began", atMs: sinceMs, ...content });
    return (event) => {
      const atMs = this.#parts.now();
      const failed = event === undefined || event.kind === "handoff-failed";
      this.#tell({ kind: "copy-ended", atMs, ms: atMs - sinceMs, failed, ...content });
    };
  }

  /** What the scheduler is told of devices that go and come. */
  event(event: SchedulerEvent): void {
    if (this.#listeners.size === 0) return;
    const atMs = this.#parts.now();
    if (event.kind === "device-lost") {
      const { kind, device, recovering } = event;
      this.#tell({ kind, atMs, device, recovering });
    }
    if (event.kind === "device-joined") this.#tell({ kind: "device-joined", atMs, device: event.device.id });
  }

  #tellKv(listener: Listener): void {
    const { scheduler, now } = this.#parts;
    call(listener, { kind: "kv-blocks", atMs: now(), pools: scheduler.pools() });
  }

  #tell(event: RuntimeEvent): void {
    for (const listener of [...this.#listeners]) call(listener, event);
  }
}

const IGNORE = () => {};

/** As with any event target: an error of a listener's is its own. */
function call(listener: Listener, event: RuntimeEvent): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A row of one token at the end of what is known is a decode; where drafts follow it, all behind it are guesses. */
function contentOf(device: string, { id, rows }: StepPlan): StepContent {
  const decoding = rows.filter(({ tokens, output, position }) => {
    const isOne = tokens.length === 1 && (position > 0 || tokens[0] === FED_TOKEN);
    return output.kind === "tokens" || (output.kind === "token" && isOne);
  });
  const all = rows.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const decoded = decoding.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return {
    device,
    step: id,
    prefillTokens: all - decoded,
    decodes: decoding.length,
    draftTokens: decoded - decoding.length,
    conversations: [...new Set(rows.map(({ sequence }) => sequence))],
  };
}
