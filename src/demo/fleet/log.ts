import type { KvBlocks, RuntimeEvent } from "../../index.ts";

/** What the devices of a fleet did, as the views draw it. All times in ms from the fleet's beginning. */

export interface LoggedStep {
  readonly device: string;
  readonly startMs: number;
  /** Undefined while it runs. */
  endMs: number | undefined;
  readonly prefillTokens: number;
  readonly decodes: number;
}

export interface LoggedCopy {
  readonly device: string;
  readonly direction: "export" | "import";
  readonly handoff: number;
  readonly conversation: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly bytes: number;
}

/** One conversation's way from one device to another: all its copies together. */
export interface LoggedHandoff {
  readonly handoff: number;
  readonly conversation: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly bytes: number;
}

/** A value at a moment: a chart's points. */
export interface Point {
  readonly atMs: number;
  readonly ms: number;
}

const MOST_STEPS = 20_000;

export class FleetLog {
  readonly steps: LoggedStep[] = [];
  readonly copies: LoggedCopy[] = [];
  readonly ttft: Point[] = [];
  readonly ttfet: Point[] = [];
  readonly tbt: Point[] = [];
  kv: KvBlocks | undefined;
  readonly #startedMs: number;
  readonly #now: () => number;
  readonly #running = new Map<string, LoggedStep>();
  /** The runtime's clock at the fleet's beginning; known with the first event. */
  #baseMs: number | undefined;
  #endedMs: number | undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedMs = now();
  }

  get nowMs(): number {
    return (this.#endedMs ?? this.#now()) - this.#startedMs;
  }

  end(): void {
    this.#endedMs = this.#now();
  }

  add(event: RuntimeEvent): void {
    this.#baseMs ??= event.atMs - this.nowMs;
    const atMs = event.atMs - this.#baseMs;
    switch (event.kind) {
      case "step-began": {
        const { device, step, prefillTokens, decodes } = event;
        const begun: LoggedStep = { device, startMs: atMs, endMs: undefined, prefillTokens, decodes };
        this.#running.set(`${device} ${step}`, begun);
        break;
      }
      case "step-ended": {
        const { device, step, ms, prefillTokens, decodes } = event;
        this.#running.delete(`${device} ${step}`);
        if (this.steps.length >= MOST_STEPS) this.steps.shift();
        this.steps.push({ device, startMs: atMs - ms, endMs: atMs, prefillTokens, decodes });
        break;
      }
      case "copy-ended": {
        const { device, direction, handoff, conversation, ms, bytes, failed } = event;
        const times = { startMs: atMs - ms, endMs: atMs };
        if (!failed) this.copies.push({ device, direction, handoff, conversation, bytes, ...times });
        break;
      }
      case "kv-blocks":
        this.kv = event;
        break;
      case "device-lost":
        for (const [key, step] of this.#running) if (step.device === event.device) this.#running.delete(key);
        break;
      case "copy-began":
      case "device-joined":
        break;
      default:
        event satisfies never;
    }
  }

  /** The first that each device works on; what was submitted behind it waits. */
  get running(): readonly LoggedStep[] {
    const first = new Map<string, LoggedStep>();
    for (const step of this.#running.values()) if (!first.has(step.device)) first.set(step.device, step);
    return [...first.values()];
  }

  get handoffs(): readonly LoggedHandoff[] {
    const byId = new Map<number, LoggedCopy[]>();
    for (const copy of this.copies) byId.set(copy.handoff, [...(byId.get(copy.handoff) ?? []), copy]);
    return Array.from(byId, ([handoff, copies]) => handoffOf(handoff, copies)).flatMap((one) => one ?? []);
  }
}

/** Undefined for one of which nothing has entered yet. */
function handoffOf(handoff: number, copies: readonly LoggedCopy[]): LoggedHandoff | undefined {
  const left = copies.filter(({ direction }) => direction === "export");
  const entered = copies.filter(({ direction }) => direction === "import");
  const [first] = left;
  const last = entered.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return {
    handoff,
    conversation: first.conversation ?? last.conversation,
    from: first.device,
    to: last.device,
    startMs: first.startMs,
    endMs: last.endMs,
    bytes: entered.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
