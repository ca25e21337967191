/** The library for grammars over tokens. The platforms differ in how they load it. */
export type XGrammar = typeof import("@mlc-ai/web-xgrammar");
