import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message } from "../../src/protocol/chat.ts";
import { createChatTemplate } from "../../src/text/chat.ts";
import { openVocabularies, readTextReference } from "./reference.ts";

const reference = readTextReference();
const { metadata, tokenizer } = openVocabularies(reference);

function open(name: string, now: () => Date = () => new Date(reference.now)) {
  const found = reference.templates.find((template) => template.name === name);
  if (found === undefined) throw new Error(`no template ${name}`);
  const keys = metadata(found.vocabulary);
  const source = found.source === null ? {} : { "tokenizer.chat_template": found.source };
  const subject = tokenizer(found.vocabulary);
  return { subject, template: createChatTemplate({ ...keys, ...source }, subject, now) };
}

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

/** A conversation after one answer: its messages, and the cache with the answer's tokens as given. */
function answered(name: string, question: string, answer: string, answerIds: readonly number[]) {
  const { subject, template } = open(name);
  const prompt = template.encode([user(question)], { generationPrompt: true });
  const messages = [user(question), assistant(answer)];
  return { subject, template, prompt, messages, cached: [...prompt, ...answerIds] };
}

describe("the next turn", () => {
  const { subject } = open("smollm2");
  const [end] = [...subject.endTokens];
  const answer = "Blue light scatters.";
  /** As no tokenizer would have it: letter by letter. */
  const spelled = [...answer].flatMap((letter) => subject.encode(letter, { control: false }));

  test("is appended to the tokens the model really generated, whichever they are", () => {
    const history = answered("smollm2", "Why?", answer, [...spelled, end ?? -1]);
    const { keep, append } = history.template.continuation(history, [user("And then?")]);
    expect(keep).toBe(history.cached.length);
    const text = "\n<|im_start|>user\nAnd then?<|im_end|>\n<|im_start|>assistant\n";
    expect(append).toEqual(subject.encode(text, { control: true }));
  });

  test("ends an answer that was cut short first", () => {
    const history = answered("smollm2", "Why?", answer, spelled);
    const { keep, append } = history.template.continuation(history, [user("Go on")]);
    expect(keep).toBe(history.cached.length);
    const text = "<|im_end|>\n<|im_start|>user\nGo on<|im_end|>\n<|im_start|>assistant\n";
    expect(append).toEqual(subject.encode(text, { control: true }));
  });

  test("brings in the end of an answer whose last tokens never reached the cache", () => {
    const history = answered("smollm2", "Why?", answer, spelled.slice(0, -2));
    const { keep, append } = history.template.continuation(history, [user("Go on")]);
    expect(keep).toBe(history.cached.length);
    expect(subject.decode(append)).toBe(`${answer.slice(-2)}\nuser\nGo on\nassistant\n`);
  });

  test("drops an answer that the messages do not have", () => {
    const history = answered("smollm2", "Why?", answer, spelled);
    const messages = history.messages.slice(0, 1);
    const { keep, append } = history.template.continuation({ ...history, messages }, [user("Again")]);
    const whole = history.template.encode([...messages, user("Again")], { generationPrompt: true });
    expect([...history.cached.slice(0, keep), ...append]).toEqual(whole);
    expect(keep).toBeGreaterThan(history.prompt.length - 4);
  });

  test("keeps a cache with nothing after it by running its last token again", () => {
    const { template } = open("smollm2");
    const cached = template.encode([user("Hi")], { generationPrompt: true });
    expect(template.continuation({ messages: [], cached }, [user("Hi")])).toEqual({
      keep: cached.length - 1,
      append: cached.slice(-1),
    });
  });

  test("begins from nothing with an empty cache", () => {
    const { template } = open("smollm2");
    const append = template.encode([user("Hi")], { generationPrompt: true });
    expect(template.continuation({ messages: [], cached: [] }, [user("Hi")])).toEqual({ keep: 0, append });
  });
});

describe("a template that rewrites history", () => {
  test("that drops reasoning keeps the cache up to the answer", () => {
    const thought = "<think>\nwaves\n</think>\n\nIt scatters.";
    const ids = tokenizer("qwen2").encode(thought, { control: false });
    const history = answered("qwen3", "Why?", thought, ids);
    const { keep, append } = history.template.continuation(history, [user("So?")]);
    const whole = history.template.encode([...history.messages, user("So?")], { generationPrompt: true });
    expect([...history.cached.slice(0, keep), ...append]).toEqual(whole);
    expect(keep).toBe(history.prompt.length);
  });

  test("that trims keeps all but the end of the answer", () => {
    const { subject } = open("llama-3");
    const ids = subject.encode("It is blue \n", { control: false });
    const history = answered("llama-3", "Why?", "It is blue \n", ids);
    const { keep, append } = history.template.continuation(history, [user("So?")]);
    expect(keep).toBeGreaterThan(history.prompt.length);
    expect(keep).toBeLessThan(history.cached.length);
    const whole = history.template.encode([...history.messages, user("So?")], { generationPrompt: true });
    expect([...history.cached.slice(0, keep), ...append]).toEqual(whole);
  });

  test("that prints the date keeps the cache up to it", () => {
    let day = 6;
    const { template } = open("llama-3.2", () => new Date(2024, 6, day));
    const cached = template.encode([user("Hi")], { generationPrompt: true });
    day = 7;
    const messages = [user("Hi"), assistant("")];
    const { keep, append } = template.continuation({ messages, cached }, [user("So?")]);
    const whole = template.encode([...messages, user("So?")], { generationPrompt: true });
    expect([...cached.slice(0, keep), ...append]).toEqual(whole);
    expect(keep).toBeGreaterThan(10);
    expect(keep).toBeLessThan(cached.length);
  });
});

describe.each(["chatml", "qwen2.5", "qwen3", "llama-3", "llama-3.2", "mistral", "gemma"])(
  "with %s",
  (name) => {
    const { subject, template } = open(name);
    const ids = fc.array(fc.nat(subject.vocabTokens - 1), { maxLength: 12 });
    const words = [
      "the",
      " ",
      "\n",
      "<think>",
      "</think>",
      "<|im_end|>",
      "</s>",
      "\u{1F600}",
      "é",
      "e\u0301",
    ];
    const text = fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((parts) => parts.join(""));

    test("any cache goes on to read as the whole conversation", () => {
      fc.assert(
        fc.property(text, ids, text, fc.boolean(), (question, generated, following, keepAnswer) => {
          const prompt = template.encode([user(question)], { generationPrompt: true });
          const messages = [user(question), assistant(keepAnswer ? subject.decode(generated) : following)];
          const cached = [...prompt, ...generated];
          const { keep, append } = template.continuation({ messages, cached }, [user(following)]);
          const whole = template.encode([...messages, user(following)], { generationPrompt: true });
          const read = (tokens: readonly number[]) => subject.decodePieces(tokens).map(({ piece }) => piece);
          expect(append.length).toBeGreaterThan(0);
          expect(read([...cached.slice(0, keep), ...append])).toEqual(read(whole));
        }),
        { numRuns: 200 },
      );
    });
  },
);
