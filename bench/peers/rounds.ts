import { type Peer, PeerFailure } from "./peer_process.ts";
import type { PeerIdentity, PeerJob, PeerSample } from "./protocol.ts";

/** What came of one peer. */
export type PeerOutcome =
  | ({ readonly kind: "measured"; readonly samples: readonly PeerSample[] } & PeerIdentity)
  | { readonly kind: "failed"; readonly reason: string };

export interface PeerRoundsOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Before a peer is loaded, which may take minutes. */
  readonly onLoad: (name: string) => void;
  /** After each run: `total` shrinks when a peer fails. */
  readonly onRun: (done: number, total: number) => void;
}

/** Drivers compile at first use, and one peer's shaders take lavapipe minutes. */
const LOAD_LIMIT_MS = 600_000;
const RUN_LIMIT_MS = 300_000;
const WARM_UP_TOKENS = 3;
/** A run this much quicker than the best before shows that the peer was not warm yet. */
const STILL_WARMING = 0.95;
const MAX_WARM_UPS = 12;
/** Of decode: what a slow peer gets within the time, and no more than tell enough. */
const DECODE_MS = 10_000;
const MAX_TOKENS = 17;
/** The first token is prefill's, and one interval is no rate. */
const MIN_TOKENS = 3;

interface Ready extends PeerIdentity {
  readonly peer: Peer;
  readonly tokens: number;
  readonly samples: PeerSample[];
}

/**
 * Loads the peers one after the other and warms each up until it gets no quicker, then measures all of them round by round; each round begins with the next peer, so
 * that what a peer leaves behind (heat, caches) meets another each time. One works while the others wait. A peer that fails is told of and
 * left out; stopping them is the caller's.
 * @param jobOf what to give a peer; may throw PeerFailure
 * @returns the outcomes in the peers' order
 * @throws the signal's reason
 */
export async function measurePeers(
  peers: readonly Peer[],
  jobOf: (peer: Peer) => PeerJob,
  options: PeerRoundsOptions,
): Promise<PeerOutcome[]> {
  const failed = new Map<Peer, string>();
  const stopped = aborted(options.signal);
  let ready: Ready[] = [];
  for (const peer of peers) {
    options.onLoad(peer.name);
    const one = await attempt(peer, failed, stopped, () => warmUp(peer, jobOf(peer)));
    if (one) ready.push(one);
  }
  let done = 0;
  for (let round = 0; round < options.rounds; round++) {
    for (const one of rotated(ready, round)) {
      const sample = await attempt(one.peer, failed, stopped, () => measure(one));
      if (sample) one.samples.push(sample);
      else ready = ready.filter((other) => other !== one);
      done += 1;
      options.onRun(done, done + ready.length * options.rounds - samplesOf(ready));
    }
  }
  const outcomes = new Map(ready.map((one) => [one.peer, outcomeOf(one)]));
  return peers.map(
    (peer) => outcomes.get(peer) ?? { kind: "failed", reason: failed.get(peer) ?? "it gave no figures" },
  );
}

async function warmUp(peer: Peer, job: PeerJob): Promise<Ready> {
  const identity = await peer.load(job, LOAD_LIMIT_MS);
  let best = await peer.run(WARM_UP_TOKENS, LOAD_LIMIT_MS);
  for (let runs = 1; runs < MAX_WARM_UPS; runs++) {
    const sample = await peer.run(WARM_UP_TOKENS, RUN_LIMIT_MS);
    const isQuicker = totalMs(sample) < totalMs(best) * STILL_WARMING;
    if (totalMs(sample) < totalMs(best)) best = sample;
    if (!isQuicker) break;
  }
  const tokenMs = best.decodeMs / (WARM_UP_TOKENS - 1);
  const tokens = Math.max(MIN_TOKENS, Math.min(MAX_TOKENS, 1 + Math.floor(DECODE_MS / tokenMs)));
  return { ...identity, peer, tokens, samples: [] };
}

function totalMs({ prefillMs, decodeMs }: PeerSample): number {
  return prefillMs + decodeMs;
}

async function measure({ peer, tokens, samples }: Ready): Promise<PeerSample> {
  const sample = await peer.run(tokens, RUN_LIMIT_MS);
  if (sample.tokens.length < MIN_TOKENS) throw new PeerFailure(`it gave ${sample.tokens.length} tokens`);
  const [first = sample] = samples;
  if (`${first.tokens}` !== `${sample.tokens}`)
    throw new PeerFailure("it gave other tokens for the same prompt");
  return sample;
}

/** Undefined, with the reason in `failed`, where the peer fails. */
async function attempt<T>(
  peer: Peer,
  failed: Map<Peer, string>,
  stopped: Promise<never>,
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await Promise.race([stopped, action()]);
  } catch (error) {
    if (!(error instanceof PeerFailure)) throw error;
    failed.set(peer, error.message);
    await peer.stop();
    return undefined;
  }
}

/** Rejects when the signal is aborted, and is nobody's unhandled rejection. */
function aborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  promise.catch(() => {});
  return promise;
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function samplesOf(ready: readonly Ready[]): number {
  return ready.reduce((sum, { samples }) => sum + samples.length, 0);
}

function outcomeOf({ version, device, samples }: Ready): PeerOutcome {
  return { kind: "measured", version, device, samples };
}
