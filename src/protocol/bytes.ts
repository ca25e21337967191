/** One file's bytes, read once from start to end. */
export interface ByteSource {
  /** For messages: a path, a URL, a file's name. */
  readonly name: string;
  /** Undefined where nobody says it (a bare stream). */
  readonly bytes: number | undefined;
  /** Opens it. Cancelling the stream closes what is behind it. */
  stream(): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>;
}
