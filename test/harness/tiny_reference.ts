import { readdirSync, readFileSync } from "node:fs";

/** The tiny random checkpoints of test/reference/make_tiny.py, and the logits that transformers computes for them. */

export interface TinySequence {
  readonly ids: readonly number[];
  /** Positions of `ids` whose logits are known, ascending. */
  readonly positions: readonly number[];
  /** [vocab] for each of `positions`. */
  readonly logits: readonly Float32Array[];
}

export interface TinyReference {
  readonly name: string;
  readonly about: string;
  /** The checkpoint. */
  readonly gguf: URL;
  readonly vocab: number;
  readonly sequences: readonly TinySequence[];
}

const folder = new URL("../reference/tiny/", import.meta.url);

/** Names of all checkpoints there are. */
export function tinyNames(): string[] {
  return readdirSync(folder).flatMap((file) =>
    file.endsWith(".gguf") ? [file.slice(0, -".gguf".length)] : [],
  );
}

export function loadTiny(name: string): TinyReference {
  const data = JSON.parse(readFileSync(new URL(`${name}.data.json`, folder), "utf8")) as {
    about: string;
    vocab: number;
    sequences: { ids: number[]; positions: number[]; logits: string }[];
  };
  const { about, vocab } = data;
  const sequences = data.sequences.map(({ ids, positions, logits }) => {
    const values = new Float32Array(Uint8Array.from(Buffer.from(logits, "base64")).buffer);
    const rows = positions.map((_, row) => values.subarray(row * vocab, (row + 1) * vocab));
    return { ids, positions, logits: rows };
  });
  return { name, about, gguf: new URL(`${name}.gguf`, folder), vocab, sequences };
}
