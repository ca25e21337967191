/**
 * One tab at a time: a model takes the memory of a GPU as often as it is loaded, so pages that expect to be open twice claim it first and
 * let the person decide. By Web Locks: a tab that closes or crashes lets go by itself.
 */
export interface ModelClaim {
  /** Resolves when another tab has taken over; never after `release`. Dispose of the runtime then, and `release` when that is done. */
  readonly lost: Promise<void>;
  /** The model is off the GPU: whoever has taken over waits for this. */
  release(): void;
}

export interface ClaimOptions {
  /** Take it from the tab that has it, which hears so by `lost`. Default false. */
  readonly takeOver?: boolean;
}

/** A tab that hangs keeps the others waiting no longer. */
const PATIENCE_MS = 5000;

/** Undefined where another tab of this origin has it. Where there are no locks, as outside secure contexts, everybody gets it. */
export async function claimModel(
  name: string,
  { takeOver = false }: ClaimOptions = {},
): Promise<ModelClaim | undefined> {
  const { locks } = navigator as Partial<Navigator>;
  if (locks === undefined) return { lost: new Promise(() => {}), release: () => {} };
  const claim = await hold(locks, `baton:model:${name}`, takeOver ? { steal: true } : { ifAvailable: true });
  if (claim === undefined) return undefined;
  // The claim goes at once when it is stolen; this one its holder keeps until the model is off the GPU.
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const memory = await hold(locks, `baton:model-memory:${name}`, { signal }).catch(() => undefined);
  const release = () => {
    claim.release();
    memory?.release();
  };
  return { lost: claim.lost, release };
}

/** A lock until it is released or stolen; undefined where another tab has it and nobody wants to wait. */
function hold(locks: LockManager, name: string, options: LockOptions): Promise<ModelClaim | undefined> {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return new Promise((resolve, reject) => {
    let granted = false;
    let onLost = () => {};
    const lost = new Promise<void>((resolveLost) => {
      onLost = resolveLost;
    });
    const request = locks.request(name, options, (lock) => {
      if (lock === null) return resolve(undefined);
      granted = true;
      resolve({ lost, release });
      return held;
    });
    // A lock that is taken away rejects what its holder still does with it.
    request.catch((error: unknown) => (granted ? onLost() : reject(error)));
  });
}
