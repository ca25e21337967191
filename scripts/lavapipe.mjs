import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { runStep, say } from "./steps.mjs";

/** Mesa's lavapipe on Debian and Ubuntu, by apt. */

const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];
/** Dawn refuses the lavapipe of Mesa 22. */
const OLDEST_MAJOR = 25;
const BACKPORTS = "bookworm-backports";
/** No questions, and answers in a language that can be read here. */
const APT_ENVIRONMENT = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
const SOURCES_FILE = "/etc/apt/sources.list.d/baton-bookworm-backports.sources";

/** Only root can install packages, and only apt is known here. */
export function canInstallLavapipe() {
  const { ID = "", ID_LIKE = "" } = osRelease();
  const kind = [ID, ...ID_LIKE.split(" ")];
  return (
    process.getuid?.() === 0 &&
    (kind.includes("debian") || kind.includes("ubuntu")) &&
    existsSync("/usr/bin/apt-get")
  );
}

/** Says what goes wrong and leaves it at that: whether an adapter came of it is seen by looking for one. */
export async function installLavapipe() {
  // It may fail for a source that has nothing to do with Mesa, so what counts is what apt offers then.
  await apt("reading apt's package lists", ["update"]);
  const major = candidateMajor();
  if (major >= OLDEST_MAJOR) {
    await installPackages([]);
  } else if (osRelease().ID === "debian" && osRelease().VERSION_ID === "12") {
    await installFromBackports();
  } else {
    say(`apt offers Mesa ${major}; lavapipe needs ${OLDEST_MAJOR} or newer.`);
  }
}

/** @param {string[]} options */
function installPackages(options) {
  const install = ["install", "-y", "--no-install-recommends", ...options, ...PACKAGES];
  return apt(`installing ${PACKAGES.join(" and ")} by apt (55 MB)`, install);
}

async function installFromBackports() {
  const lists = packageLists();
  const known = lists.some(({ suite }) => suite === BACKPORTS);
  if (!known) {
    const source = backportsSource(lists, (file) => readFileSync(file, "utf8"));
    if (!source) return say("apt's sources name no Debian 12 mirror to take backports from.");
    say(`adding ${SOURCES_FILE}: Debian's backports, from the mirror that is in use here …`);
    writeFileSync(SOURCES_FILE, source);
    await apt("reading apt's package lists again", ["update"]);
  }
  const status = await installPackages(["-t", BACKPORTS]);
  if (status !== 0 && !known) {
    say(`removing ${SOURCES_FILE}, since nothing could be installed from it.`);
    rmSync(SOURCES_FILE);
  }
}

/** @typedef {{ uri: string, suite: string, file: string }} PackageList a mirror, its suite, and the sources file it stands in */

/** @returns {PackageList[]} the package lists that apt is told to use, in whatever kind of file */
function packageLists() {
  const format = "$(REPO_URI)|$(RELEASE)|$(SOURCESENTRY)";
  const output = query("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  return output
    .trim()
    .split("\n")
    .map((line) => {
      const [uri = "", suite = "", entry = ""] = line.split("|");
      return { uri, suite, file: entry.replace(/:\d+$/, "") };
    });
}

/**
 * A sources file for bookworm-backports on the mirror that bookworm comes from, trusted in the same way.
 * @param {readonly PackageList[]} lists
 * @param {(file: string) => string} readSources
 * @returns {string | undefined}
 */
export function backportsSource(lists, readSources) {
  const base = lists.find(({ suite }) => suite === "bookworm");
  if (!base) return undefined;
  const text = readSources(base.file);
  const keyring = /signed-by\s*[=:]\s*(\/[^\s\]]+)/i.exec(text)?.[1];
  const trusted = /trusted\s*[=:]\s*yes/i.test(text);
  return [
    "Types: deb",
    `URIs: ${base.uri}`,
    `Suites: ${BACKPORTS}`,
    "Components: main",
    ...(keyring ? [`Signed-By: ${keyring}`] : []),
    ...(trusted ? ["Trusted: yes"] : []),
    "",
  ].join("\n");
}

/** The major version of the Mesa that apt would install; 0 when it knows none. */
function candidateMajor() {
  const policy = query("apt-cache", ["policy", "mesa-vulkan-drivers"]);
  return Number(/Candidate: (?:\d+:)?(\d+)\./.exec(policy)?.[1] ?? 0);
}

/**
 * @param {string} program
 * @param {string[]} args
 * @returns {string} what it prints; nothing when it fails
 */
function query(program, args) {
  return (
    spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...APT_ENVIRONMENT } }).stdout ?? ""
  );
}

/**
 * @param {string} sentence
 * @param {string[]} args
 */
function apt(sentence, args) {
  return runStep(sentence, ["apt-get", "-q", ...args], APT_ENVIRONMENT);
}

/** /etc/os-release as an object. */
function osRelease() {
  const text = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return parseOsRelease(text);
}

/**
 * @param {string} text
 * @returns {Record<string, string | undefined>}
 */
export function parseOsRelease(text) {
  return Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)="?(.*?)"?$/gm)].map(([, key, value]) => [key, value]),
  );
}
