import type { ConversationOptions } from "../../src/api.ts";
import { ChatConversation } from "../../src/conversation/conversation.ts";
import { checkConversationOptions } from "../../src/conversation/message_checks.ts";
import { TurnLoop } from "../../src/conversation/turn_loop.ts";
import type { Part, Speculation } from "../../src/index.ts";
import { decodeArtefact } from "../../src/kv/artefact.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import type { RunnerLimits } from "../../src/protocol/step.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { createChatTemplate } from "../../src/text/chat.ts";
import { Grammars } from "../../src/text/grammar.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";
import { FakeRunner } from "../harness/fake_runner.ts";
import { tinyModel } from "./tiny_runtime.ts";

const VOCAB = 600;

const { tokenizer, template } = await readText();

/** Conversations with the real tokenizer, template, scheduler and loop over a runner that says what the test wants it to. */
export function openFakeChat(
  limits: Partial<RunnerLimits> = {},
  speculation: Speculation = "auto",
  hash = "0",
) {
  const runner = new FakeRunner({
    contextTokens: 4000,
    blocks: 800,
    maxStepTokens: 64,
    vocabTokens: VOCAB,
    ...limits,
  });
  // As on a GPU, the readers get their turn while a step runs.
  runner.beforeStep = () => new Promise((resolve) => setImmediate(resolve));
  const { limits: given } = runner;
  const scheduler = new Scheduler({ devices: [{ id: "gpu", role: "both", limits: given }], speculation });
  const loop = new TurnLoop(scheduler, new Map([["gpu", runner]]));
  const history = (id: string) => scheduler.history(id);
  const cachedTokens = (id: string) => scheduler.cachedTokens(id);
  let conversations = 0;
  const artefactModel = {
    name: "fake",
    hash,
    blockTokens: given.blockTokens,
    blockBytes: given.blockBytes,
  };
  const ids = { claim: (id = `c${++conversations}`) => id, release: () => {} };
  const load = () => Promise.reject(new Error("The fake runner knows no grammar."));
  const grammars = new Grammars({ tokenizer, vocabTokens: given.vocabTokens, load });
  const parts = {
    loop,
    tokenizer,
    template,
    grammars,
    limits: given,
    history,
    cachedTokens,
    ids,
    artefactModel,
  };

  /** From now on a conversation's answers are these, the last one again and again, each followed by the end of the turn. */
  const answerWith = (...texts: string[]) => {
    const answers = texts.map((text) => tokenizer.encode(text, { control: false }));
    const [header = -1, ...rest] = tokenizer.encode("<|im_start|>assistant\n", { control: true });
    const [end = -1] = tokenizer.encode("<|im_end|>", { control: true });
    runner.next = (sequence) => {
      const begins = [...sequence.keys()].filter(
        (at) => sequence[at] === header && rest.every((token, index) => sequence[at + 1 + index] === token),
      );
      const answer = answers[begins.length - 1] ?? answers.at(-1) ?? [];
      return answer[sequence.length - (begins.at(-1) ?? 0) - 1 - rest.length] ?? end;
    };
    return answers[0] ?? [];
  };
  answerWith("Well then.");
  return {
    runner,
    scheduler,
    blocksUsed: () => scheduler.snapshot().devices[0]?.blocks.used,
    loop,
    tokenizer,
    template,
    answerWith,
    conversation: (options: string | ConversationOptions = {}) =>
      new ChatConversation(
        ids.claim(),
        checkConversationOptions(typeof options === "string" ? { system: options } : options),
        parts,
      ),
    import: async (saved: Blob | Uint8Array<ArrayBuffer>) => {
      const bytes = saved instanceof Blob ? new Uint8Array(await saved.arrayBuffer()) : saved;
      const { messages, tools, ...kv } = await decodeArtefact(bytes, parts.artefactModel);
      const id = ids.claim();
      loop.load(id, kv);
      return new ChatConversation(id, { messages, tools }, parts);
    },
    /** How many tokens of prompts and completions the runner has run so far. */
    tokensRun: () =>
      runner.plans.flatMap(({ rows }) => rows).reduce((sum, { tokens }) => sum + tokens.length, 0),
  };
}

/** The tokenizer and template of SmolLM2, with a short vocabulary. */
async function readText() {
  const file = await openGguf(sourceOf(tinyModel({ vocabTokens: VOCAB, layers: 1 })));
  await file.close();
  const tokenizer = createTokenizer(file.metadata);
  return { tokenizer, template: createChatTemplate(file.metadata, tokenizer) };
}

export async function collect(parts: AsyncIterable<Part>) {
  let text = "";
  for await (const part of parts) {
    if (part.type === "done") return { text, ...part };
    if (part.type === "text") text += part.text;
  }
  throw new Error("The stream ended without its last part.");
}

/** The error's code, for what a caller would switch on. */
export async function codeOf(failing: Promise<unknown>): Promise<string> {
  const error: unknown = await failing.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return error instanceof Error && "code" in error ? String(error.code) : `not typed: ${String(error)}`;
}
