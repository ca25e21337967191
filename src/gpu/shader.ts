import { composeResolvers, createConstantsResolver, linkWithResolver, RecordResolver } from "wesl/core";
import { DeviceError } from "../errors.ts";
import { type LinkedShader, reflect } from "./reflection.ts";

/** WESL modules by path under `shaders/`: `rms_norm.wesl`, `lib/weights.wesl`. */
export type ShaderSources = Readonly<Record<string, string>>;

/** One specialisation of a shader file. */
export interface ShaderVariant {
  /** File name without its ending. */
  readonly shader: string;
  /** WESL `@if` conditions; those absent are false. */
  readonly conditions?: Readonly<Record<string, boolean>>;
  /** WESL link-time constants, for what WGSL cannot override (the size of a register tile). */
  readonly constants?: Readonly<Record<string, number>>;
}

/**
 * Links a variant and reads its bindings, overrides and workgroup size out of the result; once, however many devices want it. It is work
 * of the host's, so that a device which is opened while others run would hold up what they wait for.
 * @throws DeviceError `shader-invalid`
 */
export function linkShader(sources: ShaderSources, variant: ShaderVariant): Promise<LinkedShader> {
  const { shader, conditions, constants } = variant;
  const key = JSON.stringify([shader, conditions, constants]);
  const known = linked.get(sources) ?? new Map<string, Promise<LinkedShader>>();
  linked.set(sources, known);
  const found = known.get(key) ?? linkAndReflect(sources, variant);
  known.set(key, found);
  return found;
}

const linked = new WeakMap<ShaderSources, Map<string, Promise<LinkedShader>>>();
const resolvers = new WeakMap<ShaderSources, RecordResolver>();

/** Each module is parsed once, however many variants are linked of it. */
function parsed(sources: ShaderSources): RecordResolver {
  const known = resolvers.get(sources) ?? new RecordResolver({ ...sources }, { keepComments: false });
  resolvers.set(sources, known);
  return known;
}

async function linkAndReflect(sources: ShaderSources, variant: ShaderVariant): Promise<LinkedShader> {
  const wgsl = await linkText(sources, variant);
  try {
    return reflect(wgsl);
  } catch (cause) {
    throw invalid(variant.shader, cause instanceof Error ? cause.message : String(cause));
  }
}

async function linkText(sources: ShaderSources, variant: ShaderVariant): Promise<string> {
  try {
    const linked = await linkWithResolver({
      resolver: composeResolvers(parsed(sources), createConstantsResolver({ ...variant.constants })),
      rootModuleName: variant.shader,
      conditions: { ...variant.conditions },
      sourceMap: false,
    });
    return linked.dest;
  } catch (cause) {
    throw invalid(variant.shader, `it does not link (${String(cause)})`);
  }
}

function invalid(shader: string, why: string): DeviceError {
  return new DeviceError(
    "shader-invalid",
    `The shader "${shader}" is unusable: ${why}. This is a defect of Baton.`,
    {
      shader,
    },
  );
}
