import { expect } from "vitest";
import { prompt, tokensOf } from "./device_loss.ts";
import { Session, type SessionOptions } from "./fault_harness.ts";
import { Rig } from "./fault_rig.ts";

/** Many more conversations than a pool holds. */

const CROWD = 200;
/** A conversation's two turns take 52 tokens: four blocks. */
const BLOCKS_EACH = 4;
const HELD = 10;

/** All at once over pools for ten, on two devices of these adapters; each has the tokens that it has alone. */
export async function crowd(
  adapter: string,
  options: SessionOptions,
  { size = CROWD, compared = 20 }: { readonly size?: number; readonly compared?: number } = {},
) {
  const blocks = HELD * BLOCKS_EACH;
  const rig = await Rig.open({ adapters: { p: adapter, d: adapter }, blocks: { p: blocks, d: blocks } });
  const session = new Session(rig, options);
  let mostWaiting = 0;
  const converse = async (conversation: string, n: number) => {
    const first = await session.turn({ conversation, tokens: prompt(25, n), output: tokensOf(8) });
    const { conversations } = session.scheduler.snapshot();
    const waiting = conversations.filter(({ turn }) => turn?.phase === "waits").length;
    mostWaiting = Math.max(mostWaiting, waiting);
    const second = await session.turn({ conversation, tokens: prompt(11, n + 1), output: tokensOf(8) });
    return [first.tokens, second.tokens];
  };
  const all = Array.from({ length: size }, (_, n) => converse(`c${n}`, n));
  const told = await session.watched(Promise.all(all));
  const { conversations, devices, host } = session.scheduler.snapshot();
  const parks = conversations.reduce((sum, one) => sum + one.parks, 0);
  const peak = Math.max(...devices.map(({ blocks }) => blocks.peak));
  for (let n = 0; n < size; n += Math.ceil(size / compared)) {
    const alone = session.watched(converse(`alone-${n}`, n));
    expect(await alone, `conversation ${n}`).toEqual(told[n]);
  }
  await session.end();
  rig.dispose();
  return { mostWaiting, parks, peak, blocks, hostPeak: host?.peak ?? 0 };
}
