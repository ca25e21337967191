import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { swiftshaderFolder } from "../../scripts/cache.mjs";
import { ensureChromium, findChromium } from "../../scripts/chromium.mjs";
import { inClone } from "../../scripts/steps.mjs";
import { canFetchSwiftshader, fetchSwiftshader } from "../../scripts/swiftshader.mjs";
import { ChromiumPeer } from "./chromium_peer.ts";
import { type Peer, PeerFailure, PeerProcess } from "./peer_process.ts";
import type { PeerName } from "./report.ts";

/** Where engines are measured side by side: an adapter, and what runs them. */

export interface Scene {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly SceneEntry[];
  /** Sees to the adapter, and says how a process finds it and no other. @throws PeerFailure; SetupError */
  prepare(): Promise<Readonly<Record<string, string>>>;
}

export interface SceneEntry extends PeerName {
  /** What has to be there first besides the GGUF file: the peers' packages, and the weights as ONNX. */
  readonly needs: readonly ("packages" | "onnx")[];
  open(env: Readonly<Record<string, string>>): Peer;
}

const script = (name: string) => inClone("bench", "peers", "engines", name);

function baton(adapter: string): SceneEntry {
  const name = { id: "baton", title: "Baton", role: "baton" } as const;
  const library = pathToFileURL(inClone("dist", "node.js")).href;
  const command = [script("baton.mjs"), library, adapter] as const;
  return { ...name, needs: [], open: (env) => new PeerProcess(name.title, command, env) };
}

const llamaVulkan = nodePeer("llama-vulkan", "llama.cpp, Vulkan", ["packages"], ["llama_cpp.mjs", "vulkan"]);
const llamaCpu: SceneEntry = {
  ...nodePeer("llama-cpu", "llama.cpp, CPU", ["packages"], ["llama_cpp.mjs", "cpu"]),
  role: "ceiling",
};
const onnxRuntime = nodePeer(
  "onnxruntime",
  "ONNX Runtime, WebGPU",
  ["packages", "onnx"],
  ["onnx_runtime.mjs"],
);
const transformers = nodePeer(
  "transformers.js",
  "transformers.js, WebGPU",
  ["packages", "onnx"],
  ["transformers.mjs"],
);

function nodePeer(
  id: string,
  title: string,
  needs: SceneEntry["needs"],
  [file, ...args]: readonly [string, ...string[]],
): SceneEntry {
  const command = [script(file), ...args] as const;
  return { id, title, role: "peer", needs, open: (env) => new PeerProcess(title, command, env) };
}

function inChromium(name: PeerName, engine: string, needs: SceneEntry["needs"]): SceneEntry {
  return { ...name, needs, open: () => new ChromiumPeer(name.title, engine) };
}

/** Listed, so that nobody looks for it in vain. */
const webLlm: SceneEntry = {
  id: "web-llm",
  title: "web-llm",
  role: "peer",
  needs: [],
  open: () => ({
    name: "web-llm",
    load: async () => {
      throw new PeerFailure(
        "it needs weights in a format of its own and a library compiled for each model, and no package holds either",
      );
    },
    run: async () => {
      throw new PeerFailure("it was not loaded");
    },
    stop: async () => {},
  }),
};

export const scenes: readonly Scene[] = [
  {
    id: "lavapipe",
    title: "In Node on lavapipe",
    entries: [baton("llvmpipe"), llamaVulkan, onnxRuntime, transformers, llamaCpu],
    prepare: async () => onlyDriver(lavapipeDriver()),
  },
  {
    id: "swiftshader",
    title: "In Node on SwiftShader",
    entries: [baton("SwiftShader"), llamaVulkan, onnxRuntime],
    prepare: async () => onlyDriver(await swiftshaderDriver()),
  },
  {
    id: "chromium",
    title: "In Chromium on SwiftShader",
    entries: [
      inChromium({ id: "baton", title: "Baton", role: "baton" }, "baton", []),
      inChromium({ id: "transformers.js", title: "transformers.js, WebGPU", role: "peer" }, "transformers", [
        "packages",
        "onnx",
      ]),
      inChromium({ id: "wllama", title: "wllama, WebGPU", role: "peer" }, "wllama", ["packages"]),
      webLlm,
    ],
    prepare: async () => {
      await ensureChromium();
      if (!findChromium()) throw new PeerFailure("there is no Chromium");
      return {};
    },
  },
];

/** So that no engine has a choice. llama.cpp leaves software adapters out unless they are named. */
function onlyDriver(driver: string): Record<string, string> {
  const libraries = [dirname(driver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  return {
    VK_DRIVER_FILES: driver,
    GGML_VK_VISIBLE_DEVICES: "0",
    ...(existsSync(join(dirname(driver), "libvulkan.so.1")) && { LD_LIBRARY_PATH: libraries }),
  };
}

const DRIVER_FOLDERS = ["/etc", "/usr/local/share", "/usr/share"].map((folder) => `${folder}/vulkan/icd.d`);
const LAVAPIPE_FILES = ["lvp_icd.json", "lvp_icd.x86_64.json", "lvp_icd.aarch64.json"];

function lavapipeDriver(): string {
  const files = DRIVER_FOLDERS.flatMap((folder) => LAVAPIPE_FILES.map((file) => join(folder, file)));
  const found = files.find((file) => existsSync(file));
  if (found === undefined) throw new PeerFailure("lavapipe is not installed (mesa-vulkan-drivers has it)");
  return found;
}

async function swiftshaderDriver(): Promise<string> {
  if (!canFetchSwiftshader()) throw new PeerFailure("SwiftShader can be fetched for Linux on x64 only");
  await fetchSwiftshader();
  return join(swiftshaderFolder(), "vk_swiftshader_icd.json");
}
