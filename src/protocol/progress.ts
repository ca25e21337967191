/** What long work tells its caller: the phase, how far it is, and of what. */
export interface Progress {
  readonly phase: "download" | "verify" | "load" | "measure" | "compile" | "warm-up" | "tune";
  /** In `unit`s; `total` is undefined where nobody knows it. */
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: "bytes" | "pipelines" | "candidates" | "samples" | "conversations";
  /** What is being worked on, in words for a person: a file's name, a source. */
  readonly label: string;
  /** Of a download: false where the browser has no room to keep the file, so that the next start fetches it again. */
  readonly kept?: false;
}

export type OnProgress = (progress: Progress) => void;
