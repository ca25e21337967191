import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve } from "../../scripts/demo.mjs";

/** The demo page's server, over a folder of its own. */

const root = mkdtempSync(join(tmpdir(), "baton-serve-"));
const server = serve(join(root, "page"));

beforeAll(async () => {
  mkdirSync(join(root, "page", "assets"), { recursive: true });
  writeFileSync(join(root, "page", "index.html"), "<p>page</p>");
  writeFileSync(join(root, "page", "assets", "a-1.js"), "1;");
  writeFileSync(join(root, "page", ".complete"), "");
  writeFileSync(join(root, "secret.txt"), "secret");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

/** Without the tidying of paths that `fetch` does. */
async function get(path: string, method = "GET") {
  const { port } = server.address() as AddressInfo;
  const sent = request({ host: "127.0.0.1", port, path, method, agent: false }).end();
  const [response] = await once(sent, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

test("files have their types, and those whose names change with their content may be kept", async () => {
  const page = await get("/");
  expect([page.status, page.body]).toEqual([200, "<p>page</p>"]);
  expect(page.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
  const { headers } = await get("/assets/a-1.js?x");
  expect(headers["content-type"]).toBe("text/javascript; charset=utf-8");
  expect(headers["cache-control"]).toContain("immutable");
});

test.for([
  "/../secret.txt",
  "/%2e%2e/secret.txt",
  "/..%2fsecret.txt",
  "/assets/../../secret.txt",
  "/.complete",
  "/assets",
  "/none.html",
  "/%00",
  "/%",
])("%s is not found", async (path) => {
  expect((await get(path)).status).toBe(404);
});

test("nothing but reading is allowed", async () => {
  expect((await get("/", "POST")).status).toBe(405);
  expect(await get("/", "HEAD")).toMatchObject({ status: 200, body: "" });
});
