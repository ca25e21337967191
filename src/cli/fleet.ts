import type { ConversationStatus, Runtime, SendOptions } from "../api.ts";
import { runTurn, type Turn } from "./turn.ts";

/** Several agents' conversations at once, and whoever watches them. */

export interface Agent {
  readonly name: string;
  readonly prompts: readonly string[];
}

/** What a view is told. All names are those of `Agent`. */
export interface FleetWatcher {
  asks(agent: string, prompt: string): void;
  /** Something about the agent is other than before. */
  changes(agent: string, status: ConversationStatus): void;
  answers(agent: string, turn: Turn): void;
  /** Now and then. */
  looks(): void;
}

export interface AgentResult {
  readonly agent: string;
  readonly turns: readonly Turn[];
  readonly handoffs: number;
  readonly handoffBytes: number;
}

const LOOK_MS = 50;

/** Each agent sends its prompts one after the other, all agents at once. @throws what `send` throws */
export async function runFleet(
  runtime: Runtime,
  agents: readonly Agent[],
  {
    system,
    send,
    signal,
  }: { readonly system: string; readonly send: SendOptions; readonly signal: AbortSignal },
  watcher: FleetWatcher,
): Promise<readonly AgentResult[]> {
  const open = agents.map((agent) => ({ agent, conversation: runtime.conversation({ system }) }));
  const seen = new Map<string, string>();
  const look = () => {
    const statuses = new Map(runtime.conversations().map((status) => [status.id, status]));
    for (const { agent, conversation } of open) {
      const status = statuses.get(conversation.id);
      const key = JSON.stringify([status?.phase, status?.device, status?.handoffs]);
      if (status === undefined || seen.get(agent.name) === key) continue;
      seen.set(agent.name, key);
      watcher.changes(agent.name, status);
    }
    watcher.looks();
  };
  const looking = setInterval(look, LOOK_MS);
  try {
    return await Promise.all(
      open.map(async ({ agent, conversation }) => {
        const turns: Turn[] = [];
        for (const prompt of agent.prompts) {
          watcher.asks(agent.name, prompt);
          const turn = await runTurn(conversation, prompt, { ...send, signal }, async () => look());
          signal.throwIfAborted();
          turns.push(turn);
          watcher.answers(agent.name, turn);
        }
        look();
        const status = runtime.conversations().find(({ id }) => id === conversation.id);
        const { handoffs = 0, handoffBytes = 0 } = status ?? {};
        return { agent: agent.name, turns, handoffs, handoffBytes };
      }),
    );
  } finally {
    clearInterval(looking);
    for (const { conversation } of open) conversation.dispose();
  }
}
