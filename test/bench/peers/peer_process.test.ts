import { resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PeerFailure, PeerProcess } from "../../../bench/peers/peer_process.ts";

const job = { model: "model.gguf", onnx: undefined, ids: [1, 2, 3], text: "text", threads: 1 };
const LIMIT_MS = 60_000;

function peer(behaviour: string) {
  const one = new PeerProcess("fake", [resolve("test/bench/peers/fake_peer.mjs"), behaviour], {});
  onTestFinished(() => one.stop());
  return one;
}

async function reasonOf(action: Promise<unknown>) {
  const error = await action.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PeerFailure);
  return error instanceof PeerFailure ? error.message : "";
}

test("a peer loads once and runs as often as it is asked", async () => {
  const one = peer("works");
  expect(await one.load(job, LIMIT_MS)).toEqual({ version: "fake 3", device: "none" });
  expect(await one.run(2, LIMIT_MS)).toEqual({ prefillMs: 1, decodeMs: 2, tokens: [0, 1] });
  expect((await one.run(4, LIMIT_MS)).tokens).toHaveLength(4);
  await one.stop();
  await one.stop();
});

test("a peer whose package is not installed says which", async () => {
  const reason = await reasonOf(peer("not-installed").load(job, LIMIT_MS));
  expect(reason).toMatch(/^its process ended with status 1: .*Cannot find package 'no-such-engine'/);
});

test("a peer that crashes is told of with its last words, then and later", async () => {
  const one = peer("crashes");
  await one.load(job, LIMIT_MS);
  const crash = "its process ended with SIGABRT: Error: out of luck";
  expect(await reasonOf(one.run(2, LIMIT_MS))).toBe(crash);
  expect(await reasonOf(one.run(2, LIMIT_MS))).toBe(crash);
});

test("a peer that refuses gives its reason on one line", async () => {
  expect(await reasonOf(peer("refuses").load(job, LIMIT_MS))).toBe("it does not want to");
});

test("a peer that does not answer is ended", async () => {
  expect(await reasonOf(peer("hangs").load(job, 300))).toBe("no answer within 0.3 s");
});
