import type { ToolName } from "../tools/toolbox.ts";

/** Who the agents are, and what each is asked; the tool is one that helps with it. */
export interface AgentTask {
  readonly name: string;
  readonly tool: ToolName;
  readonly prompt: string;
}

const TASKS: readonly AgentTask[] = [
  { name: "baker", tool: "calculator", prompt: "A loaf needs 325 g of water. How much do 14 loaves need?" },
  { name: "beekeeper", tool: "search", prompt: "How many workers live in a colony of honey bees?" },
  { name: "planner", tool: "date", prompt: "Which weekday is today, and what date is it in 45 days?" },
  { name: "climber", tool: "search", prompt: "How high is Mount Everest, and who climbed it first?" },
  {
    name: "shopkeeper",
    tool: "calculator",
    prompt: "What are 17 boxes at 23.50 each, with 19 percent added?",
  },
  { name: "historian", tool: "date", prompt: "How many days passed from 1969-07-20 to 1972-12-14?" },
  { name: "gardener", tool: "search", prompt: "How much sun do tomatoes need?" },
  { name: "secretary", tool: "notes", prompt: "Write a note that the meeting is on Friday at ten." },
  { name: "programmer", tool: "javascript", prompt: "Compute the 20th Fibonacci number with a program." },
  { name: "physicist", tool: "calculator", prompt: "How many seconds does light need for 149,597,871 km at 299,792 km/s?" }, // biome-ignore format: a table
  { name: "runner", tool: "search", prompt: "How long is a marathon?" },
  {
    name: "statistician",
    tool: "javascript",
    prompt: "What is the mean of the squares of 1 to 10? Use a program.",
  },
  { name: "tailor", tool: "calculator", prompt: "Cut 9.6 m of cloth into 7 pieces. How long is each?" },
  { name: "astronomer", tool: "search", prompt: "How far away is the Moon?" },
  { name: "archivist", tool: "notes", prompt: "Which notes are there? List them." },
  { name: "traveller", tool: "date", prompt: "A journey of 12 days begins today. When does it end?" },
];

/** So many whose tools there are, from the beginning again where there are fewer. */
export function tasksFor(count: number, tools: readonly ToolName[]): readonly AgentTask[] {
  const able = TASKS.filter(({ tool }) => tools.includes(tool));
  const from = able.length > 0 ? able : TASKS;
  return Array.from({ length: count }, (_, at) => {
    const task = from[at % from.length] ?? {
      name: "agent",
      tool: "calculator",
      prompt: "What is 6 times 7?",
    };
    const round = Math.floor(at / from.length);
    return round === 0 ? task : { ...task, name: `${task.name} ${round + 1}` };
  });
}

export const SYSTEM =
  "You are a helpful assistant. Call a tool when it helps, and then answer in one short sentence.";
