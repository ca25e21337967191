/**
 * Baton as an engine among its peers, in Node and in a page: its whole way from a message to text, each time in a conversation of its own.
 * @param {(job: import("../protocol.ts").PeerJob) => Promise<import("../../../src/api.ts").Runtime>} open
 * @returns {import("../protocol.ts").PeerEngine}
 */
export function batonEngine(open) {
  /** @type {import("../../../src/api.ts").Runtime} */
  let runtime;
  /** @type {import("../protocol.ts").PeerJob} */
  let job;
  return {
    load: async (given) => {
      job = given;
      runtime = await open(job);
      return { version: `precision ${runtime.precision}`, device: runtime.adapter.name };
    },
    run: async (tokens) => {
      const conversation = runtime.conversation();
      let text = "";
      try {
        for await (const part of conversation.send(job.text, { temperature: 0, maxTokens: tokens })) {
          if (part.type === "text") text += part.text;
          if (part.type === "done")
            return sampleOf(part, job.ids.length, tokens, await runtime.tokenizer.encode(text));
        }
      } finally {
        conversation.dispose();
      }
      throw new Error("the answer had no end");
    },
  };
}

/**
 * @param {import("../../../src/api.ts").DonePart} done
 * @param {number} promptTokens
 * @param {number} wanted
 * @param {number[]} tokens
 * @returns {import("../protocol.ts").PeerSample}
 */
function sampleOf({ usage, timings }, promptTokens, wanted, tokens) {
  if (usage.promptTokens !== promptTokens || usage.cachedTokens !== 0)
    throw new Error(`the prompt had ${usage.promptTokens} tokens, ${usage.cachedTokens} of them cached`);
  if (usage.completionTokens !== wanted)
    throw new Error(`the answer ended after ${usage.completionTokens} of ${wanted} tokens`);
  const decodeMs = timings.tbtMs.reduce((sum, ms) => sum + ms, 0);
  return { prefillMs: timings.ttftMs ?? 0, decodeMs, tokens };
}
