import { expect, test } from "vitest";
import { greedy } from "../../src/conversation/send_options.ts";
import type { TurnSink } from "../../src/conversation/turn_sinks.ts";
import { codeOf, collect, openFakeChat } from "./fake_chat.ts";

/** Faults of the engine's own, which no test can provoke from outside: they are put into its parts. */

const output = {
  kind: "tokens",
  sampling: greedy,
  maxTokens: 2,
  endTokens: [] as number[],
  stopTokens: [] as number[],
} as const;

test("a scheduler that throws after a step fails every turn, refuses later ones and can be disposed", async () => {
  const chat = openFakeChat();
  const advance = chat.scheduler.advance.bind(chat.scheduler);
  chat.scheduler.advance = (event, nowMs) => {
    if (event.kind === "step-ended") throw new Error("books disagree");
    return advance(event, nowMs);
  };
  const answers = ["One", "Two"].map((text) => collect(chat.conversation().send(text)));
  for (const answer of answers) {
    await expect(answer).rejects.toMatchObject({
      code: "gpu-error",
      message: expect.stringContaining("books disagree"),
    });
  }
  expect(await codeOf(collect(chat.conversation().send("Three")))).toBe("gpu-error");
  expect(chat.runner.plans).toHaveLength(chat.runner.limits.plansInFlight); // what was in flight already
  await chat.loop.dispose();
});

test("a scheduler that throws at a turn's arrival fails that turn through its stream", async () => {
  const chat = openFakeChat();
  chat.scheduler.advance = () => {
    throw new Error("no books at all");
  };
  expect(await codeOf(collect(chat.conversation().send("One")))).toBe("gpu-error");
  await chat.loop.dispose();
});

test("a fault while a step runs lets dispose wait for that step", async () => {
  const chat = openFakeChat({ plansInFlight: 1 });
  let endStep = () => {};
  chat.runner.beforeStep = () => new Promise((resolve) => (endStep = resolve));
  const answer = codeOf(collect(chat.conversation().send("One")));
  await expect.poll(() => chat.runner.plans.length).toBe(1);
  chat.scheduler.advance = () => {
    throw new Error("books disagree");
  };
  expect(await codeOf(collect(chat.conversation().send("Two")))).toBe("gpu-error");
  expect(await answer).toBe("gpu-error");
  let disposed = false;
  const disposal = chat.loop.dispose().then(() => {
    disposed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(disposed).toBe(false);
  endStep();
  await disposal;
});

test("a sink that throws in `finished` fails its own turn, and the others go on", async () => {
  const chat = openFakeChat();
  const failure = new Promise<Error>((failed) => {
    const finished = () => {
      throw new Error("the reader is broken");
    };
    chat.loop.start({ conversation: "broken", keep: 0, tokens: [1, 2], output }, { finished, failed });
  });
  const other = collect(chat.conversation().send("One"));
  expect((await failure).message).toBe("the reader is broken");
  expect((await other).finishReason).toBe("end");
  expect((await collect(chat.conversation().send("Two"))).finishReason).toBe("end");
});

test("a sink that throws in everything hurts no other turn", async () => {
  const chat = openFakeChat();
  const fault = () => {
    throw new Error("the reader is broken");
  };
  const sink: TurnSink = { token: fault, finished: fault, failed: fault };
  chat.loop.start({ conversation: "broken", keep: 0, tokens: [1, 2], output }, sink);
  expect((await collect(chat.conversation().send("One"))).finishReason).toBe("end");
});
