import { composeResolvers, createConstantsResolver, linkWithResolver, RecordResolver } from "wesl/core";
import { ResourceType, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { DeviceError } from "../errors.ts";

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

export interface StructField {
  readonly name: string;
  readonly offset: number;
  readonly type: "u32" | "i32" | "f32";
}

export interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly kind: "uniform" | "read" | "read_write";
  /** A uniform's size and fields; empty for storage. */
  readonly bytes: number;
  readonly fields: readonly StructField[];
}

/** A linked shader and what it says of itself. */
export interface LinkedShader {
  readonly wgsl: string;
  readonly entryPoint: string;
  /** Group 0, in the order of binding numbers. */
  readonly bindings: readonly Binding[];
  /** Names of the override constants. */
  readonly overrides: readonly string[];
  /** Per axis a number, or the name of a constant or override. */
  readonly workgroupSize: readonly (number | string)[];
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
  const found = known.get(key) ?? linkText(sources, variant).then((text) => reflect(text, shader));
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

function parse(wgsl: string, name: string): WgslReflect {
  try {
    return new WgslReflect(withoutBodies(wgsl));
  } catch (cause) {
    throw invalid(name, `its reflection failed (${String(cause)}; words such as "block" are taken)`);
  }
}

/** Functions without what they do, which takes long to read and says nothing of bindings. */
function withoutBodies(wgsl: string): string {
  let kept = "";
  let depth = 0;
  let inFunction = false;
  for (const part of wgsl.split(/([{}]|\bfn\b)/)) {
    if (part === "}") depth--;
    if (part === "fn") inFunction = true;
    if (depth === 0 || !inFunction) kept += part;
    if (part === "{") depth++;
    if (part === "}" && depth === 0) inFunction = false;
  }
  return kept;
}

function reflect(wgsl: string, name: string): LinkedShader {
  const reflection = parse(wgsl, name);
  const entry = reflection.entry.compute[0];
  if (!entry) throw invalid(name, "it has no compute entry point");
  const size = entry.attributes?.find((attribute) => attribute.name === "workgroup_size")?.value;
  if (size === null || size === undefined) throw invalid(name, "it has no workgroup size");
  const workgroupSize = [size].flat().map((axis) => {
    const literal = Number.parseInt(axis, 10);
    return Number.isNaN(literal) ? axis : literal;
  });
  // Bind group arrays can have holes where a condition left a binding out.
  const group = (reflection.getBindGroups()[0] ?? []).filter((variable) => variable !== undefined);
  return {
    wgsl,
    entryPoint: entry.name,
    bindings: group.map((variable) => ({
      name: variable.name,
      binding: variable.binding,
      kind:
        variable.resourceType === ResourceType.Uniform
          ? "uniform"
          : variable.access === "read_write"
            ? "read_write"
            : "read",
      bytes: variable.size,
      fields: (variable.members ?? []).map((member) => ({
        name: member.name,
        offset: member.offset,
        type: scalarType(member.type.name, name),
      })),
    })),
    overrides: reflection.overrides.map((override) => override.name),
    workgroupSize,
  };
}

function scalarType(type: string, shader: string): StructField["type"] {
  if (type === "u32" || type === "i32" || type === "f32") return type;
  throw invalid(shader, `a uniform field has the type ${type}; only u32, i32 and f32 are used`);
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
