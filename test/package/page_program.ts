/** The page of the project: an answer of a tiny model, and the addresses of the workers that it took. */
export const pageProgram = `
import { createRuntime } from "baton-webgpu";

const workers = [];
globalThis.Worker = class extends globalThis.Worker {
  constructor(url, options) {
    super(url, options);
    workers.push(String(url));
  }
};

async function answer() {
  const runtime = await createRuntime({ model: "/models/tiny.gguf", precision: "exact", kvMiB: 2 });
  let text = "";
  for await (const part of runtime.conversation().send("Hello", { temperature: 0, maxTokens: 8 }))
    if (part.type === "text") text += part.text;
  await runtime.dispose();
  return text;
}

answer().then(
  (text) => {
    globalThis.report = { text, workers };
  },
  (error) => {
    globalThis.report = { error: String(error), workers };
  },
);
`;
