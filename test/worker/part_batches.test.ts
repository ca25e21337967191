import { expect, test } from "vitest";
import type { DonePart, Part } from "../../src/api.ts";
import { sendBatches } from "../../src/worker/part_batches.ts";

const text = (text: string): Part => ({ type: "text", text });
const done = { type: "done", finishReason: "end" } as DonePart;

/** What was sent, each batch as one string; `cross` lets the batch on its way arrive. */
function border() {
  const sent: string[] = [];
  let cross = () => {};
  const send = (batch: readonly Part[]) => {
    sent.push(batch.map((part) => (part.type === "text" ? part.text : part.type)).join(""));
    return new Promise<void>((resolve) => {
      cross = resolve;
    });
  };
  return { sent, send, cross: () => cross() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("what comes while a batch crosses makes the next one, and the last parts come with the end", async () => {
  const { sent, send, cross } = border();
  async function* parts() {
    yield text("a");
    yield text("b");
    yield text("c");
    await settle();
    cross();
    await settle();
    yield text("d");
    yield done;
  }
  expect(await sendBatches(parts(), send)).toEqual({ rest: [text("d"), done] });
  expect(sent).toEqual(["a", "bc"]);
});

test("a turn that fails gives what it had first", async () => {
  const { sent, send } = border();
  async function* parts() {
    yield text("a");
    yield text("b");
    throw new Error("lost");
  }
  expect(await sendBatches(parts(), send)).toEqual({ rest: [text("b")], cause: new Error("lost") });
  expect(sent).toEqual(["a"]);
});
