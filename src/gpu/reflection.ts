import {
  type AttributeElem,
  declsOfKind,
  parseSrcModule,
  type StructElem,
  throwOnParseError,
} from "wesl/core";

/** What a shader's text says of itself, by the parser that its linker has. */

export interface StructField {
  readonly name: string;
  readonly offset: number;
  readonly type: "u32" | "i32" | "f32";
}

export interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly kind: "uniform" | "read" | "read_write";
  /** A uniform's size and fields; 0 and empty for storage. */
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

/** Of every type that a uniform's field may have. */
const FIELD_BYTES = 4;

/** @throws Error that says what it does not find, or not understand */
export function reflect(wgsl: string): LinkedShader {
  const src = withoutBodies(wgsl);
  const ast = parseSrcModule({ modulePath: "package::linked", debugFilePath: "linked.wgsl", src }, { keepComments: false }); // biome-ignore format: one record
  throwOnParseError(ast);
  const textOf = ({ start, end }: { readonly start: number; readonly end: number }) => src.slice(start, end);
  const parametersOf = ({ attributes = [] }: { attributes?: AttributeElem[] }, name: string) => {
    const found = attributes.find(
      ({ attribute }) => attribute.kind === "@attribute" && attribute.name === name,
    );
    if (found?.attribute.kind !== "@attribute") return undefined;
    return (found.attribute.params ?? []).map((parameter) => textOf(parameter).trim());
  };
  const structs = new Map(declsOfKind(ast.moduleElem, "struct").map((one) => [textOf(one.name), one]));
  const fieldsOf = ({ members }: StructElem): readonly StructField[] =>
    members.map(({ name, typeRef }, index) => {
      return { name: name.name, offset: FIELD_BYTES * index, type: scalarType(textOf(typeRef)) };
    });
  const bindings = declsOfKind(ast.moduleElem, "gvar").flatMap((variable): Binding[] => {
    const [number] = parametersOf(variable, "binding") ?? [];
    const { decl, typeRef } = variable.name;
    if (number === undefined || typeRef === undefined) return [];
    const [space, access] = (variable.template ?? []).map(({ name }) => name);
    const shared = { name: textOf(decl), binding: Number.parseInt(number, 10) };
    if (space !== "uniform")
      return [{ ...shared, kind: access === "read_write" ? "read_write" : "read", bytes: 0, fields: [] }];
    const struct = structs.get(textOf(typeRef));
    if (struct === undefined) throw new Error(`the uniform ${shared.name} is no struct`);
    const fields = fieldsOf(struct);
    return [{ ...shared, kind: "uniform", bytes: FIELD_BYTES * fields.length, fields }];
  });
  const entry = declsOfKind(ast.moduleElem, "fn").find((one) => parametersOf(one, "compute") !== undefined);
  if (!entry) throw new Error("it has no compute entry point");
  const size = parametersOf(entry, "workgroup_size");
  if (size === undefined) throw new Error("it has no workgroup size");
  return {
    wgsl,
    entryPoint: textOf(entry.name),
    bindings: bindings.toSorted((a, b) => a.binding - b.binding),
    overrides: declsOfKind(ast.moduleElem, "override").map(({ name }) => textOf(name.decl)),
    workgroupSize: size.map((axis) => (/^\d/.test(axis) ? Number.parseInt(axis, 10) : axis)),
  };
}

/** Functions without what they do, which takes long to read and says nothing of bindings. */
function withoutBodies(wgsl: string): string {
  let kept = "";
  let depth = 0;
  let inFunction = false;
  for (const part of wgsl.split(/([{}]|\bfn\b)/)) {
    if (part === "fn") inFunction = true;
    if (depth === 0 || !inFunction || (part === "}" && depth === 1)) kept += part;
    if (part === "{") depth++;
    if (part === "}") depth--;
    if (part === "}" && depth === 0) inFunction = false;
  }
  return kept;
}

function scalarType(type: string): StructField["type"] {
  if (type === "u32" || type === "i32" || type === "f32") return type;
  throw new Error(`a uniform field has the type ${type}; only u32, i32 and f32 are used`);
}
