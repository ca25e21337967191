import { serve } from "../../../bench/peers/engines/serve.mjs";

/** A child that behaves as its argument says. */

const [, , behaviour] = process.argv;
if (behaviour === "not-installed") await import(`no-such-engine${""}`);

serve({
  load: async ({ ids }) => {
    if (behaviour === "refuses") throw new Error("it does\nnot want to.");
    if (behaviour === "hangs") await new Promise(() => {});
    // What engines print must not be taken for an answer.
    console.log('{"kind":"ran"}');
    return { version: `fake ${ids.length}`, device: "none" };
  },
  run: async (tokens) => {
    if (behaviour === "crashes") {
      console.error("Error: out of luck");
      process.kill(process.pid, "SIGABRT");
      await new Promise(() => {});
    }
    return { prefillMs: 1, decodeMs: 2, tokens: Array.from({ length: tokens }, (_, at) => at) };
  },
});
