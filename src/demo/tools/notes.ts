/** Notes that agents write and read, kept as long as the page is open. */
export interface Notes {
  /** Replaces one of the same title. @throws Error where there is no room */
  write(title: string, text: string): string;
  /** @throws Error where there is none */
  read(title: string): string;
  readonly titles: readonly string[];
}

const MOST = 100;

export function createNotes(): Notes {
  const notes = new Map<string, string>();
  return {
    write: (title, text) => {
      if (notes.size >= MOST && !notes.has(title))
        throw new Error(`There are ${MOST} notes, and no room for more.`);
      notes.set(title, text);
      return `Kept as "${title}".`;
    },
    read: (title) => {
      const found = notes.get(title);
      if (found === undefined)
        throw new Error(`There is no note "${title}". There are: ${[...notes.keys()].join(", ") || "none"}.`);
      return found;
    },
    get titles() {
      return [...notes.keys()];
    },
  };
}
