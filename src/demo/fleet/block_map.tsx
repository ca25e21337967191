import type { KvPoolBlocks } from "../../index.ts";
import { counted } from "../format.ts";
import { useStore } from "../store.ts";
import { Canvas, type Drawing } from "./canvas.tsx";
import { agentColour, type Palette } from "./colours.ts";
import type { AgentRecord, Fleet } from "./fleet.ts";

/** The map shows so many of a pool's blocks, which are handed out from the first on. */
const MOST = 1024;
const CELL = 12;

/** Whose each device's KV blocks are. */
export function BlockMaps({ fleet }: { readonly fleet: Fleet }) {
  const log = useStore(fleet.log);
  const { agents } = useStore(fleet.state);
  useStore(fleet.tick);
  const pools =
    log.kv?.pools.filter(({ devices, owners }) => devices[0] !== "host" || owners.length > 0) ?? [];
  return (
    <div class="card">
      <h3>KV blocks</h3>
      <ul class="key">
        {agents.map(({ index, name }) => (
          <li key={index} class={`agent-${index}`}>
            {name}
          </li>
        ))}
        <li class="shared">shared by several (a dot)</li>
      </ul>
      {pools.map((pool) => (
        <BlockMap key={pool.devices.join()} pool={pool} agents={agents} />
      ))}
      {pools.length === 0 && <p class="quiet">No blocks are held.</p>}
    </div>
  );
}

function BlockMap({
  pool,
  agents,
}: {
  readonly pool: KvPoolBlocks;
  readonly agents: readonly AgentRecord[];
}) {
  const owners = ownersOf(pool);
  const highest = Math.max(63, ...owners.keys());
  const shown = Math.min(pool.blocks, MOST, Math.ceil((highest + 1) / 64) * 64);
  const shared = [...owners.values()].filter((names) => names.length > 1).length;
  const name = pool.devices[0] === "host" ? "Host memory (parked)" : pool.devices.join(", ");
  const text = `${owners.size} of ${counted(pool.blocks, "block")} in use, ${shared} shared`;
  return (
    <div class="block-map">
      <h4>{name}</h4>
      <p class="quiet">{text}</p>
      <Canvas
        label={`${name}: ${text}`}
        height={(width) => Math.ceil(shown / columnsOf(width)) * CELL}
        paint={(drawing) => paint(drawing, { shown, owners, agents })}
      />
      {shown < pool.blocks && (
        <p class="quiet">{counted(pool.blocks - shown, "block")} more are not drawn.</p>
      )}
    </div>
  );
}

function columnsOf(width: number): number {
  return Math.max(1, Math.floor(width / CELL));
}

/** The conversations that each block is of. */
export function ownersOf({ owners }: KvPoolBlocks): ReadonlyMap<number, readonly string[]> {
  const byBlock = new Map<number, string[]>();
  for (const { conversation, blocks } of owners)
    for (const block of blocks) byBlock.set(block, [...(byBlock.get(block) ?? []), conversation]);
  return byBlock;
}

interface Scene {
  readonly shown: number;
  readonly owners: ReadonlyMap<number, readonly string[]>;
  readonly agents: readonly AgentRecord[];
}

function paint({ draw, width, palette }: Drawing, { shown, owners, agents }: Scene): void {
  const columns = columnsOf(width);
  for (let block = 0; block < shown; block++) {
    const [x, y] = [(block % columns) * CELL, Math.floor(block / columns) * CELL];
    const names = owners.get(block) ?? [];
    draw.fillStyle = colourOf(names[0], agents, palette);
    draw.fillRect(x, y, CELL - 2, CELL - 2);
    if (names.length < 2) continue;
    draw.fillStyle = palette.page;
    draw.beginPath();
    draw.arc(x + CELL / 2 - 1, y + CELL / 2 - 1, 2.5, 0, 2 * Math.PI);
    draw.fill();
  }
}

function colourOf(name: string | undefined, agents: readonly AgentRecord[], palette: Palette): string {
  if (name === undefined) return palette.line;
  const agent = agents.find(({ conversation }) => conversation === name);
  return agent ? agentColour(agent.index, palette.dark) : palette.quiet;
}
