import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, expect, onTestFinished, test } from "vitest";

/** A clone with nothing in it but the scripts, and an npm that only writes down how it was called (the network is not for tests). */
let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "baton-clone-"));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  cpSync("scripts", join(clone, "scripts"), { recursive: true });
  writeFileSync(join(clone, "package-lock.json"), "{}");
  writeFileSync(
    join(clone, "npm-cli.js"),
    `const { mkdirSync, writeFileSync } = require("node:fs");
     writeFileSync("called", process.argv.slice(2).join(" "));
     if (process.env.NPM_FAILS) process.exit(3);
     mkdirSync("node_modules", { recursive: true });
     writeFileSync("node_modules/.package-lock.json", "{}");`,
  );
});

const called = () => existsSync(join(clone, "called")) && readFileSync(join(clone, "called"), "utf8");

function ensurePackages(env: Record<string, string> = {}, which = "ensurePackages") {
  const packages = pathToFileURL(join(clone, "scripts", "packages.mjs")).href;
  const program = `import(${JSON.stringify(packages)}).then((m) => m.${which}()).catch((e) => { console.log(e.message); });`;
  return spawnSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    env: { ...process.env, npm_execpath: join(clone, "npm-cli.js"), ...env },
  });
}

function installedAt(date: Date) {
  mkdirSync(join(clone, "node_modules"));
  const file = join(clone, "node_modules", ".package-lock.json");
  writeFileSync(file, "{}");
  utimesSync(file, date, date);
}

test("missing packages are installed from the lock file, and said before", () => {
  const { stderr, stdout } = ensurePackages();
  expect(called()).toMatch(/^ci /);
  expect(stderr).toMatch(/^baton: installing the locked npm packages/);
  expect(stdout).toBe("");
});

test("packages older than the lock file are installed again", () => {
  installedAt(new Date("2020-01-01"));
  ensurePackages();
  expect(called()).toMatch(/^ci /);
});

test("packages newer than the lock file are left alone, in silence", () => {
  installedAt(new Date("2100-01-01"));
  const { stderr, stdout } = ensurePackages();
  expect(called()).toBe(false);
  expect(stdout + stderr).toBe("");
});

test("the peers' packages are installed into their own folder, by their own lock file", () => {
  const folder = join(clone, "bench", "peers");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package-lock.json"), "{}");
  installedAt(new Date("2100-01-01"));
  const { stderr } = ensurePackages({}, "ensurePeerPackages");
  expect(called()).toMatch(`ci --prefix ${folder} `);
  expect(stderr).toMatch(/^baton: installing the peers' npm packages into bench\/peers/);
});

test("an npm that fails ends the setup with its status", () => {
  expect(ensurePackages({ NPM_FAILS: "1" }).stdout).toMatch(/^npm ci failed with status 3/);
});
