import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { allowInstallOn } from "../../../src/platform/node/allow_install.ts";

function terminal(isTTY: boolean, typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = new PassThrough();
  input.write(typed);
  return { input, output, said: () => String(output.read() ?? "") };
}

test.each([
  ["y\n", true],
  ["yes\n", true],
  ["n\n", false],
  ["\n", false],
])("on a terminal the user decides: %j", async (typed, allowed) => {
  const { said, ...streams } = terminal(true, typed);
  expect(await allowInstallOn(streams)("apt-get install x")).toBe(allowed);
  expect(said()).toContain('Run "apt-get install x"? [y/N]');
});

test("without a terminal the command is announced and allowed", async () => {
  const { said, ...streams } = terminal(false, "");
  expect(await allowInstallOn(streams)("apt-get install x")).toBe(true);
  expect(said()).toBe("Installing a system package: apt-get install x\n");
});
