import fc from "fast-check";
import { expect, test } from "vitest";
import { InputError } from "../../src/errors.ts";
import { generateWorkload } from "../../src/workload/generate.ts";
import { shapes } from "../../src/workload/shapes.ts";
import { parseTrace, traceLines } from "../../src/workload/trace.ts";
import type { WorkloadConversation } from "../../src/workload/workload.ts";

const jsonLines = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join("\n");

/** From the first arrival on. */
function begun(workload: readonly WorkloadConversation[]): readonly WorkloadConversation[] {
  const beginMs = workload[0]?.arrivalMs ?? 0;
  return workload.map((conversation) => ({ ...conversation, arrivalMs: conversation.arrivalMs - beginMs }));
}

const native = [
  {
    id: "a",
    arrivalMs: 0,
    turns: [
      { inputTokens: 100, outputTokens: 5, delayMs: 0 },
      { inputTokens: 7, outputTokens: 6, delayMs: 250 },
    ],
  },
  { id: "b", arrivalMs: 500, turns: [{ inputTokens: 20, outputTokens: 4, delayMs: 0 }] },
];

test("a native trace has a line for each turn", () => {
  const lines = [
    { session_id: "b", timestamp: 1500, input_length: 20, output_length: 4 },
    { session_id: "a", timestamp: 1000, input_length: 100, output_length: 5 },
    { session_id: "a", delay: 250, input_length: 7, output_length: 6 },
  ];
  expect(parseTrace(jsonLines(lines), "t.jsonl")).toEqual(native);
});

test("a later turn may say when it came, in place of its delay", () => {
  const lines = [
    { session_id: 1, timestamp: 1000, input_length: 1, output_length: 1 },
    { session_id: 1, timestamp: 1250, input_length: 2, output_length: 1 },
    { session_id: 1, delay: 10, input_length: 3, output_length: 1 },
    { session_id: 1, timestamp: 1300, input_length: 4, output_length: 1 },
    { session_id: 1, timestamp: 1290, input_length: 5, output_length: 1, delay: null },
  ];
  const [conversation] = parseTrace(jsonLines(lines), "t.jsonl");
  expect(conversation?.turns.map(({ delayMs }) => delayMs)).toEqual([0, 250, 10, 40, 0]);
});

test("a CSV has the same columns, in any order, and others that do not count", () => {
  const text = [
    "\uFEFFoutput_length,session_id,note,input_length,timestamp,delay",
    "4,b,x,20,1500,",
    "",
    "5,a,x,100,1000,",
    "6,a,x,7,,250",
    "",
  ].join("\r\n");
  expect(parseTrace(text, "t.csv")).toEqual(native);
});

test("BurstGPT's requests have seconds, and those without tokens failed", () => {
  const text = [
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
    "5,ChatGPT,472,18,490,Conversation log",
    "45.5,GPT-4,1087,230,1317,API log",
    "50,GPT-4,0,0,0,API log",
  ].join("\n");
  expect(parseTrace(text, "t.csv")).toEqual([
    { id: "request-1", arrivalMs: 0, turns: [{ inputTokens: 472, outputTokens: 18, delayMs: 0 }] },
    { id: "request-2", arrivalMs: 40_500, turns: [{ inputTokens: 1087, outputTokens: 230, delayMs: 0 }] },
  ]);
});

test("Azure's requests have dates, with fractions of any length and with or without a zone", () => {
  const text = [
    "TIMESTAMP,ContextTokens,GeneratedTokens",
    "2023-11-16 23:59:59.9799600,4808,10",
    "2023-11-17 00:00:01,3180,8",
    "2023-11-17 01:00:01.5+01:00,110,27",
  ].join("\n");
  const parsed = parseTrace(text, "t.csv");
  expect(parsed.map(({ turns }) => turns[0]?.inputTokens)).toEqual([4808, 3180, 110]);
  expect(parsed.map(({ arrivalMs }) => arrivalMs)).toEqual(
    [0, 1020.04, 1520.04].map((ms) => expect.closeTo(ms, 2)),
  );
});

const time = fc.double({ min: 0, max: 1e9, noNaN: true });
const count = fc.integer({ min: 1, max: 1_000_000 });
const workloads = fc
  .array(
    fc.record({
      id: fc.string({ minLength: 1 }),
      arrivalMs: time,
      turns: fc.array(fc.record({ inputTokens: count, outputTokens: count, delayMs: time }), {
        minLength: 1,
      }),
    }),
    { minLength: 1 },
  )
  .map((conversations) =>
    conversations
      .toSorted((a, b) => a.arrivalMs - b.arrivalMs)
      .map(({ id, turns, ...rest }, at) => ({
        id: `${at} ${id}`,
        ...rest,
        turns: turns.map((turn, index) => ({ ...turn, delayMs: index === 0 ? 0 : turn.delayMs })),
      })),
  );

test("a workload that is written and read again is the same", () => {
  fc.assert(
    fc.property(workloads, (workload) => {
      expect(parseTrace(traceLines(workload).join("\n"), "t.jsonl")).toEqual(begun(workload));
    }),
  );
  for (const shape of Object.values(shapes)) {
    const arrivals = { kind: "bursty", ratePerSecond: 3, variation: 2 } as const;
    const workload = generateWorkload({ seed: 7, conversations: 50, arrivals, shape });
    expect(parseTrace(traceLines(workload).join("\n"), "t.jsonl")).toEqual(begun(workload));
  }
});

const good = `{"session_id":"a","timestamp":0,"input_length":1,"output_length":1}`;

test.each([
  ["", 1, "no line"],
  ["\n \n", 1, "no line"],
  ["{", 1, "no JSON object"],
  [`${good}\n\n[1]`, 3, "no JSON object"],
  [`{"session_id":"a","timestamp":0,"input_length":0,"output_length":1}`, 1, "input_length"],
  [`{"session_id":"a","timestamp":0,"input_length":1,"output_length":1.5}`, 1, "output_length"],
  [`{"session_id":"a","timestamp":-1,"input_length":1,"output_length":1}`, 1, "timestamp"],
  [`{"session_id":"a","delay":1,"input_length":1,"output_length":1}`, 1, "timestamp"],
  [`${good}\n{"session_id":"a","input_length":1,"output_length":1}`, 2, "neither a delay nor a timestamp"],
  [`{"timestamp":1,"input_length":1,"output_length":1}`, 1, "session_id"],
  [`{"hash_ids":3,"timestamp":1,"input_length":1,"output_length":1}`, 1, "hash_ids"],
  [`{"hash_ids":["a"],"timestamp":1,"input_length":1,"output_length":1}`, 1, "hash_ids"],
  ["time,tokens\n1,2", 1, "neither a JSON object nor"],
  ["session_id,timestamp,input_length,output_length", 1, "no turn"],
  ["session_id,timestamp,input_length,output_length\na,0,1,1\nb,0,many,1", 3, "input_length"],
  ["TIMESTAMP,ContextTokens,GeneratedTokens\n16.11.2023,1,1", 2, "TIMESTAMP"],
])("refuses %j", (text, line, why) => {
  expect(() => parseTrace(text, "t.jsonl")).toThrow(InputError);
  expect(() => parseTrace(text, "t.jsonl")).toThrow(why);
  expect(() => parseTrace(text, "t.jsonl")).toThrow(`Line ${line} of t.jsonl`);
});
