import type { XGrammar } from "../../protocol/xgrammar.ts";

/**
 * A CommonJS file that calls itself a module: bundlers make its exports the namespace or its default, and where it runs as the module it
 * claims to be it leaves them on the global object.
 */
export async function loadXgrammar(): Promise<XGrammar> {
  const namespace: object = await import("@mlc-ai/web-xgrammar");
  const candidates = [
    namespace,
    (namespace as { readonly default?: object }).default,
    (globalThis as { readonly xgrammar?: object }).xgrammar,
  ];
  const found = candidates.find((one) => one !== undefined && "GrammarMatcher" in one);
  if (found === undefined) throw new Error("@mlc-ai/web-xgrammar does not export what it should.");
  return found as XGrammar;
}
