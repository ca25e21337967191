import { expect, test } from "vitest";
import {
  catalogue,
  findModel,
  type ModelSource,
  unknownModel,
} from "../../../src/loader/sources/catalogue.ts";

const SHA256 = /^[0-9a-f]{64}$/;

/** The members that a source of each kind has, and what each must look like. */
const shapes: { readonly [K in ModelSource["kind"]]: Readonly<Record<string, RegExp>> } = {
  hub: { kind: /^hub$/, repo: /^[\w.-]+\/[\w.-]+$/, revision: /^[0-9a-f]{40}$/, path: /^[^/].*\.gguf$/ },
  pypi: { kind: /^pypi$/, project: /^[a-z0-9-]+$/, version: /^\d+(\.\d+)*$/, member: /^[^/].*\.gguf$/ },
  url: { kind: /^url$/, url: /^https:\/\/.*\.gguf$/ },
};

const members = ["name", "title", "architecture", "bytes", "sha256", "licence", "sources"];

test("names in the catalogue are unique, and the default is one of them", () => {
  const names = catalogue.models.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain(catalogue.default);
});

test.each(catalogue.models.map((model) => [model.name, model] as const))(
  "%s states everything that identifies it and where it comes from",
  (_, model) => {
    expect(Object.keys(model).toSorted()).toEqual(members.toSorted());
    expect(model.name).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
    expect(model.title).not.toBe("");
    expect(model.architecture).toMatch(/^[a-z0-9]+$/);
    expect(model.licence).toMatch(/^[A-Za-z0-9.-]+$/);
    expect(Number.isSafeInteger(model.bytes) && model.bytes > 0).toBe(true);
    expect(model.sha256).toMatch(SHA256);
    expect(model.sources.length).toBeGreaterThan(0);
  },
);

test.each(catalogue.models.flatMap((model) => model.sources.map((source) => [model.name, source] as const)))(
  "%s has a source of a known kind: %o",
  (_, source) => {
    const shape = shapes[source.kind];
    expect(shape).toBeDefined();
    expect(Object.keys(source).toSorted()).toEqual(Object.keys(shape).toSorted());
    for (const [member, value] of Object.entries(source)) expect(value).toMatch(shape[member] ?? /^$/);
  },
);

test("a model is found by its name, and an unknown name lists those there are", () => {
  expect(findModel(catalogue.default)?.sha256).toMatch(SHA256);
  expect(findModel("no-such-model")).toBeUndefined();
  const error = unknownModel("no-such-model");
  expect(error.code).toBe("unknown-model");
  expect(error.message).toContain(catalogue.default);
  expect(error.fields.names).toEqual(catalogue.models.map(({ name }) => name));
});
