import { type Tool, tool } from "../../index.ts";
import { calculate } from "./calculator.ts";
import { corpus } from "./corpus.ts";
import { addDays, dayOf, daysBetween, factsOf } from "./dates.ts";
import { createNotes } from "./notes.ts";
import { runInSandbox } from "./sandbox.ts";
import { createSearch } from "./search.ts";

/** The tools that agents of this page may use. What a tool throws its agent is told. */

const ARTICLES = 2;

export type ToolName = "calculator" | "date" | "search" | "notes" | "javascript";

export const toolTitles: Readonly<Record<ToolName, string>> = {
  calculator: "Calculator",
  date: "Dates",
  search: "Search",
  notes: "Notes",
  javascript: "JavaScript",
};

/** Texts have bounds, so that decoding under a grammar comes to an end with any model. */
const text = (description: string, maxLength: number) =>
  ({ type: "string", description, maxLength }) as const;

/** Notes are shared by all agents that are given these. */
export function createToolbox(): Readonly<Record<ToolName, Tool>> {
  const notes = createNotes();
  const index = createSearch(corpus);
  return {
    calculator: tool({
      name: "calculator",
      description: "Computes an arithmetic expression, such as (3 + 4) * 2.",
      parameters: object({ expression: text("The expression.", 60) }, ["expression"]),
      execute: ({ expression }) => String(calculate(String(expression))),
    }),
    date: tool({
      name: "date",
      description: "Today's date, the date some days later, or the days from one date to another.",
      parameters: object(
        {
          question: { type: "string", enum: ["today", "add_days", "days_between"] },
          from: text("A date as 2024-03-31; today when absent.", 10),
          to: text("A date, for days_between.", 10),
          days: { type: "integer", description: "For add_days.", minimum: -99_999, maximum: 99_999 },
        },
        ["question"],
      ),
      execute: (given) => answerDate(given, new Date()),
    }),
    search: tool({
      name: "search",
      description: "Searches a small encyclopaedia.",
      parameters: object({ query: text("Words to look for.", 60) }, ["query"]),
      execute: ({ query }) => {
        const found = index.search(String(query), ARTICLES);
        return found.length === 0
          ? "Nothing was found."
          : found.map(({ title, text: body }) => `${title}: ${body}`).join("\n");
      },
    }),
    notes: tool({
      name: "notes",
      description: "Writes a note, reads one, or lists their titles.",
      parameters: object(
        {
          action: { type: "string", enum: ["write", "read", "list"] },
          title: text("Of the note.", 30),
          text: text("What to write.", 120),
        },
        ["action", "title"],
      ),
      execute: ({ action, title = "", text: body = "" }) => {
        if (action === "write") return notes.write(String(title), String(body));
        if (action === "read") return notes.read(String(title));
        return notes.titles.join(", ") || "There are no notes.";
      },
    }),
    javascript: tool({
      name: "javascript",
      description:
        "Runs a short JavaScript program, without network, and gives what it logs and its last value.",
      parameters: object({ code: text("The program.", 200) }, ["code"]),
      execute: ({ code }, { signal }) => runInSandbox(String(code), { signal }),
    }),
  };
}

function object(properties: Readonly<Record<string, object>>, required: readonly string[]) {
  return { type: "object", properties, required, additionalProperties: false } as const;
}

/** @throws Error for what is no date */
export function answerDate(given: Readonly<Record<string, unknown>>, now: Date): unknown {
  const today = dayOf(now);
  const from = given.from === undefined || given.from === "" ? today : String(given.from);
  switch (given.question) {
    case "add_days":
      return factsOf(addDays(from, Number(given.days ?? 0)));
    case "days_between":
      return daysBetween(from, given.to === undefined ? today : String(given.to));
    default:
      return factsOf(today);
  }
}
