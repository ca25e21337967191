import { o as openDevice, c as checkRuntimeOptions, a as openRunner, g as greedy } from "./chunks/runtime-BhiITdvg.js";
import { o as openAdapter, c as createRuntime } from "./chunks/node-DUTOTOnI.js";
import { o as openRandomModel, s as shapes, H as HostMemory } from "./chunks/shapes-CkBEtsH_.js";
async function openRandomRunner({ model, seed, adapter, precision }, onProgress) {
  const shape = shapes[model];
  if (!shape) throw new RangeError(`there is no shape ${model}`);
  const gpu = await openDevice(await openAdapter(adapter === void 0 ? {} : { name: adapter }));
  const file = await openRandomModel(model, shape, seed, new AbortController().signal);
  const { maxStepTokens } = checkRuntimeOptions({ model });
  const runner = await openRunner({ gpu, file, precision, maxStepTokens, onProgress });
  return { gpu, runner };
}
const PROMPT = "In two or three short sentences, why does the sky look blue at noon and red in the evening?";
const PROMPT_TOKENS = 48;
class Marks {
  #startedMs;
  #marks = /* @__PURE__ */ new Map();
  constructor(startedMs) {
    this.#startedMs = startedMs;
  }
  /** Again moves it: of work that reports its progress, the last report is its end. */
  set(name) {
    this.#marks.set(name, performance.timeOrigin + performance.now() - this.#startedMs);
  }
  onProgress = ({ phase }) => {
    if (!this.#marks.has("device and header")) this.set("device and header");
    this.set(phase);
  };
  list() {
    return [...this.#marks].sort(([, a], [, b]) => a - b);
  }
}
async function runModel({ model, adapter, precision }, marks2) {
  const options = {
    model,
    precision,
    onProgress: marks2.onProgress,
    ...adapter !== void 0 && { adapter }
  };
  const runtime = await createRuntime(options);
  let promptTokens2 = 0;
  for await (const part of runtime.conversation().send(PROMPT, { temperature: 0, maxTokens: 1 })) {
    if (part.type === "done") promptTokens2 = part.usage.promptTokens;
  }
  marks2.set("first token");
  const gpuBytes2 = runtime.stats().liveGpuBytes;
  await runtime.dispose();
  return { promptTokens: promptTokens2, gpuBytes: gpuBytes2 };
}
async function runRandom(job2, marks2) {
  const { gpu, runner } = await openRandomRunner(job2, marks2.onProgress);
  const blocks = Array.from(
    { length: Math.ceil(PROMPT_TOKENS / runner.limits.blockTokens) },
    (_, index) => index
  );
  const tokens = Array.from({ length: PROMPT_TOKENS }, (_, index) => index * 7 % runner.limits.vocabTokens);
  const sampling = { ...greedy, promptTokens: [], completionTokens: [] };
  const output = { kind: "token", sampling };
  await runner.run({ id: 0, rows: [{ sequence: "first", tokens, position: 0, blocks, output }] });
  marks2.set("first token");
  const gpuBytes2 = gpu.liveBytes;
  runner.dispose();
  return { promptTokens: PROMPT_TOKENS, gpuBytes: gpuBytes2 };
}
const job = JSON.parse(process.argv[2] ?? "");
const marks = new Marks(job.startedMs);
marks.set("start and imports");
const memory = new HostMemory();
const { promptTokens, gpuBytes } = await (job.random ? runRandom(job, marks) : runModel(job, marks));
const answer = {
  marks: marks.list(),
  promptTokens,
  memory: { ...memory.peaks(), gpuBytes }
};
process.stdout.write(JSON.stringify(answer));
//# sourceMappingURL=first_token.js.map
