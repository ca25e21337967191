/** How late results may come by it. */
const REST_MS = 0.25;
const cell = new Int32Array(new SharedArrayBuffer(4));
let waiting = 0;
let resting = false;

/**
 * Awaits what Dawn promised. Its Node binding looks for results in every turn of the event loop as long as any are pending, which burns a
 * core; where the adapter is the CPU, that core is the GPU's own. So here each turn rests as long as somebody waits.
 */
export async function restingWait<T>(pending: Promise<T>): Promise<T> {
  waiting++;
  if (!resting) void rest();
  try {
    return await pending;
  } finally {
    waiting--;
  }
}

async function rest(): Promise<void> {
  resting = true;
  while (waiting > 0) {
    await new Promise((turn) => setImmediate(turn));
    if (waiting > 0) Atomics.wait(cell, 0, 0, REST_MS);
  }
  resting = false;
}
