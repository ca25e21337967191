import { expect, test } from "vitest";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { codeOf, collect } from "./fake_chat.ts";
import { openTiny, tinyModel } from "./tiny_runtime.ts";

describeOnEveryAdapter("an embedding with other rows than the vocabulary has tokens", (gpu) => {
  const open = (embeddingRows: number) =>
    openTiny({ adapter: gpu.summary.name, model: tinyModel({ embeddingRows, layers: 1 }) });

  test("works where it has more, and the ids of padding stand for no text", async () => {
    const runtime = await open(4096);
    try {
      expect(runtime.model.vocabTokens).toBe(4096);
      const { generated } = await runtime.evaluate({ ids: [1, 2, 599, 600, 4095], top: 1, generate: 16 });
      // Of random rows most are padding, so that it is what the model mostly chooses.
      expect(generated.ids.some((id) => id >= 600)).toBe(true);
      expect(generated.text).toBe(await runtime.tokenizer.decode(generated.ids.filter((id) => id < 600)));
      await expect(runtime.tokenizer.decode([4096])).rejects.toThrow(/0 to 4095/);
      const conversation = runtime.conversation();
      const done = await collect(conversation.send("Hello", { maxTokens: 12 }));
      expect(done.usage.completionTokens).toBeGreaterThan(0);
      await collect(conversation.send("And again", { maxTokens: 12, temperature: 1, topK: 50, seed: 3 }));
    } finally {
      await runtime.dispose();
    }
  });

  test("is refused where it has fewer", async () => {
    expect(await codeOf(open(599))).toBe("wrong-shape");
    await expect(open(599)).rejects.toThrow(/embedding has 599 rows and its tokenizer 600 tokens/);
  });
});

test("padding within an answer splits no character, and the conversation goes on after it", async () => {
  const file = await openGguf(sourceOf(tinyModel({ layers: 1 })));
  await file.close();
  const tokenizer = createTokenizer(file.metadata, 700);
  const ids = tokenizer.encode("caf\u00e9 \u{1f600}", { control: false });
  expect(tokenizer.decode(ids.flatMap((id) => [650, id, 699]))).toBe("caf\u00e9 \u{1f600}");
  const pieces = tokenizer.decodePieces([650, ...ids, 699]);
  expect(pieces).toEqual([{ piece: "caf\u00e9 \u{1f600}", end: ids.length + 2 }]);
});
