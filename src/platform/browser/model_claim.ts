/**
 * One tab at a time: a model takes the memory of a GPU as often as it is loaded, so pages that expect to be open twice claim it first and
 * let the person decide. By Web Locks: a tab that closes or crashes lets go by itself.
 */
export interface ModelClaim {
  /** Resolves when another tab has taken over; never after `release`. Dispose of the runtime then. */
  readonly lost: Promise<void>;
  release(): void;
}

export interface ClaimOptions {
  /** Take it from the tab that has it, which hears so by `lost`. Default false. */
  readonly takeOver?: boolean;
}

/** Undefined where another tab of this origin has it. Where there are no locks, as outside secure contexts, everybody gets it. */
export async function claimModel(
  name: string,
  { takeOver = false }: ClaimOptions = {},
): Promise<ModelClaim | undefined> {
  const { locks } = navigator as Partial<Navigator>;
  let release = () => {};
  if (locks === undefined) return { lost: new Promise(() => {}), release };
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return new Promise((resolve, reject) => {
    let claimed = false;
    let onLost = () => {};
    const lost = new Promise<void>((resolveLost) => {
      onLost = resolveLost;
    });
    const mode = takeOver ? { steal: true } : { ifAvailable: true };
    const request = locks.request(`baton:model:${name}`, mode, (lock) => {
      if (lock === null) return resolve(undefined);
      claimed = true;
      resolve({ lost, release });
      return held;
    });
    // A lock that is taken away rejects what its holder still does with it.
    request.catch((error: unknown) => (claimed ? onLost() : reject(error)));
  });
}
