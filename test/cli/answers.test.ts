import { describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import { TestFolder } from "./files.ts";
import { baton, TestIo } from "./test_io.ts";

const folder = new TestFolder();
const model = folder.model("tiny-noise.gguf");
const MODEL = ["--model", model, "--precision", "exact"];
const SHORT = [...MODEL, "--max-tokens", "6"];

describe("run", () => {
  test("prints the answer on stdout, and figures beside it", async () => {
    const { status, out, errors } = await baton(["run", ...SHORT, "Why", "is", "that?"]);
    expect(status).toBe(0);
    const { text, prompt, usage } = JSON.parse(
      (await baton(["run", ...SHORT, "--json", "Why is that?"])).out,
    );
    expect(prompt).toBe("Why is that?");
    expect(usage.completionTokens).toBe(6);
    expect(out).toBe(`${text}\n`);
    expect(errors).toMatch(/^\(6 tokens, .*tokens\/s.*cut off by the token limit\)$/m);
  });

  test("with --json prints one object with usage, timings and what was measured", async () => {
    const { out } = await baton(["run", ...SHORT, "--json", "Hello"]);
    const { finishReason, usage, timings, measured } = JSON.parse(out);
    expect(finishReason).toBe("length");
    expect(usage).toMatchObject({ cachedTokens: 0, completionTokens: 6 });
    expect(timings.tbtMs).toHaveLength(5);
    expect(measured).toMatchObject({ model: "tiny-noise", precision: "exact", ttftMs: [timings.ttftMs] });
    expect(measured.prefillTokens).toBe(usage.promptTokens);
    expect(measured.kvBlocks.peak).toBeGreaterThan(0);
  });

  test("the same seed gives the same text, and another one another", async () => {
    const text = async (seed: string) => {
      const args = ["run", ...SHORT, "--json", "--temperature", "1.5", "--seed", seed, "Hello"];
      return JSON.parse((await baton(args)).out).text;
    };
    const first = await text("7");
    expect(await text("7")).toBe(first);
    expect(await text("8")).not.toBe(first);
  });

  test("stops at any of several stop texts and does not show it", async () => {
    const { text } = JSON.parse((await baton(["run", ...SHORT, "--json", "Hello"])).out);
    const stop = text.slice(2, 4);
    const args = ["run", ...SHORT, "--json", "--stop", "never said", "--stop", stop, "Hello"];
    const stopped = JSON.parse((await baton(args)).out);
    expect(stopped.finishReason).toBe("stop");
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
  });

  test("a system prompt is part of the prompt", async () => {
    const tokens = async (...args: string[]) =>
      JSON.parse((await baton(["run", ...SHORT, "--json", ...args, "Hello"])).out).usage.promptTokens;
    expect(
      await tokens("--system", "A long and winding system prompt, with all that belongs to it."),
    ).toBeGreaterThan(await tokens("--system", "Short."));
  });

  test("says at once when the adapter is slow, and nothing with --quiet", async () => {
    const { out, errors } = await baton(["run", ...SHORT, "--json", "Hello"]);
    const { measured } = JSON.parse(out);
    if (measured.software) expect(errors).toMatch(/^.* is a software adapter: everything is slow on it\.\n/);
    else expect(errors).not.toContain("software");
    expect((await baton(["run", ...SHORT, "--quiet", "Hello"])).errors).toBe("");
  });

  test("Ctrl-C ends it without a word, with the status shells know", async () => {
    const io = new TestIo();
    const ran = runCli(["run", ...MODEL, "--max-tokens", "5000", "--quiet", "Hello"], io);
    io.stdout.once("data", () => io.interrupt());
    expect(await ran).toBe(130);
    expect(io.errors).toBe("");
  });

  test("Ctrl-C ends the loading", async () => {
    const io = new TestIo();
    const ran = runCli(["run", ...MODEL, "Hello"], io);
    io.stderr.once("data", () => io.interrupt());
    expect(await ran).toBe(130);
    expect(io.out).toBe("");
    expect(io.errors).not.toContain("error");
  });
});

describe("start", () => {
  test("shows four agents over two devices, each of which moves once, and ends with what was measured", async () => {
    const { status, out, errors } = await baton(["start", ...SHORT]);
    expect(errors).not.toContain("error");
    expect(status).toBe(0);
    expect(out.match(/^\w+ +> /gm)).toHaveLength(8);
    expect(out.match(/^\w+ +< /gm)).toHaveLength(8);
    expect(out.match(/^\w+ +moved to decoder-2: .* of KV, once$/gm)).toHaveLength(4);
    for (const line of [
      /^adapter +\S/m,
      /^model +tiny-noise \(.*parameters/m,
      /^load time +\d/m,
      /^prefill +[\d.]+ tokens\/s/m,
      /^decode +[\d.]+ tokens\/s \(48 tokens\)/m,
      /^TTFT by turn +\d.*, \d.*, \d/m,
      /^TBT +median \d.*p95 \d/m,
      /^KV blocks +\d+ of \d+ at the peak/m,
      /^policy +conserve, over prefiller-1 and decoder-2$/m,
      /^handoffs +4 of 4 conversations, [\d.]+ .B of KV$/m,
    ]) {
      expect(out).toMatch(line);
    }
  });

  test("--json has every agent's turns, of which the later ones prefill only what is new", async () => {
    const { out } = await baton(["start", ...SHORT, "--json"]);
    const { policy, agents, measured } = JSON.parse(out);
    expect([policy, agents.length, measured.ttftMs.length]).toEqual(["conserve", 4, 8]);
    for (const { turns, handoffs, handoffBytes } of agents) {
      expect([turns.length, handoffs]).toEqual([2, 1]);
      expect(handoffBytes).toBeGreaterThan(0);
      expect(turns[1].usage.cachedTokens).toBeGreaterThanOrEqual(turns[0].usage.promptTokens);
    }
  });

  test("--policy chooses another way, and one that there is not is refused", async () => {
    const { agents, policy } = JSON.parse(
      (await baton(["start", ...SHORT, "--policy", "baton", "--json"])).out,
    );
    expect(policy).toBe("baton");
    for (const { handoffs } of agents) expect(handoffs).toBeLessThanOrEqual(1);
    const refused = await baton(["start", ...SHORT, "--policy", "best"]);
    expect(refused.status).toBe(1);
    expect(refused.errors).toContain("--policy");
  });

  test("on a terminal draws a bar for each device and a line for each agent", async () => {
    const io = new TestIo({ terminal: true });
    expect(await runCli(["start", ...SHORT], io)).toBe(0);
    for (const text of ["prefiller-1", "decoder-2", "KV blocks,", "traveller", "rests on decoder-2"])
      expect(io.errors).toContain(text);
    expect(io.out).toContain("cook: What is bread made of?");
  });

  test("with a prompt has that one turn, and --json for machines", async () => {
    const { out } = await baton(["start", ...SHORT, "--json", "Why", "is", "the", "sky", "blue?"]);
    const { turns, measured } = JSON.parse(out);
    expect(turns).toHaveLength(1);
    expect(turns[0].prompt).toBe("Why is the sky blue?");
    expect(measured.ttftMs).toEqual([turns[0].timings.ttftMs]);
  });

  test("goes on as a chat on a terminal", async () => {
    const io = new TestIo({ terminal: true });
    const ran = runCli(["start", ...SHORT, "Hello"], io);
    await io.until("KV blocks");
    await io.until("> ");
    io.stdin.write("/exit\r");
    expect(await ran).toBe(0);
  });
});
