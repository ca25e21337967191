import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { InputError } from "../errors.ts";
import type { ToolDefinition } from "../protocol/chat.ts";

/** Chat templates are Jinja, rendered with the settings and globals that transformers gives them. */

/** A message as templates know it. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** The tool's, of its result. */
  readonly name?: string;
}

export interface TemplateVariables {
  readonly messages: readonly ChatMessage[];
  /** Empty for a template that is to tell of none. */
  readonly tools: readonly ToolDefinition[];
  readonly addGenerationPrompt: boolean;
  /** `bos_token` and the like; left out where the model has none. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** For templates that print the date. */
  readonly now: Date;
}

export type Render = (variables: TemplateVariables) => string;

/** Most items that all `range` calls of one rendering give together, so that a hostile template comes to an end. */
const MAX_RANGE_ITEMS = 100_000;
/** Real templates take milliseconds; one that takes so long was made to hang whoever loads its file. */
const MOST_MS = 5000;
/** How many evaluations there are between two looks at the clock. */
const LOOK_EVERY = 16;

type Arguments = Parameters<Interpreter["evaluate"]>;

/** Every part of a template that is evaluated comes through here, so that loops within loops end as well. */
class TimedInterpreter extends Interpreter {
  readonly #endMs = performance.now() + MOST_MS;
  #left = LOOK_EVERY;

  override evaluate(...given: Arguments): ReturnType<Interpreter["evaluate"]> {
    this.#left -= 1;
    if (this.#left === 0) {
      this.#left = LOOK_EVERY;
      if (performance.now() > this.#endMs) throw new Error(`it takes more than ${MOST_MS} ms`);
    }
    return super.evaluate(...given);
  }
}

/** @throws InputError `invalid-template`; so does what it returns, with the template's own `raise_exception` message */
export function compileTemplate(source: string): Render {
  const program = attempt("cannot be read", () =>
    parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })),
  );
  return (variables) =>
    attempt("refuses these messages", () => {
      const result = new TimedInterpreter(createEnvironment(variables)).run(program);
      return String(result.value);
    });
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      "invalid-template",
      `The model's chat template ${what}: ${reason}`,
      { reason },
      { cause },
    );
  }
}

function createEnvironment(variables: TemplateVariables): Environment {
  const environment = new Environment();
  const globals: Record<string, unknown> = {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range: createRange(),
    raise_exception: (message: string) => {
      throw new Error(message);
    },
    strftime_now: (format: string) => formatDate(variables.now, format),
    // Mutable copies: a template may sort or pop what it is given.
    messages: variables.messages.map((message) => ({ ...message })),
    add_generation_prompt: variables.addGenerationPrompt,
    tools: variables.tools.length === 0 ? null : variables.tools.map(asFunction),
    documents: null,
    ...variables.specialTokens,
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  return environment;
}

/** As OpenAI's API has it, which is what templates read. */
function asFunction({ name, description = "", parameters }: ToolDefinition): object {
  return { type: "function", function: { name, description, parameters: structuredClone(parameters) } };
}

/** Python's `range`. */
function createRange(): (first: number, second?: number, step?: number) => number[] {
  let items = 0;
  return (first, second, step = 1) => {
    const [start, stop] = second === undefined ? [0, first] : [first, second];
    const length = Math.max(0, Math.ceil((stop - start) / step));
    items += length;
    if (!(items <= MAX_RANGE_ITEMS)) throw new Error(`range() gives more than ${MAX_RANGE_ITEMS} items`);
    return Array.from({ length }, (_, index) => start + index * step);
  };
}

/** Python's `strftime` in the C locale, as far as templates use it. */
function formatDate(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const named = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-US", options).format(date);
  const fields: Readonly<Record<string, () => string>> = {
    "%Y": () => String(date.getFullYear()),
    "%y": () => two(date.getFullYear() % 100),
    "%m": () => two(date.getMonth() + 1),
    "%d": () => two(date.getDate()),
    "%b": () => named({ month: "short" }),
    "%B": () => named({ month: "long" }),
    "%a": () => named({ weekday: "short" }),
    "%A": () => named({ weekday: "long" }),
    "%H": () => two(date.getHours()),
    "%M": () => two(date.getMinutes()),
    "%S": () => two(date.getSeconds()),
    "%%": () => "%",
  };
  return format.replace(/%[a-zA-Z%]/g, (field) => fields[field]?.() ?? field);
}
