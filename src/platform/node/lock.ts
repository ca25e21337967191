import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { systemCode, writeFailure } from "./file_failures.ts";

/**
 * A lock between processes: a file that only one can create. Its holder renews the file's time, so a lock is stale when its
 * process is dead (same machine) or has not renewed it for long (any machine). What it guards stays right even if two hold it: files
 * are checked before they are renamed into place.
 */

const POLL_MS = 200;
const RENEW_MS = 4_000;
const STALE_MS = 30_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called at every look while another process, `pid`, holds the lock. */
  readonly onWait?: (pid: number) => void;
}

/** Runs `work` while holding the lock at `path`, after whoever holds it now. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const me: Holder = { pid: process.pid, host: hostname(), token: randomUUID() };
  while (!(await create(path, me))) {
    options.signal?.throwIfAborted();
    const holder = await readHolder(path);
    if (await isStale(path, holder)) await takeAway(path, holder, me);
    else {
      options.onWait?.(holder?.pid ?? 0);
      await wait(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
  const renewing = setInterval(() => void renew(path), RENEW_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(renewing);
    if ((await readHolder(path))?.token === me.token) await rm(path, { force: true });
  }
}

async function create(path: string, me: Holder): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    await handle.writeFile(JSON.stringify(me));
    await handle.close();
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw writeFailure(error, path);
  }
}

/** Undefined where the lock is gone, or not written yet. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

async function isStale(path: string, holder: Holder | undefined): Promise<boolean> {
  if (holder && holder.host === hostname() && !isAlive(holder.pid)) return true;
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/** Removes a stale lock, and not the fresh one that another process may have put there since. */
async function takeAway(path: string, stale: Holder | undefined, me: Holder): Promise<void> {
  const aside = `${path}.${me.token}`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else was quicker
  }
  if ((await readHolder(aside))?.token !== stale?.token) await rename(aside, path);
  else await rm(aside, { force: true });
}

async function renew(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
