import type { Settings } from "../../src/platform/settings.ts";

/** Notes as JSON, as all platforms keep them. */
export function settingsInMemory(): Settings & { readonly notes: Map<string, string> } {
  const notes = new Map<string, string>();
  return {
    notes,
    read: async (name) => (notes.has(name) ? JSON.parse(notes.get(name) ?? "") : undefined),
    write: async (name, value) => notes.set(name, JSON.stringify(value)) === notes,
    names: async () => [...notes.keys()],
  };
}
