import { fromPlain, type PlainError } from "../errors.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { Runner } from "../protocol/step.ts";
import type { DeviceRunners } from "./device_runners.ts";
import { HandoffStaging } from "./handoff_staging.ts";
import type { Observers } from "./observers.ts";

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
  readonly #observers: Observers | undefined;
  readonly #staging = new HandoffStaging();
  readonly #saves = new Map<number, PendingSave>();
  readonly #loads = new Map<number, Uint8Array<ArrayBuffer>>();
  #requests = 0;

  constructor(runners: DeviceRunners, dispatch: (event: SchedulerEvent) => void, observers?: Observers) {
    this.#runners = runners;
    this.#dispatch = dispatch;
    this.#observers = observers;
  }

  /** Of handoffs, in host memory. */
  get stagedBytes(): number {
    return this.#staging.bytes;
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
      this.#observers?.copy(command),
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
      this.#observers?.copy(command),
    );
  }

  handoffEnded(handoff: number): void {
    this.#staging.end(handoff);
  }

  async saveBlocks(command: Command<"save-blocks">): Promise<void> {
    const { request, device, blocks, tokens, cachedTokens } = command;
    const pending = this.#saves.get(request);
    const read = async (runner: Runner) => {
      const data = await runner.exportBlocks(blocks);
      pending?.resolve({ tokens, cachedTokens, blocks: data });
      return undefined;
    };
    const failed = (error: PlainError) => {
      pending?.reject(fromPlain(error));
      return undefined;
    };
    if (device !== undefined && blocks.length > 0) await this.#runners.report(device, read, failed);
    // Of KV that was nowhere, or was lost with its device, there are the tokens: it is prefilled where the conversation goes on.
    pending?.resolve({ tokens, cachedTokens: 0, blocks: new Uint8Array(0) });
    this.#saves.delete(request);
    this.#dispatch({ kind: "blocks-saved", request });
  }

  loadBlocks({ request, device, first, blocks }: Command<"load-blocks">): void {
    const data = this.#loads.get(request);
    this.#loads.delete(request);
    if (data === undefined || device === undefined || blocks.length === 0) return;
    const write = async (runner: Runner) => {
      const { blockBytes } = runner.limits;
      await runner.importBlocks(
        blocks,
        data.subarray(first * blockBytes, (first + blocks.length) * blockBytes),
      );
      return { kind: "blocks-loaded", request } as const;
    };
    const failed = (error: PlainError) => ({ kind: "load-failed", request, error }) as const;
    void this.#runners.report(device, write, failed);
  }

  /** Nothing is read any more. */
  failAll(error: Error): void {
    for (const { reject } of this.#saves.values()) reject(error);
    this.#saves.clear();
  }
}
