import { invalidOption } from "../conversation/option_checks.ts";
import type { Slo } from "../metrics/conversation_metrics.ts";
import { keeps } from "../metrics/replay_cell.ts";
import type { StepWork } from "../metrics/step_work.ts";
import type { Policy } from "../scheduler/policy.ts";
import { lengthOf, totalsOf, type WorkloadConversation } from "../workload/workload.ts";
import { fleetOf, parseDevices } from "./device_file.ts";
import { energyOf } from "./energy.ts";
import { type Gpu, gpus } from "./gpus.ts";
import { type ModelCosts, rooflineCost } from "./roofline.ts";
import { simulate } from "./simulate.ts";

/** How many prefillers and decoders of which card a workload needs: bounds by Little's law, then a search by simulation. */

export interface ProvisionRequest {
  readonly workload: readonly WorkloadConversation[];
  readonly model: ModelCosts;
  readonly policy: Policy;
  readonly slo: Slo;
  /** Of the conversations that have to keep the SLOs; above 0, at most 1. */
  readonly share: number;
  /** Names of the table of cards. */
  readonly prefillers: readonly string[];
  readonly decoders: readonly string[];
  /** Most devices of a role. */
  readonly most: number;
  readonly by: "energy" | "price";
}

/** One fleet and what it comes to. */
export interface Offer {
  readonly prefiller: string;
  readonly prefillers: number;
  readonly decoder: string;
  readonly decoders: number;
  /** Of the conversations, how many kept the SLOs. */
  readonly sloShare: number;
  readonly joulesPerToken: number;
  /** Of all its cards, relative to an A40. */
  readonly pricePerHour: number;
  /** What these cards have to be at the least, by the load alone. */
  readonly bound: Bound;
}

export interface Bound {
  readonly prefillers: number;
  readonly decoders: number;
}

export interface Provision {
  /** Undefined where no fleet of so many devices keeps the SLOs. */
  readonly best: Offer | undefined;
  /** The least fleets that keep them, one for each number of prefillers that was worth a try. */
  readonly enough: readonly Offer[];
}

/**
 * Yields every fleet that is tried.
 * @throws InputError `invalid-option` for a card that is not in the table, and for conversations too many of which are longer than the
 * model's context, so that no fleet is enough
 */
export function* provision(request: ProvisionRequest): Generator<Offer, Provision> {
  checkContext(request);
  const enough: Offer[] = [];
  for (const prefiller of request.prefillers)
    for (const decoder of request.decoders) enough.push(...(yield* leastFleets(request, prefiller, decoder)));
  const cost = (offer: Offer) => (request.by === "price" ? offer.pricePerHour : offer.joulesPerToken);
  return { best: enough.toSorted((a, b) => cost(a) - cost(b))[0], enough };
}

function checkContext({ workload, model: { name, contextTokens }, share }: ProvisionRequest): void {
  const fitting = workload.filter(({ turns }) => lengthOf(turns) <= contextTokens).length;
  if (fitting >= share * workload.length) return;
  const fit = ((100 * fitting) / workload.length).toFixed(0);
  throw invalidOption("model", name, `one whose context holds the conversations: of these, ${fit}% fit into its ${contextTokens} tokens`); // biome-ignore format: one error
}

/** With each number of prefillers, the fewest decoders that are enough; more prefillers are worth a try while they save decoders. */
function* leastFleets(
  request: ProvisionRequest,
  prefiller: string,
  decoder: string,
): Generator<Offer, readonly Offer[]> {
  const bound = boundOf(request, prefiller, decoder);
  const enough: Offer[] = [];
  let most = request.most;
  for (
    let prefillers = bound.prefillers;
    prefillers <= request.most && most >= bound.decoders;
    prefillers++
  ) {
    let found: Offer | undefined;
    for (let decoders = bound.decoders; decoders <= most && found === undefined; decoders++) {
      const offer = offerOf(request, { prefiller, decoder, prefillers, decoders, bound });
      yield offer;
      if (isEnough(offer, request)) found = offer;
    }
    if (found) {
      enough.push(found);
      most = found.decoders - 1;
    } else if (enough.length > 0) break;
  }
  return enough;
}

