import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage } from "../gpu/usage.ts";
import { FED } from "../kernels/elementwise.ts";
import { noCounts, type StepCounts } from "../kernels/stage.ts";
import type { StepBuffers } from "../model/forward.ts";
import type { RopeTable } from "../model/rope.ts";
import { FED_TOKEN, type StepPlan, type StepRow } from "../protocol/step.ts";

export interface StepCapacity {
  readonly tokens: number;
  readonly rows: number;
  readonly logitRows: number;
  /** Entries of all block tables of a step together. */
  readonly tableEntries: number;
  readonly blockTokens: number;
  /** Query tokens of an attention tile. */
  readonly tileTokens: number;
  /** Rows of one token go to tiles of their own kind. */
  readonly singleTiles: boolean;
  /** Keys of a part, where the contexts of such rows are split. */
  readonly partKeys: number | undefined;
}

/** Below this, logit / temperature leaves the range of 32-bit floats, and the likeliest token is certain anyway. */
const COLDEST = 1e-6;

/** One array of a step: a typed view on the host, its buffer on the GPU, and how much of it this step uses. */
class Section<View extends Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>> {
  readonly view: View;
  readonly buffer: GPUBuffer;

  constructor(gpu: GpuDevice, label: string, view: View, usage: number = bufferUsage.storage) {
    this.view = view;
    this.buffer = gpu.createBuffer(`step/${label}`, view.byteLength, usage | bufferUsage.copyDst);
  }
}

/** The logit row, of the plan before, that samples the token a sequence goes on with. @throws RangeError where there is none */
export type FedFrom = (sequence: string) => number;

/**
 * What a step's kernels read besides weights and cache, written anew for each step from its plan: token ids, their slots in the
 * KV pool, RoPE's turns, attention tiles, block tables, rows that want logits, and how those are sampled. All buffers are made
 * once, for the largest step.
 */
export class StepInputs {
  readonly counts: StepCounts = noCounts();
  readonly tokens: Section<Uint32Array<ArrayBuffer>>;
  readonly slots: Section<Uint32Array<ArrayBuffer>>;
  readonly rope: Section<Float32Array<ArrayBuffer>>;
  readonly singleTiles: Section<Uint32Array<ArrayBuffer>>;
  readonly tiles: Section<Uint32Array<ArrayBuffer>>;
  readonly blockTables: Section<Uint32Array<ArrayBuffer>>;
  readonly logitRows: Section<Uint32Array<ArrayBuffer>>;
  /** (temperature, seed, position, unused) of each logit row. */
  readonly sampling: Section<Uint32Array<ArrayBuffer>>;
  readonly tokenCount: Section<Uint32Array<ArrayBuffer>>;
  readonly logitCount: Section<Uint32Array<ArrayBuffer>>;
  ropeTable: RopeTable;
  readonly #gpu: GpuDevice;
  readonly #capacity: StepCapacity;
  readonly #floats: Float32Array;
  #tableEntries = 0;

  constructor(gpu: GpuDevice, capacity: StepCapacity, ropeTable: RopeTable) {
    this.#gpu = gpu;
    this.#capacity = capacity;
    this.ropeTable = ropeTable;
    const words = (label: string, length: number) => new Section(gpu, label, new Uint32Array(length));
    this.tokens = words("tokens", capacity.tokens);
    this.slots = words("slots", capacity.tokens);
    this.rope = new Section(gpu, "rope", new Float32Array(capacity.tokens * ropeTable.pairs * 2));
    this.singleTiles = words("single-tiles", capacity.rows * 4);
    this.tiles = words("tiles", (capacity.rows + Math.ceil(capacity.tokens / capacity.tileTokens)) * 4);
    this.blockTables = words("block-tables", capacity.tableEntries);
    this.logitRows = words("logit-rows", capacity.logitRows);
    this.sampling = words("sampling", capacity.logitRows * 4);
    this.#floats = new Float32Array(this.sampling.view.buffer);
    this.tokenCount = new Section(gpu, "token-count", new Uint32Array(4), bufferUsage.uniform);
    this.logitCount = new Section(gpu, "logit-count", new Uint32Array(4), bufferUsage.uniform);
  }

