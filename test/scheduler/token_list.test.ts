import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenList } from "../../src/scheduler/token_list.ts";

const tokens = fc.array(fc.nat(200_000), { maxLength: 300 });
const change = fc.oneof(
  fc.record({ kind: fc.constant("push" as const), token: fc.nat(200_000) }),
  fc.record({ kind: fc.constant("append" as const), tokens, count: fc.nat(300) }),
  fc.record({ kind: fc.constant("cut" as const), length: fc.nat(600) }),
);

test("a list of tokens is as an array that changes in the same way", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), fc.nat(600), fc.nat(600), (changes, first, end) => {
      const list = new TokenList();
      let expected: number[] = [];
      for (const one of changes) {
        if (one.kind === "push") {
          list.push(one.token);
          expected.push(one.token);
        } else if (one.kind === "append") {
          const count = Math.min(one.count, one.tokens.length);
          list.append(one.tokens, count);
          expected = expected.concat(one.tokens.slice(0, count));
        } else {
          list.cut(one.length);
          expected = expected.slice(0, one.length);
        }
        expect(list.length).toBe(expected.length);
      }
      expect(Array.from(list.values.subarray(0, list.length))).toEqual(expected);
      expect(list.slice(first, end)).toEqual(expected.slice(first, end));
    }),
  );
});
