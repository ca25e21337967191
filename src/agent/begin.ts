import type { Conversation, Runtime } from "../api.ts";
import { invalidOption } from "../conversation/option_checks.ts";
import { openConversation, type PersistOptions, type PersistRuntime } from "../persist/open_conversation.ts";
import type { Beginning, PersistedConversation } from "../persist/persisted_conversation.ts";
import type { CheckedAgentOptions } from "./agent_options.ts";

/** What an agent needs of a runtime; `import` where it is to be restored. */
export type AgentRuntime = Pick<Runtime, "conversation"> & Partial<Pick<Runtime, "import">>;

export interface AgentPersistence extends PersistOptions {
  readonly key: string;
}

/** The agent's conversation: a new one, or the one that was saved under its key. @throws as `openConversation` */
export async function beginConversation(
  runtime: AgentRuntime,
  { system, tools, persist }: CheckedAgentOptions,
): Promise<Conversation | PersistedConversation> {
  const defined = await Promise.all(tools.map((tool) => tool.define()));
  const options = { ...(system !== undefined && { system }), tools: defined };
  if (persist === undefined) return runtime.conversation(options);
  const { key, ...how } = persist;
  const { import: restore } = runtime;
  if (restore === undefined) throw invalidOption("persist", key, "absent: this runtime restores nothing");
  const whole: PersistRuntime = {
    conversation: (begin) => runtime.conversation(begin),
    import: (saved) => restore.call(runtime, saved),
  };
  return openConversation(whole, key, { ...options, ...how });
}

/** Undefined for one that is not saved. */
export function beginningOf(conversation: Conversation | PersistedConversation): Beginning | undefined {
  return "beginning" in conversation ? conversation.beginning : undefined;
}
