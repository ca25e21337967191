import type { Command } from "commander";
import type { EvaluateRequest, EvaluateResult, Runtime } from "../../api.ts";
import { checkNumber, checkOptionalNumber } from "../../conversation/option_checks.ts";
import { encodeEntries, readEvalFile } from "../eval_input.ts";
import { excerpt, formatTable } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, print } from "../io.ts";
import { addModelOptions, type ModelOptions, parseNumber } from "../model_options.ts";
import { createProgress } from "../progress_display.ts";
import { withRuntime } from "../with_runtime.ts";

interface EvalOptions extends ModelOptions {
  readonly top: number;
  readonly generate: number;
  readonly chunk?: number;
}

const STEP_TOKENS = 256;

const HELP = `
FILE is a JSON array of {"ids": [1, 2]}, {"text": "…"} or {"messages": [{"role": "user", "content": "…"}]}. Messages go through
the model's chat template, with the generation prompt; no token is added otherwise.

--json prints {"model", "adapter", "precision", "dispatches", "kvBlocksPeak", "results"}. The results are in the order of the entries:
{"ids", "logprobs", "top", "nll", "generated": {"ids", "text"}}, with natural logarithms.

Examples:
  $ baton eval texts.json
  $ baton eval texts.json --top 12 --generate 48 --json --precision exact > results.json
`;

export function addEval(program: Command, io: Io): void {
  const command = program
    .command("eval")
    .description("Log-probabilities of given tokens, the likeliest ones, and what greedily follows.")
    .argument("<file>", "JSON file with what to evaluate")
    .option(
      "--top <number>",
      "how many likeliest tokens to report at every position",
      parseNumber("--top"),
      0,
    )
    .option("--generate <number>", "how many greedy tokens to generate", parseNumber("--generate"), 0)
    .option(
      "--chunk <tokens>",
      `most tokens of a prefill chunk, where the adapter can hold their logits (default: ${STEP_TOKENS})`,
      parseNumber("--chunk"),
    );
  addModelOptions(command).addHelpText("after", HELP);
  command.action((file: string, options: EvalOptions) => evaluateFile(io, file, options));
}

async function evaluateFile(io: Io, file: string, options: EvalOptions): Promise<void> {
  const request = checkOptions(options);
  const entries = await readEvalFile(file);
  // A step has to hold a chunk, and the logits of all its tokens.
  const stepTokens = Math.max(request.chunkTokens ?? 0, STEP_TOKENS);
  const more = { maxStepTokens: stepTokens, maxLogitRows: stepTokens };
  const use = async (runtime: Runtime) => {
    const sequences = await encodeEntries(file, entries, runtime.tokenizer, runtime.model.vocabTokens);
    const results = await evaluateAll(io, runtime, sequences, request, options.quiet === true);
    await (options.json ? printResults(io, runtime, results) : printTable(io, runtime, results));
  };
  await withRuntime(io, options, use, more);
}

type Request = Omit<EvaluateRequest, "ids">;

/** Before a model is loaded. */
function checkOptions({ top, generate, chunk }: EvalOptions): Request {
  checkNumber("--top", top, { min: 0, max: 1000, integer: true });
  checkNumber("--generate", generate, { min: 0, integer: true });
  checkOptionalNumber("--chunk", chunk, { min: 1, max: 4096, integer: true });
  return { top, generate, ...(chunk !== undefined && { chunkTokens: chunk }) };
}

async function evaluateAll(
  io: Io,
  runtime: Runtime,
  sequences: readonly (readonly number[])[],
  request: Request,
  quiet: boolean,
): Promise<readonly EvaluateResult[]> {
  const progress = createProgress(io, quiet);
  const cost = (ids: readonly number[]) => ids.length + request.generate;
  const total = sequences.reduce((sum, ids) => sum + cost(ids), 0);
  let done = 0;
  const report = () => progress.report({ phase: "evaluate", done, total, unit: "tokens", label: "" });
  return interruptible(io, async (signal) => {
    const results: EvaluateResult[] = [];
    for (const ids of sequences) {
      report();
      results.push(await runtime.evaluate({ ids, ...request, signal }));
      done += cost(ids);
    }
    report();
    return results;
  }).finally(() => progress.stop());
}

/** Result by result: the whole may be longer than a string can be. */
async function printResults(io: Io, runtime: Runtime, results: readonly EvaluateResult[]): Promise<void> {
  const { dispatches, kvBlocksPeak } = runtime.stats();
  const names = { model: runtime.model.name, adapter: runtime.adapter.name, precision: runtime.precision };
  const head = JSON.stringify({ ...names, dispatches, kvBlocksPeak });
  await print(io, `${head.slice(0, -1)},"results":[`);
  for (const [index, { ids, logprobs, top, nll, generated }] of results.entries()) {
    const result = { ids, logprobs, top, nll, generated };
    await print(io, `${index === 0 ? "" : ","}\n${JSON.stringify(result)}`);
  }
  await print(io, "\n]}\n");
}

async function printTable(io: Io, runtime: Runtime, results: readonly EvaluateResult[]): Promise<void> {
  const { decode } = runtime.tokenizer;
  const texts = await Promise.all(results.map(({ ids }) => decode(ids)));
  const rows = results.map(({ ids, nll, generated }, index) => [
    `${index}`,
    `${ids.length}`,
    nll.toFixed(4),
    Math.exp(nll).toFixed(3),
    excerpt(texts[index] ?? "", 32),
    excerpt(generated.text, 40),
  ]);
  const header = ["entry", "tokens", "nll", "perplexity", "text", "generated"];
  await print(io, formatTable([header, ...rows], [0, 1, 2, 3]));
  const { dispatches, kvBlocksPeak } = runtime.stats();
  const where = `${runtime.model.name} on ${runtime.adapter.name}, precision ${runtime.precision}`;
  await print(io, `\n${where}; ${dispatches} dispatches, ${kvBlocksPeak} KV blocks at the peak\n`);
}
