/**
 * Weights of a GGUF file as ONNX Runtime's MatMulNBits wants them. A matrix has `rows` outputs and `cols` inputs, and blocks of 32
 * along a row.
 *
 * What is exact: Q8_0, and the order of rows. What is not: Q4_1 stores a minimum per block, MatMulNBits a whole zero point, so that
 * zero points are rounded and the scale is fitted to what is left.
 */

export const BLOCK = 32;
const Q4_1_BYTES = 20;
const Q8_0_BYTES = 34;

/**
 * @typedef {object} Quantised
 * @property {number} rows
 * @property {number} cols
 * @property {4 | 8} bits
 * @property {Uint8Array} values of 4 bits: two to a byte, the earlier one low; row by row
 * @property {Float32Array} scales one a block
 * @property {Uint8Array | undefined} zeros 4-bit zero points, two to a byte; undefined where all are the default, 2^(bits - 1)
 */

/**
 * @param {Buffer} bytes Q4_1 blocks: scale and minimum as f16, then 16 bytes whose low halves are values 0 to 15 and high ones 16 to 31
 * @param {number} rows
 * @param {number} cols
 * @param {(row: number) => number} [source] which row of the file becomes a row
 * @returns {Quantised}
 */
export function repackQ4(bytes, rows, cols, source = (row) => row) {
  const perRow = cols / BLOCK;
  const values = new Uint8Array((rows * cols) / 2);
  const scales = new Float32Array(rows * perRow);
  const zerosPerRow = Math.ceil(perRow / 2);
  const zeros = new Uint8Array(rows * zerosPerRow);
  const block = new Uint8Array(BLOCK);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < perRow; at++) {
      const offset = (source(row) * perRow + at) * Q4_1_BYTES;
      unpackNibbles(bytes, offset + 4, block);
      const index = row * perRow + at;
      const { scale, zero } = fitZero(block, half(bytes, offset), half(bytes, offset + 2));
      scales[index] = scale;
      const byte = row * zerosPerRow + (at >> 1);
      zeros[byte] = (zeros[byte] ?? 0) | (zero << (4 * (at & 1)));
      for (let pair = 0; pair < BLOCK / 2; pair++)
        values[index * 16 + pair] = (block[2 * pair] ?? 0) | ((block[2 * pair + 1] ?? 0) << 4);
    }
  }
  return { rows, cols, bits: 4, values, scales, zeros };
}

/**
 * @param {Buffer} bytes Q8_0 blocks: scale as f16, then 32 signed bytes
 * @param {number} rows
 * @param {number} cols
 * @returns {Quantised}
 */
export function repackQ8(bytes, rows, cols) {
  const blocks = (rows * cols) / BLOCK;
  const values = new Uint8Array(rows * cols);
  const scales = new Float32Array(blocks);
  for (let index = 0; index < blocks; index++) {
    const offset = index * Q8_0_BYTES;
    scales[index] = half(bytes, offset);
    for (let at = 0; at < BLOCK; at++) values[index * BLOCK + at] = bytes.readInt8(offset + 2 + at) + 128;
  }
  return { rows, cols, bits: 8, values, scales, zeros: undefined };
}

/**
 * GGUF files of this architecture hold RoPE's pairs side by side; ONNX Runtime wants the first half of each head's pairs, then the second.
 * @param {number} headDim
 * @returns {(row: number) => number}
 */
export function headHalves(headDim) {
  return (row) => {
    const at = row % headDim;
    const second = at >= headDim / 2;
    return row - at + (second ? 2 * (at - headDim / 2) + 1 : 2 * at);
  };
}

/**
 * The nearest zero point to scale * q + minimum = scale * (q + minimum / scale), and the scale with the least squared error for it.
 * @param {Uint8Array} block
 * @param {number} scale
 * @param {number} minimum
 */
function fitZero(block, scale, minimum) {
  // All values alike, for which GGUF files have q = 0 and no scale.
  if (scale === 0) return { scale: -minimum, zero: 1 };
  const zero = Math.min(15, Math.max(0, Math.round(-minimum / scale)));
  let product = 0;
  let square = 0;
  for (const q of block) {
    product += (q - zero) * (scale * q + minimum);
    square += (q - zero) ** 2;
  }
  return { scale: square === 0 ? 0 : product / square, zero };
}

/**
 * @param {Buffer} bytes
 * @param {number} offset
 * @param {Uint8Array} block
 */
function unpackNibbles(bytes, offset, block) {
  for (let at = 0; at < BLOCK / 2; at++) {
    const byte = bytes.readUInt8(offset + at);
    block[at] = byte & 15;
    block[at + BLOCK / 2] = byte >> 4;
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} offset
 */
function half(bytes, offset) {
  const bits = bytes.readUInt16LE(offset);
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits >> 15 ? -size : size;
}
