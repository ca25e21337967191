import { test } from "vitest";
import { fuzzGguf } from "./gguf_fuzz.ts";

test("four hundred damaged files are read or refused, and nothing else", () => fuzzGguf(400));
