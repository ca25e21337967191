import { ModelError } from "../../errors.ts";
import type { CatalogueModel } from "../../loader/sources/catalogue.ts";
import type { Validators } from "../../loader/sources/ranges.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import { originFolder, readJson, removeEntry, replaceFile } from "./origin_folder.ts";

/**
 * One model's file in the origin's private file system: a folder with a note and the file in parts, each named after the offset at which
 * it begins. A part is there when its writer has closed it, and never written again. So what is there can be continued after a crash
 * without being copied, which a single file could not: a writer that keeps what it finds copies it first, and one that ends early
 * leaves nothing.
 */
export class ModelEntry {
  readonly folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.folder = folder;
  }

  async note(): Promise<ModelNote | undefined> {
    const note = (await readJson(this.folder, NOTE)) as ModelNote | undefined;
    return typeof note?.name === "string" ? note : undefined;
  }

  /** @throws DOMException */
  setNote(note: ModelNote): Promise<void> {
    return replaceFile(this.folder, NOTE, `${JSON.stringify(note)}\n`);
  }

  /** The file as far as it is there without a gap. */
  async parts(): Promise<readonly File[]> {
    const files: File[] = [];
    let end = 0;
    for (const start of await this.#starts()) {
      const part = await this.folder.getFileHandle(partName(start));
      const file = await part.getFile();
      if (start !== end || file.size === 0) break;
      files.push(file);
      end += file.size;
    }
    return files;
  }

  /** A place for what comes at `start`. @throws DOMException */
  async openPart(start: number): Promise<FileSystemWritableFileStream> {
    const part = await this.folder.getFileHandle(partName(start), { create: true });
    return part.createWritable();
  }

  /** Takes away the parts from `start` on. */
  async cut(start: number): Promise<void> {
    for (const at of await this.#starts()) if (at >= start) await removeEntry(this.folder, partName(at));
  }

  /** The file, if it is whole. */
  async source(): Promise<ByteSource | undefined> {
    const note = await this.note();
    if (!note?.whole) return undefined;
    const file = new Blob([...(await this.parts())]);
    if (file.size !== note.bytes) return undefined;
    await this.setNote({ ...note, usedMs: Date.now() }).catch(() => undefined);
    return { name: note.name, bytes: file.size, stream: () => streamStored(file, note.name) };
  }

  async #starts(): Promise<readonly number[]> {
    const starts: number[] = [];
    for await (const name of this.folder.keys()) {
      const [, digits] = PART.exec(name) ?? [];
      if (digits !== undefined) starts.push(Number(digits));
    }
    return starts.toSorted((a, b) => a - b);
  }
}

export interface ModelNote extends Validators {
  /** A catalogue's name, or a URL. */
  readonly name: string;
  /** Of the whole file; absent where nobody said. */
  readonly bytes?: number;
  readonly sha256?: string;
  /** True when all of it is there and was checked. */
  readonly whole: boolean;
  /** When it was last loaded or fetched, in ms since 1970. */
  readonly usedMs: number;
}

const NOTE = "note.json";
const PART = /^(\d{1,16})\.part$/;

/** The folder of all entries. */
export function modelsFolder(options: {
  readonly create: boolean;
}): Promise<FileSystemDirectoryHandle | undefined> {
  return originFolder("baton-models", options);
}

/** Names an entry. The checksum belongs to it: while a new version of a model comes, the old one stays. */
export function catalogueEntry({ name, sha256 }: CatalogueModel): string {
  return `${name}-${sha256.slice(0, 16)}`;
}

export async function urlEntry(url: URL): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url.href));
  const hash = Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  const file = url.pathname.split("/").at(-1) ?? "";
  return `url-${hash}-${file.replace(/[^\w.-]/g, "_").slice(-80)}`;
}

/** Held by whoever fetches or removes the entry. */
export function entryLock(entry: string): string {
  return `baton-models/${entry}`;
}

function partName(start: number): string {
  return `${String(start).padStart(12, "0")}.part`;
}

/** Where the file is removed, or the browser has cleared it, while it is read. */
function streamStored(file: Blob, name: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = file.stream().getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (cause) {
          const message = `${name} cannot be read any more: it was removed from this browser meanwhile. Load it again.`;
          throw new ModelError("file-unreadable", message, { file: name }, { cause });
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
