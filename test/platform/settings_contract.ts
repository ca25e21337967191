import type { Settings } from "../../src/platform/settings.ts";

/** What every platform's notes are asked, as plain data; `expectedOfSettings` is what each of them answers. */
export async function askSettings(settings: Settings) {
  const missing = await settings.read("contract-none");
  const written = await settings.write("contract-a", {
    text: "Größe 🙂",
    numbers: [1, null],
    deep: { a: true },
  });
  const long = { text: "x".repeat(100_000) };
  const replaced = [
    await settings.write("contract-b", long),
    await settings.write("contract-b", { short: 1 }),
  ];
  // Several writers at once: one of them wins, whole.
  const writers = Array.from({ length: 8 }, (_, writer) => ({
    writer,
    text: "y".repeat(1000 * (writer + 1)),
  }));
  await Promise.all(writers.map((value) => settings.write("contract-c", value)));
  const won = JSON.stringify(await settings.read("contract-c"));
  const refused = await Promise.all(["../up", "", "a b", "a/b"].map((name) => refuses(settings, name)));
  const names = await settings.names();
  return {
    missing: missing === undefined,
    written,
    read: await settings.read("contract-a"),
    replaced,
    short: await settings.read("contract-b"),
    oneWon: writers.some((value) => JSON.stringify(value) === won),
    refused,
    names: names.filter((name) => name.startsWith("contract-")).toSorted(),
  };
}

export const expectedOfSettings: Awaited<ReturnType<typeof askSettings>> = {
  missing: true,
  written: true,
  read: { text: "Größe 🙂", numbers: [1, null], deep: { a: true } },
  replaced: [true, true],
  short: { short: 1 },
  oneWon: true,
  refused: ["RangeError", "RangeError", "RangeError", "RangeError"],
  names: ["contract-a", "contract-b", "contract-c"],
};

async function refuses(settings: Settings, name: string): Promise<string> {
  try {
    await settings.write(name, {});
    return "kept";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}
