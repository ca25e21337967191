import "../../src/worker/worker.ts";
import { DEATHS } from "./deaths.ts";

/** A runtime's worker that ends as one does whose script fails, when it is told to. */

new BroadcastChannel(DEATHS).onmessage = ({ data }: MessageEvent<string>) => {
  throw new Error(data);
};
