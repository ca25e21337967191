import type { CompiledGrammar, GrammarCompiler, GrammarMatcher } from "@mlc-ai/web-xgrammar";
import { InputError } from "../errors.ts";
import type { JsonSchema, ToolDefinition } from "../protocol/chat.ts";
import type { TokenConstraint } from "../protocol/sampling.ts";
import type { XGrammar } from "../protocol/xgrammar.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { ToolCallStyle } from "./tools/style.ts";

export interface GrammarsParts {
  readonly tokenizer: Tokenizer;
  /** Of the logits, which may have more than the vocabulary. */
  readonly vocabTokens: number;
  /** The platform's way to the library. */
  load(): Promise<XGrammar>;
}

/** What one answer is decoded under. */
export interface Grammar extends TokenConstraint {
  /** Why it could not go on: from then on it allows everything. */
  readonly failure: Error | undefined;
  dispose(): void;
}

const MOST_COMPILED = 32;
/** None but single spaces: a small model may write nothing else for ever. */
const ANY_WHITE_SPACE = false;

/**
 * Grammars over a model's tokens, by XGrammar (arXiv 2411.15100). Its library is loaded when the first one is asked for; what was
 * compiled is kept, since agents use the same tools at every turn.
 */
export class Grammars {
  readonly #tokenizer: Tokenizer;
  readonly #vocabTokens: number;
  readonly #load: () => Promise<XGrammar>;
  #library: Promise<XGrammar> | undefined;
  #compiler: Promise<GrammarCompiler> | undefined;
  readonly #compiled = new Map<string, Promise<CompiledGrammar>>();

  constructor({ tokenizer, vocabTokens, load }: GrammarsParts) {
    this.#tokenizer = tokenizer;
    this.#vocabTokens = vocabTokens;
    this.#load = load;
  }

  /** A JSON value of this schema, any when absent. @throws InputError `invalid-schema` */
  json(schema: JsonSchema | undefined): Promise<Grammar> {
    if (schema === undefined)
      return this.#grammar("json", (compiler) => compiler.compileBuiltinJSONGrammar());
    const text = JSON.stringify(schema);
    return this.#grammar(text, (compiler) => compiler.compileJSONSchema(text, ANY_WHITE_SPACE));
  }

  /**
   * Text in which every call is of one of these tools and has the arguments it wants; with `atLeastOne` one call and nothing else.
   * @throws InputError `invalid-schema`
   */
  toolCalls(
    tools: readonly ToolDefinition[],
    { style, atLeastOne }: { readonly style: ToolCallStyle; readonly atLeastOne: boolean },
  ): Promise<Grammar> {
    const tagOf = async ({ name, parameters }: ToolDefinition, { Grammar }: XGrammar) => {
      const grammar = await Grammar.fromJSONSchema(JSON.stringify(parameters), ANY_WHITE_SPACE);
      const content = { type: "grammar", grammar: grammar.toString() } as const;
      grammar.dispose();
      return { type: "tag", ...style.frame(name), content } as const;
    };
    const key = JSON.stringify([tools, style.name, atLeastOne]);
    return this.#grammar(key, async (compiler, library) => {
      const tags = await Promise.all(tools.map((tool) => tagOf(tool, library)));
      const format = {
        type: "triggered_tags",
        triggers: [style.trigger],
        tags,
        at_least_one: atLeastOne,
        stop_after_first: atLeastOne,
      };
      return compiler.compileStructuralTag({ type: "structural_tag", format });
    });
  }

  async #grammar(
    key: string,
    compile: (compiler: GrammarCompiler, library: XGrammar) => Promise<CompiledGrammar>,
  ): Promise<Grammar> {
    this.#library ??= this.#load();
    const library = await this.#library;
    this.#compiler ??= this.#createCompiler(library);
    const compiler = await this.#compiler;
    const compiled = this.#compiled.get(key) ?? compile(compiler, library);
    this.#remember(key, compiled);
    try {
      return new MatchedGrammar(await library.GrammarMatcher.createGrammarMatcher(await compiled));
    } catch (cause) {
      this.#compiled.delete(key);
      throw invalidSchema(cause);
    }
  }

  /** The last ones that were used: a caller may make up a schema for every turn. */
  #remember(key: string, compiled: Promise<CompiledGrammar>): void {
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    const [oldest] = this.#compiled.keys();
    if (this.#compiled.size > MOST_COMPILED && oldest !== undefined) this.#compiled.delete(oldest);
  }

  async #createCompiler({ GrammarCompiler, TokenizerInfo }: XGrammar): Promise<GrammarCompiler> {
    const { kind, tokens } = this.#tokenizer.spelled;
    const info = await TokenizerInfo.createTokenizerInfo(
      [...tokens],
      kind === "byte-level" ? "byte_level" : "byte_fallback",
      false,
      this.#vocabTokens,
      [...this.#tokenizer.endTokens],
    );
    return GrammarCompiler.createGrammarCompiler(info);
  }
}

class MatchedGrammar implements Grammar {
  failure: Error | undefined;
  readonly #matcher: GrammarMatcher;
  #accepted = 0;
  #disposed = false;

  constructor(matcher: GrammarMatcher) {
    this.#matcher = matcher;
  }

  async allowed(completionTokens: readonly number[]): Promise<Int32Array | undefined> {
    if (this.#disposed || this.failure !== undefined) return undefined;
    try {
      for (const token of completionTokens.slice(this.#accepted)) {
        if (!this.#matcher.acceptToken(token))
          throw new Error(`The grammar does not allow the token ${token}.`);
        this.#accepted += 1;
      }
      return await this.#matcher.getNextTokenBitmask();
    } catch (cause) {
      this.failure = cause instanceof Error ? cause : new Error(String(cause));
      return undefined;
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#matcher.dispose();
  }
}

function invalidSchema(cause: unknown): InputError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new InputError(
    "invalid-schema",
    `No grammar can be made from the JSON schema: ${reason}. Leave out what it does not know, or decode without \`constrained\`.`,
    { reason },
    { cause },
  );
}
