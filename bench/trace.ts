import type { StepProfile } from "../src/runner/step_profile.ts";
import { wallMs } from "./profile.ts";

/** A trace as Chrome's tracing page and Perfetto read it: the Trace Event Format's JSON object with complete events. */
export interface ChromeTrace {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly TraceEvent[];
}

export type TraceEvent = SliceEvent | NameEvent;

export interface SliceEvent {
  readonly ph: "X";
  readonly name: string;
  readonly cat: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, string | number>>;
}

interface NameEvent {
  readonly ph: "M";
  readonly name: "process_name" | "thread_name";
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name: string };
}

const PID = 1;
const tracks = { steps: 1, host: 2, gpu: 3 } as const;
type Track = keyof typeof tracks;
const trackNames: Readonly<Record<Track, string>> = {
  steps: "steps of the samples",
  host: "profiled steps: host",
  gpu: "profiled steps: GPU, begun when the host had submitted",
};

/** Collects slices while a benchmark runs. Times are of `performance.now()`. */
export class TraceLog {
  readonly #slices: SliceEvent[] = [];

  step(name: string, startedMs: number, ms: number, args: SliceEvent["args"]): void {
    this.#add("steps", name, startedMs, ms, args);
  }

  /**
   * A profiled step: the host's parts, and on the GPU the one pass and then each dispatch. Host and GPU have clocks of their own, so
   * the one pass is drawn from the submit on, and the dispatches from its end.
   */
  profile(id: string, profile: StepProfile): void {
    const { startedMs, uploadMs, encodeMs, submitMs, waitMs } = profile.host;
    this.#add("host", id, startedMs, wallMs(profile), {});
    let at = startedMs;
    for (const [part, ms] of Object.entries({
      upload: uploadMs,
      encode: encodeMs,
      submit: submitMs,
      wait: waitMs,
    })) {
      this.#add("host", part, at, ms, { step: id });
      at += ms;
    }
    const submittedMs = startedMs + uploadMs + encodeMs + submitMs;
    this.#add("gpu", `${id} in one pass`, submittedMs, profile.onePassMs, {});
    const firstMs = submittedMs + profile.onePassMs;
    for (const { stage, kernel, startMs, ms } of profile.dispatches) {
      const { label = kernel, bytes = 0, macs = 0 } = profile.stages[stage] ?? {};
      this.#add("gpu", label, firstMs + startMs, ms, { step: id, kernel, bytes, macs });
    }
  }

  get slices(): readonly SliceEvent[] {
    return this.#slices;
  }

  /** Those of another log. */
  take(slices: readonly SliceEvent[]): void {
    this.#slices.push(...slices);
  }

  toChrome(process: string): ChromeTrace {
    const names = Object.entries(tracks).map(
      ([track, tid]): NameEvent => ({
        ph: "M",
        name: "thread_name",
        pid: PID,
        tid,
        args: { name: trackNames[track as Track] },
      }),
    );
    const processName: NameEvent = {
      ph: "M",
      name: "process_name",
      pid: PID,
      tid: 0,
      args: { name: process },
    };
    return { displayTimeUnit: "ms", traceEvents: [processName, ...names, ...this.#slices] };
  }

  #add(track: Track, name: string, startedMs: number, ms: number, args: SliceEvent["args"]): void {
    const [ts, dur] = [startedMs * 1000, Math.max(0, ms * 1000)];
    this.#slices.push({ ph: "X", name, cat: track, pid: PID, tid: tracks[track], ts, dur, args });
  }
}
