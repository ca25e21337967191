import { ModelError } from "../errors.ts";

/** Reading a GGUF header's values without trusting them: a wrong type is a `gguf-invalid` that names the key. */

/** Key to value, as the loader reads them: strings, numbers, bigints, booleans, and (typed) arrays of these. */
export type Metadata = Readonly<Record<string, unknown>>;

export function invalidMetadata(key: string, problem: string): ModelError {
  return new ModelError(
    "gguf-invalid",
    `The model file's ${key} ${problem}. Get the file again or use another conversion of the model.`,
    { key },
  );
}

export function optionalString(metadata: Metadata, key: string): string | undefined {
  const value = metadata[key];
  if (value === undefined || typeof value === "string") return value;
  throw invalidMetadata(key, "is not text");
}

export function optionalBoolean(metadata: Metadata, key: string): boolean | undefined {
  const value = metadata[key];
  if (value === undefined || typeof value === "boolean") return value;
  throw invalidMetadata(key, "is neither true nor false");
}

/** A token id in [0, vocabTokens). */
export function optionalTokenId(metadata: Metadata, key: string, vocabTokens: number): number | undefined {
  const value = metadata[key];
  if (value === undefined) return undefined;
  const id = typeof value === "bigint" ? Number(value) : value;
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabTokens) return id;
  throw invalidMetadata(key, `is ${String(value)}, which is no id of a vocabulary of ${vocabTokens} tokens`);
}

export function optionalStrings(metadata: Metadata, key: string): readonly string[] | undefined {
  const value = metadata[key];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalidMetadata(key, "is not a list of texts");
}

/** `length` numbers. */
export function optionalNumbers(
  metadata: Metadata,
  key: string,
  length: number,
): ArrayLike<number> | undefined {
  const value = metadata[key];
  if (value === undefined) return undefined;
  const numbers = isNumberArray(value) ? value : undefined;
  if (numbers === undefined) throw invalidMetadata(key, "is not a list of numbers");
  if (numbers.length !== length) {
    throw invalidMetadata(key, `has ${numbers.length} entries for ${length} tokens`);
  }
  return numbers;
}

function isNumberArray(value: unknown): value is ArrayLike<number> {
  if (Array.isArray(value)) return value.every((item) => typeof item === "number");
  return (
    ArrayBuffer.isView(value) &&
    !(value instanceof DataView) &&
    !(value instanceof BigInt64Array) &&
    !(value instanceof BigUint64Array)
  );
}
