import {
  catalogue,
  createBrowserPlatform,
  createRuntime,
  type RuntimeOptions,
  type Tuning,
} from "../../src/index.ts";
import { askSettings } from "../platform/settings_contract.ts";
import { EVALUATED } from "./answers.ts";
import { codeOf, inWorker } from "./plain.ts";
import { served } from "./served.ts";
import { openTiny, withTiny } from "./use_cases.ts";

/** How a page gets a model onto the GPU, and what it is told when that fails. */

export const loadCases = {
  fromFile: async () => {
    const model = new File([await fetchTiny()], "tiny.gguf");
    return withTiny({ model }, async (runtime) => ({ name: runtime.model.name, ...(await scores(runtime)) }));
  },

  fromStream: async () => {
    const { body } = await fetch(served.model);
    if (!body) throw new Error("The server sent no body.");
    return withTiny({ model: body }, scores);
  },

  fromCatalogue: async () => {
    const identity: { bytes: number; sha256: string } = await (await fetch(served.identity)).json();
    const wrong = { ...identity, sha256: "0".repeat(64) };
    return {
      first: await withTiny(fromCatalogue(identity), scores),
      second: await withTiny(fromCatalogue(identity), scores),
      wrongChecksum: await failure(fromCatalogue(wrong)),
    };
  },

  badFiles: async () => {
    const tiny = await fetchTiny();
    const text = new Blob(["This is no model, and long enough to hold a header. ".repeat(20)]);
    return {
      empty: await failure({ model: new Blob([]) }),
      text: await failure({ model: text }),
      truncatedHeader: await failure({ model: tiny.slice(0, 5000) }),
      truncatedTensors: await failure({ model: tiny.slice(0, tiny.size - 100) }),
      cut: await failure({ model: served.cut }),
      missing: await failure({ model: served.missing }),
      unknown: await failure({ model: "no-such-model" }),
      noServer: await failure({ model: "http://127.0.0.1:9/tiny.gguf" }),
    };
  },

  badOptions: async () => ({
    precision: await failure({ precision: "double" } as object),
    adapter: await failure({ adapter: "no such GPU" }),
    scheme: await failure({ model: "ftp://localhost/tiny.gguf" }),
    kvMiB: await failure({ kvMiB: -1 }),
  }),

  settings: async () => ({
    inPage: await askSettings(createBrowserPlatform().settings),
    inWorker: await inWorker(
      new Worker(new URL("./settings_worker.ts", import.meta.url), { type: "module" }),
    ),
  }),

  tuned: async () => {
    const { settings } = createBrowserPlatform();
    const options = { precision: "default" } as const;
    const before = await withTiny(options, scores);
    const { remembered, choices } = await withTiny(options, (runtime) => runtime.tune({ budgetMs: 5000 }));
    // As if the last candidate had won everywhere, so that the next start runs what is not the default.
    const [name = ""] = (await settings.names()).filter((each) => each.startsWith("tuning-"));
    const note = (await settings.read(name)) as Tuning;
    const won = choices.map((choice) => ({ ...choice, chosen: choice.candidates.at(-1)?.tile, ratio: 0.5 }));
    await settings.write(name, { ...note, choices: won });
    const after = await withTiny(options, async (runtime) => ({
      tunedProducts: runtime.stats().tunedProducts,
      ...(await scores(runtime)),
    }));
    const products = new Set(choices.filter(({ family }) => family === "matmul").map(({ key }) => key)).size;
    return { remembered, products, before, after };
  },

  /** A model of the catalogue by its name, as far as the first of it has come. */
  ownFolder: async () => {
    const controller = new AbortController();
    const labels: string[] = [];
    const onProgress: RuntimeOptions["onProgress"] = ({ phase, label }) => {
      if (phase !== "download") return;
      labels.push(label);
      controller.abort(new Error("never mind"));
    };
    const { signal } = controller;
    const load = createRuntime({ model: catalogue.default, modelsUrl: "models-here", signal, onProgress });
    const error = await load.then(
      () => "loaded",
      (cause: unknown) => String(cause),
    );
    return { label: labels[0], error };
  },

  abortedLoad: async () => {
    const controller = new AbortController();
    const onProgress: RuntimeOptions["onProgress"] = () => controller.abort(new Error("never mind"));
    const load = openTiny({ model: served.stalled, signal: controller.signal, onProgress });
    return load.then(
      () => "loaded",
      (error: unknown) => String(error),
    );
  },
};

async function scores(runtime: Awaited<ReturnType<typeof openTiny>>) {
  const { logprobs } = await runtime.evaluate({ ids: EVALUATED, top: 0, generate: 0 });
  return { logprobs };
}

function failure(options: Partial<RuntimeOptions>): Promise<string> {
  return codeOf(openTiny(options).then((runtime) => runtime.dispose()));
}

async function fetchTiny(): Promise<Blob> {
  return (await fetch(served.model)).blob();
}

function fromCatalogue(identity: { bytes: number; sha256: string }): Partial<RuntimeOptions> {
  const url = new URL(served.model, location.href).href;
  const model = {
    name: "tiny",
    title: "Tiny",
    architecture: "llama",
    licence: "MIT",
    sources: [{ kind: "url", url } as const],
    ...identity,
  };
  return {
    model: "tiny",
    platform: createBrowserPlatform({ catalogue: { default: "tiny", models: [model] } }),
  };
}
