import { z } from "zod";
import { batonModel } from "../../../src/ai_sdk/index.ts";
import { createRuntime } from "../../../src/index.ts";
import { type AiSdk, sdks } from "../../ai_sdk/sdks.ts";
import { served } from "../served.ts";

/** The unmodified `ai` package in a page, on random weights in the runtime's worker: a grammar sees to what has to be valid. */

const runtime = createRuntime({ model: served.model, kvMiB: 4 });
const city = z.object({ city: z.enum(["Oslo", "Rome"]), days: z.int().min(1).max(3) });
const sampled = { temperature: 1, seed: 1 };

function sdkOf(version: string): AiSdk {
  const sdk = sdks[version];
  if (sdk === undefined) throw new Error(`There is no ${version}.`);
  return sdk;
}

const steps = {
  async generate(version: string) {
    const model = batonModel(await runtime);
    const { text, finishReason, usage } = await sdkOf(version).generateText({
      model,
      prompt: "Hello",
      maxOutputTokens: 8,
    });
    model.dispose();
    return { text, finishReason, tokens: usage.outputTokens };
  },

  /** A call that has to be made, and what is said after its result. */
  async streamWithTool(version: string) {
    const { stepCountIs, streamText, tool } = sdkOf(version);
    const model = batonModel(await runtime);
    const weather = tool({ inputSchema: city, execute: async ({ city }) => `Rain in ${city}.` });
    const result = streamText({
      ...sampled,
      model,
      prompt: "How is it?",
      tools: { weather },
      stopWhen: stepCountIs(2),
      maxOutputTokens: 60,
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
    });
    const types = new Set<string>();
    let input: unknown;
    let output: unknown;
    for await (const part of result.fullStream) {
      types.add(part.type);
      if (part.type === "tool-call") input = part.input;
      if (part.type === "tool-result") output = part.output;
      if (part.type === "error") throw part.error;
    }
    const [, second] = await result.steps;
    model.dispose();
    const { text = "", usage } = second ?? {};
    return { types: [...types], input, output, text, cached: usage?.inputTokenDetails.cacheReadTokens };
  },

  async object(version: string) {
    const { generateText, Output } = sdkOf(version);
    const model = batonModel(await runtime);
    const { output } = await generateText({
      ...sampled,
      model,
      prompt: "Where?",
      output: Output.object({ schema: city }),
    });
    model.dispose();
    return output;
  },
};

export type Steps = typeof steps;

Object.assign(globalThis, { steps });
