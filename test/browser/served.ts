import { catalogue } from "../../src/loader/sources/catalogue.ts";

/** The paths at which the page finds models; page_server.ts says how each is answered. */
export const served = {
  model: "/models/tiny.gguf",
  /** A larger one, whose steps take longer than a message to a worker does. */
  slow: "/models/slow.gguf",
  /** The connection breaks in the middle. */
  cut: "/models/cut.gguf",
  /** Nothing comes after the first half. */
  stalled: "/models/stalled.gguf",
  /** The default model in a folder of the page's own, likewise. */
  own: `/models-here/${catalogue.default}.gguf`,
  /** No such file: answered with 404. */
  missing: "/models/missing.gguf",
  /** The tiny model's entry for a catalogue: its size and checksum. */
  identity: "/models/identity.json",
  /** Asks the test to end the browser's GPU process. */
  crashGpu: "/crash-gpu",
  report: "/report",
} as const;
