import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PeerServer } from "../../../bench/peers/peer_server.ts";

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "baton-peers-"));
  writeFileSync(join(folder, "config.json"), "{}");
  const model = join(folder, "model.gguf");
  writeFileSync(model, "GGUF");
  const job = { model, onnx: folder, ids: [1], text: "text", threads: 1 };
  const server = await PeerServer.start(job, "export {};");
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  return server;
}

const answer = { kind: "failed", reason: "none" };
const send = (server: PeerServer) =>
  fetch(`${server.url}answer`, { method: "POST", body: JSON.stringify(answer) });

test("a page asks for something to do before or after there is something, and answers", async () => {
  const server = await start();
  const early = fetch(`${server.url}next`);
  const first = server.ask({ kind: "run", tokens: 2 });
  expect(await (await early).json()).toEqual({ kind: "run", tokens: 2 });
  await send(server);
  expect(await first).toEqual(answer);
  const second = server.ask({ kind: "run", tokens: 3 });
  expect(await (await fetch(`${server.url}next`)).json()).toEqual({ kind: "run", tokens: 3 });
  await send(server);
  expect(await second).toEqual(answer);
});

test("a page gets its own files in isolation, and no others", async () => {
  const server = await start();
  const statusOf = async (path: string) => (await fetch(server.url + path)).status;
  const page = await fetch(server.url);
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(await page.text()).toContain("/pages/page.mjs");
  expect(await (await fetch(`${server.url}model.gguf`)).text()).toBe("GGUF");
  for (const path of ["baton.mjs", "pages/page.mjs", "engines/serve.mjs", "models/onnx/config.json"])
    expect(await statusOf(path), path).toBe(200);
  const outside = [
    "package.json",
    "pages/%2e%2e/package.json",
    "pages/..%2f..%2f..%2fpackage.json",
    "models",
  ];
  for (const path of outside) expect(await statusOf(path), path).toBe(404);
});
