/**
 * The entry of every npm script: runs before anything is installed, so it needs nothing but Node, and is written so that an old
 * Node can read it and be told that it is old. What follows is in main.mjs.
 */
const version = process.versions.node;
const [major = 0, minor = 0] = version.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${version} is too old: Baton needs Node 20.19 or newer (https://nodejs.org).`);
  process.exitCode = 1;
} else {
  require("./load_main.cjs");
}
