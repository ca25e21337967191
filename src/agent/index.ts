export type {
  Agent,
  AgentDone,
  AgentEvent,
  AgentOptions,
  AgentSendOptions,
  AgentTimings,
  ToolResultEvent,
  UsageEvent,
} from "./agent.ts";
export { createAgent, importAgent } from "./agent.ts";
export type { AgentPersistence, AgentRuntime } from "./begin.ts";
export type { Tool, ToolArguments, ToolContext, ToolOptions, ToolParameters } from "./tool.ts";
export { tool } from "./tool.ts";
