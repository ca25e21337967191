import type { Command } from "commander";
import type { PolicyName, Runtime, SendOptions } from "../../api.ts";
import { checkInput } from "../../conversation/message_checks.ts";
import { invalidOption } from "../../conversation/option_checks.ts";
import { policies } from "../../scheduler/policies/table.ts";
import { type AnswerOptions, addAnswerOptions, sendOptions } from "../answer_options.ts";
import { chat } from "../chat.ts";
import { type Agent, type AgentResult, type FleetWatcher, runFleet } from "../fleet.ts";
import { fleetView } from "../fleet_view.ts";
import { formatBytes, formatTable } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, isInteractive, print, printJson } from "../io.ts";
import { describeMeasurements, measure } from "../measurements.ts";
import { addModelOptions, type ModelOptions } from "../model_options.ts";
import { styleOf } from "../style.ts";
import { runTurn } from "../turn.ts";
import { withRuntime } from "../with_runtime.ts";

interface StartOptions extends ModelOptions, AnswerOptions {
  readonly policy: PolicyName;
}

const SYSTEM = "You are a helpful AI assistant who answers in one or two sentences.";
const AGENTS: readonly Agent[] = [
  { name: "traveller", prompts: ["What is the capital of France?", "Which river flows through it?"] },
  { name: "cook", prompts: ["What is bread made of?", "How long does it bake?"] },
  { name: "gardener", prompts: ["Name a flower that blooms in spring.", "What colour is it?"] },
  { name: "teacher", prompts: ["What is seven times eight?", "Why is the sky blue?"] },
];

const HELP = `
Without a prompt: four agents' conversations at once, over two devices. Each one's first prompt runs on the prefiller, its KV cache is
copied once, and it stays on the decoder; --policy baton lets Baton decide. Then what was measured. With a prompt, that one turn,
and on a terminal a chat.

Examples:
  $ baton start
  $ baton start --policy baton
  $ baton start "Why is the sky blue?"
`;

export function addStart(program: Command, io: Io): void {
  const command = program
    .command("start")
    .description("Show what Baton does: conversations over two devices, and what was measured.")
    .argument("[prompt...]", "the only turn, in place of the agents")
    .option(
      "--policy <name>",
      `where conversations run: ${Object.keys(policies).join(", ")}`,
      parsePolicy,
      "conserve",
    );
  addAnswerOptions(addModelOptions(command), 256).addHelpText("after", HELP);
  command.action((words: string[], options: StartOptions) => start(io, words, options));
}

function parsePolicy(text: string): PolicyName {
  if (Object.hasOwn(policies, text)) return text as PolicyName;
  throw invalidOption("--policy", text, `one of ${Object.keys(policies).join(", ")}`);
}

async function start(io: Io, words: readonly string[], options: StartOptions): Promise<void> {
  const send = sendOptions(options);
  await (words.length > 0 ? startChat(io, words.join(" "), send, options) : startFleet(io, send, options));
}

async function startChat(io: Io, prompt: string, send: SendOptions, options: StartOptions): Promise<void> {
  checkInput(prompt);
  const { json = false, quiet = false } = options;
  const { bold } = styleOf(io.stdout, io);
  await withRuntime(io, options, async (runtime) => {
    const conversation = runtime.conversation({ system: SYSTEM });
    const show = async (text: string) => (json ? undefined : await print(io, text));
    const turn = await interruptible(io, async (signal) => {
      await show(`${bold(`> ${prompt}`)}\n`);
      const ended = await runTurn(conversation, prompt, { ...send, signal }, show);
      signal.throwIfAborted();
      return ended;
    });
    await show("\n");
    const measured = measure(runtime, [turn]);
    if (json) return printJson(io, { turns: [turn], measured });
    await print(io, `\n${bold("measured")}\n${describeMeasurements(measured, runtime.model)}`);
    if (isInteractive(io)) await chat(io, conversation, { send, json: false, quiet });
  });
}

async function startFleet(io: Io, send: SendOptions, options: StartOptions): Promise<void> {
  const { json = false, policy, adapter } = options;
  const { adapter: _, ...others } = options;
  const named = adapter === undefined ? {} : { adapter };
  const devices = [{ role: "prefiller", ...named }, { role: "decoder", ...named }] as const; // biome-ignore format: a pair
  const use = async (runtime: Runtime) => {
    const view = json ? undefined : fleetView(io, runtime, AGENTS.map(({ name }) => name)); // biome-ignore format: short
    const results = await interruptible(io, (signal) =>
      runFleet(runtime, AGENTS, { system: SYSTEM, send, signal }, view ?? SILENT),
    ).finally(() => view?.stop());
    const measured = measure(runtime, results.flatMap(({ turns }) => turns)); // biome-ignore format: short
    if (json) return printJson(io, { policy, agents: results, measured });
    const { bold } = styleOf(io.stdout, io);
    if (io.stderr.isTTY === true) await print(io, `\n${answersOf(results)}`);
    await print(
      io,
      `\n${bold("measured")}\n${describeMeasurements(measured, runtime.model)}${movesOf(results, runtime)}`,
    );
  };
  await withRuntime(io, others, use, { devices, policy });
}

const SILENT: FleetWatcher = { asks: () => {}, changes: () => {}, answers: () => {}, looks: () => {} };

function answersOf(results: readonly AgentResult[]): string {
  const lines = results.flatMap(({ agent, turns }) =>
    turns.map(({ prompt, text }) => `${agent}: ${prompt}\n  ${text.trim().replaceAll("\n", "\n  ")}\n`),
  );
  return lines.join("");
}

function movesOf(results: readonly AgentResult[], { policy, devices }: Runtime): string {
  const handoffs = results.reduce((sum, one) => sum + one.handoffs, 0);
  const bytes = results.reduce((sum, one) => sum + one.handoffBytes, 0);
  return formatTable([
    ["policy      ", `${policy}, over ${devices.map(({ id }) => id).join(" and ")}`],
    ["handoffs    ", `${handoffs} of ${results.length} conversations, ${formatBytes(bytes)} of KV`],
  ]);
}
