import type { ByteSource } from "../../src/protocol/bytes.ts";

export interface WatchedSource extends ByteSource {
  /** Streams opened and neither read to the end nor cancelled. */
  readonly open: number;
}

/**
 * Bytes in memory as a source: in chunks of `chunk` bytes, with or without its length said, as a stream that fills its
 * reader's own buffers (`byob`, as files do) or not; watches its streams.
 */
export function sourceOf(
  bytes: Uint8Array,
  { chunk = 65_536, sized = true, byob = false, failAt = Number.POSITIVE_INFINITY } = {},
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
      const pull = (controller: ReadableStreamController<Uint8Array>) => {
        if (at >= failAt) {
          open -= 1;
          controller.error(new Error("the disk is gone"));
        } else if (at >= bytes.byteLength) {
          open -= 1;
          controller.close();
          if ("byobRequest" in controller) controller.byobRequest?.respond(0);
        } else {
          controller.enqueue(bytes.slice(at, at + chunk));
          at += chunk;
        }
      };
      const cancel = () => {
        open -= 1;
      };
      if (byob) return new ReadableStream({ type: "bytes", pull, cancel });
      return new ReadableStream<Uint8Array>({ pull, cancel }, { highWaterMark: 0 });
    },
  };
}
