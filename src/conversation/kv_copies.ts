import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { DeviceRunners } from "./device_runners.ts";
import { HandoffStaging } from "./handoff_staging.ts";
import { errorOf, plainOf } from "./loop_errors.ts";

/** A conversation's tokens, and the K and V of the first `cachedTokens` of them. */
export interface SavedKv {
  readonly tokens: readonly number[];
  readonly cachedTokens: number;
  readonly blocks: Uint8Array<ArrayBuffer>;
}

interface PendingSave {
  readonly resolve: (saved: SavedKv) => void;
  readonly reject: (error: Error) => void;
}

type Command<Kind extends SchedulerCommand["kind"]> = Extract<SchedulerCommand, { kind: Kind }>;

/** KV blocks that leave devices and enter them: handoffs, saves and loads. */
export class KvCopies {
  readonly #runners: DeviceRunners;
  readonly #dispatch: (event: SchedulerEvent) => void;
  readonly #staging = new HandoffStaging();
  readonly #saves = new Map<number, PendingSave>();
  readonly #loads = new Map<number, Uint8Array<ArrayBuffer>>();
  #requests = 0;

  constructor(runners: DeviceRunners, dispatch: (event: SchedulerEvent) => void) {
    this.#runners = runners;
    this.#dispatch = dispatch;
  }

  /** What a conversation has run, and the K and V of the first `cachedTokens` of it, block by block. @throws DeviceError */
  save(conversation: string): Promise<SavedKv> {
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#saves.set(request, { resolve, reject });
      this.#dispatch({ kind: "save-wanted", conversation, request });
    });
  }

  /** Begins a conversation with what `save` gave. */
  load(conversation: string, { tokens, cachedTokens, blocks }: SavedKv): void {
    const request = ++this.#requests;
    this.#loads.set(request, blocks);
    this.#dispatch({ kind: "conversation-loaded", conversation, tokens, cachedTokens, request });
    this.#loads.delete(request);
  }

  async exportBlocks(command: Command<"export-blocks">): Promise<void> {
    const { device, handoff } = command;
    await this.#runners.report(
      device,
      async (runner) => {
        await this.#staging.export(runner, command);
        return { kind: "blocks-exported", handoff };
      },
      (error) => ({ kind: "handoff-failed", handoff, step: "export", error }),
    );
  }

  async importBlocks(command: Command<"import-blocks">): Promise<void> {
    const { device, handoff } = command;
    await this.#runners.report(
      device,
      async (runner) => {
        await this.#staging.import(runner, command);
        return { kind: "blocks-imported", handoff };
      },
      (error) => ({ kind: "handoff-failed", handoff, step: "import", error }),
    );
  }

  handoffEnded(handoff: number): void {
    this.#staging.end(handoff);
  }

  async saveBlocks({ request, device, blocks, tokens, cachedTokens }: Command<"save-blocks">): Promise<void> {
    const pending = this.#saves.get(request);
    this.#saves.delete(request);
    const runner = this.#runners.get(device);
    try {
      const data = blocks.length > 0 ? await runner?.exportBlocks(blocks) : undefined;
      const kept = data === undefined ? 0 : cachedTokens;
      pending?.resolve({ tokens, cachedTokens: kept, blocks: data ?? new Uint8Array(0) });
    } catch (cause) {
      pending?.reject(errorOf(cause));
    } finally {
      this.#dispatch({ kind: "blocks-saved", request });
    }
  }

  loadBlocks({ request, conversation, device, first, blocks }: Command<"load-blocks">): void {
    const data = this.#loads.get(request);
    const runner = this.#runners.get(device);
    if (data === undefined || runner === undefined || blocks.length === 0) return;
    const from = first * runner.limits.blockBytes;
    const wanted = data.subarray(from, from + blocks.length * runner.limits.blockBytes);
    runner.importBlocks(blocks, wanted).catch((cause: unknown) => {
      this.#dispatch({ kind: "load-failed", conversation, error: plainOf(cause, runner.name) });
    });
  }
}
