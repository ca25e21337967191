import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * The machine's own counters of energy, where it has any that this process may read: of processors, RAPL as Linux shows it
 * (Documentation/power/powercap), and of NVIDIA's cards the draw that `nvidia-smi` tells, summed over time.
 */
export class EnergyCounters {
  readonly #domains: readonly RaplDomain[];
  readonly #cards: CardDraw | undefined;

  private constructor(domains: readonly RaplDomain[], cards: CardDraw | undefined) {
    this.#domains = domains;
    this.#cards = cards;
  }

  /** Undefined where there are none. */
  static async open({
    powercap = POWERCAP,
    nvidiaSmi = NVIDIA_SMI,
  } = {}): Promise<EnergyCounters | undefined> {
    const [domains, cards] = await Promise.all([openDomains(powercap), CardDraw.open(nvidiaSmi)]);
    return domains.length > 0 || cards ? new EnergyCounters(domains, cards) : undefined;
  }

  /** Joules since they were opened, by the counter's name. To be read more often than a counter takes to go round, which is minutes. */
  async read(): Promise<Readonly<Record<string, number>>> {
    const domains = await Promise.all(
      this.#domains.map(async (one) => [one.name, await one.joules()] as const),
    );
    return Object.fromEntries([...domains, ...(this.#cards?.joules() ?? [])]);
  }

  close(): void {
    this.#cards?.close();
  }
}

const POWERCAP = "/sys/class/powercap";
const NVIDIA_SMI = "nvidia-smi";
const SAMPLE_MS = 100;
/** A driver in trouble lets the program wait for ever. */
const FIRST_LINE_MS = 5000;

/** Packages alone: their parts are in them, and `psys` counts them again. */
async function openDomains(folder: string): Promise<readonly RaplDomain[]> {
  const zones = await readdir(folder).catch(() => []);
  const packages = zones.filter((zone) => /^intel-rapl:\d+$/.test(zone)).toSorted();
  const opened = await Promise.all(packages.map((zone) => RaplDomain.open(join(folder, zone))));
  return opened.flatMap((domain) => (domain && domain.name !== "psys" ? [domain] : []));
}

/** A counter in microjoules, which begins again at 0 after its greatest value. */
class RaplDomain {
  readonly name: string;
  readonly #file: string;
  readonly #range: number;
  #last: number;
  #sum = 0;

  private constructor(name: string, file: string, range: number, last: number) {
    this.name = name;
    this.#file = file;
    this.#range = range;
    this.#last = last;
  }

  /** Undefined where it cannot be read: most systems show it to root alone. */
  static async open(folder: string): Promise<RaplDomain | undefined> {
    try {
      const file = join(folder, "energy_uj");
      const name = (await readFile(join(folder, "name"), "utf8")).trim();
      const range = await readNumber(join(folder, "max_energy_range_uj"));
      return new RaplDomain(name, file, range, await readNumber(file));
    } catch {
      return undefined;
    }
  }

  async joules(): Promise<number> {
    const now = await readNumber(this.#file);
    this.#sum += now >= this.#last ? now - this.#last : now - this.#last + this.#range;
    this.#last = now;
    return this.#sum / 1e6;
  }
}

async function readNumber(file: string): Promise<number> {
  const value = Number((await readFile(file, "utf8")).trim());
  if (!Number.isFinite(value)) throw new RangeError(`${file} holds no number`);
  return value;
}

/** What the cards draw, told every `SAMPLE_MS`. */
class CardDraw {
  readonly #child: ChildProcess;
  readonly #cards = new Map<string, { atMs: number; watts: number; joules: number }>();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Undefined where there is no such program, or no card that tells in time. */
  static async open(program: string): Promise<CardDraw | undefined> {
    const query = ["--query-gpu=index,power.draw", "--format=csv,noheader,nounits", `--loop-ms=${SAMPLE_MS}`];
    const child = spawn(program, query, { stdio: ["ignore", "pipe", "ignore"] });
    const draw = new CardDraw(child);
    const first = new Promise<boolean>((resolve) => {
      child.once("error", () => resolve(false));
      child.once("exit", () => resolve(false));
      setTimeout(() => resolve(false), FIRST_LINE_MS).unref();
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (draw.#take(line, performance.now())) resolve(true);
      });
    });
    if (await first) return draw;
    child.kill();
    return undefined;
  }

  joules(): readonly (readonly [string, number])[] {
    return [...this.#cards].map(([index, { joules }]) => [`gpu-${index}`, joules]);
  }

  close(): void {
    this.#child.kill();
  }

  #take(line: string, atMs: number): boolean {
    const [index = "", text = ""] = line.split(",").map((part) => part.trim());
    const watts = Number(text);
    if (index === "" || text === "" || !Number.isFinite(watts)) return false;
    const last = this.#cards.get(index);
    const joules =
      last === undefined ? 0 : last.joules + (((last.watts + watts) / 2) * (atMs - last.atMs)) / 1000;
    this.#cards.set(index, { atMs, watts, joules });
    return true;
  }
}
