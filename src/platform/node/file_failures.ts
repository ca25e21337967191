import { ModelError } from "../../errors.ts";

/** The system's error code of a failed file operation, such as "ENOENT". */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** What a failed read of the model's file means. */
export function readFailure(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new ModelError("file-not-found", `There is no file at ${path}.`, { path });
  }
  if (code === undefined) return error;
  return unreadable(path, `the system says ${code}`);
}

export function unreadable(path: string, reason: string): ModelError {
  return new ModelError("file-unreadable", `${path} cannot be read: ${reason}.`, { path, reason });
}

/** What a failed write into the cache folder means. */
export function writeFailure(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(path);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR") {
    return new ModelError(
      "cache-unwritable",
      `${path} cannot be written (${code}). Set BATON_CACHE to a folder that can.`,
      { path, reason: code },
    );
  }
  return error;
}

/** `neededBytes` and `freeBytes` where they are known. */
export function diskFull(path: string, neededBytes?: number, freeBytes?: number): ModelError {
  const known = neededBytes !== undefined && freeBytes !== undefined;
  const counts = known ? ` ${neededBytes} bytes are needed and ${freeBytes} are free.` : "";
  return new ModelError(
    "disk-full",
    `The disk is full: ${path} cannot be written.${counts} Make room, or set BATON_CACHE to a folder on another disk.`,
    known ? { path, neededBytes, freeBytes } : { path },
  );
}
