import type { ByteSource } from "../../protocol/bytes.ts";

/** The bytes of what a caller hands over itself: a `File`, a `Blob`, or a stream that can be read once. */
export function sourceOf(model: Blob | ReadableStream<Uint8Array>): ByteSource {
  if (model instanceof ReadableStream) return { name: "stream", bytes: undefined, stream: () => model };
  const name = "name" in model && typeof model.name === "string" ? model.name : "blob";
  return { name, bytes: model.size, stream: () => model.stream() };
}
