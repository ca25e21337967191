import { open, stat } from "node:fs/promises";
import type { ByteSource } from "../../protocol/bytes.ts";
import { readFailure, unreadable } from "./file_failures.ts";

/** Bytes per read: large enough for the disk, small enough to keep memory bounded. */
const PIECE_BYTES = 1 << 18;

/**
 * A file on disk, read from where it is.
 * @throws ModelError `file-not-found`, `file-unreadable`
 */
export async function fileSource(path: string): Promise<ByteSource> {
  try {
    const { size, ...kind } = await statOf(path);
    if (kind.folder) throw unreadable(path, "it is a folder; name the GGUF file in it");
    if (!kind.file) throw unreadable(path, "it is no regular file");
    // Opened once now, so that a missing permission is said before anything is built.
    await (await open(path, "r")).close();
    return { name: path, bytes: size, stream: () => streamFile(path) };
  } catch (error) {
    throw readFailure(error, path);
  }
}

async function statOf(path: string): Promise<{ size: number; file: boolean; folder: boolean }> {
  const found = await stat(path);
  return { size: found.size, file: found.isFile(), folder: found.isDirectory() };
}

/**
 * The file's bytes in pieces; nothing is read before it is asked for. A byte stream, so that a reader which brings its own
 * buffer (`mode: "byob"`) makes no garbage.
 */
export async function streamFile(path: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const handle = await open(path, "r").catch((error: unknown) => {
    throw readFailure(error, path);
  });
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: PIECE_BYTES,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!view) return;
      try {
        const piece = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
        const { bytesRead } = await handle.read(piece, 0, piece.length);
        if (bytesRead === 0) {
          await handle.close();
          controller.close();
        }
        request.respond(bytesRead);
      } catch (error) {
        await handle.close();
        throw readFailure(error, path);
      }
    },
    cancel: () => handle.close(),
  });
}
