import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const clone = resolve(import.meta.dirname, "../..");

/** The package as somebody gets it who installs it: packed, and put into an empty project. */
export class Project {
  readonly root: string;
  /** Of the package. */
  readonly tarball: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "baton-package-"));

  constructor() {
    execFileSync("npm", ["pack", "--pack-destination", this.#folder], { cwd: clone, stdio: "pipe" });
    const packed = readdirSync(this.#folder).find((name) => name.endsWith(".tgz")) ?? "";
    this.tarball = join(this.#folder, packed);
    this.root = join(this.#folder, "project");
    this.write("package.json", JSON.stringify({ name: "project", private: true, type: "module" }));
    const install = ["install", "--no-audit", "--no-fund", this.tarball];
    execFileSync("npm", install, { cwd: this.root, stdio: "pipe" });
  }

  get installed(): string {
    return join(this.root, "node_modules/baton-webgpu");
  }

  write(path: string, content: string | Uint8Array): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
