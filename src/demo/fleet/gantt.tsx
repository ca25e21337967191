import { counted, formatBytes } from "../format.ts";
import { Scroll } from "../shell/scroll.tsx";
import { useStore } from "../store.ts";
import { Canvas, type Drawing } from "./canvas.tsx";
import { agentColour, type Palette } from "./colours.ts";
import type { AgentRecord, Fleet } from "./fleet.ts";
import type { FleetLog, LoggedHandoff, LoggedStep } from "./log.ts";

const ROW = 56;
const BAR = 28;
/** Under them, for the seconds. */
const FOOT = 22;
/** Left of the bars, for the devices' names. */
const NAMES = 84;
/** Of the newest the picture shows so much. */
const WINDOW_MS = 60_000;

/** What each device ran when, and each conversation's way from one to another. */
export function Gantt({ fleet }: { readonly fleet: Fleet }) {
  const log = useStore(fleet.log);
  const { agents, devices } = useStore(fleet.state);
  useStore(fleet.tick);
  const ids = devices.map(({ id }) => id);
  const handoffs = log.handoffs.filter(({ from, to }) => ids.includes(from) && ids.includes(to));
  return (
    <div class="card">
      <h3>Steps and handoffs</h3>
      <Key />
      <Canvas
        label={describe(log, handoffs)}
        height={heightOf(ids.length) + FOOT}
        paint={(drawing) => paint(drawing, { log, handoffs, ids, agents })}
      />
      <Handoffs handoffs={handoffs} agents={agents} />
    </div>
  );
}

/** Between two bars there is room for arrows. */
function heightOf(rows: number): number {
  return Math.max(0, rows - 1) * ROW + BAR;
}

function Key() {
  return (
    <ul class="key">
      <li class="prefill">prefill</li>
      <li class="decode">decode</li>
      <li class="both">both in one step</li>
      <li>handoff: an arrow in the agent's colour</li>
    </ul>
  );
}

function describe({ steps }: FleetLog, handoffs: readonly LoggedHandoff[]): string {
  const devices = [...new Set(steps.map(({ device }) => device))];
  const counts = devices.map((id) => `${id} ran ${steps.filter(({ device }) => device === id).length}`);
  return `Timeline of steps: ${counts.join(", ") || "none yet"}; ${counted(handoffs.length, "handoff")}.`;
}

/** The same as a table. */
function Handoffs({
  handoffs,
  agents,
}: {
  readonly handoffs: readonly LoggedHandoff[];
  readonly agents: readonly AgentRecord[];
}) {
  if (handoffs.length === 0) return null;
  return (
    <details>
      <summary>{counted(handoffs.length, "handoff")}</summary>
      <Scroll label="Handoffs">
        <table>
          <thead>
            <tr>
              <th scope="col">Agent</th>
              <th scope="col">From, to</th>
              <th scope="col" class="number">
                KV
              </th>
              <th scope="col" class="number">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {handoffs.map(({ handoff, conversation, from, to, bytes, startMs, endMs }) => (
              <tr key={handoff}>
                <td>{agents.find((agent) => agent.conversation === conversation)?.name ?? "another"}</td>
                <td>
                  {from}, {to}
                </td>
                <td class="number">{formatBytes(bytes)}</td>
                <td class="number">{(endMs - startMs).toFixed(0)} ms</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

interface Scene {
  readonly log: FleetLog;
  readonly handoffs: readonly LoggedHandoff[];
  readonly ids: readonly string[];
  readonly agents: readonly AgentRecord[];
}

function paint({ draw, width, height, palette }: Drawing, { log, handoffs, ids, agents }: Scene): void {
  const endMs = Math.max(1000, log.nowMs);
  const beginMs = Math.max(0, endMs - WINDOW_MS);
  const perMs = (width - NAMES) / (endMs - beginMs);
  const x = (ms: number) => NAMES + (ms - beginMs) * perMs;
  draw.font = "12px system-ui";
  for (const [row, id] of ids.entries()) {
    draw.fillStyle = palette.ink;
    draw.fillText(id, 0, row * ROW + BAR / 2 + 4);
    draw.fillStyle = palette.line;
    draw.fillRect(NAMES, row * ROW + BAR, width - NAMES, 1);
  }
  // What began before the window stays out of the names.
  draw.save();
  draw.beginPath();
  draw.rect(NAMES, 0, width - NAMES, height);
  draw.clip();
  const bar = (step: LoggedStep, until: number) => {
    const row = ids.indexOf(step.device);
    if (row < 0 || until < beginMs) return;
    const from = Math.max(NAMES, x(step.startMs));
    draw.fillStyle = colourOf(step, palette);
    draw.fillRect(from, row * ROW, Math.max(1, x(until) - from - 0.5), BAR);
  };
  for (const step of log.steps) bar(step, step.endMs ?? endMs);
  draw.globalAlpha = 0.5;
  for (const step of log.running) bar(step, endMs);
  draw.globalAlpha = 1;
  for (const handoff of handoffs) {
    const [from, to] = [ids.indexOf(handoff.from), ids.indexOf(handoff.to)];
    const agent = agents.find(({ conversation }) => conversation === handoff.conversation);
    const colour = agent ? agentColour(agent.index, palette.dark) : palette.copy;
    const down = to > from;
    const start = { x: x(handoff.startMs), y: from * ROW + (down ? BAR : 0) };
    const end = {
      x: Math.max(x(handoff.endMs), x(handoff.startMs) + 3),
      y: to * ROW + (down ? 0 : BAR),
    };
    if (end.x >= NAMES) arrow(draw, start, end, colour, palette.page);
  }
  draw.restore();
  ruler(draw, { x, beginMs, endMs, y: heightOf(ids.length) + 16, ink: palette.quiet });
}

function colourOf({ prefillTokens, decodes }: LoggedStep, { prefill, decode, both }: Palette): string {
  if (prefillTokens === 0) return decode;
  return decodes > 0 ? both : prefill;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function arrow(draw: CanvasRenderingContext2D, from: Place, to: Place, colour: string, around: string): void {
  const angle = Math.atan2(to.y - from.y, to.x - from.x);
  const side = (turn: number) => ({
    x: to.x - 8 * Math.cos(angle + turn),
    y: to.y - 8 * Math.sin(angle + turn),
  });
  const line = () => {
    draw.beginPath();
    draw.moveTo(from.x, from.y);
    draw.lineTo(to.x, to.y);
    for (const { x, y } of [side(0.45), side(-0.45)]) {
      draw.moveTo(to.x, to.y);
      draw.lineTo(x, y);
    }
    draw.stroke();
  };
  draw.lineCap = "round";
  draw.strokeStyle = around;
  draw.lineWidth = 4;
  line();
  draw.strokeStyle = colour;
  draw.lineWidth = 2;
  line();
}

interface Ruler {
  readonly x: (ms: number) => number;
  readonly beginMs: number;
  readonly endMs: number;
  readonly y: number;
  readonly ink: string;
}

function ruler(draw: CanvasRenderingContext2D, { x, beginMs, endMs, y, ink }: Ruler): void {
  const steps = [1, 2, 5, 10, 15, 30, 60];
  const step = steps.find((seconds) => (endMs - beginMs) / 1000 / seconds <= 8) ?? 60;
  draw.fillStyle = ink;
  for (let at = Math.ceil(beginMs / 1000 / step) * step; at * 1000 <= endMs; at += step)
    draw.fillText(`${at} s`, Math.min(x(at * 1000), x(endMs) - 26), y);
}
