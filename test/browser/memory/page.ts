import { createRuntime, type Runtime } from "../../../src/index.ts";

/** What the test calls, one step at a time, while it looks at the browser's processes from outside. */
const steps = {
  runtime: undefined as Runtime | undefined,

  async load(model: string): Promise<void> {
    steps.runtime = await createRuntime({ model, kvMiB: 16 });
  },

  async answer(): Promise<string> {
    let text = "";
    for await (const part of steps.runtime?.conversation().send("Hello", { maxTokens: 4 }) ?? [])
      if (part.type === "text") text += part.text;
    return text;
  },

  async dispose(): Promise<void> {
    await steps.runtime?.dispose();
    steps.runtime = undefined;
  },
};

export type Steps = typeof steps;

Object.assign(globalThis, { steps });
