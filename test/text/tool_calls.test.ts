import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonCalls } from "../../src/text/tools/json_calls.ts";
import { toolCallStyle } from "../../src/text/tools/style.ts";
import { taggedCalls } from "../../src/text/tools/tagged_calls.ts";
import type { AnswerPiece, ToolCallParser } from "../../src/text/tools/tool_call_parser.ts";

/** What comes out when the text comes in these pieces; text that follows text is joined. */
function read(parser: ToolCallParser, texts: readonly string[]): AnswerPiece[] {
  const pieces = [...texts.flatMap((text) => [...parser.push(text)]), ...parser.flush()];
  const joined: AnswerPiece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (typeof piece === "string" && typeof last === "string") joined[joined.length - 1] = last + piece;
    else joined.push(piece);
  }
  return joined;
}

const add = { name: "add", arguments: { a: 1, b: [2, "}"] } };
const wait = { name: "wait", arguments: {} };
const addJson = '{"name": "add", "arguments": {"a": 1, "b": [2, "}"]}}';
const waitJson = '{"name":"wait","arguments":{}}';

const tagged: readonly (readonly [string, string, readonly AnswerPiece[]])[] = [
  ["text alone", "Hello.\n", ["Hello.\n"]],
  ["a call alone", `<tool_call>\n${addJson}\n</tool_call>`, [add]],
  ["text before a call", `Let me see. \n<tool_call>${addJson}</tool_call>\n`, ["Let me see.", add]],
  ["two calls and text", `<tool_call>${addJson}</tool_call>\n<tool_call>${waitJson}</tool_call>\nSo.`, [add, wait, "So."]],
  ["a list of calls", `<tool_call>[${addJson}, ${waitJson}]</tool_call>`, [add, wait]],
  ["a call whose tag is not closed", `<tool_call>\n${addJson}`, [add]],
  ["what looks like a tag", "a <tool_cal b <", ["a <tool_cal b <"]],
  ["a closing tag within a string", `<tool_call>{"name":"say","arguments":{"text":"</tool_call>"}}</tool_call>`, [{ name: "say", arguments: { text: "</tool_call>" } }]],
  ["parameters in place of arguments", '<tool_call>{"name":"wait","parameters":{}}</tool_call>', [wait]],
  ["a call that was cut", 'So <tool_call>{"name": "a', ['So <tool_call>{"name": "a']],
]; // biome-ignore format: a table

const json: readonly (readonly [string, string, readonly AnswerPiece[]])[] = [
  ["text alone", "Hello {there}.\n", ["Hello {there}.\n"]],
  ["a call alone", addJson, [add]],
  ["a call in a fence", `\`\`\`json\n${addJson}\n\`\`\`\n`, [add]],
  ["text before a call", `Let me see.\n${addJson}`, ["Let me see.", add]],
  ["calls side by side", `${addJson}; ${waitJson}`, [add, wait]],
  ["calls below each other", `${addJson}\n${waitJson}\nSo.`, [add, wait, "So."]],
  ["a list of calls", `[${addJson}, ${waitJson}]`, [add, wait]],
  ["OpenAI's form", `{"type": "function", "function": ${addJson}}`, [add]],
  ["arguments as text", '{"name": "wait", "arguments": "{}"}', [wait]],
  ["other JSON", '{"name": "Ada", "age": 36}', ['{"name": "Ada", "age": 36}']],
  ["JSON within a line", `It is ${addJson}.`, [`It is ${addJson}.`]],
  ["other JSON in a fence", '```json\n{"a": 1}\n```\nSo.', ['```json\n{"a": 1}\n```\nSo.']],
  ["code in a fence", "```js\nconst a = 1;\n```", ["```js\nconst a = 1;\n```"]],
  ["a call that was cut", '{"name": "add", "arg', ['{"name": "add", "arg']],
]; // biome-ignore format: a table

for (const [style, parser, cases] of [
  ["tagged", taggedCalls, tagged],
  ["JSON", jsonCalls, json],
] as const) {
  for (const [name, text, pieces] of cases) {
    test(`${style} calls: ${name}, however it is cut`, () => {
      expect(read(parser(), [text])).toEqual(pieces);
      expect(read(parser(), [...text])).toEqual(pieces);
      fc.assert(
        fc.property(fc.array(fc.nat(text.length)), (cuts) => {
          const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
          const texts = at.slice(1).map((end, index) => text.slice(at[index], end));
          expect(read(parser(), texts)).toEqual(pieces);
        }),
        { numRuns: 30 },
      );
    });
  }

  test(`${style} calls: no text is lost or held back that calls nothing`, () => {
    const pieces = fc.constantFrom("<", "tool_call>", "</", "{", "}", "[", "]", '"', "\\", "\n", "`", "```", " ", "name", ":", ",", "x");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (texts) => {
        const text = texts.join("");
        fc.pre(!text.includes("<tool_call>"));
        expect(read(parser(), texts)).toEqual(text === "" ? [] : [text]);
      }),
      { numRuns: 2000 },
    );
  }); // biome-ignore format: a list
}

test("arguments that are no object are a call that says so", () => {
  const [call] = read(jsonCalls(), ['{"name": "add", "arguments": [1]}']);
  expect(call).toMatchObject({ name: "add", arguments: {}, invalid: expect.stringContaining("object") });
  const [garbage] = read(taggedCalls(), ["<tool_call>add(1, 2)</tool_call>"]);
  expect(garbage).toMatchObject({ name: "", invalid: expect.stringContaining("arguments") });
});

test("a call without an end becomes text at last", () => {
  const text = `{"name": "add", "arguments": "${"x".repeat(70_000)}`;
  expect(read(jsonCalls(), [text, "more"])).toEqual([`${text}more`]);
  const within = `<tool_call>${text}`;
  expect(read(taggedCalls(), [within, "more"])).toEqual([`${within}more`]);
});

test("under a grammar a call is where it begins as the grammar has it, also within a line, and nowhere else", () => {
  const style = toolCallStyle("");
  const texts = ["It is ", '{"na', 'me": "wait", "arguments": {}}', ' so {"name" {"n'];
  const parser = style.parser({ constrained: true });
  expect(read(parser, texts)).toEqual(["It is", wait, 'so {"name" {"n']);
  expect(read(style.parser({ constrained: true }), [`{ "name": "wait", "arguments": {}}`])).toEqual([`{ "name": "wait", "arguments": {}}`]);
}); // biome-ignore format: one line

test("the style follows from the chat template", () => {
  expect(toolCallStyle("{% for tool in tools %}<tool_call>").name).toBe("tagged");
  expect(toolCallStyle("{% if tools %} ipython").name).toBe("llama");
  expect(toolCallStyle("{{ messages[0].content }}").name).toBe("json");
  expect(toolCallStyle("{{ tools }} [TOOL_CALLS]").name).toBe("json");
});

test("what a style writes it reads again", () => {
  for (const template of ["tools <tool_call>", "tools ipython", ""]) {
    const style = toolCallStyle(template);
    const toolCalls = [add, wait].map((call, index) => ({ id: `${index}`, ...call }));
    const text = style.write({ role: "assistant", content: "Let me see.", toolCalls });
    expect(read(style.parser(), [text])).toEqual(["Let me see.", add, wait]);
  }
});
