import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";

/** Runs the entry of the npm scripts under a Node that says it is `version`. */
function runOn(version: string, command: string) {
  // Node freezes its versions; an object in their place can say what a test wants.
  const program = `Object.defineProperty(process, "versions", { value: { node: ${JSON.stringify(version)} } });
    process.argv = [process.execPath, "run.cjs", ${JSON.stringify(command)}];
    require(${JSON.stringify(resolve("scripts/run.cjs"))});`;
  return spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
}

for (const version of ["12.22.12", "18.20.4", "20.18.3"]) {
  test(`Node ${version} is refused in the first line, by version`, () => {
    const { status, stderr, stdout } = runOn(version, "start");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.split("\n")[0]).toBe(
      `Node ${version} is too old: Baton needs Node 20.19 or newer (https://nodejs.org).`,
    );
  });
}

for (const version of ["20.19.0", "22.1.0", "100.0.0"]) {
  test(`Node ${version} is accepted`, () => {
    const { status, stderr } = runOn(version, "no-such-command");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^baton: there is no command "no-such-command"; choose one of setup, /);
  });
}
