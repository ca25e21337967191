import TinyQueue from "tinyqueue";
const FED_TOKEN = -1;
function endOf({ position, tokens }) {
  return position + tokens.length;
}
function rowsOf(turn, flights) {
  return flights.flatMap(({ plan, turns }) => plan.rows.filter((_, index) => turns[index] === turn));
}
function needsLogits(sampling) {
  return hasPenalties(sampling) || sampling.temperature > 0 && isTruncated(sampling);
}
function hasPenalties(sampling) {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}
function isTruncated({ topK, topP, minP }) {
  return topK > 0 || topP < 1 || minP > 0;
}
function standingOf(turn, contextTokens, lastPlan) {
  const { ahead, request, residence } = turn;
  if (ahead === 0) return "ready";
  if (request.output.kind === "logits") return "waits";
  if (tokensLeft(turn) > 0) return "ready";
  if (turn.leaves) return "complete";
  if (turn.drafted > 0) return "waits";
  if (completionTokens(turn) + pendingTokens(turn) >= mostTokens(turn, contextTokens)) return "complete";
  const fed = !needsLogits(request.output.sampling) && residence?.lastPlan === lastPlan;
  return fed ? "ready" : "waits";
}
function promptTokens({ request }) {
  return request.keep + request.tokens.length;
}
function completionTokens(turn) {
  return Math.max(0, turn.conversation.tokens.length - promptTokens(turn));
}
function nextPosition({ residence, ahead }) {
  return (residence?.table.length ?? 0) + ahead;
}
function tokensLeft(turn) {
  return Math.max(0, turn.conversation.tokens.length - nextPosition(turn));
}
function decodes$1(turn) {
  return turn.request.output.kind === "tokens" && completionTokens(turn) + pendingTokens(turn) > 0 && tokensLeft(turn) <= 1;
}
function pendingTokens(turn) {
  return Math.max(0, nextPosition(turn) + 1 - turn.conversation.tokens.length);
}
function mostTokens(turn, contextTokens) {
  const { output } = turn.request;
  return output.kind === "tokens" ? Math.min(output.maxTokens, contextTokens - promptTokens(turn)) : 0;
}
function nextTokens(turn, count) {
  if (pendingTokens(turn) > 0) return [FED_TOKEN];
  const first = nextPosition(turn);
  return turn.conversation.tokens.slice(first, first + count);
}
function outcomeAfter(turn, token, contextTokens) {
  const { output } = turn.request;
  if (output.kind !== "tokens") return void 0;
  if (output.endTokens.includes(token)) return { kind: "finish", reason: "end" };
  if (output.stopTokens.includes(token)) return { kind: "finish", reason: "stop" };
  const isLast = completionTokens(turn) >= mostTokens(turn, contextTokens);
  return isLast ? { kind: "finish", reason: "length" } : void 0;
}
function leavesNothing(turn, outcome) {
  if (outcome.kind === "fail") return true;
  return (outcome.reason === "abort" || outcome.reason === "stop") && completionTokens(turn) === 0;
}
function endCommand(turn, outcome) {
  const { turn: id } = turn.request;
  if (outcome.kind === "fail") return { kind: "turn-failed", turn: id, error: outcome.error };
  const usage = {
    promptTokens: promptTokens(turn),
    cachedTokens: turn.cachedTokens ?? 0,
    completionTokens: completionTokens(turn)
  };
  return { kind: "turn-finished", turn: id, reason: outcome.reason, usage };
}
function insertByRank(turns, turn) {
  let at = turns.length;
  for (let last = turns[at - 1]; last && comesBefore(turn, last); last = turns[at - 1]) at--;
  turns.splice(at, 0, turn);
}
function comesBefore(turn, other) {
  return turn.rank < other.rank || turn.rank === other.rank && turn.request.turn < other.request.turn;
}
function rankOf({ priority = 0 }, arrivedMs, promptMs2) {
  return arrivedMs - priority * PRIORITY_MS + promptMs2;
}
const PRIORITY_MS = 1e4;
function isIdle(residence) {
  const { turn, handoff } = residence.conversation;
  return turn?.residence !== residence && handoff === void 0;
}
function assertConsistent(books) {
  const { conversations, turns, devices: devices2, handoffs, recovering } = books;
  const pools = new Set(devices2.map(({ pool }) => pool));
  for (const pool of pools) checkPool(pool, books);
  for (const device of devices2) checkDevice(device);
  for (const state of conversations.values()) checkConversation(state, books);
  const waits = [...conversations.values()].filter(({ turn }) => turn !== void 0).length;
  check(turns.size === waits, "a turn has no conversation");
  const busy2 = devices2.some(({ flights }) => flights.length > 0) || handoffs.held.length > 0;
  check(turns.size === 0 || busy2 || recovering, "turns wait and nothing is in flight");
}
function checkPool(pool, { conversations, handoffs }) {
  const owners = [
    ...[...pool.residences].map(({ table }) => table.blocks),
    ...pool.retired.map(({ blocks }) => blocks),
    ...handoffs.held.filter(({ residence }) => residence.pool === pool).map(({ blocks }) => blocks)
  ];
  pool.allocator.assertConsistent(owners.flat());
  for (const residence of pool.residences) {
    const { conversation } = residence;
    check(conversations.get(conversation.id) === conversation, `${conversation.id} is gone and has blocks`);
    check(conversation.residences.get(pool) === residence, `${conversation.id} does not know its blocks`);
  }
}
function checkDevice({ spec, flights, turns, queue, limits: limits2, freeRows, incoming }) {
  check(flights.length <= limits2.plansInFlight, `too many plans are in flight on ${spec.id}`);
  check(freeRows >= 0 && incoming >= 0, `too many turns share the steps of ${spec.id}`);
  check(
    turns.every(({ admitted }) => admitted),
    `${spec.id} runs a turn without blocks`
  );
  check(
    queue.every(({ admitted }) => !admitted),
    `${spec.id} lets a turn wait that has blocks`
  );
}
function checkConversation(state, { turns, devices: devices2, waiting, handoffs }) {
  const { id, turn, tokens, ran, residences, handoff } = state;
  check(ran <= tokens.length, `${id} has run more than it has`);
  check(handoff === void 0 || handoffs.get(handoff.id) === handoff, `${id} has an unknown handoff`);
  for (const residence of residences.values()) checkResidence(residence);
  if (turn === void 0) return;
  check(turns.get(turn.request.turn) === turn, `${id} has an unknown turn`);
  const places = [
    waiting.includes(turn),
    handoff?.turn === turn,
    ...devices2.flatMap((device) => [device.turns.includes(turn), device.queue.includes(turn)])
  ];
  check(places.filter((here) => here).length === 1, `the turn of ${id} is in no place, or in two`);
  const rows = devices2.flatMap(({ flights }) => rowsOf(turn, flights));
  const ahead = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  check(turn.ahead === ahead, `${id} disagrees with the plans about what is in flight`);
  check(tokens.length >= promptTokens(turn), `${id} has lost a part of its prompt`);
}
function checkResidence({ conversation, table, pool }) {
  const { id, ran, turn, handoff } = conversation;
  check(table.length <= ran, `${id} has cached what has not run`);
  const runsHere = turn?.residence?.pool === pool;
  const ahead = runsHere ? turn?.ahead ?? 0 : 0;
  check(table.missingFor(table.length + ahead) === 0, `${id} has tokens without a block`);
  if (turn === void 0 && handoff === void 0)
    check(table.blocks.length === Math.ceil(table.length / table.blockTokens), `${id} hoards`);
}
function check(holds, otherwise) {
  if (!holds) throw new Error(`The scheduler is inconsistent: ${otherwise}.`);
}
class DraftSource {
  #vocabTokens;
  #tokens = [];
  /** Where the tokens behind the last occurrence of three tokens, and of two, begin. */
  #afterThree = /* @__PURE__ */ new Map();
  #afterTwo = /* @__PURE__ */ new Map();
  /** Where the token that is expected next stands; undefined where nothing like the last tokens was seen. */
  #next;
  /** How many guesses in a row were right. */
  #streak = 0;
  #right = new Float64Array(STREAK_CLASSES);
  #guesses = new Float64Array(STREAK_CLASSES);
  constructor(vocabTokens) {
    this.#vocabTokens = vocabTokens;
  }
  get length() {
    return this.#tokens.length;
  }
  /** Tokens of the prompt: they can be found, and say nothing of how well the answer is guessed. */
  read(tokens) {
    for (const token of tokens) this.#add(token);
    this.#streak = 0;
    this.#next = void 0;
  }
  /** The next token of the answer. */
  push(token) {
    const guessed = this.#next;
    const expected = guessed === void 0 ? void 0 : this.#tokens[guessed];
    if (expected !== void 0) this.#count(expected === token);
    const found = this.#add(token);
    if (expected === token && guessed !== void 0) {
      this.#next = guessed + 1;
      this.#streak += 1;
    } else {
      this.#next = found;
      this.#streak = 0;
    }
  }
  /** How likely it is that the next token, the next two, … are guessed right: at most `most` of them, none where there is no guess. */
  chances(most) {
    if (this.#next === void 0) return [];
    const chances = [];
    let chance = 1;
    for (let depth = 0; depth < most; depth++) {
      chance *= this.#chance(this.#streak + depth);
      chances.push(chance);
    }
    return chances;
  }
  /** The next `count` tokens as guessed. What runs into the end of the tokens repeats from where it began. */
  draft(count) {
    const { length } = this.#tokens;
    const first = this.#next ?? length;
    if (first >= length) return [];
    return Array.from({ length: count }, (_, at) => this.#tokens[first + at % (length - first)] ?? 0);
  }
  /** Returns where the tokens begin that followed the last tokens when they stood there before. */
  #add(token) {
    const [third, second] = this.#tokens.slice(-2);
    const at = this.#tokens.push(token);
    if (second === void 0) {
      return third === void 0 ? void 0 : this.#look(this.#afterTwo, third * this.#vocabTokens + token, at);
    }
    const two = second * this.#vocabTokens + token;
    const afterTwo = this.#look(this.#afterTwo, two, at);
    if (third === void 0) return afterTwo;
    const three = third * this.#vocabTokens ** 2 + two;
    return this.#look(this.#afterThree, three, at) ?? afterTwo;
  }
  #look(index, key, at) {
    const found = index.get(key);
    index.set(key, at);
    return found;
  }
  #count(right) {
    const at = classOf(this.#streak);
    this.#guesses[at] = (this.#guesses[at] ?? 0) + 1;
    if (right) this.#right[at] = (this.#right[at] ?? 0) + 1;
    if ((this.#guesses[at] ?? 0) <= MEMORY) return;
    this.#guesses[at] = (this.#guesses[at] ?? 0) / 2;
    this.#right[at] = (this.#right[at] ?? 0) / 2;
  }
  /** Laplace's rule of succession stands in for what has not been seen. */
  #chance(streak) {
    const at = classOf(streak);
    const expected = (streak + 1) / (streak + 2);
    return ((this.#right[at] ?? 0) + PRIOR * expected) / ((this.#guesses[at] ?? 0) + PRIOR);
  }
}
const STREAK_CLASSES = 6;
const MEMORY = 48;
const PRIOR = 2;
function classOf(streak) {
  return Math.min(STREAK_CLASSES - 1, 31 - Math.clz32(streak + 1));
}
class Speculation {
  /** By tokens of the step; NaN where none was seen. */
  #ms = new Float64Array(MAX_TOKENS + 1).fill(Number.NaN);
  /** Tokens of the largest step that was seen. */
  #largest = 0;
  /** What drafts cost more than they brought, lately; never less than nothing, so that old gains pay for no losses. */
  #lostMs = 0;
  #spentMs = 0;
  /** A step in which every row decodes took so long; `drafted` says what came of its drafts, if it had any. */
  record(tokens, ms, drafted) {
    this.#spentMs += ms;
    if (drafted) {
      const plainMs = this.expectedMs(drafted.rows) * drafted.taken / drafted.rows;
      const lostMs = Math.min(ms, this.#mostMs(tokens)) - plainMs;
      if (!Number.isNaN(lostMs)) this.#lostMs = Math.max(0, this.#lostMs + lostMs);
    }
    if (tokens > MAX_TOKENS) return;
    this.#largest = Math.max(this.#largest, tokens);
    const before = this.#ms[tokens] ?? Number.NaN;
    const seen = Math.min(ms, this.#mostMs(tokens));
    for (let size = 1; size <= MAX_TOKENS; size++) this.#ms[size] = (this.#ms[size] ?? Number.NaN) * FADING;
    this.#ms[tokens] = Number.isNaN(before) ? seen : before + FOLLOWING$1 * (seen - before);
  }
  /**
   * How many drafted tokens each of the turns that decode in one step should have; `room` is how many there may be at most, of each
   * turn and of all. Chances fall with depth, so the best drafts are found one by one.
   */
  choose(turns, room) {
    const rows = turns.length;
    const counts = turns.map(() => 0);
    const plainMs = this.expectedMs(rows);
    if (rows > this.#largest || Number.isNaN(plainMs)) return counts;
    if (this.#lostMs > LOSS_STEPS * plainMs + LOSS_SHARE * this.#spentMs) return counts;
    const expected = turns.map(() => 1);
    let best = Math.log(MARGIN);
    let gained = 0;
    let chosen = [...counts];
    for (let size = rows + 1; size <= Math.min(MAX_TOKENS, rows + room, 2 * this.#largest); size++) {
      const next = mostGaining(turns, counts, expected);
      if (next === void 0) break;
      const [count, tokens] = [counts[next] ?? 0, expected[next] ?? 1];
      const chance = turns[next]?.[count] ?? 0;
      gained += Math.log1p(chance / tokens);
      expected[next] = tokens + chance;
      counts[next] = count + 1;
      const slower = this.expectedMs(size) / plainMs;
      const gain = gained / rows - Math.log(slower);
      const loss = (slower - Math.min(...expected)) / Math.max(...expected);
      if (gain <= best || loss > MOST_LOSS) continue;
      best = gain;
      chosen = [...counts];
    }
    return chosen;
  }
  /** What took longer met a busy moment: twice what is expected, or of a new size, what smaller steps for as many tokens take. */
  #mostMs(tokens) {
    const before = this.#ms[tokens] ?? Number.NaN;
    if (!Number.isNaN(before)) return 2 * before;
    const below = this.#ms.subarray(0, tokens).findLastIndex((ms) => !Number.isNaN(ms));
    return below === -1 ? Number.POSITIVE_INFINITY : Math.ceil(tokens / below) * (this.#ms[below] ?? 0);
  }
  /** Between sizes that were seen on a line; beyond them growing with the square root, until they are seen. NaN where nothing is known. */
  expectedMs(tokens) {
    let [below, above] = [tokens, tokens];
    while (below > 0 && Number.isNaN(this.#ms[below])) below--;
    while (above <= MAX_TOKENS && Number.isNaN(this.#ms[above])) above++;
    if (below === 0) return Number.NaN;
    const [low = Number.NaN, high = Number.NaN] = [this.#ms[below], this.#ms[above]];
    if (below === above) return low;
    if (above > MAX_TOKENS) return low * Math.sqrt(tokens / below);
    return low + (high - low) * (tokens - below) / (above - below);
  }
}
const MAX_DRAFTS = 15;
const MAX_TOKENS = 64;
const MARGIN = 1.15;
const MOST_LOSS = 0.02;
const LOSS_STEPS = 12;
const LOSS_SHARE = 0.015;
const FOLLOWING$1 = 0.25;
const FADING = 1 - 1 / 1024;
function chancesOf(turn, most) {
  return turn.drafts?.chances(Math.max(0, Math.min(MAX_DRAFTS, most))) ?? [];
}
function mostGaining(turns, counts, expected) {
  let best = 0;
  let at;
  for (const [index, chances] of turns.entries()) {
    const share = (chances[counts[index] ?? 0] ?? 0) / (expected[index] ?? 1);
    if (share <= best) continue;
    best = share;
    at = index;
  }
  return at;
}
class Drafting {
  #limits;
  #allocator;
  #speculation = new Speculation();
  /** Tokens that were guessed and run, and those of them that were right, of all turns. */
  drafted = 0;
  accepted = 0;
  constructor(limits2, allocator) {
    this.#limits = limits2;
    this.#allocator = allocator;
  }
  /** The turn has a new token, the last of its completion. */
  learn(turn, token) {
    if (!hasDrafts(turn)) return;
    if (turn.drafts === void 0) {
      turn.drafts = new DraftSource(this.#limits.vocabTokens);
      turn.drafts.read(turn.conversation.tokens);
    }
    turn.drafts.push(token);
  }
  /** Whether these turns, some in flight, should wait until their tokens are known, because drafts behind them will pay. */
  holdsBack(turns) {
    if (!turns.every((turn) => decodes$1(turn) && hasDrafts(turn))) return false;
    return this.#choose(turns, this.#limits.maxStepTokens).some((count) => count > 0);
  }
  /** The rows with the drafts that pay; as they are when a row is none of a decode, or one that the host samples. */
  extend(rows, turns, budget) {
    if (!rows.every((row, index) => isDecode(row, turns[index]))) return rows;
    const counts = this.#choose(turns, Math.min(budget.tokens, budget.logitRows));
    return rows.map((row, index) => {
      const turn = turns[index];
      return turn ? this.#extendRow(row, turn, counts[index] ?? 0) : row;
    });
  }
  /** A step has ended: how long one of its size takes. */
  record({ plan, turns }, { ms, rows: results }) {
    const { rows } = plan;
    if (!rows.every((row, index) => isDecode(row, turns[index]))) return;
    const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    const taken = rows.reduce((sum, row, index) => sum + takenOf(row, results[index]), 0);
    this.#speculation.record(tokens, ms, tokens > rows.length ? { rows: rows.length, taken } : void 0);
  }
  #choose(turns, room) {
    const chances = turns.map((turn) => chancesOf(turn, this.#left(turn)));
    return this.#speculation.choose(chances, room);
  }
  /** How many drafts may be right before the turn ends anyway. */
  #left(turn) {
    const most = mostTokens(turn, this.#limits.contextTokens);
    return most - completionTokens(turn) - pendingTokens(turn) - (turn.ahead === 0 ? 1 : 0);
  }
  /** The blocks that drafts need go back when the step has ended; where there are none, there are fewer drafts. */
  #extendRow(row, turn, wanted) {
    if (wanted === 0 || row.output.kind !== "token") return row;
    const { table } = turn.residence ?? {};
    if (table === void 0) return row;
    const position = row.position + 1;
    const reservation = this.#allocator.reserve(table.missingFor(position + wanted));
    if (reservation.kind === "ok") table.addBlocks(reservation.blocks);
    const room = table.blocks.length * table.blockTokens - position;
    const drafts = turn.drafts?.draft(Math.min(wanted, room)) ?? [];
    if (drafts.length === 0) return row;
    turn.ahead += drafts.length;
    turn.drafted = drafts.length;
    this.drafted += drafts.length;
    return {
      ...row,
      tokens: [...row.tokens, ...drafts],
      blocks: table.blocks.slice(0, Math.ceil(nextPosition(turn) / table.blockTokens)),
      output: { kind: "tokens", sampling: row.output.sampling }
    };
  }
}
function takenOf({ tokens }, result) {
  if (result?.kind !== "tokens") return 1;
  const wrong = result.tokens.findIndex((token, index) => tokens[index + 1] !== token);
  return wrong === -1 ? result.tokens.length : wrong + 1;
}
function hasDrafts({ request: { output } }) {
  return output.kind === "tokens" && !needsLogits(output.sampling);
}
function isDecode({ position, tokens, output }, turn) {
  if (turn === void 0 || position < promptTokens(turn)) return false;
  if (output.kind === "tokens") return true;
  return output.kind === "token" && tokens.length === 1 && !needsLogits(output.sampling);
}
class Observations {
  #stepMs = new Smoothed();
  /** Of steps that hold nothing but decodes. */
  #decodeMs = new Smoothed();
  #prefillMsPerToken = new Smoothed();
  #ttfts = [];
  get stepMs() {
    return this.#stepMs.value;
  }
  get prefillMsPerToken() {
    return this.#prefillMsPerToken.value;
  }
  /** Mean of the last ten seconds; undefined where there was none. */
  ttftMs(nowMs) {
    const first = this.#ttfts.findIndex(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    this.#ttfts.splice(0, first === -1 ? this.#ttfts.length : first);
    if (this.#ttfts.length === 0) return void 0;
    return this.#ttfts.reduce((sum, { ms }) => sum + ms, 0) / this.#ttfts.length;
  }
  /** A step of so many prompt tokens and so many decodes has ended. */
  step(prefillTokens, decodes2, ms) {
    if (decodes2 > 0) this.#stepMs.add(ms);
    if (prefillTokens === 0) this.#decodeMs.add(ms);
    const decodeMs = decodes2 > 0 ? Math.min(ms / 2, this.#decodeMs.value ?? 0) : 0;
    if (prefillTokens >= LEAST_TOKENS) this.#prefillMsPerToken.add((ms - decodeMs) / prefillTokens);
  }
  /** A turn's first token has come. */
  firstToken(ms, atMs) {
    this.#ttfts.push({ atMs, ms });
  }
}
class Smoothed {
  value;
  add(seen) {
    this.value = this.value === void 0 ? seen : this.value + FOLLOWING * (seen - this.value);
  }
}
const WINDOW_MS = 1e4;
const LEAST_TOKENS = 16;
const FOLLOWING = 0.2;
function disposed(conversation) {
  return {
    name: "InputError",
    code: "disposed",
    message: `${conversation} was disposed: begin a new conversation.`,
    fields: { conversation }
  };
}
function busy(conversation) {
  return {
    name: "InputError",
    code: "conversation-busy",
    message: `${conversation} is still answering: read that answer to its end, or abort it, before sending again.`,
    fields: { conversation }
  };
}
function kvFull(conversation, blocks) {
  const { needed, missing, total } = blocks;
  return {
    name: "CapacityError",
    code: "kv-full",
    message: `The KV cache is full: ${conversation} needs ${needed} more of the ${total} blocks, and ${missing} of these are missing. Dispose conversations that are not needed any more, or give the runtime a larger kvMiB.`,
    fields: { conversation, needed, missing, total }
  };
}
function refusalOf(request, conversation, limits2) {
  if (conversation?.turn !== void 0) return busy(conversation.id);
  const refusals = limits2.map((device) => promptTooLong(request, device));
  return refusals.every((refusal) => refusal !== void 0) ? refusals[0] : void 0;
}
function promptTooLong({ keep, tokens, output }, { contextTokens, blocks, blockTokens }) {
  const promptTokens2 = keep + tokens.length;
  const contextRoom = contextTokens - (output.kind === "tokens" ? 1 : 0);
  const most = Math.min(contextRoom, blocks * blockTokens);
  if (promptTokens2 <= most) return void 0;
  const [where, remedy] = most === contextRoom ? ["the model's context", "Shorten it."] : ["the KV cache", "Shorten it, or give the runtime a larger kvMiB."];
  return {
    name: "InputError",
    code: "prompt-too-long",
    message: `The prompt has ${promptTokens2} tokens and ${where} has room for ${most}. ${remedy}`,
    fields: { promptTokens: promptTokens2, most }
  };
}
function stepBudget(limits2) {
  return { tokens: limits2.maxStepTokens, rows: limits2.maxStepRows, logitRows: limits2.maxLogitRows };
}
function readyTurns(turns, contextTokens, lastPlan) {
  const ready = [];
  for (const turn of turns) {
    const standing = standingOf(turn, contextTokens, lastPlan);
    if (standing === "waits") return void 0;
    if (standing === "ready") ready.push(turn);
  }
  return ready;
}
function inStepOrder(turns) {
  const decoding = [];
  const prompts = [];
  for (const turn of turns) (decodes$1(turn) ? decoding : prompts).push(turn);
  return [...decoding, ...prompts];
}
function shareOf(turn, budget, chunk) {
  if (budget.rows === 0) return 0;
  const left = Math.max(1, tokensLeft(turn));
  const most = Math.min(turn.request.chunkTokens ?? left, left > chunk.longTokens ? chunk.tokens : left);
  const share = Math.min(left, most, budget.tokens);
  if (turn.request.output.kind === "logits") {
    const again = deliveredEnd(turn) - nextPosition(turn);
    return again > 0 ? Math.min(share, again) : Math.min(share, budget.logitRows);
  }
  return share === left && budget.logitRows === 0 ? share - 1 : share;
}
function rowOf(turn, count) {
  const { residence, conversation } = turn;
  if (residence === void 0) throw new Error(`${conversation.id} is planned on no device.`);
  const { table } = residence;
  const position = nextPosition(turn);
  const end = position + count;
  return {
    sequence: conversation.id,
    tokens: nextTokens(turn, count),
    position,
    blocks: table.blocks.slice(0, Math.ceil(end / table.blockTokens)),
    output: outputOf(turn, end)
  };
}
function takeFrom(budget, row) {
  budget.rows -= 1;
  budget.tokens -= row.tokens.length;
  const { kind } = row.output;
  budget.logitRows -= kind === "none" ? 0 : kind === "token" ? 1 : row.tokens.length;
}
function deliveredEnd({ request, delivered }) {
  return request.keep + delivered;
}
function outputOf(turn, end) {
  const { output } = turn.request;
  const { tokens } = turn.conversation;
  if (output.kind === "logits") return { kind: end > deliveredEnd(turn) ? "logits" : "none" };
  if (end < tokens.length) return NONE;
  const { sampling } = output;
  if (!hasPenalties(sampling)) {
    turn.sampled ??= { kind: "token", sampling: { ...sampling, promptTokens: [], completionTokens: [] } };
    return turn.sampled;
  }
  const prompt = promptTokens(turn);
  return {
    kind: "token",
    sampling: {
      ...sampling,
      promptTokens: sampling.repetitionPenalty === 1 ? [] : tokens.slice(0, prompt),
      completionTokens: tokens.slice(prompt)
    }
  };
}
const NONE = { kind: "none" };
const LEAST_CHUNK = 32;
const WHOLE = { tokens: Number.POSITIVE_INFINITY, longTokens: Number.POSITIVE_INFINITY };
class Device {
  spec;
  pool;
  drafting;
  observed = new Observations();
  /** Their blocks are reserved; in the order of rank. */
  turns = [];
  /** They wait for blocks; in the order of rank. */
  queue = [];
  flights = [];
  #steps;
  /** Turns that are on their way here, with their KV. */
  incoming = 0;
  #lastPlan = 0;
  /** Something has happened here since the last plan was refused. */
  #hasNews = true;
  /** What the pool had released by then. */
  #releases = -1;
  /** A turn found no blocks while plans were in flight: whether there are any is seen when all have reported. */
  #starved = false;
  /** What the pool had released when all of the queue was last refused: it is asked again when that is more. */
  #fullSince = -1;
  constructor(spec, pool, { drafts, steps }) {
    this.spec = spec;
    this.pool = pool;
    this.#steps = steps;
    pool.devices.add(this);
    if (drafts) this.drafting = new Drafting(spec.limits, pool.allocator);
  }
  get limits() {
    return this.spec.limits;
  }
  /** How many turns more can decode in one step. */
  get freeRows() {
    return this.limits.maxStepRows - this.turns.length - this.incoming;
  }
  /** The turn runs here from now on. One whose KV has crossed has its blocks. */
  add(turn) {
    this.#hasNews = true;
    this.#fullSince = -1;
    insertByRank(turn.admitted ? this.turns : this.queue, turn);
  }
  remove(turn) {
    const list = turn.admitted ? this.turns : this.queue;
    const at = list.indexOf(turn);
    if (at === -1) return;
    list.splice(at, 1);
    this.#hasNews = true;
    this.pool.idled();
  }
  /** The plan that reports, which is the first of all; undefined for one that is unknown. */
  landing(plan) {
    if (!this.flights.some((flight) => flight.plan.id === plan)) return void 0;
    const [first] = this.flights;
    if (first?.plan.id !== plan) throw new Error(`Plan ${plan} reported before one that was given earlier.`);
    this.flights.shift();
    this.#hasNews = true;
    return first;
  }
  /** What the step taught about steps. */
  record(flight, result) {
    this.drafting?.record(flight, result);
    const { rows } = flight.plan;
    const decoding = rows.filter(
      ({ tokens: tokens2, output }) => tokens2.length === 1 && output.kind !== "none"
    ).length;
    const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    this.observed.step(tokens - decoding, decoding, result.ms);
  }
  /** The next plan, of this id; undefined when there is nothing to run or it is not time yet. */
  compose(id, shortage) {
    if (!this.#hasNews && this.#releases === this.pool.releases) return void 0;
    const plan = this.#compose(id, shortage);
    if (plan !== void 0) return plan;
    this.#hasNews = false;
    this.#releases = this.pool.releases;
    return void 0;
  }
  #compose(id, shortage) {
    if (this.turns.length === 0 && this.queue.length === 0) return void 0;
    const ready = this.#ready();
    if (ready === void 0) return void 0;
    const budget = stepBudget(this.limits);
    const chunk = this.#chunkTokens();
    const rows = [];
    const turns = [];
    const copies = [];
    const take = (turn, count) => {
      const copied = this.#makeRoom(turn, count, id, shortage);
      if (copied === void 0) return;
      copies.push(...copied);
      const row = rowOf(turn, count);
      takeFrom(budget, row);
      rows.push(row);
      turns.push(turn);
      turn.ahead += count;
      if (turn.residence) turn.residence.lastPlan = id;
    };
    for (const turn of inStepOrder(ready)) {
      const count = turn.admitted ? shareOf(turn, budget, chunk) : 0;
      if (count > 0) take(turn, count);
    }
    this.#takeQueued(budget, chunk, take);
    if (rows.length === 0) return void 0;
    const drafting = this.flights.length === 0 ? this.drafting : void 0;
    const plan = {
      id,
      rows: drafting?.extend(rows, turns, budget) ?? rows,
      ...copies.length > 0 && { copies }
    };
    this.flights.push({ plan, turns });
    this.pool.planned(id);
    this.#lastPlan = id;
    return plan;
  }
  /** Tokens of a long prompt's chunk, and from how many on a prompt is long. */
  #chunkTokens() {
    const msPerToken = this.observed.prefillMsPerToken;
    const isAlone = this.turns.length + this.queue.length === 1 && this.pool.conversations === 1;
    if (this.#steps === void 0 || msPerToken === void 0 || isAlone) return WHOLE;
    const tokens = (ms) => Math.max(LEAST_CHUNK, Math.floor(ms / msPerToken));
    return { tokens: tokens(this.#steps.chunkMs), longTokens: tokens(this.#steps.longMs) };
  }
  /** The admitted turns that the next plan may hold; undefined while it has to wait for those in flight. */
  #ready() {
    if (this.flights.length >= this.limits.plansInFlight) return void 0;
    if (this.flights.length === 0) this.#starved = false;
    if (this.#starved) return void 0;
    const ready = readyTurns(this.turns, this.limits.contextTokens, this.#lastPlan);
    if (ready === void 0) return void 0;
    const alone = this.flights.length > 0 && this.queue.length === 0;
    return alone && this.drafting?.holdsBack(ready) ? void 0 : ready;
  }
  /** Turns of the queue that find their blocks begin. One that does not lets others by, but not forever. */
  #takeQueued(budget, chunk, take) {
    const { releases } = this.pool;
    if (this.#fullSince === releases) return;
    const passed = [];
    for (const turn of [...this.queue]) {
      if (this.freeRows <= 0 || budget.rows === 0 || budget.tokens === 0) return;
      if (passed.some(({ overtaken }) => overtaken >= MOST_OVERTAKEN)) break;
      if (!this.#admit(turn)) {
        passed.push(turn);
        continue;
      }
      for (const earlier of passed) earlier.overtaken += 1;
      const count = shareOf(turn, budget, chunk);
      if (count > 0) take(turn, count);
    }
    this.#fullSince = releases;
  }
  /** Reserves blocks for all that is known of the turn: a prompt is not begun that cannot end. The others keep a block each to grow. */
  #admit(turn) {
    const { conversation } = turn;
    const { tokens } = conversation;
    const hadNothing = this.pool.blocksOf(conversation.id) === 0;
    const residence = this.pool.enter(conversation, reusable(turn));
    turn.residence = residence;
    const blocks = this.reserve(residence.table.missingFor(tokens.length), this.turns.length);
    if (blocks === void 0) {
      turn.residence = void 0;
      if (hadNothing) this.pool.leave(residence);
      return false;
    }
    residence.table.addBlocks(blocks);
    conversation.ran = Math.max(conversation.ran, residence.table.length);
    turn.cachedTokens ??= Math.min(residence.table.length, tokens.length);
    this.queue.splice(this.queue.indexOf(turn), 1);
    turn.admitted = true;
    insertByRank(this.turns, turn);
    return true;
  }
  /** `count` blocks so that `spare` more are left, from those that idle conversations have if need be; not from `own`. */
  reserve(count, spare, own) {
    const { allocator } = this.pool;
    const canGo = (residence) => residence !== own && isIdle(residence);
    while (allocator.room < count + spare) if (!this.pool.evict(canGo)) break;
    if (allocator.room < count + spare) return void 0;
    const reservation = allocator.reserve(count);
    return reservation.kind === "ok" ? reservation.blocks : void 0;
  }
  /**
   * Blocks for the turn's next `count` tokens, and one of its own in place of a shared one that they go into. Plans in flight may hold
   * blocks that come back, or that nobody would have taken without running ahead: others lose theirs only when there are none.
   */
  #makeRoom(turn, count, plan, shortage) {
    const { residence } = turn;
    if (residence === void 0) throw new Error(`${turn.conversation.id} was admitted nowhere.`);
    const { table } = residence;
    const position = nextPosition(turn);
    for (; ; ) {
      const missing = table.missingFor(position + count);
      const needed = missing + this.pool.copiesAt(residence, position);
      const blocks = this.reserve(needed, 0);
      if (blocks) {
        table.addBlocks(blocks.slice(0, missing));
        return this.pool.own(residence, position, blocks[missing], plan);
      }
      const sharers = [...this.pool.devices];
      if (sharers.some(({ flights }) => flights.length > 0)) {
        this.#starved = this.flights.length > 0;
        return void 0;
      }
      const last = lastOf(sharers) ?? { turn, device: this };
      const isAlone = sharers.reduce((sum, { turns }) => sum + turns.length, 0) === 1;
      if (isAlone) this.#giveUp(turn, Math.max(1, needed), shortage);
      else {
        last.device.#preempt(last.turn);
        shortage.preempted += 1;
      }
      if (isAlone || last.turn === turn) return void 0;
    }
  }
  /** The turn begins again when there is room for it. */
  #preempt(turn) {
    const { residence } = turn;
    this.remove(turn);
    turn.admitted = false;
    turn.residence = void 0;
    if (residence) this.pool.leave(residence);
    insertByRank(this.queue, turn);
  }
  /** Alone and without a block. Where others still have blocks that will come back, it waits for them. */
  #giveUp(turn, needed, { stuck, short }) {
    const { total, used, room } = this.pool.allocator;
    const own = turn.residence?.table.blocks.length ?? 0;
    if (used > own) {
      short.push(this.pool);
      return;
    }
    const { id } = turn.conversation;
    stuck.push({ turn, error: kvFull(id, { needed, missing: needed - room, total }) });
  }
}
function lastOf(devices2) {
  let last;
  for (const device of devices2) {
    const turn = device.turns.findLast(({ ahead }) => ahead === 0);
    if (turn && (last === void 0 || comesBefore(last.turn, turn))) last = { turn, device };
  }
  return last;
}
const MOST_OVERTAKEN = 16;
function reusable({ request, conversation, delivered }) {
  return request.output.kind === "logits" ? request.keep + delivered : conversation.tokens.length - 1;
}
class Handoffs {
  /** Most blocks in host memory at once, of all handoffs together. */
  #stagingBlocks;
  #under = /* @__PURE__ */ new Map();
  /** Blocks that are being read or written, with an owner more until that is reported; by handoff, in the order of the commands. */
  #held = /* @__PURE__ */ new Map();
  #msPerBlock = { export: new Smoothed(), import: new Smoothed() };
  #commands = [];
  #ids = 0;
  constructor(stagingBlocks) {
    this.#stagingBlocks = stagingBlocks;
  }
  get all() {
    return this.#under.values();
  }
  get count() {
    return this.#under.size;
  }
  /** Blocks with an owner more. */
  get held() {
    return [...this.#held.values()].flat();
  }
  /** What a block takes from one device to another, lately; undefined before the first. */
  get msPerBlock() {
    const { export: out, import: into } = this.#msPerBlock;
    return out.value === void 0 || into.value === void 0 ? void 0 : out.value + into.value;
  }
  get(id) {
    return this.#under.get(id);
  }
  begin(source, from) {
    const { conversation } = source;
    const handoff = {
      id: ++this.#ids,
      conversation,
      from,
      source,
      target: void 0,
      turn: void 0,
      isLoan: false,
      tokens: void 0,
      first: 0,
      exported: 0,
      landed: 0,
      imported: 0,
      arrived: 0
    };
    this.#under.set(handoff.id, handoff);
    conversation.handoff = handoff;
    return handoff;
  }
  /** It goes there; `residence` has its blocks. What the residence has already does not cross. */
  bind(handoff, device, residence) {
    handoff.target = { device, residence };
    const has = Math.floor(residence.table.length / residence.table.blockTokens);
    handoff.first = has;
    handoff.exported = Math.max(handoff.exported, has);
    handoff.imported = has;
    handoff.arrived = has;
  }
  /** Whether all of it is there. */
  isDone({ target, tokens, source, arrived }) {
    if (target === void 0 || tokens === void 0) return false;
    return arrived >= Math.ceil(tokens / source.table.blockTokens);
  }
  end(handoff, outcome) {
    this.#under.delete(handoff.id);
    handoff.conversation.handoff = void 0;
    this.#commands.push({ kind: "handoff-ended", handoff: handoff.id, outcome });
  }
  /** The copy that was commanded first has ended, at `atMs`; undefined when it has failed. */
  reported(id, step, atMs) {
    const key = `${id} ${step}`;
    const held = this.#held.get(key) ?? [];
    const first = held.shift();
    if (held.length === 0) this.#held.delete(key);
    if (first) first.residence.pool.allocator.free(first.blocks);
    const handoff = this.#under.get(id);
    if (first === void 0 || atMs === void 0) return;
    this.#msPerBlock[step].add((atMs - first.sinceMs) / first.blocks.length);
    if (handoff === void 0) return;
    if (step === "export") handoff.landed = first.end;
    else handoff.arrived = first.end;
  }
  /** Its pool is gone: nothing in it has to be given back. */
  forget(gone) {
    for (const [key, held] of this.#held) {
      const left = held.filter(({ residence }) => !gone(residence));
      if (left.length > 0) this.#held.set(key, left);
      else this.#held.delete(key);
    }
  }
  /** What can be copied now, those that began first before the others. */
  pump(nowMs) {
    let [staged, waiting] = [0, 0];
    for (const handoff of this.#under.values()) {
      const blocks = stagedOf(handoff);
      staged += blocks;
      if (handoff.target === void 0) waiting += blocks;
    }
    for (const handoff of this.#under.values()) {
      const bound = handoff.target !== void 0;
      const room = bound ? this.#stagingBlocks - staged : Math.floor(this.#stagingBlocks / 2) - waiting;
      const count = Math.min(Math.max(0, room), leaving(handoff) - handoff.exported);
      if (count > 0) {
        this.#export(handoff, count, nowMs);
        staged += count;
        if (!bound) waiting += count;
      }
      this.#import(handoff, nowMs);
    }
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }
  #export(handoff, count, sinceMs) {
    const { id, source, from, exported: first } = handoff;
    const blocks = source.table.blocks.slice(first, first + count);
    handoff.exported += blocks.length;
    this.#hold(`${id} export`, { residence: source, blocks, end: handoff.exported, sinceMs });
    this.#commands.push({ kind: "export-blocks", device: from.spec.id, handoff: id, first, blocks });
  }
  #import(handoff, sinceMs) {
    const { id, target, imported: first } = handoff;
    if (target === void 0) return;
    const { residence, device } = target;
    const blocks = residence.table.blocks.slice(first, Math.min(handoff.landed, totalOf(handoff)));
    if (blocks.length === 0) return;
    handoff.imported += blocks.length;
    this.#hold(`${id} import`, { residence, blocks, end: handoff.imported, sinceMs });
    this.#commands.push({ kind: "import-blocks", device: device.spec.id, handoff: id, first, blocks });
  }
  #hold(key, entry) {
    entry.residence.pool.allocator.share(entry.blocks);
    const held = this.#held.get(key) ?? [];
    held.push(entry);
    this.#held.set(key, held);
  }
}
function stagedOf({ exported, arrived, target }) {
  return target === void 0 ? exported : Math.max(0, exported - arrived);
}
function leaving(handoff) {
  const { source, tokens, conversation } = handoff;
  const { blockTokens, length } = source.table;
  const { turn } = conversation;
  if (tokens !== void 0) return totalOf(handoff);
  if (turn?.residence !== source) return 0;
  const blocks = (length + turn.ahead) / blockTokens;
  return tokensLeft(turn) === 0 ? Math.ceil(blocks) : Math.floor(blocks);
}
function totalOf({ tokens, source }) {
  return tokens === void 0 ? Number.POSITIVE_INFINITY : Math.ceil(tokens / source.table.blockTokens);
}
function takeResults(device, { plan, turns }, result, sink) {
  for (const [index, row] of plan.rows.entries()) {
    const turn = turns[index];
    if (turn?.residence?.pool !== device.pool || turn.conversation.turn !== turn) continue;
    turn.ahead -= row.tokens.length;
    takeRow(device, turn, row, result.rows[index], sink);
  }
}
function takeRow(device, turn, row, result, sink) {
  if (result?.kind !== row.output.kind)
    throw new Error(`A step answered ${row.sequence} with the wrong kind.`);
  if (result.kind === "tokens") {
    takeDrafted(device, turn, row, result.tokens, sink);
    return;
  }
  grow(turn, endOf(row));
  if (result.kind === "token") takeToken(device, turn, result.token, sink);
  if (result.kind === "logits") takeLogits(turn, row, result.logits, sink);
  if (turn.leaves && turn.conversation.turn === turn && result.kind === "token") sink.prefilled(turn);
}
function takeDrafted(device, turn, { tokens: run, position }, sampled, sink) {
  const { conversation, residence } = turn;
  turn.drafted = 0;
  for (const [index, token] of sampled.entries()) {
    grow(turn, position + index + 1);
    takeToken(device, turn, token, sink);
    if (conversation.turn !== turn) return;
    if (run[index + 1] !== token) break;
    if (device.drafting) device.drafting.accepted += 1;
  }
  if (residence) residence.pool.cut(residence, residence.table.length);
}
function takeToken(device, turn, token, sink) {
  const { request, conversation } = turn;
  if (request.output.kind !== "tokens") return;
  device.drafting?.learn(turn, token);
  if (completionTokens(turn) === 0) sink.firstToken(turn);
  conversation.tokens.push(token);
  sink.deliver({ kind: "deliver-token", turn: request.turn, token });
  const outcome = outcomeAfter(turn, token, device.limits.contextTokens);
  if (outcome !== void 0) sink.end(turn, outcome);
}
function takeLogits(turn, { position, tokens }, logits, sink) {
  const { turn: id, keep } = turn.request;
  turn.delivered = position + tokens.length - keep;
  sink.deliver({ kind: "deliver-logits", turn: id, offset: position - keep, logits });
  if (tokensLeft(turn) === 0 && endsAt(turn)) sink.end(turn, { kind: "finish", reason: "end" });
}
function endsAt(turn) {
  return turn.residence?.table.length === promptTokens(turn);
}
function grow(turn, tokens) {
  const { residence, conversation } = turn;
  if (residence === void 0) throw new Error(`${conversation.id} has run on no device.`);
  residence.pool.grow(residence, tokens);
  conversation.ran = Math.max(conversation.ran, tokens);
}
function viewOf(device, nowMs) {
  const { spec, pool, limits: limits2, turns, queue, observed } = device;
  return {
    id: spec.id,
    role: spec.role,
    totalBlocks: limits2.blocks,
    get activeBlocks() {
      return activeBlocks(device);
    },
    get queuedTokens() {
      return [...turns, ...queue].reduce((sum, turn) => sum + Math.max(0, tokensLeft(turn) - 1), 0);
    },
    get turns() {
      return turns.length + queue.length;
    },
    conversations: pool.conversations,
    stepMs: observed.stepMs,
    prefillMsPerToken: observed.prefillMsPerToken,
    get ttftMs() {
      return observed.ttftMs(nowMs);
    },
    hasRoomFor: ({ id, tokens }) => {
      const needed = Math.ceil((tokens + 1) / limits2.blockTokens) - pool.blocksOf(id);
      return device.freeRows > 0 && activeBlocks(device) + needed + turns.length <= limits2.blocks;
    }
  };
}
function viewOfAway({ id, role, limits: limits2 }) {
  return {
    id,
    role,
    totalBlocks: limits2.blocks,
    activeBlocks: limits2.blocks,
    queuedTokens: Number.POSITIVE_INFINITY,
    turns: 0,
    conversations: 0,
    stepMs: void 0,
    prefillMsPerToken: void 0,
    ttftMs: void 0,
    hasRoomFor: () => false
  };
}
function activeBlocks({ pool }) {
  let blocks = 0;
  for (const residence of pool.residences) if (!isIdle(residence)) blocks += residence.table.blocks.length;
  return blocks;
}
class Placement {
  policy;
  #devices;
  /** Devices that are lost and expected back. */
  #away;
  #handoffs;
  /** Turns that run nowhere yet; in the order of rank. */
  #waiting = [];
  /** Something has happened since turns were placed last. */
  #changed = false;
  #answers = 0;
  #answerTokens = 0;
  constructor(policy, devices2, away, handoffs) {
    this.policy = policy;
    this.#devices = devices2;
    this.#away = away;
    this.#handoffs = handoffs;
  }
  get waiting() {
    return this.#waiting;
  }
  changed() {
    this.#changed = true;
  }
  add(turn) {
    insertByRank(this.#waiting, turn);
    this.#changed = true;
  }
  remove(turn) {
    const at = this.#waiting.indexOf(turn);
    if (at !== -1) this.#waiting.splice(at, 1);
  }
  /** A turn has ended with an answer of so many tokens. */
  answered(tokens) {
    this.#answers += 1;
    this.#answerTokens += tokens;
  }
  /** Finds places for what waits for one, if anything has changed. */
  place(nowMs) {
    if (!this.#changed) return;
    this.#changed = false;
    if (this.#handoffs.count === 0 && this.#waiting.length === 0) return;
    const views = [
      ...Array.from(this.#devices.values(), (device) => ({
        limits: device.limits,
        view: viewOf(device, nowMs)
      })),
      ...Array.from(this.#away.values(), (spec) => ({ limits: spec.limits, view: viewOfAway(spec) }))
    ];
    const past = this.#past();
    const worldOf = (conversation) => ({
      nowMs,
      devices: ableOf(views, conversation),
      past
    });
    for (const handoff of [...this.#handoffs.all])
      if (handoff.tokens !== void 0 && handoff.target === void 0)
        this.#bind(handoff, worldOf(handoff.conversation));
    for (const turn of [...this.#waiting]) {
      if (turn.conversation.handoff === void 0) this.#placeTurn(turn, worldOf(turn.conversation));
    }
  }
  /** Blocks of turns that will leave the device can leave as they are written. Returns whether there are any. */
  stream(device) {
    const leaving2 = device.turns.filter(({ leaves }) => leaves);
    for (const turn of leaving2) this.#stream(turn, device);
    return leaving2.length > 0;
  }
  /** All of the turn's prompt has run on `device`, which it leaves. */
  prefilled(turn, device) {
    const { residence, conversation } = turn;
    if (residence === void 0) throw new Error(`${conversation.id} has run on no device.`);
    device.remove(turn);
    turn.residence = void 0;
    turn.admitted = false;
    this.#leave(conversation, device, turn);
  }
  /** A turn has ended with its first token, on a device that its conversation leaves: what it has run goes where its later turns will run. */
  ended({ conversation, leaves, residence }) {
    const device = [...this.#devices.values()].find(({ pool }) => pool === residence?.pool);
    if (leaves && device) this.#leave(conversation, device);
  }
  /** The conversation was cut to `tokens` tokens while it was on its way. */
  cut({ handoff }, tokens) {
    if (handoff === void 0) return;
    if (handoff.tokens === void 0 || tokens === 0) this.drop(handoff);
    else {
      handoff.tokens = Math.min(handoff.tokens, tokens);
      this.arrived(handoff.id);
    }
  }
  /** Blocks of a handoff have entered. */
  arrived(id) {
    const handoff = this.#handoffs.get(id);
    if (handoff && this.#handoffs.isDone(handoff)) this.#complete(handoff);
  }
  /** What could not be copied is prefilled again. */
  failed(id) {
    const handoff = this.#handoffs.get(id);
    if (handoff === void 0) return;
    this.drop(handoff);
    const { source, turn, conversation } = handoff;
    if (conversation.turn === void 0 || conversation.turn === turn) source.pool.leave(source);
    if (turn && conversation.turn === turn) this.add(turn);
  }
  /** The last conversation that waits for a device to go to loses its KV, so that a turn can go on. False when there is none. */
  giveUpHandoff(pool) {
    const waiting = [...this.#handoffs.all].filter(({ source, target }) => source.pool === pool && !target);
    const last = waiting.at(-1);
    if (last === void 0) return false;
    this.failed(last.id);
    return true;
  }
  /** The conversation stays where it was. */
  drop(handoff) {
    this.#end(handoff, "dropped");
    if (handoff.target) handoff.target.residence.pool.leave(handoff.target.residence);
    this.#changed = true;
  }
  /** Its KV is gone with the device, and what is bound to it is not any more; its turns wait for another place. */
  lose(device, conversations) {
    const { pool, spec } = device;
    for (const handoff of [...this.#handoffs.all]) {
      const { source, target, turn, tokens, from, conversation } = handoff;
      if (source.pool !== pool && target?.residence.pool !== pool) continue;
      this.#end(handoff, "dropped");
      if (source.pool === pool) {
        if (target && target.residence.pool !== pool) target.residence.pool.leave(target.residence);
        if (turn && conversation.turn === turn) this.add(turn);
      } else if (handoff.isLoan) {
        if (turn && conversation.turn === turn) this.add(turn);
      } else if (tokens !== void 0) {
        const again = this.#handoffs.begin(source, from);
        again.tokens = tokens;
        again.turn = turn;
      }
    }
    this.#handoffs.forget((residence) => residence.pool === pool);
    for (const turn of [...device.turns, ...device.queue]) {
      turn.residence = void 0;
      turn.admitted = false;
      turn.leaves = false;
      turn.ahead = 0;
      turn.drafted = 0;
      this.add(turn);
    }
    for (const conversation of conversations) {
      conversation.residences.delete(pool);
      if (conversation.bound === spec.id) conversation.bound = void 0;
    }
    this.#changed = true;
  }
  #end(handoff, outcome) {
    const { target, source } = handoff;
    if (target && target.residence !== source) target.device.incoming -= 1;
    this.#handoffs.end(handoff, outcome);
  }
  #past() {
    const { msPerBlock } = this.#handoffs;
    const [device] = this.#devices.values();
    const blockTokens = device?.limits.blockTokens ?? 1;
    return {
      outputTokens: this.#answers === 0 ? void 0 : this.#answerTokens / this.#answers,
      handoffMsPerToken: msPerBlock === void 0 ? void 0 : msPerBlock / blockTokens
    };
  }
  #placeTurn(turn, world) {
    const { conversation } = turn;
    const placement = this.policy.place(turnView(turn, world), world);
    const device = placement && this.#devices.get(placement.device);
    if (placement === void 0 || device === void 0) return;
    const history = placement.moves ? this.#historyOf(conversation, device) : void 0;
    if (history) {
      const residence = this.#reserve(
        device,
        conversation,
        history.residence.table.length,
        conversation.tokens.length
      );
      if (residence === void 0) return;
      const handoff = this.#handoffs.begin(history.residence, history.device);
      handoff.tokens = history.residence.table.length;
      handoff.turn = turn;
      handoff.isLoan = placement.leaves;
      this.remove(turn);
      turn.leaves = placement.leaves;
      device.incoming += 1;
      this.#handoffs.bind(handoff, device, residence);
      this.arrived(handoff.id);
      return;
    }
    this.remove(turn);
    turn.leaves = placement.leaves;
    if (!placement.leaves) conversation.bound = placement.device;
    device.add(turn);
  }
  /** Where the most of the conversation's KV is, if that is more than `device` has. */
  #historyOf(conversation, { pool }) {
    let most = conversation.residences.get(pool)?.table.length ?? 0;
    let history;
    for (const residence of conversation.residences.values()) {
      const [device] = residence.pool.devices;
      if (device === void 0 || residence.table.length <= most) continue;
      most = residence.table.length;
      history = { residence, device };
    }
    return history;
  }
  #stream(turn, device) {
    const { conversation, residence } = turn;
    if (residence === void 0) return;
    const elsewhere = [...this.#devices.values()].some(({ pool }) => pool !== device.pool);
    if (conversation.handoff && conversation.handoff.source !== residence) this.drop(conversation.handoff);
    if (elsewhere && conversation.handoff === void 0) this.#handoffs.begin(residence, device);
  }
  #leave(conversation, device, turn) {
    const residence = conversation.residences.get(device.pool);
    if (residence === void 0) throw new Error(`${conversation.id} has nothing to hand over.`);
    const handoff = conversation.handoff ?? this.#handoffs.begin(residence, device);
    handoff.tokens = residence.table.length;
    handoff.turn = turn;
    this.#changed = true;
  }
  #bind(handoff, world) {
    const { conversation, source, tokens = 0 } = handoff;
    const view = { ...conversationView(conversation, world), at: handoff.from.spec.id };
    const id = this.policy.bind(view, world);
    const device = id === void 0 ? void 0 : this.#devices.get(id);
    if (device === void 0) return;
    if (device.pool === source.pool) {
      handoff.target = { device, residence: source };
      this.#complete(handoff);
      return;
    }
    const residence = this.#reserve(device, conversation, tokens, tokens);
    if (residence === void 0) return;
    device.incoming += 1;
    this.#handoffs.bind(handoff, device, residence);
    this.arrived(handoff.id);
  }
  /** Blocks on `device` for `upTo` tokens of the conversation and one more, of which the first `crossing` cross; undefined: no room. */
  #reserve(device, conversation, crossing, upTo) {
    const { pool } = device;
    if (device.freeRows <= 0) return void 0;
    const hadNothing = pool.blocksOf(conversation.id) === 0;
    const residence = pool.enter(conversation, crossing);
    const { table } = residence;
    const missing = table.missingFor(upTo + 1);
    const needed = missing + pool.copiesAt(residence, table.length);
    const blocks = device.reserve(needed, device.turns.length, residence);
    if (blocks === void 0) {
      if (hadNothing) pool.leave(residence);
      return void 0;
    }
    table.addBlocks(blocks.slice(0, missing));
    pool.own(residence, table.length, blocks[missing]);
    return residence;
  }
  /** The KV is where the conversation stays: its turn goes on there, and the blocks it came from are free. */
  #complete(handoff) {
    const { conversation, source, target, tokens = 0, turn, first } = handoff;
    if (target === void 0) return;
    const { residence, device } = target;
    this.#end(handoff, "done");
    const goesOn = turn !== void 0 && conversation.turn === turn;
    if (device !== handoff.from) conversation.moved.transfers += 1;
    if (residence !== source) {
      conversation.moved.blocks += handoff.arrived - first;
      residence.pool.grow(residence, tokens);
      if (!handoff.isLoan) source.pool.leave(source);
      else if (!goesOn) residence.pool.leave(residence);
    }
    if (!handoff.isLoan) conversation.bound = device.spec.id;
    this.#changed = true;
    if (!goesOn) {
      if (residence !== source && !handoff.isLoan) residence.pool.cut(residence, tokens);
      return;
    }
    turn.leaves = handoff.isLoan;
    turn.residence = residence;
    turn.admitted = true;
    turn.cachedTokens ??= residence.table.length;
    device.add(turn);
  }
}
function canHold(limits2, { tokens }) {
  return tokens.length <= Math.min(limits2.blocks * limits2.blockTokens, limits2.contextTokens);
}
function ableOf(views, conversation) {
  return views.flatMap(({ limits: limits2, view }) => canHold(limits2, conversation) ? [view] : []);
}
function conversationView({ id, tokens, bound }, { devices: devices2 }) {
  return {
    id,
    tokens: tokens.length,
    bound: devices2.some((device) => device.id === bound) ? bound : void 0
  };
}
function turnView({ conversation, request, arrivedMs }, world) {
  const { tokens, turn, output } = request;
  return {
    ...conversationView(conversation, world),
    newTokens: tokens.length,
    arrivedMs,
    turn,
    maxTokens: output.kind === "tokens" ? output.maxTokens : 0
  };
}
function least(items, measure) {
  let best;
  let least2 = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = measure(item);
    if (value >= least2) continue;
    best = item;
    least2 = value;
  }
  return best;
}
function ofRole(devices2, role) {
  const found = devices2.filter((device) => device.role === role || device.role === "both");
  return found.length > 0 ? found : devices2;
}
function occupancy({ activeBlocks: activeBlocks2, totalBlocks }) {
  return activeBlocks2 / totalBlocks;
}
const collocated = {
  name: "collocated",
  transfers: 0,
  place: (_, { devices: devices2 }) => stay(least(devices2, load)),
  bind: () => void 0
};
const collocatedSticky = {
  name: "collocated-sticky",
  transfers: 0,
  place: ({ bound }, { devices: devices2 }) => bound === void 0 ? stay(least(devices2, load)) : { device: bound, leaves: false, moves: false },
  bind: () => void 0
};
function load({ queuedTokens, turns, activeBlocks: activeBlocks2 }) {
  return queuedTokens + turns + activeBlocks2;
}
function stay(device) {
  return device && { device: device.id, leaves: false, moves: false };
}
class FreeList {
  #next;
  #previous;
  /** The end of the list in both directions. */
  #end;
  #length = 0;
  /** Holds all of them, in ascending order. */
  constructor(total) {
    this.#end = total;
    this.#next = new Int32Array(total + 1).fill(-1);
    this.#previous = new Int32Array(total + 1).fill(-1);
    this.#next[total] = total;
    this.#previous[total] = total;
    for (let item = 0; item < total; item++) this.pushBack(item);
  }
  get length() {
    return this.#length;
  }
  has(item) {
    return this.#next[item] !== -1;
  }
  /** Undefined when the list is empty. */
  shift() {
    const first = this.#at(this.#next, this.#end);
    if (first === this.#end) return void 0;
    this.remove(first);
    return first;
  }
  pushFront(item) {
    this.#insert(item, this.#end, this.#at(this.#next, this.#end));
  }
  pushBack(item) {
    this.#insert(item, this.#at(this.#previous, this.#end), this.#end);
  }
  remove(item) {
    const [previous, next] = [this.#at(this.#previous, item), this.#at(this.#next, item)];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[item] = -1;
    this.#length -= 1;
  }
  #insert(item, previous, next) {
    this.#next[previous] = item;
    this.#previous[next] = item;
    this.#next[item] = next;
    this.#previous[item] = previous;
    this.#length += 1;
  }
  #at(links, item) {
    return links[item] ?? this.#end;
  }
}
const NO_PREFIX = 0;
class PrefixIndex {
  #blockOf = /* @__PURE__ */ new Map();
  #contents = /* @__PURE__ */ new Map();
  /** Of several blocks with the same content the first stays known. */
  add(block, content) {
    if (this.#blockOf.has(content.hash)) return;
    this.#blockOf.set(content.hash, block);
    this.#contents.set(block, content);
  }
  has(block) {
    return this.#contents.has(block);
  }
  /** The block will hold something else. */
  forget(block) {
    const content = this.#contents.get(block);
    if (content === void 0) return;
    this.#contents.delete(block);
    this.#blockOf.delete(content.hash);
  }
  /** The longest run of full blocks of `tokens[0, limit)`. */
  match(tokens, blockTokens, limit) {
    const blocks = [];
    const hashes = [];
    let hash = NO_PREFIX;
    for (let start = 0; start + blockTokens <= Math.min(limit, tokens.length); start += blockTokens) {
      hash = chainHash(hash, tokens, start, start + blockTokens);
      const block = this.#blockOf.get(hash);
      if (block === void 0 || !this.#holds(block, tokens, start)) break;
      blocks.push(block);
      hashes.push(hash);
    }
    return { blocks, hashes };
  }
  #holds(block, tokens, start) {
    const held = this.#contents.get(block)?.tokens;
    return held?.every((token, index) => token === tokens[start + index]) ?? false;
  }
}
function chainHash(before, tokens, start, end) {
  let high = Math.floor(before / 2 ** 20) | 0;
  let low = before % 2 ** 20 ^ 625341585;
  for (let at = start; at < end; at++) {
    const token = (tokens[at] ?? 0) + 1;
    high = Math.imul(high ^ token, 2654435761);
    high ^= high >>> 15;
    low = Math.imul(low + token, 2246822507);
    low = low << 13 | low >>> 19;
  }
  return (high >>> 0) * 2 ** 20 + ((low ^ low >>> 12) & 1048575);
}
class BlockAllocator {
  total;
  #free;
  #owners;
  #index = new PrefixIndex();
  #peak = 0;
  #freed = 0;
  constructor(total) {
    this.total = total;
    this.#free = new FreeList(total);
    this.#owners = new Int32Array(total);
  }
  /** Blocks that have an owner. */
  get used() {
    return this.total - this.#free.length;
  }
  /** Blocks that `reserve` can hand out. */
  get room() {
    return this.#free.length;
  }
  /** Most blocks that ever had an owner at once. */
  get peak() {
    return this.#peak;
  }
  /** How many blocks became free, ever. */
  get freed() {
    return this.#freed;
  }
  owners(block) {
    return this.#owners[block] ?? 0;
  }
  /** All `count` blocks, with one owner and unknown content, or none. */
  reserve(count) {
    if (count > this.#free.length) return { kind: "full", missing: count - this.#free.length };
    const blocks = [];
    for (let left = count; left > 0; left--) {
      const block = this.#free.shift();
      if (block === void 0) throw new Error("The free KV blocks were miscounted.");
      this.#index.forget(block);
      this.#owners[block] = 1;
      blocks.push(block);
    }
    this.#peak = Math.max(this.#peak, this.used);
    return { kind: "ok", blocks };
  }
  /** One more owner for each, free ones included: their content stays. */
  share(blocks) {
    for (const block of blocks) {
      if (this.#free.has(block)) this.#free.remove(block);
      this.#owners[block] = this.owners(block) + 1;
    }
    this.#peak = Math.max(this.#peak, this.used);
  }
  /** One owner less for each. The last of the sequence are the first to be handed out again: others may share its beginning. */
  free(blocks) {
    for (const block of blocks.toReversed()) {
      const owners = this.owners(block);
      if (owners === 0) throw new Error(`KV block ${block} is freed but not taken.`);
      this.#owners[block] = owners - 1;
      if (owners > 1) continue;
      this.#freed += 1;
      if (this.#index.has(block)) this.#free.pushBack(block);
      else this.#free.pushFront(block);
    }
  }
  /** The block is full: it can be found by its content from now on. `hash` is that of the sequence up to its end. */
  remember(block, hash, tokens) {
    this.#index.add(block, { hash, tokens });
  }
  /** The block is going to be written to. */
  forget(block) {
    this.#index.forget(block);
  }
  /** Full blocks that hold the beginning of `tokens[0, limit)`; they are nobody's before they are shared. */
  match(tokens, blockTokens, limit) {
    return this.#index.match(tokens, blockTokens, limit);
  }
  /** Throws when the books do not add up, or differ from `held`: every block somebody says to hold, as often as it is held. */
  assertConsistent(held) {
    const counts = new Int32Array(this.total);
    for (const block of held) counts[block] = (counts[block] ?? 0) + 1;
    for (let block = 0; block < this.total; block++) {
      const [owners, count] = [this.owners(block), counts[block] ?? 0];
      if (owners !== count) throw new Error(`KV block ${block} has ${owners} owners and ${count} hold it.`);
      if (this.#free.has(block) !== (owners === 0)) throw new Error(`KV block ${block} is lost.`);
    }
    if (this.#peak < this.used || this.#peak > this.total) throw new Error("The peak of KV blocks is wrong.");
  }
}
class BlockTable {
  blockTokens;
  #blocks = [];
  /** Of the sequence up to the end of each full block. */
  #hashes = [];
  #length = 0;
  constructor(blockTokens) {
    this.blockTokens = blockTokens;
  }
  /** How many tokens' K and V are in the cache. */
  get length() {
    return this.#length;
  }
  get blocks() {
    return this.#blocks;
  }
  /** How many blocks to add before the sequence may grow to `tokens`. */
  missingFor(tokens) {
    return Math.max(0, Math.ceil(tokens / this.blockTokens) - this.#blocks.length);
  }
  addBlocks(blocks) {
    for (const block of blocks) this.#blocks.push(block);
  }
  /** Begins an empty table with full blocks of another sequence that begins alike. */
  begin({ blocks, hashes }) {
    if (this.#blocks.length > 0) throw new Error("A prefix for a table that is not empty.");
    this.#blocks.push(...blocks);
    this.#hashes.push(...hashes);
    this.#length = blocks.length * this.blockTokens;
  }
  /**
   * The step that wrote the next K and V has ended: `sequence[0, tokens)` is in the cache now. Blocks that became full are remembered by
   * `allocator`.
   */
  grow(tokens, sequence, allocator) {
    if (this.missingFor(tokens) > 0) throw new Error("Tokens without a KV block.");
    this.#length = tokens;
    const { blockTokens } = this;
    for (let at = this.#hashes.length; (at + 1) * blockTokens <= tokens; at++) {
      const [start, end] = [at * blockTokens, (at + 1) * blockTokens];
      const hash = chainHash(this.#hashes[at - 1] ?? NO_PREFIX, sequence, start, end);
      this.#hashes.push(hash);
      const block = this.#blocks[at];
      if (block !== void 0) allocator.remember(block, hash, sequence.slice(start, end));
    }
  }
  /** Another block in the place of one, with the same content. */
  replace(at, block) {
    this.#blocks[at] = block;
  }
  /** Keeps the first `tokens` tokens and the blocks they are in; returns the other blocks, which are the caller's to free. */
  truncate(tokens) {
    this.#length = Math.min(this.#length, tokens);
    this.#hashes.length = Math.min(this.#hashes.length, Math.floor(this.#length / this.blockTokens));
    return this.#blocks.splice(Math.ceil(this.#length / this.blockTokens));
  }
}
class Pool {
  id;
  allocator;
  devices = /* @__PURE__ */ new Set();
  #blockTokens;
  /** In the order of their last use. */
  #residences = /* @__PURE__ */ new Map();
  #inFlight = /* @__PURE__ */ new Set();
  #retired = [];
  /** How often conversations became idle whose blocks may be taken, ever. */
  #idled = 0;
  /** Blocks that could have been taken are being written to still. */
  #heldBack = false;
  constructor(id, blocks, blockTokens) {
    this.id = id;
    this.#blockTokens = blockTokens;
    this.allocator = new BlockAllocator(blocks);
  }
  get residences() {
    return this.#residences.values();
  }
  /** How many conversations have a residence here. */
  get conversations() {
    return this.#residences.size;
  }
  /** How many blocks the conversation has here. */
  blocksOf(conversation) {
    return this.#residences.get(conversation)?.table.blocks.length ?? 0;
  }
  get retired() {
    return this.#retired;
  }
  /** Grows whenever there may be more room. */
  get releases() {
    return this.allocator.freed + this.#idled;
  }
  /** A turn has left its conversation's blocks here. */
  idled() {
    this.#idled += 1;
  }
  /** What the conversation has here; a new residence begins with the blocks of others that hold its first tokens, `limit` at most. */
  enter(conversation, limit) {
    const known = conversation.residences.get(this);
    const residence = known ?? this.#settleIn(conversation);
    this.#touch(residence);
    const { table } = residence;
    if (table.length > 0 || table.blocks.length > 0) return residence;
    const match = this.allocator.match(conversation.tokens, this.#blockTokens, limit);
    this.allocator.share(match.blocks);
    table.begin(match);
    return residence;
  }
  /** A step has written the residence's K and V up to `tokens`. */
  grow(residence, tokens) {
    residence.table.grow(tokens, residence.conversation.tokens, this.allocator);
  }
  /** How many blocks it takes to go on at `position` in blocks that are the residence's own: 1 where that is in a shared one. */
  copiesAt({ table }, position) {
    const block = table.blocks[Math.floor(position / this.#blockTokens)];
    return block !== void 0 && this.allocator.owners(block) > 1 ? 1 : 0;
  }
  /**
   * Makes the block that `position` is in the residence's own, before anything is written there; `copy` takes the place of a shared one,
   * which `plan`, about to be made, reads; without a plan nothing of it is needed.
   */
  own(residence, position, copy, plan) {
    const { table } = residence;
    const at = Math.floor(position / this.#blockTokens);
    const block = table.blocks[at];
    if (block === void 0) return [];
    if (copy === void 0) {
      this.allocator.forget(block);
      return [];
    }
    table.replace(at, copy);
    if (plan === void 0) this.#retire(residence, [block]);
    else this.#retired.push({ plan, blocks: [block] });
    return position % this.#blockTokens === 0 ? [] : [{ from: block, to: copy }];
  }
  /** Keeps the first `tokens` tokens; blocks that are not needed for them go as soon as nothing in flight writes to them. */
  cut(residence, tokens) {
    this.#retire(residence, residence.table.truncate(tokens));
  }
  leave(residence) {
    this.cut(residence, 0);
    this.#residences.delete(residence.conversation.id);
    residence.conversation.residences.delete(this);
  }
  /** The conversation may go on with another one's first blocks: a fork. */
  share(from, conversation, tokens) {
    const residence = this.#settleIn(conversation);
    const blocks = from.table.blocks.slice(0, Math.ceil(tokens / this.#blockTokens));
    this.allocator.share(blocks);
    residence.table.addBlocks(blocks);
    residence.lastPlan = from.lastPlan;
    this.grow(residence, tokens);
  }
  /** It is the last one to make room for others. */
  #touch(residence) {
    const { id } = residence.conversation;
    this.#residences.delete(id);
    this.#residences.set(id, residence);
  }
  /** Takes the coldest idle conversation's blocks for others; they are found by their content until they are handed out. */
  evict(canGo) {
    for (const residence of this.#residences.values()) {
      if (residence.table.blocks.length === 0 || !canGo(residence)) continue;
      if (this.holds(residence)) {
        this.#heldBack = true;
        continue;
      }
      this.leave(residence);
      return true;
    }
    return false;
  }
  /** Whether a plan in flight may still write to its blocks. */
  holds({ lastPlan }) {
    for (const plan of this.#inFlight) if (plan <= lastPlan) return true;
    return false;
  }
  planned(plan) {
    this.#inFlight.add(plan);
  }
  /** The plan has reported: blocks that waited for it alone go. */
  settled(plan) {
    this.#inFlight.delete(plan);
    if (this.#heldBack) this.idled();
    this.#heldBack = false;
    if (this.#retired.length === 0) return;
    const first = Math.min(...this.#inFlight);
    for (const { plan: plan2, blocks } of this.#retired) if (plan2 < first) this.allocator.free(blocks);
    this.#retired = this.#retired.filter(({ plan: plan2 }) => plan2 >= first);
  }
  #retire(residence, blocks) {
    if (blocks.length === 0) return;
    if (this.holds(residence)) this.#retired.push({ plan: residence.lastPlan, blocks });
    else this.allocator.free(blocks);
  }
  #settleIn(conversation) {
    const table = new BlockTable(this.#blockTokens);
    const residence = { conversation, pool: this, table, lastPlan: 0 };
    conversation.residences.set(this, residence);
    this.#residences.set(conversation.id, residence);
    return residence;
  }
}
function snapshotOf(conversations, devices2, seen) {
  return {
    ...seen,
    devices: Array.from(devices2, deviceSnapshot),
    conversations: Array.from(conversations, conversationSnapshot)
  };
}
function deviceSnapshot({ spec, flights, turns, queue, drafting, pool }) {
  const { total, used, peak } = pool.allocator;
  const { drafted, accepted } = drafting ?? { drafted: 0, accepted: 0 };
  return {
    id: spec.id,
    role: spec.role,
    inFlight: flights.map(({ plan }) => plan.id),
    turns: turns.length,
    queued: queue.length,
    drafts: { drafted, accepted },
    blocks: { total, used, peak }
  };
}
function conversationSnapshot(conversation) {
  const { id, bound, residences, moved, turn } = conversation;
  const cached = Array.from(residences, ([pool, { table }]) => {
    return { pool: pool.id, tokens: table.length, blocks: table.blocks.length };
  });
  return {
    id,
    bound,
    cached,
    transfers: moved.transfers,
    movedBlocks: moved.blocks,
    turn: turn && turnSnapshot(turn)
  };
}
function turnSnapshot(turn) {
  const { conversation, request, arrivedMs, admitted } = turn;
  const runs = admitted ? decodes$1(turn) ? "decode" : "prefill" : "waits";
  return {
    turn: request.turn,
    phase: conversation.handoff?.turn === turn ? "handoff" : runs,
    arrivedMs,
    tokensLeft: tokensLeft(turn),
    completionTokens: completionTokens(turn)
  };
}
class Scheduler {
  #drafts;
  #policy;
  #devices = /* @__PURE__ */ new Map();
  #conversations = /* @__PURE__ */ new Map();
  /** In the order of arrival. */
  #turns = /* @__PURE__ */ new Map();
  #handoffs;
  #placement;
  /** Devices that are lost and expected back, and the error of the last one that was lost. */
  #away = /* @__PURE__ */ new Map();
  #lost;
  #steps = 0;
  #commands = [];
  constructor(options) {
    const { devices: devices2, policy = collocatedSticky, speculation = "auto", stagingBlocks = 256 } = options;
    this.#drafts = speculation === "auto";
    this.#policy = policy;
    this.#handoffs = new Handoffs(stagingBlocks);
    this.#placement = new Placement(policy, this.#devices, this.#away, this.#handoffs);
    for (const device of devices2) this.#join(device);
  }
  /** Takes one event that happened at `nowMs` and says what is to be done about it, the next steps first. */
  advance(event, nowMs) {
    this.#commands = [];
    this.#take(event, nowMs);
    const steps = [];
    for (; ; ) {
      const shortage = { stuck: [], preempted: 0, short: [] };
      this.#placement.place(nowMs);
      for (const device of this.#devices.values()) this.#compose(device, nowMs, steps, shortage);
      for (const { turn, error } of shortage.stuck) this.#end(turn, { kind: "fail", error });
      const given = shortage.short.filter((pool) => this.#placement.giveUpHandoff(pool)).length;
      if (shortage.stuck.length + shortage.preempted + given === 0) break;
    }
    return [...steps, ...this.#handoffs.pump(nowMs), ...this.#commands];
  }
  snapshot() {
    return snapshotOf(this.#conversations.values(), this.#devices.values(), {
      steps: this.#steps,
      handoffs: this.#handoffs.count
    });
  }
  /** The tokens that the conversation has run: its next turn can keep as many of them as it likes. */
  history(conversation) {
    const state = this.#conversations.get(conversation);
    return state === void 0 ? [] : state.tokens.slice(0, state.ran);
  }
  /** How many tokens `history` has. */
  ranTokens(conversation) {
    return this.#conversations.get(conversation)?.ran ?? 0;
  }
  /** How often the conversation has gone from one device to another, and the blocks that were copied for it. */
  movedOf(conversation) {
    return this.#conversations.get(conversation)?.moved ?? { transfers: 0, blocks: 0 };
  }
  /** How many of them are in the cache of the device that has most. */
  cachedTokens(conversation) {
    const residences = this.#conversations.get(conversation)?.residences.values() ?? [];
    return Math.max(0, ...Array.from(residences, ({ table }) => table.length));
  }
  /** Throws when the books do not add up; for tests. */
  assertConsistent() {
    assertConsistent({
      conversations: this.#conversations,
      turns: this.#turns,
      devices: [...this.#devices.values()],
      waiting: this.#placement.waiting,
      handoffs: this.#handoffs,
      recovering: this.#away.size > 0
    });
  }
  #take(event, nowMs) {
    switch (event.kind) {
      case "turn-arrived":
        this.#arrive(event.request, nowMs);
        break;
      case "turn-stopped":
        this.#end(this.#turns.get(event.turn), { kind: "finish", reason: event.reason });
        break;
      case "conversation-forked":
        this.#fork(event.conversation, event.from, event.tokens);
        break;
      case "conversation-closed":
        this.#close(this.#conversations.get(event.conversation));
        break;
      case "step-ended":
        this.#endStep(event.device, event.result, nowMs);
        break;
      case "step-failed":
        this.#failStep(event.device, event.plan, event.error);
        break;
      case "blocks-exported":
        this.#handoffs.reported(event.handoff, "export", nowMs);
        break;
      case "blocks-imported":
        this.#handoffs.reported(event.handoff, "import", nowMs);
        this.#placement.arrived(event.handoff);
        break;
      case "handoff-failed":
        this.#handoffs.reported(event.handoff, event.step, void 0);
        this.#placement.failed(event.handoff);
        break;
      case "device-joined":
        this.#join(event.device);
        break;
      case "device-lost":
        this.#lose(event.device, event.error, event.recovering);
        break;
    }
  }
  #arrive(request, nowMs) {
    const conversation = this.#conversations.get(request.conversation);
    const limits2 = this.#limits();
    const lost = limits2.length === 0 ? this.#lost : void 0;
    const refusal = lost ?? refusalOf(request, conversation, limits2);
    if (refusal !== void 0) {
      this.#commands.push({ kind: "turn-failed", turn: request.turn, error: refusal });
      return;
    }
    const state = conversation ?? this.#open(request.conversation);
    if (request.keep > state.ran) throw new Error("A turn keeps tokens that have not run.");
    this.#cut(state, request.keep);
    for (const token of request.tokens) state.tokens.push(token);
    const turn = {
      request,
      conversation: state,
      arrivedMs: nowMs,
      rank: rankOf(request, nowMs, this.#promptMs(request.tokens.length)),
      residence: void 0,
      admitted: false,
      leaves: false,
      cachedTokens: void 0,
      ahead: 0,
      drafted: 0,
      drafts: void 0,
      sampled: void 0,
      delivered: 0,
      overtaken: 0
    };
    state.turn = turn;
    this.#turns.set(request.turn, turn);
    this.#placement.add(turn);
  }
  /** What a prompt's length counts in the order of turns. */
  #promptMs(tokens) {
    const weight = this.#policy.steps?.promptWeight ?? 0;
    const seen = [...this.#devices.values()].flatMap(({ observed }) => observed.prefillMsPerToken ?? []);
    return seen.length === 0 ? 0 : weight * tokens * Math.min(...seen);
  }
  #open(id) {
    const conversation = {
      id,
      tokens: [],
      ran: 0,
      residences: /* @__PURE__ */ new Map(),
      bound: void 0,
      turn: void 0,
      handoff: void 0,
      moved: { transfers: 0, blocks: 0 }
    };
    this.#conversations.set(id, conversation);
    return conversation;
  }
  /** A block table more for the same blocks, on every device that has them. */
  #fork(id, from, tokens) {
    const origin = this.#conversations.get(from);
    if (this.#conversations.has(id)) throw new Error(`${id} exists already.`);
    if (origin === void 0) return;
    const count = Math.min(origin.ran, tokens ?? origin.ran);
    const fork = this.#open(id);
    for (const token of origin.tokens.slice(0, count)) fork.tokens.push(token);
    fork.ran = count;
    fork.bound = origin.bound;
    for (const [pool, residence] of origin.residences) {
      const shared = Math.min(count, residence.table.length);
      if (shared > 0) pool.share(residence, fork, shared);
    }
  }
  #close(conversation) {
    if (conversation === void 0) return;
    this.#end(conversation.turn, { kind: "fail", error: disposed(conversation.id) });
    if (conversation.handoff) this.#placement.drop(conversation.handoff);
    for (const residence of [...conversation.residences.values()]) residence.pool.leave(residence);
    this.#conversations.delete(conversation.id);
  }
  #join(spec) {
    const name = spec.pool ?? spec.id;
    const shared = [...this.#devices.values()].find(({ pool: pool2 }) => pool2.id === name)?.pool;
    const pool = shared ?? new Pool(name, spec.limits.blocks, spec.limits.blockTokens);
    this.#away.delete(spec.id);
    this.#devices.set(spec.id, new Device(spec, pool, { drafts: this.#drafts, steps: this.#policy.steps }));
    this.#placement.changed();
  }
  /** What was in flight there has landed for nothing, and its report is dropped if it still comes. Turns go on elsewhere, or when it is back. */
  #lose(id, error, recovering) {
    const lost = this.#devices.get(id);
    this.#lost = error;
    if (!recovering) this.#away.delete(id);
    for (const device of [...this.#devices.values()]) {
      if (device.pool !== lost?.pool) continue;
      this.#devices.delete(device.spec.id);
      if (recovering) this.#away.set(device.spec.id, device.spec);
      this.#placement.lose(device, this.#conversations.values());
    }
    const limits2 = this.#limits();
    for (const turn of [...this.#turns.values()]) {
      if (!limits2.some((device) => canHold(device, turn.conversation)))
        this.#end(turn, { kind: "fail", error });
    }
  }
  /** Of all devices, those that are expected back included. */
  #limits() {
    return [
      ...Array.from(this.#devices.values(), (device) => device.limits),
      ...Array.from(this.#away.values(), (spec) => spec.limits)
    ];
  }
  #endStep(id, result, nowMs) {
    const device = this.#devices.get(id);
    const flight = device?.landing(result.plan);
    if (device === void 0 || flight === void 0) return;
    device.record(flight, result);
    takeResults(device, flight, result, {
      deliver: (command) => this.#commands.push(command),
      end: (turn, outcome) => this.#end(turn, outcome),
      firstToken: (turn) => device.observed.firstToken(nowMs - turn.arrivedMs, nowMs),
      prefilled: (turn) => this.#placement.prefilled(turn, device)
    });
    this.#settle(device, flight);
  }
  #failStep(id, plan, error) {
    const device = this.#devices.get(id);
    const flight = device?.landing(plan);
    if (device === void 0 || flight === void 0) return;
    for (const turn of flight.turns)
      if (turn.conversation.turn === turn) this.#end(turn, { kind: "fail", error });
    this.#settle(device, flight);
  }
  /** Its plan has landed: blocks that only waited for it go. */
  #settle(device, { plan }) {
    device.pool.settled(plan.id);
    this.#placement.changed();
  }
  /** Ends a turn, whatever of it is in flight. */
  #end(turn, outcome) {
    if (turn === void 0) return;
    const { conversation, request } = turn;
    const end = endCommand(turn, outcome);
    conversation.turn = void 0;
    this.#turns.delete(request.turn);
    this.#placement.remove(turn);
    for (const device of this.#devices.values()) device.remove(turn);
    const undone = leavesNothing(turn, outcome);
    if (!undone && request.output.kind === "tokens") this.#placement.answered(completionTokens(turn));
    if (!undone) this.#placement.ended(turn);
    this.#cut(conversation, undone ? request.keep : conversation.ran);
    this.#placement.changed();
    this.#commands.push(end);
  }
  /** Keeps the first `tokens` tokens of the conversation, everywhere. */
  #cut(conversation, tokens) {
    conversation.tokens.length = tokens;
    conversation.ran = Math.min(conversation.ran, tokens);
    for (const residence of conversation.residences.values()) {
      const isTarget = conversation.handoff?.target?.residence === residence;
      if (!isTarget || residence.table.length > tokens) residence.pool.cut(residence, tokens);
    }
    this.#placement.cut(conversation, tokens);
  }
  /** All plans that the device can be given now; blocks that leave do so right behind the plan that fills them. */
  #compose(device, nowMs, steps, shortage) {
    for (; ; ) {
      const plan = device.compose(this.#steps + 1, shortage);
      if (plan === void 0) return;
      this.#steps = plan.id;
      steps.push({ kind: "run-step", device: device.spec.id, plan });
      if (this.#placement.stream(device)) steps.push(...this.#handoffs.pump(nowMs));
    }
  }
}
class SimulatedDevice {
  spec;
  #cost;
  #clock;
  #steps;
  /** When all that it was given will have run. */
  #freeMs = 0;
  constructor(spec, cost2, clock, steps) {
    this.spec = spec;
    this.#cost = cost2;
    this.#clock = clock;
    this.#steps = steps;
  }
  get freeMs() {
    return Math.max(this.#freeMs, this.#clock.nowMs);
  }
  run(plan, onEnd) {
    const work = workOf(plan);
    const startMs = this.freeMs;
    const ms = this.#cost(work);
    this.#freeMs = startMs + ms;
    this.#clock.at(this.#freeMs, () => {
      const { prefillTokens, decodes: decodes2 } = work;
      this.#steps.push({ device: this.spec.id, startMs, endMs: startMs + ms, prefillTokens, decodes: decodes2 });
      onEnd({
        plan: plan.id,
        rows: plan.rows.map(({ output, tokens }) => answer(output.kind, tokens.length)),
        ms
      });
    });
  }
}
function workOf({ rows }) {
  let [prefillTokens, decodes2, contextTokens] = [0, 0, 0];
  for (const { tokens, output, position } of rows) {
    contextTokens += position + tokens.length;
    if (tokens.length === 1 && output.kind === "token" && position > 0) decodes2 += 1;
    else prefillTokens += tokens.length;
  }
  return { prefillTokens, decodes: decodes2, contextTokens };
}
const TOKEN = 1;
function answer(kind, tokens) {
  if (kind === "token") return { kind, token: TOKEN };
  if (kind === "tokens") return { kind, tokens: Array(tokens).fill(TOKEN) };
  if (kind === "logits") throw new Error("A simulated device has no logits.");
  return { kind };
}
class VirtualClock {
  #alarms = new TinyQueue([], (a, b) => a.atMs - b.atMs || a.order - b.order);
  #nowMs = 0;
  #set = 0;
  get nowMs() {
    return this.#nowMs;
  }
  /** How many alarms have been set. */
  get set() {
    return this.#set;
  }
  /** @throws RangeError for a moment that is past or no number */
  at(atMs, ring) {
    if (!(atMs >= this.#nowMs))
      throw new RangeError(`It is ${this.#nowMs} ms and an alarm is set for ${atMs}.`);
    this.#alarms.push({ atMs, order: this.#set++, ring });
  }
  after(ms, ring) {
    this.at(this.#nowMs + ms, ring);
  }
  /** Until nothing is left to happen. */
  run() {
    for (let next = this.#alarms.pop(); next !== void 0; next = this.#alarms.pop()) {
      this.#nowMs = next.atMs;
      next.ring();
    }
  }
}
function simulate(workload, options) {
  return new Simulator(options).run(workload);
}
const GREEDY = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0
};
class Simulator {
  #clock = new VirtualClock();
  #scheduler;
  #policy;
  #link;
  #devices = /* @__PURE__ */ new Map();
  #steps = [];
  #copies = [];
  /** By turn. */
  #running = /* @__PURE__ */ new Map();
  #all = [];
  #turns = 0;
  #events = 0;
  #linkFreeMs = 0;
  constructor({ policy, devices: devices2, link }) {
    this.#policy = policy;
    this.#link = link;
    this.#scheduler = new Scheduler({ devices: devices2, policy, speculation: "off" });
    for (const { cost: cost2, ...spec } of devices2)
      this.#devices.set(spec.id, new SimulatedDevice(spec, cost2, this.#clock, this.#steps));
  }
  run(workload) {
    for (const given of workload) {
      const live = { given, turns: [], arrivedMs: 0, tokenMs: [], error: void 0, transfers: 0, movedBlocks: 0 };
      this.#all.push(live);
      this.#clock.at(given.arrivalMs, () => this.#arrive(live));
    }
    this.#clock.run();
    const blockBytes = [...this.#devices.values()][0]?.spec.limits.blockBytes ?? 0;
    return {
      policy: this.#policy.name,
      totalMs: this.#clock.nowMs,
      conversations: this.#all.map(({ given, turns, error, transfers, movedBlocks }) => {
        return { id: given.id, turns, error, transfers, movedBytes: movedBlocks * blockBytes };
      }),
      steps: this.#steps,
      copies: this.#copies,
      occupancy: [],
      events: this.#events
    };
  }
  #arrive(live) {
    const { id, turns } = live.given;
    const turn = turns[live.turns.length];
    if (turn === void 0) return;
    live.arrivedMs = this.#clock.nowMs;
    live.tokenMs = [];
    this.#turns += 1;
    this.#running.set(this.#turns, live);
    const first = this.#turns * 7919;
    const tokens = Array.from({ length: turn.inputTokens }, (_, at) => first + at);
    const output = { kind: "tokens", sampling: GREEDY, maxTokens: turn.outputTokens, endTokens: [], stopTokens: [] };
    const keep = this.#scheduler.ranTokens(id);
    this.#send({
      kind: "turn-arrived",
      request: { conversation: id, turn: this.#turns, keep, tokens, output }
    });
  }
  #send(event) {
    this.#events += 1;
    for (const command of this.#scheduler.advance(event, this.#clock.nowMs)) this.#do(command);
  }
  #do(command) {
    switch (command.kind) {
      case "run-step": {
        const { device, plan } = command;
        this.#devices.get(device)?.run(plan, (result) => this.#send({ kind: "step-ended", device, result }));
        break;
      }
      case "export-blocks":
        this.#copy(command, "export", this.#devices.get(command.device)?.freeMs ?? 0);
        break;
      case "import-blocks":
        this.#copy(command, "import", this.#clock.nowMs);
        break;
      case "deliver-token":
        this.#running.get(command.turn)?.tokenMs.push(this.#clock.nowMs);
        break;
      case "turn-finished":
        this.#finish(command.turn, void 0);
        break;
      case "turn-failed":
        this.#finish(command.turn, command.error.message);
        break;
    }
  }
  /** Behind what the device still has to run, and behind the copies before. */
  #copy({ device, handoff, blocks }, step, fromMs) {
    const bytes = blocks.length * (this.#devices.get(device)?.spec.limits.blockBytes ?? 0);
    const startMs = Math.max(fromMs, this.#linkFreeMs);
    const endMs = startMs + this.#link.latencyMs + bytes / this.#link.bytesPerMs;
    if (fromMs <= this.#clock.nowMs) this.#linkFreeMs = endMs;
    this.#clock.at(endMs, () => {
      this.#copies.push({ device, step, startMs, endMs, bytes });
      this.#send({ kind: step === "export" ? "blocks-exported" : "blocks-imported", handoff });
    });
  }
  #finish(turn, error) {
    const live = this.#running.get(turn);
    this.#running.delete(turn);
    if (live === void 0) return;
    const { given, turns, arrivedMs, tokenMs } = live;
    const pauseMs = given.turns[turns.length]?.delayMs ?? 0;
    turns.push({ arrivedMs, tokenMs, endedMs: this.#clock.nowMs, pauseMs });
    live.error = error;
    const next = given.turns[turns.length];
    if (next !== void 0 && error === void 0) this.#clock.after(next.delayMs, () => this.#arrive(live));
    else this.#clock.after(0, () => this.#close(live));
  }
  #close(live) {
    const moved = this.#scheduler.movedOf(live.given.id);
    live.transfers = moved.transfers;
    live.movedBlocks = moved.blocks;
    this.#send({ kind: "conversation-closed", conversation: live.given.id });
  }
}
const baton = {
  name: "baton",
  transfers: 1,
  steps: { promptWeight: 8, longMs: 600, chunkMs: 100 },
  place: (turn, { devices: devices2 }) => {
    const { bound, newTokens } = turn;
    if (bound !== void 0) return { device: bound, leaves: false, moves: false };
    const device = least(devices2, (device2) => delayMs(device2, newTokens));
    const home = homeOf(devices2.filter((device2) => device2.hasRoomFor(turn)));
    return device && { device: device.id, leaves: home !== void 0 && home !== device, moves: false };
  },
  bind: (conversation, { devices: devices2 }) => homeOf(devices2.filter((device) => device.id === conversation.at || device.hasRoomFor(conversation)))?.id
};
function delayMs({ queuedTokens, turns, prefillMsPerToken }, newTokens) {
  const msPerToken = prefillMsPerToken ?? 1;
  return (queuedTokens + newTokens * (turns + 1)) * msPerToken;
}
function homeOf(devices2) {
  const seen = devices2.flatMap(({ prefillMsPerToken }) => prefillMsPerToken ?? []);
  const slowest = MUCH_SLOWER * Math.min(...seen);
  return least(
    devices2.filter(({ prefillMsPerToken = 0 }) => prefillMsPerToken <= slowest),
    carriedBy
  );
}
const MUCH_SLOWER = 1.7;
function carriedBy({ turns, conversations, queuedTokens }) {
  return Number.isFinite(queuedTokens) ? turns + conversations : Number.POSITIVE_INFINITY;
}
const conserve = {
  name: "conserve",
  transfers: 1,
  place: ({ bound }, { devices: devices2 }) => {
    if (bound !== void 0) return { device: bound, leaves: false, moves: false };
    return toPrefiller(devices2);
  },
  bind: toDecoder
};
function toPrefiller(devices2) {
  const device = least(ofRole(devices2, "prefiller"), ({ queuedTokens }) => queuedTokens);
  return device && { device: device.id, leaves: device.role === "prefiller" && devices2.some(decodes), moves: true };
}
function toDecoder(conversation, { devices: devices2 }) {
  const decoders = devices2.filter(decodes);
  if (decoders.length === 0) return conversation.at;
  const bound = decoders.filter(({ id }) => id === conversation.bound);
  const open = (bound.length > 0 ? bound : decoders).filter((device) => device.hasRoomFor(conversation));
  return least(open, occupancy)?.id;
}
function decodes({ role }) {
  return role !== "prefiller";
}
const perTurn = {
  name: "per-turn",
  transfers: void 0,
  place: (_, { devices: devices2 }) => toPrefiller(devices2),
  bind: toDecoder
};
function uncachedThreshold(tokens) {
  return {
    name: "uncached-threshold",
    transfers: void 0,
    place: ({ bound, newTokens }, { devices: devices2 }) => bound !== void 0 && newTokens <= tokens ? { device: bound, leaves: false, moves: false } : toPrefiller(devices2),
    bind: toDecoder
  };
}
function byPredictedFinish(turn, world, outputTokens, errorOf) {
  const { bound, newTokens, tokens } = turn;
  const { devices: devices2, past } = world;
  const prefiller = toPrefiller(devices2);
  const here = devices2.find(({ id }) => id === bound);
  const there = devices2.find(({ id }) => id === prefiller?.device);
  if (here === void 0 || there === void 0 || prefiller === void 0 || !prefiller.leaves)
    return prefiller;
  const moveMs = (past.handoffMsPerToken ?? 0) * (tokens + newTokens);
  const stays = promptMs(here, newTokens) * errorOf + outputTokens * (here.stepMs ?? 0);
  const leaves = (promptMs(there, newTokens) + moveMs) * errorOf + outputTokens * (here.stepMs ?? 0);
  return stays <= leaves ? { device: here.id, leaves: false, moves: false } : prefiller;
}
function promptMs({ queuedTokens, prefillMsPerToken, stepMs, turns }, newTokens) {
  const tokens = queuedTokens + newTokens;
  return tokens * (prefillMsPerToken ?? 1) + (turns > 0 ? stepMs ?? 0 : 0);
}
function bindByFinish(outputTokens) {
  return (conversation, world) => {
    const decoders = ofRole(world.devices, "decoder").filter((device) => device.hasRoomFor(conversation));
    if (conversation.bound !== void 0 || decoders.length === 0) return toDecoder(conversation, world);
    const growth = outputTokens(world);
    return least(decoders, (device) => {
      const grown = device.activeBlocks + growth * (device.turns + 1) / 16;
      return (device.stepMs ?? 0) * growth + grown / device.totalBlocks;
    })?.id;
  };
}
const predictive = {
  name: "predictive",
  transfers: void 0,
  place: (turn, world) => byPredictedFinish(turn, world, world.past.outputTokens ?? 64, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? 64)
};
const clairvoyant = {
  name: "clairvoyant",
  transfers: void 0,
  place: (turn, world) => byPredictedFinish(turn, world, turn.maxTokens, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? 64)
};
function ampd({ ttftSloMs, tbtSloMs, error }) {
  return {
    name: "ampd",
    transfers: void 0,
    place: (turn, world) => {
      const { bound } = turn;
      const { devices: devices2 } = world;
      const prefillers = devices2.filter(({ role }) => role === "prefiller");
      const seen = prefillers.flatMap(({ ttftMs: ttftMs2 }) => ttftMs2 ?? []);
      const ttftMs = seen.reduce((sum, ms) => sum + ms, 0) / Math.max(1, seen.length);
      if (bound === void 0 || ttftMs <= SLACK * ttftSloMs) return toPrefiller(devices2);
      const stepMs = devices2.find(({ id }) => id === bound)?.stepMs ?? 0;
      if (stepMs <= SLACK * tbtSloMs) return { device: bound, leaves: false, moves: false };
      const factor = Math.exp(error * normalOf(turn.turn));
      return byPredictedFinish(turn, world, world.past.outputTokens ?? 64, factor);
    },
    bind: toDecoder
  };
}
const SLACK = 0.8;
function normalOf(turn) {
  const [first, second] = [uniformOf(turn, 2654435761), uniformOf(turn, 2246822507)];
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second);
}
function uniformOf(turn, salt) {
  let hash = Math.imul(turn + 1, salt);
  hash = Math.imul(hash ^ hash >>> 15, 739982445);
  hash = Math.imul(hash ^ hash >>> 12, 695872825);
  return ((hash ^ hash >>> 15) >>> 0) / 2 ** 32 + 2 ** -33;
}
const policies = {
  baton,
  conserve,
  collocated,
  "collocated-sticky": collocatedSticky,
  "per-turn": perTurn,
  "uncached-threshold": uncachedThreshold(256),
  ampd: ampd({ ttftSloMs: 2e3, tbtSloMs: 200, error: 0 }),
  predictive,
  clairvoyant
};
class Draws {
  #state;
  constructor(seed) {
    this.#state = seed >>> 0;
  }
  /** In [0, 1): mulberry32. */
  uniform() {
    this.#state = this.#state + 1831565813 >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }
  /** An integer in [min, max]. */
  integer(min, max) {
    return min + Math.floor(this.uniform() * (max - min + 1));
  }
  /** Of mean 1: the gaps of a Poisson process. */
  exponential() {
    return -Math.log(1 - this.uniform());
  }
  /** Standard normal (Box and Muller). */
  normal() {
    return Math.sqrt(2 * this.exponential()) * Math.cos(2 * Math.PI * this.uniform());
  }
  /** Log-normal of this median; `sigma` is the standard deviation of the logarithm. */
  logNormal(median, sigma) {
    return median * Math.exp(sigma * this.normal());
  }
}
function generateWorkload(options) {
  const { seed, conversations, ratePerSecond, shape: shape2 } = options;
  const arrivals = new Draws(seed ^ 1540483477);
  const draws = new Draws(seed);
  let arrivalMs = 0;
  return Array.from({ length: conversations }, (_, index) => {
    arrivalMs += arrivals.exponential() * 1e3 / ratePerSecond;
    const count = draws.integer(shape2.turns.min, shape2.turns.max);
    const turns = Array.from({ length: count }, (_2, turn) => drawTurn(draws, shape2, turn === 0));
    return { id: `agent-${index + 1}`, arrivalMs, turns };
  });
}
function drawTurn(draws, shape2, isFirst) {
  return {
    inputTokens: tokensFrom(draws, isFirst ? shape2.firstTokens : shape2.laterTokens),
    outputTokens: tokensFrom(draws, shape2.outputTokens),
    delayMs: isFirst ? 0 : drawFrom(draws, shape2.pauseMs)
  };
}
function tokensFrom(draws, distribution) {
  return Math.max(1, Math.round(drawFrom(draws, distribution)));
}
function drawFrom(draws, { median, sigma, min, max }) {
  return Math.min(max, Math.max(min, draws.logNormal(median, sigma)));
}
const limits = { blockTokens: 16, blockBytes: 110592, blocks: 2e4, maxStepTokens: 512, maxStepRows: 128, maxLogitRows: 128, contextTokens: 8192, vocabTokens: 32e3, plansInFlight: 2 };
const cost = ({ prefillTokens, decodes: decodes2 }) => 1 + 0.01 * prefillTokens + (decodes2 ? 5 : 0);
const D = Number(process.env.D ?? 4);
const devices = Array.from({ length: D }, (_, i) => ({ id: `d${i}`, role: process.env.ROLE === "pd" && i < D / 4 ? "prefiller" : process.env.ROLE === "pd" ? "decoder" : "both", limits, cost }));
const shape = { turns: { min: 2, max: 6 }, firstTokens: { median: 320, sigma: 0.5, min: 32, max: 1024 }, laterTokens: { median: 40, sigma: 0.6, min: 8, max: 256 }, outputTokens: { median: 64, sigma: 0.5, min: 4, max: 200 }, pauseMs: { median: 300, sigma: 0.8, min: 20, max: 3e3 } };
const w = generateWorkload({ seed: 1, conversations: Number(process.env.N ?? 1e3), ratePerSecond: 1e5, shape });
for (const name of (process.env.ONLY ?? "collocated-sticky,conserve,baton").split(",")) {
  const t = performance.now();
  const r = simulate(w, { policy: policies[name], devices, link: { bytesPerMs: 1e6, latencyMs: 0.1 } });
  const ms = performance.now() - t;
  const tokens = r.conversations.reduce((s, c) => s + c.turns.reduce((a, t2) => a + t2.tokenMs.length, 0), 0);
  console.log(name, "events", r.events, "ms", ms.toFixed(0), "events/s", (r.events / ms * 1e3).toFixed(0), "tokens/s", (tokens / ms * 1e3).toFixed(0), "steps", r.steps.length, "failed", r.conversations.filter((c) => c.error).length);
}
