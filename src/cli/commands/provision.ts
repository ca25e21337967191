import type { Command } from "commander";
import { checkNumber, invalidOption } from "../../conversation/option_checks.ts";
import { policies, policyNamed } from "../../scheduler/policies/table.ts";
import { gpus } from "../../simulator/gpus.ts";
import { type Offer, type ProvisionRequest, provision } from "../../simulator/provision.ts";
import { shapes } from "../../workload/shapes.ts";
import { formatTable } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, print, printJson, say } from "../io.ts";
import { parseNumber } from "../model_options.ts";
import { policyOption, sloOptions } from "../policy_options.ts";
import { readModel, readWorkload } from "../simulation_inputs.ts";

interface ProvisionOptions {
  readonly workload: string;
  readonly model: string;
  readonly policy: string;
  readonly prefillers: string;
  readonly decoders: string;
  readonly most: number;
  readonly by: string;
  readonly share: number;
  readonly seed: number;
  readonly conversations: number;
  readonly rate: number;
  readonly ttftSlo: number;
  readonly tbtSlo: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
For each pair of cards: the fewest decoders that are enough with each number of prefillers, beginning with what the load needs at the
least (Little's law). Prices are relative to an A40's, an assumption.

Example:
  $ baton provision --workload chat --rate 20 --prefillers a40,a100 --decoders l4,a40 --by energy
`;

export function addProvision(program: Command, io: Io): void {
  const cards = Object.keys(gpus).join(", ");
  program
    .command("provision")
    .description("Find how many prefillers and decoders of which card a workload needs, by simulation.")
    .requiredOption("--workload <file>", `turns, a line each, or a name: ${Object.keys(shapes).join(", ")}`)
    .option("--model <model>", "a name, or a JSON file with its shape", "qwen3-0.6b")
    .option("--policy <name>", `one of ${Object.keys(policies).join(", ")}`, "baton")
    .option("--prefillers <cards>", `some of ${cards}`, "a40")
    .option("--decoders <cards>", "some of them", "a40,l4")
    .option("--most <number>", "devices of a role", parseNumber("--most"), 16)
    .option("--by <what>", "price or energy: what the best is cheapest in", "price")
    .option("--share <number>", "of the conversations that have to keep the SLOs", parseNumber("--share"), 0.95) // biome-ignore format: one option
    .option("--seed <number>", "of the workload that a name generates", parseNumber("--seed"), 1)
    .option("--conversations <number>", "of a generated workload", parseNumber("--conversations"), 200)
    .option("--rate <per second>", "conversations of a generated workload that come in a second", parseNumber("--rate"), 1) // biome-ignore format: one option
    .option("--ttft-slo <ms>", "most a turn may wait for its first token", parseNumber("--ttft-slo"), 2000)
    .option("--tbt-slo <ms>", "most the mean time between tokens may be", parseNumber("--tbt-slo"), 50)
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .addHelpText("after", HELP)
    .action(async (options: ProvisionOptions) => {
      const request = await requestOf(options);
      const tried: Offer[] = [];
      const found = await interruptible(io, async (signal) => {
        const search = provision(request);
        for (let next = search.next(); ; next = search.next()) {
          if (next.done) return next.value;
          tried.push(next.value);
          if (options.quiet !== true) say(io, `tried: ${lineOf(next.value)}`);
          // So that Ctrl-C is heard.
          await new Promise((resolve) => setTimeout(resolve, 0));
          signal.throwIfAborted();
        }
      });
      const result = { best: found.best ?? null, enough: found.enough, tried };
      await (options.json ? printJson(io, result) : print(io, textOf(found.best, found.enough, request)));
    });
}

async function requestOf(options: ProvisionOptions): Promise<ProvisionRequest> {
  const { policy, by } = options;
  const slo = sloOptions(options);
  if (by !== "price" && by !== "energy") throw invalidOption("--by", by, "price or energy");
  const ratePerSecond = checkNumber("--rate", options.rate, { above: 0, max: 1_000_000 });
  return {
    workload: await readWorkload(options.workload, {
      seed: checkNumber("--seed", options.seed, { min: 0, max: 2 ** 31, integer: true }),
      conversations: checkNumber("--conversations", options.conversations, { min: 1, max: 1_000_000, integer: true }), // biome-ignore format: one number
      arrivals: { kind: "poisson", ratePerSecond },
    }),
    model: await readModel(options.model),
    policy: policyNamed(policyOption("--policy", policy), slo),
    slo,
    share: checkNumber("--share", options.share, { above: 0, max: 1 }),
    prefillers: cardsOf("--prefillers", options.prefillers),
    decoders: cardsOf("--decoders", options.decoders),
    most: checkNumber("--most", options.most, { min: 1, max: 1000, integer: true }),
    by,
  };
}

function cardsOf(option: string, text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(gpus, name));
  if (unknown === undefined) return names;
  throw invalidOption(option, unknown, `some of ${Object.keys(gpus).join(", ")}`);
}

function lineOf({ prefiller, prefillers, decoder, decoders, sloShare }: Offer): string {
  return `${prefillers} x ${prefiller} and ${decoders} x ${decoder} keep the SLOs of ${(100 * sloShare).toFixed(0)}%`;
}

function textOf(
  best: Offer | undefined,
  enough: readonly Offer[],
  { share, most, by }: ProvisionRequest,
): string {
  if (best === undefined)
    return `No fleet of at most ${most} devices a role keeps the SLOs of ${100 * share}% of the conversations.\n`;
  const rows = enough.map((offer) => [
    offer === best ? "best" : "",
    `${offer.prefillers} x ${offer.prefiller}`,
    `${offer.decoders} x ${offer.decoder}`,
    (100 * offer.sloShare).toFixed(1),
    offer.joulesPerToken.toFixed(2),
    offer.pricePerHour.toFixed(2),
    `${offer.bound.prefillers} and ${offer.bound.decoders}`,
  ]);
  const head = [
    `by ${by}`,
    "prefillers",
    "decoders",
    "SLO %",
    "J/token",
    "A40s' price",
    "needed at the least",
  ];
  return formatTable([head, ...rows], [3, 4, 5]);
}
