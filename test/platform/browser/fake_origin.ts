import { onTestFinished, vi } from "vitest";

/**
 * What Baton uses of a browser's storage, in memory: files of the origin (what is written becomes the file when its stream is closed), locks
 * and the quota. Here only faults are told from; the real thing is tested in a real browser.
 */
export class FakeOrigin {
  /** Bytes that all files may have together. */
  quota = Number.POSITIVE_INFINITY;
  /** What `estimate` says, where that is not the truth. */
  saidQuota: number | undefined;
  /** What the next write throws. */
  nextWrite: DOMException | undefined;
  persistAsked = 0;
  readonly root = new FakeFolder(this, "");
  readonly #locks = new Map<string, Promise<unknown>>();

  /** In place of `navigator`, until the test ends. */
  static install(): FakeOrigin {
    const origin = new FakeOrigin();
    const storage = {
      getDirectory: async () => origin.root,
      estimate: async () => ({ usage: origin.root.bytes, quota: origin.saidQuota ?? origin.quota }),
      persisted: async () => origin.persistAsked > 0,
      persist: async () => {
        origin.persistAsked += 1;
        return true;
      },
    };
    vi.stubGlobal("navigator", { storage, locks: { request: origin.request.bind(origin) } });
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    return origin;
  }

  /** Paths and sizes of all files. */
  get files(): Record<string, number> {
    return Object.fromEntries(this.root.paths());
  }

  async request(name: string, ...rest: readonly unknown[]): Promise<unknown> {
    const run = rest.at(-1) as (lock: object | null) => Promise<unknown>;
    const { ifAvailable } = (rest.length > 1 ? rest[0] : {}) as { readonly ifAvailable?: boolean };
    const held = this.#locks.get(name);
    if (held && ifAvailable) return run(null);
    const mine = (held ?? Promise.resolve()).catch(() => {}).then(() => run({ name }));
    this.#locks.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#locks.get(name) === mine) this.#locks.delete(name);
    }
  }
}

class FakeFolder {
  readonly kind = "directory";
  readonly name: string;
  readonly #origin: FakeOrigin;
  readonly #entries = new Map<string, FakeFolder | FakeFile>();

  constructor(origin: FakeOrigin, name: string) {
    this.#origin = origin;
    this.name = name;
  }

  get bytes(): number {
    return this.paths().reduce((sum, [, bytes]) => sum + bytes, 0);
  }

  paths(): (readonly [string, number])[] {
    return [...this.#entries].flatMap(([name, entry]) =>
      entry instanceof FakeFile
        ? [[name, entry.bytes] as const]
        : entry.paths().map(([path, bytes]) => [`${name}/${path}`, bytes] as const),
    );
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<FakeFolder> {
    return this.#get(name, FakeFolder, create ? () => new FakeFolder(this.#origin, name) : undefined);
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<FakeFile> {
    return this.#get(name, FakeFile, create ? () => new FakeFile(this.#origin, name) : undefined);
  }

  async removeEntry(name: string): Promise<void> {
    if (!this.#entries.delete(name)) throw missing(name);
  }

  async *keys(): AsyncGenerator<string, void> {
    yield* [...this.#entries.keys()];
  }

  async *entries(): AsyncGenerator<readonly [string, FakeFolder | FakeFile], void> {
    yield* [...this.#entries];
  }

  #get<T extends FakeFolder | FakeFile>(name: string, type: new (...given: never) => T, make?: () => T): T {
    const found = this.#entries.get(name);
    if (found instanceof type) return found;
    if (found) throw new DOMException(`${name} is something else`, "TypeMismatchError");
    if (!make) throw missing(name);
    const made = make();
    this.#entries.set(name, made);
    return made;
  }
}

class FakeFile {
  readonly kind = "file";
  readonly name: string;
  readonly #origin: FakeOrigin;
  #content: Blob = new Blob([]);
  #savedMs = Date.now();

  constructor(origin: FakeOrigin, name: string) {
    this.#origin = origin;
    this.name = name;
  }

  get bytes(): number {
    return this.#content.size;
  }

  async getFile(): Promise<File> {
    return new File([this.#content], this.name, { lastModified: this.#savedMs });
  }

  async createWritable() {
    const origin = this.#origin;
    const written: Blob[] = [];
    let size = 0;
    return {
      write: async (piece: string | Uint8Array<ArrayBuffer>) => {
        const fault = origin.nextWrite;
        origin.nextWrite = undefined;
        if (fault) throw fault;
        const blob = new Blob([piece]);
        size += blob.size;
        if (origin.root.bytes + size > origin.quota) throw new DOMException("no room", "QuotaExceededError");
        written.push(blob);
      },
      close: async () => {
        this.#content = new Blob(written);
        this.#savedMs = Date.now();
      },
      abort: async () => {},
    };
  }
}

function missing(name: string): DOMException {
  return new DOMException(`${name} is not there`, "NotFoundError");
}
