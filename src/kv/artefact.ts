import { createSHA256 } from "hash-wasm";
import { InputError } from "../errors.ts";
import type { Message, ToolDefinition } from "../protocol/chat.ts";

/**
 * A conversation with its KV cache as bytes, to be kept and continued elsewhere: in another process, on another device or tab. Little
 * endian: 8 bytes of magic, the header's length (u32), the header (JSON, UTF-8), the tokens (u32 each), the KV blocks in the order of
 * the sequence, and a SHA-256 over all before it. A block's bytes are the same on every adapter (`shaders/lib/kv.wesl`).
 */
export interface KvArtefact {
  readonly model: ArtefactModel;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  /** All tokens that the conversation has run. */
  readonly tokens: readonly number[];
  /** Of how many, from the first on, `blocks` holds K and V. */
  readonly cachedTokens: number;
  readonly blocks: Uint8Array<ArrayBuffer>;
}

/** What the KV belongs to; a different one would read it as something else. */
export interface ArtefactModel {
  readonly name: string;
  /** Over the file's tensors. */
  readonly hash: string;
  readonly blockTokens: number;
  readonly blockBytes: number;
}

export const ARTEFACT_VERSION = 1;

const MAGIC = "BATON-KV";
const SUM_BYTES = 32;
/** Beyond any real one: what claims more is damaged. */
const MOST_HEADER_BYTES = 64 << 20;

interface Header {
  readonly version: number;
  readonly model: ArtefactModel;
  readonly messages: readonly Message[];
  /** Absent where there are none. */
  readonly tools?: readonly ToolDefinition[];
  readonly tokens: number;
  readonly cachedTokens: number;
}

export async function encodeArtefact(artefact: KvArtefact): Promise<Uint8Array<ArrayBuffer>> {
  const { model, messages, tools, tokens, cachedTokens, blocks } = artefact;
  const header: Header = {
    version: ARTEFACT_VERSION,
    model,
    messages,
    ...(tools.length > 0 && { tools }),
    tokens: tokens.length,
    cachedTokens,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(
    MAGIC.length + 4 + text.length + 4 * tokens.length + blocks.length + SUM_BYTES,
  );
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  let at = MAGIC.length;
  view.setUint32(at, text.length, true);
  bytes.set(text, at + 4);
  at += 4 + text.length;
  for (const token of tokens) {
    view.setUint32(at, token, true);
    at += 4;
  }
  bytes.set(blocks, at);
  bytes.set(await sumOf(bytes.subarray(0, -SUM_BYTES)), bytes.length - SUM_BYTES);
  return bytes;
}

/**
 * @throws InputError `artefact-damaged` for bytes that are no artefact, or not the ones that were written; `artefact-version` for those of
 *   another version; `artefact-model` for those of another model
 */
export async function decodeArtefact(
  bytes: Uint8Array<ArrayBuffer>,
  model: ArtefactModel,
): Promise<KvArtefact> {
  const { header, at } = readHeader(bytes);
  const sum = await sumOf(bytes.subarray(0, -SUM_BYTES));
  if (!bytes.subarray(-SUM_BYTES).every((byte, index) => byte === sum[index]))
    throw damaged("its checksum is another");
  const { hash, blockTokens, blockBytes } = header.model;
  if (hash !== model.hash || blockTokens !== model.blockTokens || blockBytes !== model.blockBytes)
    throw new InputError(
      "artefact-model",
      `The conversation was saved with the model ${header.model.name}, and this runtime runs ${model.name}: their KV caches differ. Load it into a runtime of the same model file.`,
      { saved: header.model.name, model: model.name },
    );
  const { tokens, cachedTokens, messages, tools = [] } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4 * tokens);
  const blocks = bytes.slice(at + 4 * tokens, -SUM_BYTES);
  if (blocks.length !== Math.ceil(cachedTokens / blockTokens) * blockBytes) throw damaged("it is cut");
  const ids = Array.from({ length: tokens }, (_, index) => view.getUint32(4 * index, true));
  return { model: header.model, messages, tools, tokens: ids, cachedTokens, blocks };
}

function readHeader(bytes: Uint8Array<ArrayBuffer>): { readonly header: Header; readonly at: number } {
  const begin = MAGIC.length + 4;
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < begin + SUM_BYTES) throw damaged("it does not begin as one");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (length > Math.min(MOST_HEADER_BYTES, bytes.length - begin - SUM_BYTES)) throw damaged("it is cut");
  const header = parsed(bytes.subarray(begin, begin + length));
  if (header.version !== ARTEFACT_VERSION)
    throw new InputError(
      "artefact-version",
      `The saved conversation has version ${header.version}, and this Baton reads version ${ARTEFACT_VERSION}. Use the Baton that wrote it.`,
      { version: header.version },
    );
  const at = begin + length;
  if (!isCount(header.tokens) || !isCount(header.cachedTokens) || header.cachedTokens > header.tokens)
    throw damaged("its counts make no sense");
  if (at + 4 * header.tokens > bytes.length - SUM_BYTES) throw damaged("it is cut");
  return { header, at };
}

function parsed(text: Uint8Array): Header {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    if (typeof header === "object" && header !== null && "version" in header) return header as Header;
  } catch {
    // Said below.
  }
  throw damaged("its header cannot be read");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

async function sumOf(bytes: Uint8Array): Promise<Uint8Array> {
  const hash = await createSHA256();
  hash.init();
  hash.update(bytes);
  return hash.digest("binary");
}

function damaged(why: string): InputError {
  return new InputError(
    "artefact-damaged",
    `The bytes are no saved conversation, or not the ones that were saved: ${why}. Save it again.`,
    { why },
  );
}
