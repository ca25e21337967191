/**
 * Small JSON notes kept from one start to the next, by name. They save work and nothing more, so nothing here ever throws: what
 * cannot be read is as good as missing.
 */
export interface Settings {
  /** What was written under `name`, or undefined: missing, damaged, or in no place that can be read. Whoever reads checks it. */
  read(name: string): Promise<unknown>;
  /** Replaces it, at once or not at all. False where it could not be kept. */
  write(name: string, value: object): Promise<boolean>;
  /** Names of all notes there are. */
  names(): Promise<readonly string[]>;
}

/** For places that keep nothing. */
export const noSettings: Settings = {
  read: async () => undefined,
  write: async () => false,
  names: async () => [],
};

const NAME = /^[\w-]{1,100}$/;
const ENDING = ".json";

/** The file of a note. @throws RangeError for a name that is no plain word */
export function settingsFile(name: string): string {
  if (!NAME.test(name)) throw new RangeError(`"${name}" is no name of a note`);
  return `${name}${ENDING}`;
}

/** The note of a file, if it is one. */
export function settingsName(file: string): string | undefined {
  const name = file.slice(0, -ENDING.length);
  return file.endsWith(ENDING) && NAME.test(name) ? name : undefined;
}
