import type { AgentEvent, ConversationStatus, DeviceStats, Runtime } from "../../index.ts";
import { beginAgent, observe } from "../engine.ts";
import { pause } from "../pause.ts";
import type { Session } from "../session.ts";
import { createStore, type Store } from "../store.ts";
import { createToolbox } from "../tools/toolbox.ts";
import { type Trouble, troubleOf } from "../trouble.ts";
import { FleetLog } from "./log.ts";
import { type AgentTask, SYSTEM, tasksFor } from "./prompts.ts";
import { type FleetSettings, initialSettings, setupOf } from "./settings.ts";

export interface AgentRecord extends AgentTask {
  /** From 0: its colour. */
  readonly index: number;
  readonly state: "waits" | "works" | "done" | "stopped" | "failed";
  /** Its conversation's id, once it has one. */
  readonly conversation?: string;
  /** What it called and what came of it, in order. */
  readonly calls: readonly AgentCall[];
  readonly answer: string;
  readonly tokens: number;
  readonly ttftMs?: number;
  readonly ttfetMs?: number;
  readonly trouble?: Trouble;
}

export interface AgentCall {
  readonly id: string;
  readonly name: string;
  readonly given: string;
  readonly result?: string;
  readonly failed?: boolean;
}

export interface FleetState {
  readonly kind: "idle" | "loading" | "running" | "ended";
  readonly agents: readonly AgentRecord[];
  readonly devices: readonly DeviceStats[];
  readonly conversations: readonly ConversationStatus[];
}

export interface Fleet {
  readonly settings: Store<FleetSettings>;
  readonly state: Store<FleetState>;
  /** Another one for each run; it changes while that lasts, and `tick` says when to draw it again. */
  readonly log: Store<FleetLog>;
  readonly tick: Store<number>;
  start(): Promise<void>;
  stop(): void;
}

const LOOK_MS = 250;

export function createFleet(session: Session): Fleet {
  const settings = createStore<FleetSettings>(initialSettings);
  const state = createStore<FleetState>({ kind: "idle", agents: [], devices: [], conversations: [] });
  const log = createStore(new FleetLog());
  const tick = createStore(0);
  let stopping = new AbortController();

  const change = (index: number, changed: (agent: AgentRecord) => Partial<AgentRecord>) =>
    state.update((now) => ({
      ...now,
      agents: now.agents.map((agent) => (agent.index === index ? { ...agent, ...changed(agent) } : agent)),
    }));

  const look = (runtime: Runtime) => {
    const { devices } = runtime.stats();
    state.update((now) => ({ ...now, devices, conversations: runtime.conversations() }));
    tick.update((count) => count + 1);
  };

  const start = async (): Promise<void> => {
    const chosen = settings.value;
    const agents = tasksFor(chosen.agents, chosen.tools).map(
      (task, index): AgentRecord => ({ ...task, index, state: "waits", calls: [], answer: "", tokens: 0 }),
    );
    stopping = new AbortController();
    const { signal } = stopping;
    state.update((now) => ({ ...now, kind: "loading", agents: [] }));
    const runtime = await session.ensure(setupOf(chosen));
    if (runtime === undefined || signal.aborted) {
      state.update((now) => ({ ...now, kind: "idle" }));
      return;
    }
    const written = new FleetLog();
    log.set(written);
    state.set({ kind: "running", agents, devices: [], conversations: [] });
    const unobserve = observe(runtime, (event) => written.add(event), { kvEveryMs: LOOK_MS });
    const looking = setInterval(() => look(runtime), LOOK_MS);
    const toolbox = createToolbox();
    const tools = chosen.tools.map((name) => toolbox[name]);
    const run = { runtime, settings: chosen, tools, log: written, signal, change };
    try {
      await Promise.all(agents.map((agent) => runAgent(agent, run)));
    } finally {
      clearInterval(looking);
      unobserve();
      written.end();
      look(runtime);
      state.update((now) => ({ ...now, kind: "ended" }));
    }
  };

  return { settings, state, log, tick, start, stop: () => stopping.abort() };
}

interface Run {
  readonly runtime: Runtime;
  readonly settings: FleetSettings;
  readonly tools: readonly ReturnType<typeof createToolbox>[keyof ReturnType<typeof createToolbox>][];
  readonly log: FleetLog;
  readonly signal: AbortSignal;
  readonly change: (index: number, changed: (agent: AgentRecord) => Partial<AgentRecord>) => void;
}

/** One agent from its beginning to its answer. */
async function runAgent({ index, prompt }: AgentRecord, run: Run): Promise<void> {
  const { runtime, settings, tools, log, signal, change } = run;
  const { ratePerSecond, maxTokens } = settings;
  if (ratePerSecond > 0) await pause((index * 1000) / ratePerSecond, signal);
  if (signal.aborted) return change(index, () => ({ state: "stopped" }));
  change(index, () => ({ state: "works" }));
  const options = { system: SYSTEM, tools, constrained: true, maxSteps: 3, temperature: 0 };
  const agent = beginAgent(runtime, options, (conversation) => change(index, () => ({ conversation })));
  try {
    const toolChoice = tools.length > 0 ? "required" : "auto";
    for await (const event of agent.send(prompt, { maxTokens, toolChoice, signal }))
      note(event, index, log, change);
  } catch (error) {
    change(index, () => ({ state: "failed", trouble: troubleOf(error) }));
  } finally {
    agent.dispose();
  }
}

function note(event: AgentEvent, index: number, log: FleetLog, change: Run["change"]): void {
  switch (event.type) {
    case "text":
      change(index, ({ answer }) => ({ answer: answer + event.text }));
      break;
    case "tool-call": {
      const call = { id: event.id, name: event.name, given: JSON.stringify(event.arguments) };
      change(index, ({ calls }) => ({ calls: [...calls, call], answer: "" }));
      break;
    }
    case "tool-result": {
      const { id, result, error } = event;
      const told = { result: error ?? textOf(result), failed: error !== undefined };
      change(index, ({ calls }) => ({
        calls: calls.map((call) => (call.id === id ? { ...call, ...told } : call)),
      }));
      break;
    }
    case "usage": {
      const { ttftMs, tbtMs } = event.timings;
      if (ttftMs !== null) log.ttft.push({ atMs: log.nowMs, ms: ttftMs });
      for (const ms of tbtMs) log.tbt.push({ atMs: log.nowMs, ms });
      change(index, ({ tokens }) => ({ tokens: tokens + event.usage.completionTokens }));
      break;
    }
    case "done": {
      const { firstTokenMs, firstEffectiveTokenMs } = event.timings;
      if (firstEffectiveTokenMs !== undefined) log.ttfet.push({ atMs: log.nowMs, ms: firstEffectiveTokenMs });
      change(index, () => ({
        state: event.finishReason === "abort" ? "stopped" : "done",
        ...(firstTokenMs !== undefined && { ttftMs: firstTokenMs }),
        ...(firstEffectiveTokenMs !== undefined && { ttfetMs: firstEffectiveTokenMs }),
      }));
      break;
    }
    default:
      event satisfies never;
  }
}

function textOf(result: unknown): string {
  return typeof result === "string" ? result : JSON.stringify(result);
}
