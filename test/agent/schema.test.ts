import { type } from "arktype";
import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";
import { type Tool, tool } from "../../src/index.ts";

const execute = (given: unknown) => given;
const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
  required: ["city"],
  additionalProperties: false,
} as const;

const tools: Readonly<Record<string, Tool>> = {
  "a JSON schema": tool({ name: "t", parameters, execute }),
  zod: tool({
    name: "t",
    parameters: z.strictObject({ city: z.string(), days: z.int().min(1).optional() }),
    execute,
  }),
  valibot: tool({
    name: "t",
    parameters: v.strictObject({
      city: v.string(),
      days: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
    }),
    execute,
  }),
  arktype: tool({
    name: "t",
    parameters: type({ "+": "reject", city: "string", "days?": "number.integer >= 1" }),
    execute,
  }),
};

const context = { callId: "call-1", signal: new AbortController().signal };

for (const [name, one] of Object.entries(tools)) {
  test(`${name}: the model is told of an object of these fields`, async () => {
    const { parameters: told } = await one.define();
    expect(told).toMatchObject({ type: "object", required: ["city"] });
    expect(told).not.toHaveProperty("$schema");
    expect(Object.keys(told.properties as object).toSorted()).toEqual(["city", "days"]);
    expect(JSON.stringify(told)).toContain('"minimum":1');
  });

  test(`${name}: arguments that fit are given to the tool, others refused by name`, async () => {
    const given = { city: "Oslo", days: 2 };
    await expect(one.call(given, context)).resolves.toEqual(given);
    await expect(one.call({ days: 2 }, context)).rejects.toThrow(/do not fit.*city/s);
    await expect(one.call({ city: "Oslo", days: 0 }, context)).rejects.toThrow(/do not fit.*days/s);
  });
}

test("what the schema makes of the arguments is what the tool gets", async () => {
  const doubled = tool({
    name: "t",
    parameters: z.object({ n: z.number().transform((n) => 2 * n), unit: z.string().default("cm") }),
    execute,
  });
  await expect(doubled.call({ n: 2 }, context)).resolves.toEqual({ n: 4, unit: "cm" });
});

test.each([
  ["a list", { type: "array" }],
  ["no type", {}],
])("parameters that are %s are refused", async (_, wrong) => {
  await expect(tool({ name: "t", parameters: wrong, execute }).define()).rejects.toMatchObject({
    code: "invalid-schema",
    fields: { tool: "t" },
  });
});

test("a Standard Schema that makes no JSON schema is refused with a way on", async () => {
  const bare = {
    "~standard": { version: 1, vendor: "other", validate: (value: unknown) => ({ value }) },
  } as const;
  const defined = tool({ name: "t", parameters: bare, execute }).define();
  await expect(defined).rejects.toThrow(/of other makes no JSON schema/);
});
