import { resolve } from "node:path";
import { build } from "vite";
import { describe, expect, test } from "vitest";
import type { PlainError } from "../src/errors.ts";
import * as written from "../src/errors.ts";

const plain: PlainError[] = [
  { name: "InputError", code: "disposed", message: "Gone.", fields: { conversation: "c1" } },
  { name: "ModelError", code: "wrong-shape", message: "Odd.", fields: { rows: 3 } },
  { name: "DeviceError", code: "device-lost", message: "Lost.", fields: {} },
  { name: "CapacityError", code: "kv-full", message: "Full.", fields: { needed: 2 } },
  { name: "StorageError", code: "storage-full", message: "Full.", fields: { key: "a" } },
];

/** The module as an application's build makes it: Vite renames classes and variables. */
async function minified(): Promise<typeof written> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      minify: "esbuild",
      rollupOptions: {
        input: resolve("src/errors.ts"),
        preserveEntrySignatures: "strict",
        output: { format: "es" },
      },
    },
  });
  const [output] = [result].flat().flatMap((one) => ("output" in one ? one.output : []));
  if (output?.type !== "chunk") throw new Error("No chunk was built.");
  expect(output.code).not.toMatch(/class (Input|Baton)Error\b/);
  return import(`data:text/javascript,${encodeURIComponent(output.code)}`);
}

describe.each([
  ["as written", async () => written],
  ["minified", minified],
])("errors %s", (_, load) => {
  test("are the same on the other side of a border", async () => {
    const errors = await load();
    const { InputError, ModelError, DeviceError, CapacityError, StorageError } = errors;
    const classes = [InputError, ModelError, DeviceError, CapacityError, StorageError];
    for (const [index, one] of plain.entries()) {
      const error = errors.fromPlain(one);
      expect(error).toBeInstanceOf(classes[index]);
      expect(error.toPlain()).toEqual(one);
      expect(String(error)).toBe(`${one.name}: ${one.message}`);
    }
    const made = new errors.InputError("empty-prompt", "Nothing.");
    expect(errors.fromPlain(made.toPlain()).toPlain()).toEqual(made.toPlain());
    expect(made.name).toBe("InputError");
  });

  test("of an unknown name keep code, fields and name", async () => {
    const { fromPlain, BatonError } = await load();
    for (const name of ["NewError", "a", "constructor", ""]) {
      const one: PlainError = { name, code: "gpu-error", message: "Newer.", fields: { device: "x" } };
      const error = fromPlain(one);
      expect(error).toBeInstanceOf(BatonError);
      expect(error.toPlain()).toEqual(one);
    }
  });
});
