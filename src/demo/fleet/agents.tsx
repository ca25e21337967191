import type { ConversationStatus } from "../../index.ts";
import { counted, excerpt, formatMs } from "../format.ts";
import { useStore } from "../store.ts";
import type { AgentRecord, Fleet } from "./fleet.ts";

/** Each agent: what it was asked, what it called, what it answered. */
export function Agents({ fleet }: { readonly fleet: Fleet }) {
  const { agents, conversations } = useStore(fleet.state);
  return (
    <div class="card">
      <h3>Agents</h3>
      <ul class="agents">
        {agents.map((agent) => (
          <AgentCard
            key={agent.index}
            agent={agent}
            status={conversations.find(({ id }) => id === agent.conversation)}
          />
        ))}
      </ul>
    </div>
  );
}

const PHASES: Readonly<Record<ConversationStatus["phase"], string>> = {
  idle: "rests",
  waits: "waits for its turn",
  prefill: "reads its prompt",
  handoff: "moves",
  decode: "answers",
  parked: "rests in host memory",
};

const STATES: Readonly<Record<AgentRecord["state"], string>> = {
  waits: "has not begun",
  works: "works",
  done: "is done",
  stopped: "was stopped",
  failed: "failed",
};

function AgentCard({
  agent,
  status,
}: {
  readonly agent: AgentRecord;
  readonly status: ConversationStatus | undefined;
}) {
  const { index, name, prompt, state, calls, answer, tokens, ttftMs, ttfetMs, trouble } = agent;
  return (
    <li class={`agent agent-${index}`}>
      <p>
        <strong>{name}</strong> <span class="quiet">{describe(state, status)}</span>
      </p>
      <p>{prompt}</p>
      {calls.map(({ id, name: tool, given, result, failed }) => (
        <p key={id} class="call">
          <code>
            {tool} {excerpt(given, 160)}
          </code>
          {result !== undefined && ` → ${failed ? "failed: " : ""}${excerpt(result, 200)}`}
        </p>
      ))}
      {answer.trim() !== "" && <p class="said">{excerpt(answer, 600)}</p>}
      {trouble && (
        <p class="said">
          {trouble.title}. {trouble.text}
        </p>
      )}
      {tokens > 0 && (
        <p class="numbers">
          {[
            counted(tokens, "token"),
            ttftMs === undefined ? "" : `first after ${formatMs(ttftMs)}`,
            ttfetMs === undefined ? "" : `answer began after ${formatMs(ttfetMs)}`,
          ]
            .filter((part) => part !== "")
            .join(", ")}
        </p>
      )}
    </li>
  );
}

function describe(state: AgentRecord["state"], status: ConversationStatus | undefined): string {
  if (state !== "works" || status === undefined) return STATES[state];
  const idle = status.phase === "idle" ? "uses a tool" : PHASES[status.phase];
  return status.device === undefined ? idle : `${idle} on ${status.device}`;
}
