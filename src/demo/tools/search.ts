/** Full-text search in a small corpus, by BM25 (Robertson and Zaragoza, 2009), with plurals and case taken away. */

export interface Article {
  readonly title: string;
  readonly text: string;
}

export interface Found extends Article {
  readonly score: number;
}

export interface SearchIndex {
  /** The best first; empty where no word of the question occurs. */
  search(question: string, most: number): readonly Found[];
}

/** How soon more of a word counts no more, and how much a long article is held against it. */
const SATURATION = 1.2;
const LENGTH = 0.75;
/** A word of the title counts as so many of the text. */
const TITLE = 3;

const STOP = new Set(
  "a an and are as at be by can did do does for from has have how i in is it its much many of on or that the this to was were what when where which who why will with".split(
    " ",
  ),
);

interface Indexed {
  readonly article: Article;
  readonly counts: ReadonlyMap<string, number>;
  readonly words: number;
}

export function createSearch(articles: readonly Article[]): SearchIndex {
  const indexed = articles.map(indexOf);
  const mean = indexed.reduce((sum, { words }) => sum + words, 0) / Math.max(1, indexed.length);
  const frequency = new Map<string, number>();
  for (const { counts } of indexed)
    for (const word of counts.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const rarity = (word: string) => {
    const having = frequency.get(word) ?? 0;
    return Math.log(1 + (indexed.length - having + 0.5) / (having + 0.5));
  };
  const scoreOf = ({ counts, words }: Indexed, asked: readonly string[]) =>
    asked.reduce((sum, word) => {
      const count = counts.get(word) ?? 0;
      const held = SATURATION * (1 - LENGTH + (LENGTH * words) / mean);
      return sum + (rarity(word) * count * (SATURATION + 1)) / (count + held);
    }, 0);
  return {
    search: (question, most) => {
      const asked = [...new Set(wordsOf(question))];
      return indexed
        .map((one) => ({ ...one.article, score: scoreOf(one, asked) }))
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score)
        .slice(0, most);
    },
  };
}

function indexOf(article: Article): Indexed {
  const counts = new Map<string, number>();
  const add = (text: string, weight: number) => {
    for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + weight);
  };
  add(article.title, TITLE);
  add(article.text, 1);
  return { article, counts, words: [...counts.values()].reduce((sum, count) => sum + count, 0) };
}

export function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.filter((word) => !STOP.has(word)).map(stemOf);
}

/** Enough for English plurals. */
function stemOf(word: string): string {
  if (word.length > 4 && word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && /(?:ch|sh|x|o)es$/.test(word)) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith("s") && !/[siu]s$/.test(word)) return word.slice(0, -1);
  return word;
}
