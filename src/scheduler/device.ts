import type { DeviceSpec } from "../protocol/device.ts";
import type { BlockCopy, RunnerLimits, StepResult, StepRow } from "../protocol/step.ts";
import { Admission } from "./admission.ts";
import { Drafting } from "./drafting.ts";
import type { Flight } from "./flight.ts";
import { lateLast } from "./late_turns.ts";
import { Observations } from "./observations.ts";
import { Pacing } from "./pacing.ts";
import type { StepRules } from "./policy.ts";
import { type Pool, settle } from "./pool.ts";
import { RankedTurns } from "./ranked_turns.ts";
import { makeRoom, type Shortage, type WantedRoom } from "./room.ts";
import { decodes, nextPosition, type TurnState } from "./state.ts";
import {
  hasRow,
  inWholeTiles,
  readyTurns,
  rowOf,
  type StepBudget,
  shareOf,
  stepBudget,
  takeFrom,
} from "./step_composition.ts";

export interface DeviceOptions {
  readonly drafts: boolean;
  readonly steps: StepRules | undefined;
  /** Something has happened there: another plan may be made. */
  readonly onNews: (device: Device) => void;
  /** Turns or blocks have gone: there may be room for others. */
  readonly onRoom: (device: Device) => void;
  /** A turn waits for blocks that are not to be had as things are. */
  readonly onFull: (device: Device) => void;
}

/** Tokens of prompts that a step may hold however long it holds up others: below, a step's fixed cost is most of it. */
const LEAST_PROMPT_TOKENS = 8;

/**
 * One device's turns and plans: step composition. Turns wait in their order until their blocks are reserved (`Admission`), and then share
 * the device's steps. Where blocks run out, conversations that are idle lose theirs first, the coldest before the others, and then the
 * turn that comes last begins again later: its tokens are known, so nothing is lost but the work. The first turn always goes on.
 *
 * Plans are made ahead of the results, as many as `plansInFlight` allows, and only while no turn needs the host between two steps,
 * so that such turns stay in one step with the others instead of taking turns with them.
 */
export class Device {
  readonly spec: DeviceSpec;
  readonly pool: Pool;
  readonly drafting: Drafting | undefined;
  readonly observed: Observations;
  /** Turns with blocks whose next row is the one token of a decode. */
  readonly decoding = new RankedTurns();
  /** Turns with blocks that have prompt to run. */
  readonly prompts = new RankedTurns();
  readonly admission: Admission;
  readonly flights: Flight[] = [];
  /** How often a turn had to make room for others. */
  preemptions = 0;
  readonly #lateMs: number | undefined;
  readonly #pacing: Pacing | undefined;
  #incoming = 0;
  #lastPlan = 0;
  readonly #onNews: (device: Device) => void;
  readonly #onRoom: (device: Device) => void;
  readonly #onFull: (device: Device) => void;
  /** A turn found no blocks while plans were in flight: whether there are any is seen when all have reported. */
  #starved = false;

  constructor(spec: DeviceSpec, pool: Pool, { drafts, steps, onNews, onRoom, onFull }: DeviceOptions) {
    this.spec = spec;
    this.observed = new Observations(spec.prefillMsPerToken);
    this.pool = pool;
    this.#lateMs = steps?.lateMs;
    if (steps) this.#pacing = new Pacing(steps.paceMs);
    this.#onNews = onNews;
    this.#onRoom = onRoom;
    this.#onFull = onFull;
    this.admission = new Admission({ pool, blocks: spec.limits.blocks, share: steps?.admitShare });
    pool.devices.add(this);
    if (drafts) this.drafting = new Drafting(spec.limits, pool);
  }

  get limits(): RunnerLimits {
    return this.spec.limits;
  }

  /** How many turns share its steps. */
  get running(): number {
    return this.decoding.length + this.prompts.length;
  }

  /** All turns that run or wait here. */
  get turns(): readonly TurnState[] {
    return [...this.decoding, ...this.prompts, ...this.admission];
  }

