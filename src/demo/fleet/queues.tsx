import type { ConversationStatus } from "../../index.ts";
import { formatBytes } from "../format.ts";
import { Scroll } from "../shell/scroll.tsx";
import { useStore } from "../store.ts";
import type { Fleet } from "./fleet.ts";

/** What each device has to do now, and what crossed. */
export function Queues({ fleet }: { readonly fleet: Fleet }) {
  const { devices, conversations } = useStore(fleet.state);
  useStore(fleet.tick);
  const { handoffs } = fleet.log.value;
  const bytes = handoffs.reduce((sum, one) => sum + one.bytes, 0);
  const unplaced = conversations.filter(isUnplaced).length;
  return (
    <div class="card">
      <h3>Devices and queues</h3>
      <Scroll label="Devices and queues">
        <table>
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col" class="number">
                Turns at work
              </th>
              <th scope="col" class="number">
                In the queue
              </th>
              <th scope="col" class="number">
                KV blocks
              </th>
            </tr>
          </thead>
          <tbody>
            {devices.map(({ id, turns, queued, kvBlocksUsed, kvBlocks }) => (
              <tr key={id}>
                <th scope="row">{id}</th>
                <td class="number">{turns}</td>
                <td class="number">{queued}</td>
                <td class="number">
                  {kvBlocksUsed} of {kvBlocks}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p>
        {handoffs.length} {handoffs.length === 1 ? "handoff" : "handoffs"}, {formatBytes(bytes)} of KV copied.
        {unplaced > 0 && ` ${unplaced} wait for a place.`}
      </p>
    </div>
  );
}

function isUnplaced({ phase, device }: ConversationStatus): boolean {
  return phase === "waits" && device === undefined;
}
