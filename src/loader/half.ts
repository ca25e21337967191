/**
 * 16-bit floats as bit patterns in plain integers [0, 65535]; Node 20 has no Float16Array.
 * Multiplications by powers of two are exact in a JavaScript number, so nothing here rounds but the one rounding meant.
 */

/** IEEE binary16 to number, exactly. */
export function halfToFloat(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return (sign * fraction) / 0x1000000;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return (sign * (1024 + fraction) * (1 << exponent)) / 0x2000000;
}

/** Number to IEEE binary16, to nearest, ties to even; from 65520 on infinity. */
export function floatToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  const scaled = size * 0x4000;
  // Below 2^-14 the step is 2^-24; a carry out of the fraction lands in the exponent, which is right in both cases.
  if (scaled < 1) return sign | roundToEven(size * 0x1000000);
  const power = 31 - Math.clz32(scaled);
  const fraction = power <= 10 ? scaled * (1 << (10 - power)) : scaled / (1 << (power - 10));
  return sign | ((power << 10) + roundToEven(fraction));
}

/** bfloat16 to number, exactly. */
export function bfloatToFloat(bits: number): number {
  const exponent = (bits >>> 7) & 255;
  const fraction = bits & 127;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -133;
  if (exponent === 255) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (128 + fraction) * 2 ** (exponent - 134);
}

/** bfloat16 to binary16: exact from 2^-14 to 65280, the step is 2^-24 below and infinity above. */
export function bfloatToHalf(bits: number): number {
  const exponent = ((bits >>> 7) & 255) - 112;
  if (exponent >= 1 && exponent <= 30) return (bits & 0x8000) | (exponent << 10) | ((bits & 127) << 3);
  return floatToHalf(bfloatToFloat(bits));
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && (below & 1) === 1) ? below + 1 : below;
}