  /** Turns that are on their way here, with their KV. */
  get incoming(): number {
    return this.#incoming;
  }

  set incoming(count: number) {
    this.#incoming = count;
    this.#onNews(this);
    this.#onRoom(this);
  }

  /** How many turns more can decode in one step. */
  get freeRows(): number {
    return this.limits.maxStepRows - this.running - this.#incoming;
  }

  /** The turn runs here from now on. One whose KV has crossed has its blocks. */
  add(turn: TurnState): void {
    turn.device = this;
    if (turn.admitted) this.#begin(turn);
    else this.admission.add(turn);
    this.#onNews(this);
  }

  remove(turn: TurnState): void {
    if (!this.decoding.delete(turn) && !this.prompts.delete(turn) && !this.admission.delete(turn)) return;
    turn.device = undefined;
    this.pool.released();
  }

  /** Blocks of the pool may have come free. */
  hasRoomAgain(): void {
    this.admission.hasRoomAgain();
    this.#onNews(this);
    this.#onRoom(this);
  }

  /** The plan that reports, which is the first of all; undefined for one that is unknown. */
  landing(plan: number): Flight | undefined {
    const [first] = this.flights;
    if (first?.plan.id !== plan) {
      if (!this.flights.some((flight) => flight.plan.id === plan)) return undefined;
      throw new Error(`Plan ${plan} reported before one that was given earlier.`);
    }
    this.flights.shift();
    // Whoever shares the pool may have waited for it as well.
    for (const device of this.pool.devices) this.#onNews(device);
    return first;
  }

  /** What the step taught about steps. */
  record(flight: Flight, result: StepResult): void {
    this.drafting?.record(flight, result);
    let [tokens, decoding] = [0, 0];
    for (const row of flight.plan.rows) {
      tokens += row.tokens.length;
      if (row.tokens.length === 1 && row.output.kind !== "none") decoding += 1;
    }
    this.observed.step(tokens - decoding, decoding, result.ms);
  }

  /** The next plan, of this id, on its way; undefined when there is nothing to run or it is not time yet. */
  compose(id: number, nowMs: number, shortage: Shortage): Flight | undefined {
    if (this.running === 0 && this.admission.length === 0) return undefined;
    const ready = this.#ready(nowMs);
    if (ready === undefined) return undefined;
    const decoding = ready.filter(({ list }) => list === this.decoding).length;
    const budget = stepBudget(
      this.limits,
      inWholeTiles(this.#promptTokens(nowMs, decoding), decoding, this.limits),
    );
    const rows: StepRow[] = [];
    const turns: TurnState[] = [];
    const copies: BlockCopy[] = [];
    let promptTokens = 0;
    const take = (turn: TurnState): void => {
      // One that has made room for others meanwhile is in no step.
      if (!turn.admitted) return;
      const isDecode = turn.list === this.decoding;
      const count = isDecode ? (hasRow(budget) ? 1 : 0) : shareOf(turn, budget);
      if (count === 0 || !this.#makeRoom({ turn, count, plan: id, copies, shortage })) return;
      const row = rowOf(turn, count);
      takeFrom(budget, row);
      if (!isDecode) {
        budget.promptTokens -= count;
        promptTokens += count;
      }
      rows.push(row);
      turns.push(turn);
      turn.ahead += count;
      if (turn.residence) turn.residence.lastPlan = id;
      if (turn.list === this.prompts && decodes(turn)) {
        this.prompts.delete(turn);
        this.decoding.add(turn);
      }
    };
    for (const turn of ready) take(turn);
    this.#takeQueued(budget, take);
    if (rows.length === 0) return undefined;
    const drafting = this.flights.length === 0 ? this.drafting : undefined;
    const plan = {
      id,
      rows: drafting?.extend(rows, turns, budget) ?? rows,
      ...(copies.length > 0 && { copies }),
    };
    this.#pacing?.planned(promptTokens, this.prompts.length > 0);
    const flight = { plan, turns, promptTokens };
    this.flights.push(flight);
    this.pool.planned(id);
    this.#lastPlan = id;
    return flight;
  }

  #begin(turn: TurnState): void {
    (decodes(turn) ? this.decoding : this.prompts).add(turn);
  }

  /** How many tokens of prompts a step with these decodes may hold, so that others do not wait for it: those that decode, and short prompts that come. */
  #promptTokens(nowMs: number, decodes: number): number {
    const { prefillMsPerToken: msPerToken, stepMs = 0 } = this.observed;
    if (this.#pacing === undefined || msPerToken === undefined || this.#isAlone)
      return Number.POSITIVE_INFINITY;
    const tileMs = (this.limits.tileTokens ?? 1) * msPerToken;
    const ms = this.#pacing.promptMs({ decoding: this.decoding, decodes, nowMs, stepMs, tileMs });
    return ms === 0 ? 0 : Math.max(LEAST_PROMPT_TOKENS, Math.floor(ms / msPerToken));
  }

  /** One turn of the one conversation that there is: one that is idle may be back before the step has run. */
  get #isAlone(): boolean {
    return this.running + this.admission.length === 1 && this.pool.conversations === 1;
  }

