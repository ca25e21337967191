import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { Catalogue, CatalogueModel, ModelSource } from "../../../src/loader/sources/catalogue.ts";
import type { ByteSource } from "../../../src/protocol/bytes.ts";
import { FileServer } from "../file_server.ts";

/** 1 MB of bytes that do not repeat soon; another `seed`, other bytes. */
export function someBytes(seed = 1, length = 1_000_000): Uint8Array<ArrayBuffer> {
  let state = seed;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A catalogue with one model, named "tiny". */
export function catalogueOf(content: Uint8Array, sources: readonly ModelSource[]): Catalogue {
  const tiny: CatalogueModel = {
    name: "tiny",
    title: "Tiny",
    architecture: "llama",
    licence: "MIT",
    bytes: content.length,
    sha256: sha256(content),
    sources,
  };
  return { default: "tiny", models: [tiny] };
}

export const hubSource: ModelSource = {
  kind: "hub",
  repo: "some/repo",
  revision: "0".repeat(40),
  path: "tiny.gguf",
};

/** An empty folder, removed after the test. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A server of `content`, stopped after the test. */
export async function serve(content: Uint8Array): Promise<FileServer> {
  const server = await FileServer.start(content);
  onTestFinished(() => server.stop());
  return server;
}

/** Paths of all files below `folder`, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

/** Fails unless `source` gives exactly `content`. (Far quicker than `toEqual` on a megabyte.) */
export async function expectBytes(source: ByteSource, content: Uint8Array): Promise<void> {
  const bytes = await readAll(source);
  expect({ bytes: bytes.length, sha256: sha256(bytes) }).toEqual({
    bytes: content.length,
    sha256: sha256(content),
  });
}

async function readAll(source: ByteSource): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await source.stream()) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}
