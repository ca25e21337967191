import { expect, test } from "vitest";
import { bfloatToFloat, bfloatToHalf, floatToHalf, halfToFloat } from "../../src/loader/half.ts";
import { half } from "../reference/dequantise.ts";

const ALL = Array.from({ length: 65_536 }, (_, bits) => bits);
const isNumber = (bits: number) => (bits & 0x7c00) !== 0x7c00;

test("every half is read as IEEE 754 says", () => {
  expect(ALL.filter((bits) => !Object.is(halfToFloat(bits), half(bits)) && (bits & 0x7fff) !== 0)).toEqual(
    [],
  );
});

test("every half survives the way to a number and back", () => {
  expect(ALL.filter((bits) => isNumber(bits) && floatToHalf(halfToFloat(bits)) !== bits)).toEqual([]);
});

test("a number between two halves goes to the nearer one, and to the even one from the middle", () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [half(bits), half(bits + 1)];
    const middle = (low + high) / 2;
    expect(floatToHalf(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(floatToHalf(-(low + (high - low) * 0.499))).toBe(bits | 0x8000);
    expect(floatToHalf(low + (high - low) * 0.501)).toBe(bits + 1);
  }
});

test("what is too large becomes infinity, and no number stays none", () => {
  expect(floatToHalf(65_519.99)).toBe(0x7bff);
  expect(floatToHalf(65_520)).toBe(0x7c00);
  expect(floatToHalf(-1e30)).toBe(0xfc00);
  expect(halfToFloat(floatToHalf(Number.NaN))).toBeNaN();
});

test("every bfloat16 is the upper half of its 32-bit float", () => {
  const view = new DataView(new ArrayBuffer(4));
  const wrong = ALL.filter((bits) => {
    view.setUint32(0, bits * 65_536);
    return !Object.is(bfloatToFloat(bits), view.getFloat32(0)) && (bits & 0x7fff) !== 0;
  });
  expect(wrong).toEqual([]);
});

test("a bfloat16 becomes the half nearest to it", () => {
  expect(
    ALL.filter(
      (bits) => bfloatToHalf(bits) !== floatToHalf(bfloatToFloat(bits)) && (bits & 0x7fff) <= 0x7f80,
    ),
  ).toEqual([]);
});
