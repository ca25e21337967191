import { type ActivationFormat, activationWords } from "../kernels/activations.ts";
import { floatToHalf, halfToFloat } from "../loader/half.ts";
import { GROUP } from "../loader/layout.ts";

/** Groups of 32 numbers between -1 and 1 that do not repeat soon, the same at every call, as kernels read them. */
export function benchActivations(groups: number, format: ActivationFormat): Uint32Array<ArrayBuffer> {
  const numbers = Float32Array.from({ length: groups * GROUP }, (_, i) => Math.sin(i * 12.9898 + 1) % 1);
  switch (format) {
    case "float":
      return new Uint32Array(numbers.buffer);
    case "half":
      return new Uint32Array(Uint16Array.from(numbers, floatToHalf).buffer);
    case "int8":
      return pairsOf(numbers);
    default:
      throw new RangeError(`no such format: ${format satisfies never}`);
  }
}

/** What SiLU's products leave. */
export function resultsOf(words: Uint32Array<ArrayBuffer>, format: ActivationFormat): Float32Array {
  return format === "half"
    ? Float32Array.from(new Uint16Array(words.buffer), halfToFloat)
    : new Float32Array(words.buffer);
}

/** Every group with the same scale: the numbers need not reach the ends of the range. */
function pairsOf(numbers: Float32Array): Uint32Array<ArrayBuffer> {
  const scale = Math.fround(1 / 32512);
  const groups = numbers.length / GROUP;
  const words = new Uint32Array(groups * activationWords.int8);
  const view = new DataView(words.buffer);
  for (let group = 0; group < groups; group++) {
    const at = group * activationWords.int8 * 4;
    let sum = 0;
    for (let i = 0; i < GROUP; i++) {
      const q = Math.round((numbers[group * GROUP + i] ?? 0) * 32512);
      const byte = at + 8 * (i >> 2) + (i & 3);
      view.setInt8(byte, (q + 128) >> 8);
      view.setInt8(byte + 4, q);
      sum += q;
    }
    view.setFloat32(at + 64, scale, true);
    view.setFloat32(at + 68, sum * scale, true);
  }
  return words;
}