function isEnough({ sloShare }: Offer, { share }: ProvisionRequest): boolean {
  return sloShare >= share;
}

function offerOf(
  { workload, model, policy, slo }: ProvisionRequest,
  fleet: Pick<Offer, "prefiller" | "decoder" | "prefillers" | "decoders" | "bound">,
): Offer {
  const file = parseDevices(
    {
      devices: [
        { id: "prefiller", role: "prefiller", gpu: fleet.prefiller, count: fleet.prefillers },
        { id: "decoder", role: "decoder", gpu: fleet.decoder, count: fleet.decoders },
      ],
    },
    "the fleet",
  );
  const { devices, link, power } = fleetOf(file, model, "the fleet");
  const simulation = simulate(workload, { policy, devices, link, keeps: "turns" });
  const kept = simulation.conversations.filter((one) => keeps(one, slo)).length;
  const price = (name: string, count: number) => (gpus[name]?.pricePerHour ?? 0) * count;
  return {
    ...fleet,
    sloShare: kept / workload.length,
    joulesPerToken: energyOf(simulation, power).byPhase.joulesPerToken,
    pricePerHour: price(fleet.prefiller, fleet.prefillers) + price(fleet.decoder, fleet.decoders),
  };
}

/**
 * By Little's law, what is in a system is what comes in a second times how long it stays: of prompts, the prefillers that are busy; of
 * decodes at the fullest step, the decoders that are; of conversations, the KV that they hold while they last, pauses included.
 */
export function boundOf(
  { workload, model, slo }: ProvisionRequest,
  prefiller: string,
  decoder: string,
): Bound {
  const lastMs = Math.max(1, ...workload.slice(-1).map(({ arrivalMs }) => arrivalMs));
  const perMs = workload.length / lastMs;
  const totals = totalsOf(workload);
  const firstTokens = totals.firstTurnTokens / workload.length;
  const prefillMs = costOf(
    gpus[prefiller],
    model,
  )({
    ...NO_WORK,
    prefillTokens: firstTokens,
    prefillPairs: (firstTokens * firstTokens) / 2,
    prefillContextTokens: firstTokens,
    logitRows: 1,
  });
  const decodeMs = costOf(gpus[decoder], model)({ ...NO_WORK, decodes: STEP_ROWS, logitRows: STEP_ROWS }) / STEP_ROWS; // biome-ignore format: one quotient
  const outputTokens = totals.outputTokens / workload.length;
  const pausesMs = workload.reduce((sum, { turns }) => sum + turns.reduce((ms, { delayMs }) => ms + delayMs, 0), 0) / workload.length; // biome-ignore format: one sum
  const stayMs = pausesMs + outputTokens * Math.min(slo.tbtMs, decodeMs);
  const tokens = (totals.inputTokens + totals.outputTokens) / workload.length;
  // On the average a conversation holds half of what it has in the end.
  const kvBytes = perMs * stayMs * (tokens / 2) * model.kvBytesPerToken;
  const roomBytes = (gpus[decoder]?.memoryGiB ?? 1) * 0.9 * 2 ** 30 - model.weightBytes;
  const least = (devices: number) => Math.max(1, Math.ceil(devices));
  return {
    prefillers: least(perMs * prefillMs),
    decoders: least(Math.max(perMs * outputTokens * decodeMs, kvBytes / Math.max(1, roomBytes))),
  };
}

const STEP_ROWS = 256;
const NO_WORK: StepWork = {
  prefillTokens: 0,
  prefillPairs: 0,
  prefillContextTokens: 0,
  decodes: 0,
  decodeContextTokens: 0,
  logitRows: 0,
};

function costOf(gpu: Gpu | undefined, model: ModelCosts) {
  return gpu ? rooflineCost(gpu.rates, model) : () => 0;
}
