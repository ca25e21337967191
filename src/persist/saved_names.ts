import { invalidOption } from "../conversation/option_checks.ts";

/** What a store calls the conversation of a key, and the one of that key that was put aside. */

const KEY = /^[\w-]{1,100}$/;
const ENDING = ".kv";
const ASIDE_ENDING = ".aside.kv";

/** @throws InputError `invalid-option` for a key that is no plain word */
export function checkKey(option: string, key: unknown): string {
  if (typeof key === "string" && KEY.test(key)) return key;
  throw invalidOption(option, key, "1 to 100 letters, digits, _ or -");
}

export function savedName(key: string): string {
  return `${key}${ENDING}`;
}

export function asideName(key: string): string {
  return `${key}${ASIDE_ENDING}`;
}

/** Undefined for what is no saved conversation. */
export function keyOf(name: string): { readonly key: string; readonly aside: boolean } | undefined {
  const aside = name.endsWith(ASIDE_ENDING);
  const key = name.slice(0, -(aside ? ASIDE_ENDING : ENDING).length);
  return name.endsWith(ENDING) && KEY.test(key) ? { key, aside } : undefined;
}
