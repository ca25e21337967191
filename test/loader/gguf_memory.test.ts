import { expect, test } from "vitest";
import { openGguf } from "../../src/loader/gguf.ts";
import { ggmlTypes } from "../../src/loader/quantisation/ggml_types.ts";
import { packRows } from "../../src/loader/quantisation/pack_rows.ts";
import { writeGguf } from "../harness/gguf_writer.ts";

const ROWS = 4096;
const COLS = 4096;
const TENSOR_BYTES = (ROWS * COLS * 20) / 32;
const TENSORS = 30;

/** A header for `TENSORS` large tensors; their bytes are made as they are read. */
function header(): Uint8Array {
  const tensors = Array.from({ length: TENSORS }, (_, i) => ({
    name: `blk.${i}.ffn_up.weight`,
    type: "Q4_1" as const,
    dims: [COLS, ROWS],
    data: new Uint8Array(0),
    offset: i * TENSOR_BYTES,
  }));
  // The last tensor's offset is where the writer ends its file: all before it is the header, and zeros.
  const file = writeGguf({ tensors });
  return file.slice(0, file.byteLength - (TENSORS - 1) * TENSOR_BYTES);
}

test("streaming a 300 MB file and packing it holds less than a quarter of it and 64 MiB", async () => {
  const head = header();
  const total = head.byteLength + TENSORS * TENSOR_BYTES;
  expect(total).toBeGreaterThan(300e6);
  let sent = 0;
  const stream = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = sent === 0 ? head : new Uint8Array(Math.min(1 << 20, total - sent)).fill(sent % 251);
        sent += chunk.byteLength;
        controller.enqueue(chunk);
        if (sent === total) controller.close();
      },
    });
  const before = heldBytes();
  let peak = 0;
  let packedWords = 0;
  const file = await openGguf({ name: "big.gguf", bytes: total, stream });
  for await (const { tensor, rows, bytes } of file.pieces({ alignRows: 32 })) {
    const { layout } = ggmlTypes[tensor.type];
    const { values, scales } = packRows(tensor.type, bytes, {
      rows,
      cols: tensor.cols,
      layout,
      interleave: 32,
    });
    packedWords += values.length + scales.length;
    peak = Math.max(peak, heldBytes() - before);
  }
  expect(packedWords * 4).toBe(TENSORS * TENSOR_BYTES);
  expect(peak).toBeLessThan(total / 4 + 64 * 2 ** 20);
});

function heldBytes(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
