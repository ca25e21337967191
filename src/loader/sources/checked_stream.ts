import { createSHA256 } from "hash-wasm";
import type { Identity } from "./catalogue.ts";
import { wrongChecksum, wrongSize } from "./failures.ts";

/**
 * The same bytes, counted and hashed on their way: a reader that reaches the end has the right file.
 * @param name what messages call it
 * @param onBytes told how many bytes have passed
 * @throws through the stream, ModelError `wrong-size`, `wrong-checksum`
 */
export async function checkedStream(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  name: string,
  identity: Identity,
  onBytes: (bytes: number) => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const hash = await createSHA256();
  hash.init();
  let bytes = 0;
  const check = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      bytes += piece.length;
      if (bytes > identity.bytes) throw wrongSize(name, bytes, identity.bytes);
      hash.update(piece);
      onBytes(bytes);
      controller.enqueue(piece);
    },
    flush() {
      if (bytes !== identity.bytes) throw wrongSize(name, bytes, identity.bytes);
      const sha256 = hash.digest("hex");
      if (sha256 !== identity.sha256) throw wrongChecksum(name, sha256, identity.sha256);
    },
  });
  return body.pipeThrough(check);
}
