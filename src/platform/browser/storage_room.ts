import { ModelError } from "../../errors.ts";
import { isNamed } from "./origin_folder.ts";

/** What room the browser gives the origin, and what to say where there is none. */

/** Of everything that the origin keeps, files, caches and databases. */
export interface StorageUsage {
  readonly usedBytes: number;
  /** How much the origin may keep altogether; undefined where the browser does not say. */
  readonly quotaBytes: number | undefined;
  /** True when the browser does not clear it by itself as disks fill up. */
  readonly persisted: boolean;
}

export async function storageUsage(): Promise<StorageUsage> {
  const manager = storageManager();
  const { usage = 0, quota } = (await manager?.estimate?.().catch(() => undefined)) ?? {};
  const persisted = (await manager?.persisted?.().catch(() => false)) ?? false;
  return { usedBytes: usage, quotaBytes: quota, persisted };
}

/** Asks the browser not to clear the origin's files by itself, which it may refuse. Only pages can ask. */
export async function askToPersist(): Promise<void> {
  const manager = storageManager();
  try {
    if (!(await manager?.persisted?.())) await manager?.persist?.();
  } catch {
    // Then it may be cleared.
  }
}

/** @throws ModelError `disk-full` when the browser says that it has no room for `bytes` more */
export async function needRoom(name: string, bytes: number): Promise<void> {
  const { usedBytes, quotaBytes } = await storageUsage();
  if (quotaBytes === undefined) return;
  const free = Math.max(0, quotaBytes - usedBytes);
  if (free < bytes) throw diskFull(name, bytes, free);
}

/** What a failed write of a model's file means. `neededBytes`: what was still to be written. */
export async function writeFailure(error: unknown, name: string, neededBytes: number): Promise<ModelError> {
  if (isNamed(error, "QuotaExceededError")) {
    const { usedBytes, quotaBytes } = await storageUsage();
    return diskFull(name, neededBytes, quotaBytes === undefined ? 0 : Math.max(0, quotaBytes - usedBytes));
  }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new ModelError(
    "cache-unwritable",
    `${name} cannot be kept in this browser (${reason}). Close other tabs that use it, or allow the page to store data.`,
    { file: name, reason },
  );
}

/** Whether it says that the file cannot be kept, and nothing of the file itself. */
export function isAboutKeeping(error: unknown): error is ModelError {
  return error instanceof ModelError && (error.code === "disk-full" || error.code === "cache-unwritable");
}

function diskFull(name: string, neededBytes: number, freeBytes: number): ModelError {
  return new ModelError(
    "disk-full",
    `There is no room to keep ${name} in this browser: ${neededBytes} bytes more are needed and ${freeBytes} are free. Make room on the disk, or remove models that are not needed (modelStorage().remove).`,
    { file: name, neededBytes, freeBytes },
  );
}

function storageManager(): Partial<StorageManager> | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.storage;
}
