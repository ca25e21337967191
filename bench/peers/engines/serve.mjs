/** A peer's side of ../protocol.ts in a process of Node: answers the parent's requests one by one, and sleeps between them. */

/** @param {import("../protocol.ts").PeerEngine} engine */
export function serve(engine) {
  process.on("message", async (/** @type {import("../protocol.ts").PeerRequest} */ request) => {
    process.send?.(await answer(engine, request));
  });
  // Without its parent nobody would ever end it.
  process.on("disconnect", () => process.exit());
}

/**
 * Never rejects.
 * @param {import("../protocol.ts").PeerEngine} engine
 * @param {import("../protocol.ts").PeerRequest} request
 * @returns {Promise<import("../protocol.ts").PeerAnswer>}
 */
export async function answer(engine, request) {
  try {
    if (request.kind === "load") return { kind: "loaded", ...(await engine.load(request.job)) };
    return { kind: "ran", ...(await engine.run(request.tokens)) };
  } catch (error) {
    return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Times a peer that gives its tokens one after the other, and takes as many as are asked for.
 * @param {AsyncIterable<number>} tokens
 * @param {number} count
 * @returns {Promise<import("../protocol.ts").PeerSample>}
 */
export async function timed(tokens, count) {
  const started = performance.now();
  /** @type {number[]} */
  const ids = [];
  /** @type {number[]} */
  const at = [];
  for await (const id of tokens) {
    ids.push(id);
    at.push(performance.now());
    if (ids.length === count) break;
  }
  const [first = started] = at;
  return { prefillMs: first - started, decodeMs: (at.at(-1) ?? first) - first, tokens: ids };
}
