import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** The directions of imports in src/, as docs/architecture.md draws them. That there are no cycles is biome's to check. */

/** Folders that import nothing but these folders and files. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": ["protocol"],
  protocol: [],
  agent: ["api.ts", "errors.ts", "protocol", "conversation/option_checks.ts", "persist"],
  persist: [
    "api.ts",
    "errors.ts",
    "conversation/option_checks.ts",
    "platform/conversation_store.ts",
    "platform/browser/conversation_files.ts",
    "platform/browser/page_hidden.ts",
  ],
  ai_sdk: ["api.ts", "errors.ts", "protocol"],
  kv: ["protocol", "errors.ts"],
  scheduler: ["protocol", "kv"],
  metrics: ["protocol"],
  workload: ["protocol", "errors.ts"],
  text: ["protocol", "errors.ts"],
  loader: ["protocol", "errors.ts"],
  gpu: ["protocol", "errors.ts", "platform/platform.ts"],
  kernels: ["gpu", "loader", "protocol", "errors.ts", "api.ts"],
  tuner: ["gpu", "kernels", "loader", "protocol", "errors.ts", "api.ts", "platform/settings.ts"],
  worker: [
    "conversation",
    "protocol",
    "platform",
    "errors.ts",
    "api.ts",
    "runtime.ts",
    "runtime_options.ts",
    "compare_policies.ts",
  ],
  roles: ["gpu", "kernels", "loader", "tuner", "protocol", "errors.ts", "platform/platform.ts"],
};

/** The page is an application like any other: of Baton it sees what everybody sees, and what is made of numbers alone. */
const DEMO_SEES = ["index.ts", "comparison", "workload"];

/** Folders that never import these. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  model: ["runner", "scheduler", "runtime.ts", "platform", "cli"],
  runner: ["scheduler", "text", "runtime.ts", "platform", "cli"],
  platform: ["model", "runner", "scheduler", "kernels", "gpu", "text", "runtime.ts", "cli"],
};

/** What the page loads of the worker's folder: nothing that runs a model. */
const PAGE_SIDE = ["link.ts", "messages.ts", "outcome.ts", "remote_comparison.ts", "remote_conversation.ts", "remote_runtime.ts", "sent_options.ts", "spawn.ts", "thread_choice.ts"].map((name) => `worker/${name}`); // biome-ignore format: a list

/** The folders that may use Node's own modules. */
const NODE_ONLY = /^(platform\/node\/|node\.ts$|cli\/)/;

interface Import {
  readonly from: string;
  /** A path inside src/, or the name of a package. */
  readonly to: string;
}

const src = resolve("src");

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map(
    ([, name]) => name ?? "",
  );
  return specifiers.map((name) => ({
    from: file,
    to: name.startsWith(".") ? relative(src, resolve(src, dirname(file), name)) : name,
  }));
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
const imports = files.flatMap(importsOf);
const within = imports.filter(({ to }) => files.includes(to));
const part = (path: string) => path.split("/")[0] ?? path;
const arrows = (found: readonly Import[]) => found.map(({ from, to }) => `${from} -> ${to}`);

test("the sources are read as they should be", () => {
  expect(arrows(within)).toContain("platform/platform.ts -> protocol/bytes.ts");
});

for (const [folder, allowed] of Object.entries(ONLY)) {
  test(`${folder} imports nothing but itself${allowed.map((name) => ` and ${name}`).join("")}`, () => {
    const wrong = within.filter(
      ({ from, to }) =>
        part(from) === folder && part(to) !== folder && !allowed.includes(part(to)) && !allowed.includes(to),
    );
    expect(arrows(wrong)).toEqual([]);
  });
}

for (const [folder, forbidden] of Object.entries(NEVER)) {
  test(`${folder} never imports ${forbidden.join(", ")}`, () => {
    const wrong = within.filter(({ from, to }) => part(from) === folder && forbidden.includes(part(to)));
    expect(arrows(wrong)).toEqual([]);
  });
}

test("the page's side of a worker runs nothing but checks and messages", () => {
  const allowed = ["worker", "conversation", "protocol", "errors.ts", "api.ts", "runtime_options.ts"];
  const wrong = within.filter(
    ({ from, to }) =>
      PAGE_SIDE.includes(from) && !allowed.includes(part(to)) && to !== "platform/browser/threads.ts",
  );
  const ofWorker = within.filter(
    ({ from, to }) => PAGE_SIDE.includes(from) && part(to) === "worker" && !PAGE_SIDE.includes(to),
  );
  expect(arrows([...wrong, ...ofWorker])).toEqual([]);
});

test("the demo page imports nothing of Baton but its public API and what is pure, and is imported by nothing", () => {
  const wrong = within.filter(
    ({ from, to }) => part(from) === "demo" && part(to) !== "demo" && !DEMO_SEES.includes(part(to)),
  );
  const others = within.filter(({ from, to }) => part(to) === "demo" && part(from) !== "demo");
  expect(arrows([...wrong, ...others])).toEqual([]);
  expect(arrows(within)).toContain("demo/engine.ts -> index.ts");
});

test("the programs are imported by nothing", () => {
  expect(arrows(within.filter(({ from, to }) => part(to) === "cli" && part(from) !== "cli"))).toEqual([]);
});

test("only what is made for Node uses Node's modules or its WebGPU", () => {
  const wrong = imports.filter(
    ({ from, to }) => !NODE_ONLY.test(from) && (to.startsWith("node:") || to === "webgpu"),
  );
  expect(arrows(wrong)).toEqual([]);
});

test("what runs in a browser never imports what is made for Node", () => {
  const wrong = within.filter(({ from, to }) => !NODE_ONLY.test(from) && NODE_ONLY.test(to));
  expect(arrows(wrong)).toEqual([]);
});
