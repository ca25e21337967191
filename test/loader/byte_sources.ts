import type { ByteSource } from "../../src/protocol/bytes.ts";

export interface WatchedSource extends ByteSource {
  /** Streams opened and neither read to the end nor cancelled. */
  readonly open: number;
}

/** Bytes in memory as a source: in chunks of `chunk` bytes, with or without its length said; watches its streams. */
export function sourceOf(
  bytes: Uint8Array,
  { chunk = 65_536, sized = true, failAt = Number.POSITIVE_INFINITY } = {},
): WatchedSource {
  let open = 0;
  return {
    name: "model.gguf",
    bytes: sized ? bytes.byteLength : undefined,
    get open() {
      return open;
    },
    stream() {
      let at = 0;
      open += 1;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (at >= failAt) {
              open -= 1;
              controller.error(new Error("the disk is gone"));
            } else if (at >= bytes.byteLength) {
              open -= 1;
              controller.close();
            } else {
              controller.enqueue(bytes.slice(at, at + chunk));
              at += chunk;
            }
          },
          cancel() {
            open -= 1;
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}
