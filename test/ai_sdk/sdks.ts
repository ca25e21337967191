import * as six from "ai";
import * as seven from "ai-7";

/** What applications import of `ai`. */
export type AiSdk = Pick<typeof six, "generateText" | "Output" | "stepCountIs" | "streamText" | "tool">;

/** The versions of `ai` that Baton's model is for. What is used is called alike in all of them; their types differ in what is not. */
export const sdks: Readonly<Record<string, AiSdk>> = { "ai 6": six, "ai 7": seven as unknown as AiSdk };
