import { test } from "vitest";
import { fuzzGguf } from "./gguf_fuzz.ts";

test("ten thousand damaged files are read or refused, and nothing else", () => fuzzGguf(10_000));
