import { ModelError } from "../../errors.ts";

/** Why a request failed, in words for a person: the cause that `fetch` hides behind "fetch failed". */
export function reasonOf(error: unknown): string {
  const { code, message } = innermost(error);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the server's name cannot be resolved";
  if (code === "ECONNREFUSED") return "the server refuses the connection";
  if (code === "ENETUNREACH" || code === "EHOSTUNREACH") return "there is no route to the server";
  if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") return "the connection broke";
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT") return "the server does not answer";
  return message.replace(/\.$/, "");
}

function innermost(error: unknown): { code: string; message: string } {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "";
  return { code, message: inner instanceof Error ? inner.message : String(inner) };
}

/** `what`: the file as a person knows it, never with credentials in it. `reason`: a clause without a full stop. */
export function downloadFailed(what: string, reason: string, status?: number): ModelError {
  return new ModelError("download-failed", `${what} cannot be fetched: ${reason}.`, {
    file: what,
    reason,
    ...(status === undefined ? {} : { status }),
  });
}

/** What an HTTP status that is no success means to the person who asked. */
export function statusReason(status: number): string {
  if (status === 404 || status === 410) return `the server has no such file (HTTP ${status})`;
  if (status === 401 || status === 403) return `the server does not allow it (HTTP ${status})`;
  return `the server answers HTTP ${status}`;
}

/** A URL as it may be shown: without credentials and signatures. */
export function shownUrl(url: string | URL): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

export function wrongSize(name: string, bytes: number, wanted: number): ModelError {
  return new ModelError("wrong-size", `${name} has ${bytes} bytes where ${wanted} were expected.`, {
    file: name,
    bytes,
    wanted,
  });
}

export function wrongChecksum(name: string, sha256: string, wanted: string): ModelError {
  return new ModelError(
    "wrong-checksum",
    `${name} is not the file it should be: its SHA-256 is ${sha256}, expected was ${wanted}.`,
    { file: name, sha256, wanted },
  );
}