  /** Whether a step is in flight whose prompts hold up those that come. */
  get #isHeldUp(): boolean {
    const last = this.flights.at(-1);
    if (last === undefined || this.#pacing === undefined || this.#isAlone) return false;
    return this.#pacing.takesLong(last.promptTokens * (this.observed.prefillMsPerToken ?? 0));
  }

  /** The turns that the next plan may hold, in their order; undefined while it has to wait for those in flight. */
  #ready(nowMs: number): readonly TurnState[] | undefined {
    if (this.flights.length >= this.limits.plansInFlight || this.#isHeldUp) return undefined;
    if (this.flights.length === 0) this.#starved = false;
    if (this.#starved) return undefined;
    const { contextTokens } = this.limits;
    const decodes: TurnState[] = [];
    const prompts: TurnState[] = [];
    if (!readyTurns(this.decoding, contextTokens, this.#lastPlan, decodes)) return undefined;
    if (!readyTurns(this.prompts, contextTokens, this.#lastPlan, prompts)) return undefined;
    const ready = decodes.concat(this.#inTime(prompts, nowMs));
    const alone = this.flights.length > 0 && this.admission.length === 0;
    return alone && this.drafting?.holdsBack(ready) ? undefined : ready;
  }

  #inTime(prompts: readonly TurnState[], nowMs: number): readonly TurnState[] {
    const lateMs = this.#lateMs;
    const msPerToken = this.observed.prefillMsPerToken ?? 0;
    return lateMs === undefined ? prompts : lateLast(prompts, { lateMs, nowMs, msPerToken });
  }

  #takeQueued(budget: StepBudget, take: (turn: TurnState) => void): void {
    if (this.admission.length === 0 || this.freeRows <= 0) return;
    const { refused } = this.admission;
    this.admission.admit(
      () => {
        const isOpen = this.freeRows > 0 && budget.rows > 0 && budget.tokens > 0;
        return { running: this.running, isOpen };
      },
      (turn) => {
        this.#begin(turn);
        take(turn);
      },
    );
    if (this.admission.refused && this.admission.refused !== refused) this.#onFull(this);
  }

  #makeRoom(wanted: WantedRoom): boolean {
    const { turn, count } = wanted;
    // Nearly always.
    if (turn.residence && this.pool.isOwn(turn.residence, nextPosition(turn), count)) return true;
    const outcome = makeRoom(this, wanted);
    if (outcome === "waits") this.#starved = this.flights.length > 0;
    return outcome === "made";
  }

  /** The turn begins again when there is room for it. */
  preempt(turn: TurnState): void {
    const { residence } = turn;
    this.preemptions += 1;
    this.evict(turn);
    if (residence) this.pool.leave(residence);
    this.add(turn);
  }

  /** The turn runs here no more, and nowhere else yet. */
  evict(turn: TurnState): void {
    this.remove(turn);
    turn.admitted = false;
    settle(turn, undefined);
  }
}
