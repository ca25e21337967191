import { formatBytes, formatMs, formatTable } from "../src/cli/format.ts";
import type { Comparison } from "./compare.ts";
import type { CaseProfile } from "./profile.ts";
import type { EngineReport } from "./report.ts";
import type { Spread } from "./spread.ts";

/** The report as a person reads it. */
export function describeReport(report: EngineReport): string {
  const { comparison } = report;
  const parts = [
    headTable(report),
    caseTable(report),
    ...(report.ratios.length > 0 ? [ratioTable(report)] : []),
    ...(report.firstToken ? [firstTokenTable(report.firstToken)] : []),
    ...(report.profiles ?? []).map(profileTable),
    ...(report.profiles ? [] : ["No profile: the device has no timestamps.\n"]),
    ...(comparison ? [comparisonNote(comparison)] : []),
  ];
  return parts.join("\n");
}

function headTable(report: EngineReport): string {
  const { adapter, machine, model, gpuBytes, hostPeaks, probes } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const random = model.weights === "random" ? ", random weights" : "";
  const peaks = hostPeaks
    ? `at most ${formatBytes(hostPeaks.residentBytes)} resident${adapter.software ? " (the GPU's included)" : ""}, ${formatBytes(hostPeaks.heapAndBufferBytes)} heap and buffers`
    : "a page is not told";
  return formatTable([
    [
      "adapter",
      `${adapter.name}${adapter.software ? " (software, slow)" : ""}, driver ${adapter.driver || "unknown"}`,
    ],
    ["versions", versions(report)],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    [
      "model",
      `${model.name}${random}: ${model.architecture}, ${model.layers} layers, ${(model.parameters / 1e6).toFixed(1)} M parameters`,
    ],
    ["precision", report.precision],
    [
      "kernels",
      report.tunedProducts > 0 ? `tuned for ${report.tunedProducts} products` : "the adapter class's",
    ],
    ["load time", formatMs(report.loadMs)],
    [
      "GPU memory",
      `at most ${formatBytes(gpuBytes.peak)}: weights ${formatBytes(gpuBytes.weights)}, KV pool ${formatBytes(gpuBytes.kv)}`,
    ],
    ["host memory", peaks],
    ["decode step", `${report.dispatchesPerDecodeStep} dispatches`],
    ["probe: copy", probeText(probes.copy, "GB/s read and written")],
    ["probe: float", probeText(probes.float, "G multiply-adds/s")],
    ["probe: half", probeText(probes.half, "G multiply-adds/s")],
    ["probe: int8", probeText(probes.int8, "G multiply-adds/s")],
    ["samples", `${report.samples} rounds; seed ${report.seed}`],
  ]);
}

function versions({ machine, browser }: EngineReport): string {
  const baton = `Baton ${machine.baton} (${machine.commit ?? "no commit"})`;
  return browser === undefined
    ? `${baton}, Node ${machine.node}, Dawn ${machine.dawn}`
    : `${baton}, ${browser}`;
}

function probeText(probe: Spread | undefined, unit: string): string {
  if (!probe) return "the device has none";
  const [median, min, max] = [probe.median, probe.min, probe.max].map((value) => (value / 1e9).toFixed(1));
  return `${median} (${min}–${max}) ${unit}`;
}

function caseTable({ results, comparison }: EngineReport): string {
  const header = [
    "",
    "tokens/s",
    "min",
    "max",
    "n",
    "TBT ms",
    "min",
    "max",
    "of copy",
    "of float",
    "dispatches",
  ];
  const rows = results.map(({ id, tokensPerSecond, tbtMs, shareOf, dispatchesPerStep }) => [
    id,
    ...threeOf(tokensPerSecond),
    `${tokensPerSecond.samples}`,
    ...(tbtMs ? threeOf(tbtMs) : ["", "", ""]),
    percent(shareOf.copy),
    percent(shareOf.float),
    `${dispatchesPerStep}`,
    ...(comparison ? [ratioText(comparison.ratios[id])] : []),
  ]);
  const columns = header.map((_, column) => column + 1);
  return formatTable([[...header, ...(comparison ? ["new / old"] : [])], ...rows], columns);
}

