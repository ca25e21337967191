import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { calculate } from "../../src/demo/tools/calculator.ts";
import { corpus } from "../../src/demo/tools/corpus.ts";
import { addDays, dayOf, daysBetween, factsOf } from "../../src/demo/tools/dates.ts";
import { createNotes } from "../../src/demo/tools/notes.ts";
import { createSearch, wordsOf } from "../../src/demo/tools/search.ts";
import { answerDate, createToolbox } from "../../src/demo/tools/toolbox.ts";

describe("the calculator", () => {
  test.for([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["-2 ^ 2", -4],
    ["2 ^ 3 ^ 2", 512],
    ["2 ^ -1", 0.5],
    ["10 - 4 - 3", 3],
    ["7 % 4", 3],
    ["1.5e3 / .5", 3000],
    ["max(1, 2, 3) - min(4, 5)", -1],
    ["sqrt(16) + abs(-2)", 6],
    ["round(2 * pi)", 6],
    ["6 × 7 ÷ 2 − 1", 20],
    ["--3", 3],
    ["  8  ", 8],
  ] as const)("%s is %d", ([expression, value]) => {
    expect(calculate(expression)).toBeCloseTo(value, 12);
  });

  test.for([
    ["", "There is nothing to calculate."],
    ["1 +", "The expression ends too early."],
    ["1 2", '"2" was not expected there.'],
    ["(1 + 2", "A closing parenthesis is missing."],
    ["1 / 0", "Nothing can be divided by zero."],
    ["alert(1)", '"alert" was not expected there.'],
    ["constructor", '"constructor" was not expected there.'],
    ["1; 2", '"; 2" is no arithmetic.'],
    ["sqrt 4", "sqrt needs parentheses, as in sqrt(2)."],
    ["9 ^ 9 ^ 9", "The result is no finite number."],
    ["1".repeat(501), "An expression has at most 500 characters."],
  ] as const)("%s is refused", ([expression, message]) => {
    expect(() => calculate(expression)).toThrow(message);
  });
});

describe("the search", () => {
  const { search } = createSearch(corpus);

  test.for([
    ["How many workers are in a colony of honey bees?", "Honey bees"],
    ["height of mount everest", "Mount Everest"],
    ["at what temperature does COPPER melt", "Copper"],
    ["how long is a marathon", "Marathon"],
    ["tomato", "Tomatoes"],
    ["which year is a leap year", "Leap years"],
  ] as const)("finds for %s the article %s first", ([question, title]) => {
    expect(search(question, 3)[0]?.title).toBe(title);
  });

  test("finds nothing where no word occurs, and at most as many as are wanted", () => {
    expect(search("xylophone quantum", 3)).toEqual([]);
    expect(search("the of and", 3)).toEqual([]);
    expect(search("water", 2)).toHaveLength(2);
  });

  test("takes plurals for the same word", () => {
    expect(wordsOf("Bees, a bee; batteries and a battery; glass")).toEqual([
      ...["bee", "bee", "battery", "battery", "glass"],
    ]);
  });
});

describe("dates", () => {
  test("are counted over months and leap years", () => {
    expect(addDays("2024-02-28", 2)).toBe("2024-03-01");
    expect(addDays("2023-02-28", 2)).toBe("2023-03-02");
    expect(addDays("2024-01-01", -1)).toBe("2023-12-31");
    expect(daysBetween("1969-07-20", "1972-12-14")).toBe(1243);
    expect(daysBetween("2024-03-31", "2024-03-30")).toBe(-1);
    expect(factsOf("2024-12-31")).toEqual({ date: "2024-12-31", weekday: "Tuesday", dayOfYear: 366 });
  });

  test.for(["2023-02-29", "yesterday", "2024-13-01", "24-1-1", ""])("%s is no day", (text) => {
    expect(() => factsOf(text)).toThrow("is no day");
  });

  test("an agent is told today's where it names none", () => {
    const now = new Date(2024, 4, 17, 12);
    expect(dayOf(now)).toBe("2024-05-17");
    expect(answerDate({ question: "today" }, now)).toMatchObject({ date: "2024-05-17", weekday: "Friday" });
    expect(answerDate({ question: "add_days", days: 45 }, now)).toMatchObject({ date: "2024-07-01" });
    expect(answerDate({ question: "days_between", from: "2024-05-10" }, now)).toBe(7);
  });
});

test("notes are kept by their titles, a bounded number of them", () => {
  const notes = createNotes();
  expect(notes.write("a", "first")).toBe('Kept as "a".');
  notes.write("a", "second");
  expect(notes.read("a")).toBe("second");
  expect(notes.titles).toEqual(["a"]);
  expect(() => notes.read("b")).toThrow('There is no note "b". There are: a.');
  for (let at = 1; at < 100; at++) notes.write(`note ${at}`, "");
  expect(() => notes.write("one more", "")).toThrow("no room");
});

test("tools have schemas that a model can be told of, and check what it gives", async () => {
  const toolbox = createToolbox();
  const context = { callId: "call-1", signal: new AbortController().signal };
  for (const [name, tool] of Object.entries(toolbox)) {
    expect(tool.name).toBe(name);
    expect((await tool.define()).parameters).toMatchObject({ type: "object", additionalProperties: false });
  }
  expect(await toolbox.calculator.call({ expression: "6 * 7" }, context)).toBe("42");
  expect(await toolbox.search.call({ query: "bees" }, context)).toMatch(/^Honey bees: /);
  expect(await toolbox.notes.call({ action: "write", title: "x", text: "y" }, context)).toBe('Kept as "x".');
  await expect(toolbox.calculator.call({}, context)).rejects.toThrow("do not fit");
});

test("the sandbox's policy allows its own script and no other, and no network", () => {
  const html = readFileSync("src/demo/public/sandbox.html", "utf8");
  const [, script = ""] = /<script>(.*?)<\/script>/s.exec(html) ?? [];
  const hash = createHash("sha256").update(script).digest("base64");
  const [, policy] = /Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
  expect(policy).toBe(`default-src 'none'; script-src 'sha256-${hash}' 'unsafe-eval'; worker-src blob:`);
});
