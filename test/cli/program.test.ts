import { expect, test } from "vitest";
import { version } from "../../package.json";
import { fail } from "../../src/cli/failure.ts";
import { baton, TestIo } from "./test_io.ts";

const COMMANDS = ["start", "run", "chat", "eval", "models", "devices", "tune"];

test("help lists every command and says what the environment changes", async () => {
  const { status, out, errors } = await baton(["--help"]);
  expect(status).toBe(0);
  expect(errors).toBe("");
  for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, "m"));
  expect(out).toContain("BATON_ADAPTER");
});

test.each(COMMANDS)("%s --help explains it with an example", async (command) => {
  const { status, out, errors } = await baton([command, "--help"]);
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
  expect(out).toContain(`Usage: baton ${command}`);
  expect(out).toContain(`$ baton ${command}`);
  expect(out).toContain("--json");
});

test.each(["start", "run", "chat", "eval", "tune"])(
  "%s --help offers every precision there is",
  async (command) => {
    const { out } = await baton([command, "--help"]);
    expect(out.replace(/\s+/g, " ")).toContain("exact, default or fast");
  },
);

test("the version is the package's", async () => {
  expect(await baton(["--version"])).toEqual({ status: 0, out: `${version}\n`, errors: "" });
});

test.each([
  ["an unknown command", ["dance"], /unknown command 'dance'/],
  ["an unknown option", ["run", "--dance", "Hello"], /unknown option '--dance'/],
  ["a missing prompt", ["run"], /missing required argument 'prompt'/],
  ["a missing file", ["eval"], /missing required argument 'file'/],
  ["a missing value", ["run", "Hello", "--seed"], /argument missing/],
  ["no command", [], /Usage: baton/],
])("%s is refused with status 1", async (_, args, message) => {
  const { status, out, errors } = await baton(args);
  expect({ status, out }).toEqual({ status: 1, out: "" });
  expect(errors).toMatch(message);
  expect(errors).not.toMatch(/^\s+at /m);
});

test("an error nobody expected is one line that asks for a report", async () => {
  const io = new TestIo();
  expect(await fail(new TypeError("x is not a function\nand more"), io, true)).toBe(1);
  await new Promise(setImmediate);
  expect(io.errors).toMatch(/^error \(unexpected\): x is not a function\. .*report.*\n$/);
  expect(JSON.parse(io.out)).toMatchObject({ error: { code: "unexpected", fields: {} } });
});

test("an unexpected error comes with its stack when BATON_DEBUG is set", async () => {
  const io = new TestIo({ env: { BATON_DEBUG: "1" } });
  await fail(new TypeError("x is not a function"), io, false);
  await new Promise(setImmediate);
  expect(io.errors).toMatch(/^\s+at /m);
});

test("errors are red on terminals only, and not where NO_COLOR is set", async () => {
  const written = async (io: TestIo) => {
    await fail(new Error("no"), io, false);
    await new Promise(setImmediate);
    return io.errors;
  };
  expect(await written(new TestIo({ terminal: true }))).toContain("\x1b[31m");
  expect(await written(new TestIo({ terminal: true, env: { NO_COLOR: "1" } }))).not.toContain("\x1b");
  expect(await written(new TestIo())).not.toContain("\x1b");
});

test("models lists the catalogue and says what is in the cache", async () => {
  const { status, out } = await baton(["models"]);
  expect(status).toBe(0);
  expect(out).toMatch(/smollm2-135m-instruct \(default\) +98\.4 MB +Apache-2\.0/);
  const { models, default: name } = JSON.parse((await baton(["models", "--json"])).out);
  expect(models).toContainEqual(expect.objectContaining({ name, bytes: 98_362_432, licence: "Apache-2.0" }));
});

test("devices lists adapters with limits and features, and says which is used for what and why", async () => {
  const { status, out } = await baton(["devices", "--json"]);
  expect(status).toBe(0);
  const { used, why, devices, adapters } = JSON.parse(out);
  expect(why).not.toBe("");
  const [chosen] = adapters.filter((adapter: { used: boolean }) => adapter.used);
  expect(chosen).toMatchObject({ name: used, role: devices[0].role });
  expect(devices[0].adapter).toBe(used);
  expect(chosen.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
  expect(chosen.features).toContain("core-features-and-limits");
  const text = (await baton(["devices"])).out;
  expect(text).toContain(`* ${used}`);
  expect(text).toMatch(/^Baton uses .*: /m);
  expect(text).toContain(`: ${why}.`);
});