function ratioTable({ ratios }: EngineReport): string {
  const rows = ratios.map(({ meaning, ratio }) => [
    meaning,
    ...[ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(2)),
    `${ratio.samples}`,
  ]);
  return formatTable([["ratios of the same rounds", "median", "min", "max", "n"], ...rows], [1, 2, 3, 4]);
}

function firstTokenTable({ cold, warm, promptTokens, memory }: NonNullable<EngineReport["firstToken"]>) {
  const header = [`first token of ${promptTokens}-token prompt`, "ms", "min", "max", "n"];
  const rows = Object.entries({ cold, warm }).flatMap(([name, { firstTokenMs, parts }]) => [
    [`${name} start`, ...wholeOf(firstTokenMs), `${firstTokenMs.samples}`],
    ...Object.entries(parts).map(([part, ms]) => [`  ${part}`, ...wholeOf(ms)]),
  ]);
  const megabytes = Object.entries(memoryNames).map(([name, key]) => {
    const { median, min, max, samples } = memory[key];
    return [
      `memory, MB: ${name}`,
      ...[median, min, max].map((bytes) => (bytes / 1e6).toFixed(1)),
      `${samples}`,
    ];
  });
  return formatTable([header, ...rows, ...megabytes], [1, 2, 3, 4]);
}

const memoryNames = {
  resident: "residentBytes",
  "heap and buffers": "heapAndBufferBytes",
  "GPU buffers": "gpuBytes",
} as const;

function profileTable(profile: CaseProfile): string {
  const { id, tokens, dispatches, onePassMs, sumMs, sumOverOnePass, wallMs } = profile;
  const check = `sum over one pass ${sumOverOnePass.median.toFixed(3)} (${sumOverOnePass.min.toFixed(3)}–${sumOverOnePass.max.toFixed(3)})`;
  const head = `profile of ${id}: a step of ${tokens} tokens, ${dispatches} dispatches, ${sumMs.median.toFixed(2)} ms; in one pass ${onePassMs.median.toFixed(2)} ms; with the host ${wallMs.median.toFixed(2)} ms; ${check}; ${sumMs.samples} steps\n`;
  const header = ["stage", "ms", "min", "max", "share", "GB/s", "of copy", "GMAC/s", "of float", "n"];
  const rows = profile.stages.map((time) => [
    time.stage,
    ...[time.ms.median, time.ms.min, time.ms.max].map((value) => value.toFixed(3)),
    percent(time.share),
    (time.bytesPerSecond / 1e9).toFixed(2),
    percent(time.shareOf.copy),
    (time.macsPerSecond / 1e9).toFixed(2),
    percent(time.shareOf.float),
    `${time.dispatches}`,
    time.kernels.join(" + "),
  ]);
  return head + formatTable([[...header, "kernel"], ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

function threeOf({ median, min, max }: Spread): string[] {
  return [median, min, max].map((value) => value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0));
}

function wholeOf({ median, min, max }: Spread): string[] {
  return [median, min, max].map((value) => value.toFixed(0));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? "new" : `${ratio.toFixed(2)}x`;
}

function comparisonNote({ takenAt, commit, differs, probes }: Comparison): string {
  const old = `The old report is of ${takenAt}, commit ${commit ?? "unknown"}.`;
  const other = differs.length === 0 ? "" : ` It differs in ${differs.join(", ")}.`;
  const probed = Object.entries(probes).map(([name, ratio]) => `${name} ${ratioText(ratio)}`);
  const adapter = probed.length === 0 ? "" : ` The adapter itself, new over old: ${probed.join(", ")}.`;
  return `${old}${other}${adapter}\n`;
}
