/** What `bench speculation` asks: answers that repeat their prompt, answers that repeat nothing, and several of both at once. */

export interface SpeculationTask {
  readonly id: string;
  /** One conversation each, all at once. */
  readonly prompts: readonly string[];
  /** The least speed that speculation has to have beside plain decoding. */
  readonly bar: number;
}

const EDITING_BAR = 1.5;
/** Where there is nothing to guess, nearly nothing may be lost. */
const NO_LOSS_BAR = 0.97;

const TEXT =
  "The harbour master opened the office at six in the morning and looked at the board. Three ships were waiting outside: the " +
  "Marigold with timber, the Anna Petersen with machine parts, and the Swift with nothing but empty barrels. He gave the first " +
  "berth to the Marigold, because timber takes a whole day to unload. The Anna Petersen was sent to the north quay, where the " +
  "crane had been repaired the week before. The Swift had to wait until the tide came in again. At noon the wind turned to the " +
  "west, and the master wrote in his book that two more ships were expected before the evening. He closed the book, drank his " +
  "coffee, and walked down to the quay to see the crane at work.";

const editing = `Here is a text:\n\n${TEXT}\n\nRepeat the text exactly, but change "Marigold" to "Marguerite".`;
const story = "Write a story about an old lighthouse keeper and a storm.";
const question = "Why is the sky blue during the day and red in the evening?";
const list = "List ten tips for growing tomatoes, with a sentence on each.";

export const speculationTasks: readonly SpeculationTask[] = [
  { id: "editing", prompts: [editing], bar: EDITING_BAR },
  { id: "story", prompts: [story], bar: NO_LOSS_BAR },
  { id: "question", prompts: [question], bar: NO_LOSS_BAR },
  { id: "list", prompts: [list], bar: NO_LOSS_BAR },
  { id: "four at once", prompts: [editing, story, question, list], bar: NO_LOSS_BAR },
];
