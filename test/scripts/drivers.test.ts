import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { cacheFolder } from "../../scripts/cache.mjs";
import { backportsSource, parseOsRelease } from "../../scripts/lavapipe.mjs";
import { readTar, replaceFolder } from "../../scripts/swiftshader.mjs";
import { cacheFolder as cacheFolderOfTheLibrary } from "../../src/platform/node/cache_folder.ts";

const MIRROR = "http://mirror.example/debian/";
const bookworm = { uri: MIRROR, suite: "bookworm", file: "/etc/apt/sources.list" };
const security = {
  uri: "http://security.example/",
  suite: "bookworm-security",
  file: "/etc/apt/sources.list",
};

test("backports come from the mirror that bookworm comes from", () => {
  const source = backportsSource([security, bookworm], () => `deb ${MIRROR} bookworm main`);
  expect(source).toBe(`Types: deb\nURIs: ${MIRROR}\nSuites: bookworm-backports\nComponents: main\n`);
});

for (const [kind, text] of [
  ["one line", `deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg trusted=yes] ${MIRROR} bookworm main`],
  [
    "a stanza",
    `Types: deb\nURIs: ${MIRROR}\nSuites: bookworm\nSigned-By: /usr/share/keyrings/x.gpg\nTrusted: yes\n`,
  ],
] as const) {
  test(`backports are trusted as the mirror is, when its source is ${kind}`, () => {
    const source = backportsSource([bookworm], () => text);
    expect(source).toContain("\nSigned-By: /usr/share/keyrings/x.gpg\nTrusted: yes\n");
  });
}

test("a machine without a bookworm mirror gets no backports", () => {
  expect(backportsSource([security], () => "")).toBeUndefined();
});

test("the system is known from os-release, quoted or not", () => {
  const release = parseOsRelease('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="12"\n');
  expect(release).toEqual({ ID: "linuxmint", ID_LIKE: "ubuntu debian", VERSION_ID: "12" });
});

/** A tar entry: a header of 512 bytes, and the content padded to 512 bytes. */
function tarEntry(name: string, content: string): Buffer {
  const entry = Buffer.alloc(512 + Math.ceil(content.length / 512) * 512);
  entry.write(name, 0);
  entry.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  entry.write(content, 512);
  return entry;
}

test("a tar archive gives its files by name, whatever their sizes", () => {
  const contents = { "a.so": "x".repeat(513), empty: "", b: "y".repeat(512) };
  const entries = Object.entries(contents).map(([name, content]) => tarEntry(`folder/${name}`, content));
  const files = readTar(Buffer.concat([...entries, Buffer.alloc(1024)]));
  expect(Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toString()]))).toEqual(contents);
});

/** A folder that is removed after the test. */
function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-drivers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("an incomplete folder is replaced as a whole", () => {
  const parent = tempFolder();
  for (const [folder, file] of [
    ["driver", "left over"],
    ["unpacked", "driver.so"],
  ] as const) {
    mkdirSync(join(parent, folder));
    writeFileSync(join(parent, folder, file), file);
  }
  replaceFolder(join(parent, "driver"), join(parent, "unpacked"), join(parent, "replaced"));
  expect(readdirSync(join(parent, "driver"))).toEqual(["driver.so"]);
});

test("of processes that end a fetch at the same instant, none fails", async () => {
  const parent = tempFolder();
  const swiftshader = pathToFileURL(resolve("scripts/swiftshader.mjs")).href;
  const program = `
    import { mkdirSync, writeFileSync } from "node:fs";
    import { replaceFolder } from ${JSON.stringify(swiftshader)};
    for (let round = 0; round < 300; round++) {
      const aside = ${JSON.stringify(parent)} + "/" + process.pid + "-" + round;
      mkdirSync(aside + "/unpacked", { recursive: true });
      writeFileSync(aside + "/unpacked/driver.so", "the driver");
      replaceFolder(${JSON.stringify(join(parent, "driver"))}, aside + "/unpacked", aside + "/replaced");
    }`;
  const fetching = [1, 2].map(() =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]),
  );
  await Promise.all(fetching);
  expect(readFileSync(join(parent, "driver", "driver.so"), "utf8")).toBe("the driver");
});

for (const env of [
  { BATON_CACHE: "/elsewhere" },
  { BATON_CACHE: "relative" },
  { XDG_CACHE_HOME: "/xdg" },
  { XDG_CACHE_HOME: "not/absolute" },
  {},
]) {
  test(`the scripts and the library agree on the cache folder for ${JSON.stringify(env)}`, () => {
    expect(cacheFolder(env)).toBe(cacheFolderOfTheLibrary(env));
  });
}
