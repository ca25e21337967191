import cliProgress from "cli-progress";
import type { ConversationStatus, Runtime } from "../api.ts";
import type { FleetWatcher } from "./fleet.ts";
import { excerpt, formatBytes } from "./format.ts";
import { type Io, print } from "./io.ts";
import { describeTurn } from "./measurements.ts";
import type { Turn } from "./turn.ts";

/** What a fleet does, for a person: a live view on a terminal, a line for each thing that happens elsewhere. */

export interface FleetView extends FleetWatcher {
  /** Leaves the terminal as it was found. */
  stop(): void;
}

/** In words. */
const PHASES: Readonly<Record<ConversationStatus["phase"], string>> = {
  idle: "rests",
  waits: "waits for its turn",
  prefill: "reads its prompt",
  handoff: "moves",
  decode: "answers",
  parked: "rests in host memory",
};

export function fleetView(io: Io, runtime: Runtime, names: readonly string[]): FleetView {
  return io.stderr.isTTY === true ? new LiveView(io, runtime, names) : new LineView(io, names);
}

class LineView implements FleetView {
  readonly #io: Io;
  readonly #width: number;
  readonly #handoffs = new Map<string, number>();

  constructor(io: Io, names: readonly string[]) {
    this.#io = io;
    this.#width = Math.max(...names.map(({ length }) => length));
  }

  asks(agent: string, prompt: string): void {
    this.#line(agent, `> ${prompt}`);
  }

  changes(agent: string, status: ConversationStatus): void {
    const { phase, device, handoffs, handoffBytes } = status;
    if (handoffs > (this.#handoffs.get(agent) ?? 0))
      this.#line(agent, `  moved to ${device ?? "another device"}: ${formatBytes(handoffBytes)} of KV, once`);
    this.#handoffs.set(agent, handoffs);
    if (phase === "prefill" || phase === "waits" || phase === "parked")
      this.#line(agent, `  ${PHASES[phase]}${device === undefined ? "" : ` on ${device}`}`);
  }

  answers(agent: string, turn: Turn): void {
    this.#line(agent, `< ${turn.text.replaceAll(/\s+/g, " ").trim()}`);
    this.#line(agent, `  ${describeTurn(turn)}`);
  }

  looks(): void {}
  stop(): void {}

  #line(agent: string, text: string): void {
    void print(this.#io, `${agent.padEnd(this.#width)}  ${text}\n`).catch(() => {});
  }
}

interface AgentRow {
  bar: cliProgress.SingleBar;
  turn: string;
  status: string;
  moved: string;
}

/** A bar of KV blocks for each device, and a line for each conversation. */
class LiveView implements FleetView {
  readonly #runtime: Runtime;
  readonly #bars: cliProgress.MultiBar;
  readonly #devices: ReadonlyMap<string, cliProgress.SingleBar>;
  readonly #agents: ReadonlyMap<string, AgentRow>;

  constructor(io: Io, runtime: Runtime, names: readonly string[]) {
    this.#runtime = runtime;
    const stream = io.stderr as NodeJS.WritableStream;
    this.#bars = new cliProgress.MultiBar(
      { stream, hideCursor: true, emptyOnZero: true, barsize: 24, linewrap: false, forceRedraw: true },
      cliProgress.Presets.shades_classic,
    );
    const columns = io.stderr.columns ?? 80;
    const width = Math.max(
      ...names.map(({ length }) => length),
      ...runtime.devices.map(({ id }) => id.length),
    );
    const format = "{name} {bar} {value} of {total} KV blocks, {work}";
    this.#devices = new Map(
      runtime.stats().devices.map(({ id, kvBlocks }) => {
        const named = { name: id.padEnd(width), work: "" };
        return [id, this.#bars.create(kvBlocks, 0, named, { format })];
      }),
    );
    this.#agents = new Map(
      names.map((name) => {
        const bar = this.#bars.create(1, 0, { line: name }, { format: "{line}" });
        return [name, { bar, turn: "", status: "", moved: "" }];
      }),
    );
    this.#line = (name, { bar, turn, status, moved }) =>
      bar.update(0, {
        line: excerpt(`${name.padEnd(width)} ${status.padEnd(28)} ${moved.padEnd(10)} ${turn}`, columns - 1),
      });
  }

  readonly #line: (name: string, row: AgentRow) => void;

  asks(agent: string, prompt: string): void {
    this.#set(agent, { turn: `> ${prompt}` });
  }

  changes(agent: string, { phase, device, handoffs, handoffBytes }: ConversationStatus): void {
    const status = `${PHASES[phase]}${device === undefined ? "" : ` on ${device}`}`;
    this.#set(agent, { status, moved: handoffs > 0 ? formatBytes(handoffBytes) : "" });
  }

  answers(agent: string, { text }: Turn): void {
    this.#set(agent, { turn: `< ${text.replaceAll(/\s+/g, " ").trim()}` });
  }

  looks(): void {
    for (const { id, kvBlocksUsed, turns, queued } of this.#runtime.stats().devices)
      this.#devices.get(id)?.update(kvBlocksUsed, { work: `${turns} at work, ${queued} wait` });
  }

  stop(): void {
    this.looks();
    this.#bars.stop();
  }

  #set(agent: string, change: Partial<AgentRow>): void {
    const row = this.#agents.get(agent);
    if (row === undefined) return;
    Object.assign(row, change);
    this.#line(agent, row);
  }
}
