import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const readme = readFileSync("README.md", "utf8");
const agents = readFileSync("docs/agents.md", "utf8");
const examples = [...`${readme}${agents}`.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
const [example = ""] = examples;

/** What the compiler says of a program that uses Baton, under this project's own options. */
function compile(program: string): { readonly status: number | null; readonly stdout: string } {
  // Within the project, so that its packages' types are found.
  const folder = mkdtempSync(resolve("node_modules", ".readme-types-"));
  try {
    writeFileSync(join(folder, "example.ts"), program);
    const paths = {
      "baton-webgpu": [resolve("src/node.ts")],
      "baton-webgpu/ai-sdk": [resolve("src/ai_sdk/index.ts")],
    };
    const config = {
      extends: resolve("tsconfig.json"),
      compilerOptions: { paths },
      files: ["example.ts"],
      include: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const { status, stdout } = spawnSync(
      process.execPath,
      [resolve("node_modules/typescript/bin/tsc"), "-p", folder],
      {
        encoding: "utf8",
      },
    );
    return { status, stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("there are examples of a conversation, an agent and the AI SDK", () => {
  for (const word of ["conversation.send", "createAgent", "batonModel"])
    expect(examples.some((one) => one.includes(word))).toBe(true);
});

test.each(examples)("an example passes the compiler's strict checks: %s", (text) => {
  expect(compile(text)).toEqual({ status: 0, stdout: "" });
});

test("the check finds a value used that may be null", () => {
  const { status, stdout } = compile(example.replaceAll("?.", "."));
  expect(stdout).toMatch(/possibly 'null'/);
  expect(status).not.toBe(0);
});
