import { readFile } from "node:fs/promises";
import { invalidOption } from "../conversation/option_checks.ts";
import { modelCosts } from "../simulator/device_file.ts";
import type { ModelCosts } from "../simulator/roofline.ts";
import type { Arrivals } from "../workload/arrivals.ts";
import { generateWorkload } from "../workload/generate.ts";
import { type ShapeName, shapes } from "../workload/shapes.ts";
import { parseTrace } from "../workload/trace.ts";
import type { WorkloadConversation } from "../workload/workload.ts";

/** What the commands that simulate read: files, or names in their place. */

interface Generated {
  readonly seed: number;
  readonly conversations: number;
  readonly arrivals: Arrivals;
}

/** A file of turns, or conversations of the shape that has this name. @throws InputError `invalid-option` */
export async function readWorkload(
  name: string,
  generated: Generated,
): Promise<readonly WorkloadConversation[]> {
  if (isShape(name)) return generateWorkload({ ...generated, shape: shapes[name] });
  return parseTrace(await readText("--workload", name), name);
}

function isShape(name: string): name is ShapeName {
  return Object.hasOwn(shapes, name);
}

/** A file of a model's shape, or a name of the table. @throws InputError `invalid-option` */
export async function readModel(name: string): Promise<ModelCosts> {
  return modelCosts(name.endsWith(".json") ? await readJson("--model", name) : name, name);
}

/** @throws InputError `invalid-option` */
export async function readJson(option: string, path: string): Promise<unknown> {
  const text = await readText(option, path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidOption(option, path, `a file of JSON (${String(cause)})`);
  }
}

/** @throws InputError `invalid-option` */
export async function readText(option: string, path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw invalidOption(option, path, `a file that can be read (${cause.code})`);
  });
}
