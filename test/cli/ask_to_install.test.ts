import { chmodSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { askToInstall } from "../../src/cli/ask_to_install.ts";
import { runCli } from "../../src/cli/cli.ts";
import { TestFolder } from "./files.ts";
import { TestIo } from "./test_io.ts";

const folder = new TestFolder();
const QUESTION = "Install it? [Y/n] ";

/** The answer to what was typed at the question, and how often it was interrupted. */
async function answerTo(typed: string) {
  const io = new TestIo({ terminal: true });
  let interrupts = 0;
  const answer = askToInstall(io, "apt-get install pip", () => void interrupts++);
  await io.until(QUESTION);
  io.stdin.write(typed);
  return { allowed: await answer, interrupts };
}

test.each([
  ["Enter", "\r", true],
  ["y", "y\r", true],
  ["n", "n\r", false],
  ["No", " No\r", false],
  ["Ctrl-D", "\x04", false],
])("%s is an answer", async (_, typed, allowed) => {
  expect(await answerTo(typed)).toEqual({ allowed, interrupts: 0 });
});

test("Ctrl-C is no, and an interrupt", async () => {
  expect(await answerTo("\x03")).toEqual({ allowed: false, interrupts: 1 });
});

test("an input that ends is no", async () => {
  const io = new TestIo({ terminal: true });
  const answer = askToInstall(io, "apt-get install pip", () => {});
  await io.until(QUESTION);
  io.stdin.end();
  expect(await answer).toBe(false);
});

test("nobody is asked where nobody can answer, but the command is said", async () => {
  const io = new TestIo();
  expect(await askToInstall(io, "apt-get install pip", () => {})).toBe(true);
  await io.until("pip is missing; it can be installed by: apt-get install pip");
  expect(io.errors).not.toContain(QUESTION);
});

/** Runs the program on a machine that has no pip, an apt-get, and no way to the hub, up to the question. */
async function runToQuestion(context: { skip(condition: boolean, note: string): void }) {
  context.skip(process.getuid?.() !== 0, "only root is offered an installation");
  const programs = folder.write("apt-get", "#!/bin/sh\n[ $1 = --version ]\n").replace(/\/apt-get$/, "");
  chmodSync(`${programs}/apt-get`, 0o755);
  vi.stubEnv("PATH", programs);
  vi.stubEnv("BATON_CACHE", `${folder.path}/cache`);
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
  const io = new TestIo({ terminal: true });
  const ran = runCli(["run", "Hello"], io).finally(() => vi.unstubAllEnvs());
  await io.until(QUESTION);
  return { io, ran };
}

test("Ctrl-D at the question goes on without pip", async (context) => {
  const { io, ran } = await runToQuestion(context);
  io.stdin.write("\x04");
  expect(await ran).toBe(1);
  expect(io.errors).toMatch(/error.*\(tool-missing\).*declined/);
});

test("Ctrl-C at the question ends the program, and nothing more is said", async (context) => {
  const { io, ran } = await runToQuestion(context);
  io.stdin.write("\x03");
  expect(await ran).toBe(130);
  expect(io.errors).not.toContain("error");
});
