import { BatonError } from "../../errors.ts";
import { downloadFailed, reasonOf } from "./failures.ts";

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

export interface ToldStream {
  readonly stream: Body;
  /** What ended the stream too early: some readers (the Cache API) throw an error of their own in its place. */
  failure(): unknown;
}

/**
 * The same bytes, where a connection that breaks on the way is a `ModelError` like one that never came about.
 * @param what the file as a person knows it
 */
export function toldStream(body: Body, what: string, signal?: AbortSignal): ToldStream {
  const reader = body.getReader();
  let failure: unknown;
  const stream: Body = new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          const meant = signal?.aborted || error instanceof BatonError;
          failure = meant ? error : downloadFailed(what, reasonOf(error));
          throw failure;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, failure: () => failure };
}