  /** The buffers, as kernels bind them. */
  buffers(): StepBuffers {
    return {
      tokens: this.tokens.buffer,
      slots: this.slots.buffer,
      rope: this.rope.buffer,
      singleTiles: this.singleTiles.buffer,
      tiles: this.tiles.buffer,
      blockTables: this.blockTables.buffer,
      logitRows: this.logitRows.buffer,
      sampling: this.sampling.buffer,
      tokenCount: this.tokenCount.buffer,
      logitCount: this.logitCount.buffer,
    };
  }

  /** Encodes a plan and uploads it; the queue orders the writes after the steps before and before this step's commands. */
  upload(plan: StepPlan, fedFrom: FedFrom): void {
    const { counts } = this;
    Object.assign(counts, noCounts());
    this.#tableEntries = 0;
    for (const row of plan.rows) this.#add(row, fedFrom);
    this.tokenCount.view[0] = counts.tokens;
    this.logitCount.view[0] = counts.logitRows;
    this.#write(this.tokens, counts.tokens);
    this.#write(this.slots, counts.tokens);
    this.#write(this.rope, counts.tokens * this.ropeTable.pairs * 2);
    this.#write(this.singleTiles, counts.singleTiles * 4);
    this.#write(this.tiles, counts.tiles * 4);
    this.#write(this.blockTables, this.#tableEntries);
    this.#write(this.logitRows, counts.logitRows);
    this.#write(this.sampling, counts.logitRows * 4);
    this.#write(this.tokenCount, 1);
    this.#write(this.logitCount, 1);
  }

  #add(row: StepRow, fedFrom: FedFrom): void {
    const { counts } = this;
    const first = counts.tokens;
    const table = this.#tableEntries;
    this.blockTables.view.set(row.blocks, table);
    this.#tableEntries += row.blocks.length;
    this.#addTiles(first, row.tokens.length, row.position, table);
    const keys = row.position + row.tokens.length;
    counts.keys += keys;
    counts.keyPairs += row.tokens.length * (keys - (row.tokens.length - 1) / 2);
    const { blockTokens } = this.#capacity;
    for (const [index, token] of row.tokens.entries()) {
      const position = row.position + index;
      const block = row.blocks[Math.floor(position / blockTokens)];
      if (block === undefined) throw new RangeError(`row ${row.sequence}: no block for position ${position}`);
      this.tokens.view[counts.tokens] = token === FED_TOKEN ? FED + fedFrom(row.sequence) : token;
      this.slots.view[counts.tokens] = block * blockTokens + (position % blockTokens);
      this.ropeTable.write(this.rope.view, counts.tokens * this.ropeTable.pairs * 2, position);
      counts.tokens++;
      const isLast = index === row.tokens.length - 1;
      const { kind } = row.output;
      if (kind === "logits" || kind === "tokens" || (kind === "token" && isLast))
        this.#addLogitRow(row, position);
    }
  }

  #addTiles(firstToken: number, tokens: number, position: number, table: number): void {
    const { counts } = this;
    if (tokens === 1 && this.#capacity.singleTiles) {
      this.singleTiles.view.set([firstToken, 1, position, table], 4 * counts.singleTiles++);
      const { partKeys } = this.#capacity;
      if (partKeys) counts.singleParts = Math.max(counts.singleParts, Math.ceil((position + 1) / partKeys));
      return;
    }
    for (let done = 0; done < tokens; done += this.#capacity.tileTokens) {
      const size = Math.min(this.#capacity.tileTokens, tokens - done);
      this.tiles.view.set([firstToken + done, size, position + done, table], 4 * counts.tiles++);
    }
  }

  #addLogitRow(row: StepRow, position: number): void {
    const at = this.counts.logitRows++;
    const sampling = "sampling" in row.output ? row.output.sampling : undefined;
    this.logitRows.view[at] = this.counts.tokens - 1;
    const temperature = sampling?.temperature ?? 0;
    this.#floats[4 * at] = temperature < COLDEST ? 0 : temperature;
    this.sampling.view[4 * at + 1] = sampling?.seed ?? 0;
    this.sampling.view[4 * at + 2] = position;
  }

  #write(section: Section<Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>, length: number): void {
    if (length > 0) this.#gpu.device.queue.writeBuffer(section.buffer, 0, section.view, 0, length);
  }
}
