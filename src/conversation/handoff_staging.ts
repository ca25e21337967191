import type { SchedulerCommand } from "../protocol/command.ts";
import type { Runner } from "../protocol/step.ts";

type ExportBlocks = Extract<SchedulerCommand, { kind: "export-blocks" }>;
type ImportBlocks = Extract<SchedulerCommand, { kind: "import-blocks" }>;

/** Some blocks of a handoff in host memory. */
interface Piece {
  readonly first: number;
  readonly count: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Host memory between two devices: blocks come in by `export-blocks`, in pieces, and go out by `import-blocks`, perhaps in others. */
export class HandoffStaging {
  readonly #pieces = new Map<number, Piece[]>();
  /** The last copy of each handoff and direction: they end in the order in which they began. */
  readonly #tails = new Map<string, Promise<void>>();

  /** What it holds now. */
  get bytes(): number {
    return [...this.#pieces.values()].flat().reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  async export(runner: Runner, { handoff, first, blocks }: ExportBlocks): Promise<void> {
    const exported = handled(runner.exportBlocks(blocks));
    const pieces = this.#pieces.get(handoff) ?? [];
    this.#pieces.set(handoff, pieces);
    await this.#inOrder(`${handoff} export`, async () => {
      const data = await exported;
      if (this.#pieces.get(handoff) === pieces) pieces.push({ first, count: blocks.length, data });
    });
  }

  async import(runner: Runner, { handoff, first, blocks }: ImportBlocks): Promise<void> {
    const end = first + blocks.length;
    const imported = (this.#pieces.get(handoff) ?? []).map(async (piece) => {
      const [from, to] = [Math.max(first, piece.first), Math.min(end, piece.first + piece.count)];
      if (from >= to) return;
      const blockBytes = piece.data.byteLength / piece.count;
      const data = piece.data.subarray((from - piece.first) * blockBytes, (to - piece.first) * blockBytes);
      await runner.importBlocks(blocks.slice(from - first, to - first), data);
    });
    const all = handled(Promise.all(imported));
    await this.#inOrder(`${handoff} import`, async () => {
      await all;
      this.#forget(handoff, end);
    });
  }

  end(handoff: number): void {
    this.#pieces.delete(handoff);
  }

  /** Pieces that lie before block `end` whole are not needed any more. */
  #forget(handoff: number, end: number): void {
    const pieces = this.#pieces.get(handoff) ?? [];
    while (pieces[0] && pieces[0].first + pieces[0].count <= end) pieces.shift();
  }

  async #inOrder(key: string, work: () => Promise<void>): Promise<void> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const tail = before.then(work);
    const settled = tail.catch(() => {});
    this.#tails.set(key, settled);
    try {
      await tail;
    } finally {
      if (this.#tails.get(key) === settled) this.#tails.delete(key);
    }
  }
}

/** Whoever waits for it later hears of its failure then. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
