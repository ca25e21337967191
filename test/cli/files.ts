import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type TinyModelOptions, writeTinyModel } from "../harness/tiny_model.ts";

/** A folder of files for the tests of one test file; gone when they have ended. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), "baton-cli-"));

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  json(name: string, value: unknown): string {
    return this.write(name, JSON.stringify(value));
  }

  /** A small random model; its answers are noise that does not end by itself. */
  model(name = "tiny.gguf", options: TinyModelOptions = {}): string {
    return this.write(name, writeTinyModel({ vocabTokens: 600, ...options }));
  }
}
