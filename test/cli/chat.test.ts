import { describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import { TestFolder } from "./files.ts";
import { baton, TestIo } from "./test_io.ts";

const folder = new TestFolder();
const model = folder.model("tiny-noise.gguf");
const MODEL = ["--model", model, "--precision", "exact"];
const SHORT = [...MODEL, "--max-tokens", "6"];

function turnsOf(out: string) {
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

describe("chat without a terminal", () => {
  test("answers each line in one conversation, whose KV it keeps", async () => {
    const { status, out } = await baton(["chat", ...SHORT, "--json"], "Hello\n\n  Again  \n/exit\nNever\n");
    expect(status).toBe(0);
    const turns = turnsOf(out);
    expect(turns.map(({ prompt }) => prompt)).toEqual(["Hello", "Again"]);
    expect(turns[1].usage.cachedTokens).toBeGreaterThanOrEqual(turns[0].usage.promptTokens);
  });

  test("a last line needs no line end", async () => {
    const { out } = await baton(["chat", ...SHORT, "--json"], "Hello\nAgain");
    expect(turnsOf(out)).toHaveLength(2);
  });

  test("prints answers on stdout, and neither prompts nor figures", async () => {
    const { out, errors } = await baton(["chat", ...SHORT], "Hello\n");
    const [turn] = turnsOf((await baton(["chat", ...SHORT, "--json"], "Hello\n")).out);
    expect(out).toBe(`${turn.text}\n`);
    expect(errors).toMatch(/^\(6 tokens, .*tokens\/s/m);
  });

  test("ends with status 1 at a message that cannot be answered", async () => {
    const lines = `${"word ".repeat(3000)}\nHello\n`;
    const { status, out, errors } = await baton(["chat", ...SHORT, "--kv-mib", "0.1"], lines);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(errors).toMatch(/^error \(prompt-too-long\): /m);
  });

  test("--quiet leaves the figures out", async () => {
    expect((await baton(["chat", ...SHORT, "--quiet"], "Hello\n")).errors).toBe("");
  });

  test("ends at once where there is nothing to read", async () => {
    expect(await baton(["chat", ...SHORT, "--quiet"])).toEqual({ status: 0, out: "", errors: "" });
  });
});

describe("chat on a terminal", () => {
  const open = (...args: readonly string[]) => {
    const io = new TestIo({ terminal: true });
    return { io, ran: runCli(["chat", ...MODEL, ...args], io) };
  };

  test("Ctrl-C stops the answer and not the program; at an empty prompt it ends it", async () => {
    const { io, ran } = open("--max-tokens", "4000");
    await io.until("> ");
    io.stdin.write("Hello\r");
    await io.until("Hello");
    await new Promise<void>((resolve) => io.stdout.once("data", () => resolve()));
    io.stdin.write("\x03");
    await io.until("stopped)");
    await io.until("> ");
    io.stdin.write("Again\r");
    await io.until("Again");
    io.stdin.write("\x03");
    await io.until("stopped)");
    await io.until("> ");
    io.stdin.write("\x03");
    expect(await ran).toBe(0);
  });

  test("Ctrl-C takes back what was typed", async () => {
    const { io, ran } = open("--max-tokens", "2");
    await io.until("> ");
    io.stdin.write("forget this");
    await io.until("forget this");
    io.stdin.write("\x03");
    io.stdin.write("/exit\r");
    expect(await ran).toBe(0);
    expect(io.errors).not.toContain("tokens/s");
  });

  test("Ctrl-D at an empty prompt ends it", async () => {
    const { io, ran } = open();
    await io.until("> ");
    io.stdin.write("\x04");
    expect(await ran).toBe(0);
  });

  test("what is typed during an answer is not shown in it, and waits", async () => {
    const { io, ran } = open("--max-tokens", "4000");
    await io.until("> ");
    io.stdin.write("Hello\r");
    await io.until("Hello");
    io.stdin.write("typed ahead\x03");
    await io.until("stopped)");
    await io.until("> typed ahead");
    io.stdin.write("\x03\x03");
    expect(await ran).toBe(0);
  });

  test("lines that come at once are answered one after the other", async () => {
    const { io, ran } = open("--max-tokens", "2");
    await io.until("> ");
    io.stdin.write("One\rTwo\r/exit\r");
    expect(await ran).toBe(0);
    expect(io.errors.match(/tokens\/s/g)).toHaveLength(2);
  });

  test("a message that does not fit is said, and the chat goes on", async () => {
    const { io, ran } = open("--max-tokens", "2", "--kv-mib", "0.1");
    await io.until("> ");
    io.stdin.write(`${"word ".repeat(3000)}\r`);
    await io.until("(prompt-too-long): ");
    io.stdin.write("Hello\r");
    await io.until("tokens/s");
    io.stdin.write("/exit\r");
    expect(await ran).toBe(0);
  });

  test("figures are dim, and plain where NO_COLOR is set", async () => {
    const figures = async (env: NodeJS.ProcessEnv) => {
      const io = new TestIo({ terminal: true, env });
      io.stdin.write("Hello\r/exit\r");
      await runCli(["chat", ...SHORT], io);
      return io.errors;
    };
    expect(await figures({})).toContain("\x1b[2m(6 tokens");
    expect(await figures({ NO_COLOR: "1" })).toMatch(/^\(6 tokens/m);
  });
});
