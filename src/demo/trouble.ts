import { BatonError, type ErrorCode } from "../index.ts";

/** What went wrong, in plain words, and the ways on from there. */
export interface Trouble {
  readonly title: string;
  readonly text: string;
  readonly ways: readonly WayOn[];
  /** As Baton says it, for whoever reports it. */
  readonly detail: string;
}

/** What the page can do about it: its buttons. */
export type WayOn = keyof typeof wayTitles;

export const wayTitles = {
  retry: "Try again",
  "load-again": "Load the model again",
  "take-over": "Use it in this tab",
  "take-back": "Take it back",
  "load-beside": "Load it in both tabs",
  "choose-file": "Open a file instead",
  "choose-model": "Choose another model",
  "clear-cache": "Clear the cache",
  "new-chat": "Begin a new chat",
  reload: "Reload the page",
} as const;

export const inOtherTab = told({
  title: "The model is in use in another tab",
  text: "This page is open in another tab, which has a model on the GPU. A second one here needs memory of its own. If you use it in this tab, the other one lets its model go.",
  ways: ["take-over", "load-beside"],
});

export const takenByOtherTab = told({
  title: "The model is in use in another tab now",
  text: "Another tab of this page has taken over, so this one has let its model go. The chat is kept.",
  ways: ["take-back", "load-beside"],
});

export function troubleOf(error: unknown, online = navigator.onLine): Trouble {
  const detail = error instanceof Error ? error.message : String(error);
  if (isQuota(error)) return { ...diskFull, detail };
  if (!(error instanceof BatonError)) return { ...unexpected, detail };
  if (error.code === "download-failed" && !online) return { ...offline, detail };
  return { ...byCode(error.code, error.message), detail };
}

type Said = Omit<Trouble, "detail">;

/** Of what is no error, and has no other words. */
function told(said: Said): Trouble {
  return { ...said, detail: said.text };
}

const unexpected: Said = {
  title: "Something unexpected went wrong",
  text: "Reloading the page usually helps. If it comes again, the message below says what to report.",
  ways: ["retry", "reload"],
};

const offline: Said = {
  title: "You are offline",
  text: "The model has to be downloaded once. Connect to the internet and try again, or open a GGUF file that you have already.",
  ways: ["retry", "choose-file"],
};

const diskFull: Said = {
  title: "The browser has no room left",
  text: "The model does not fit into what the browser may keep for this page. Clear the cache of other models, or open a file, which needs no room.",
  ways: ["clear-cache", "retry", "choose-file"],
};

const badFile: Said = {
  title: "This file cannot be used",
  text: "It is no complete GGUF file of an architecture that Baton runs (llama, qwen2, qwen3).",
  ways: ["choose-file", "choose-model"],
};

const badDownload: Said = {
  title: "The download is damaged",
  text: "What arrived is not the file that was expected. Usually a second download is right.",
  ways: ["retry", "choose-file"],
};

const gpuFault: Said = {
  title: "The GPU reported an error",
  text: "Load the model again. If it comes again, a smaller model or a newer graphics driver may help.",
  ways: ["retry", "choose-model", "reload"],
};

function byCode(code: ErrorCode, message: string): Said {
  switch (code) {
    case "no-adapter":
      return { title: "No GPU can be used", text: message, ways: ["retry", "reload"] };
    case "adapter-limit":
    case "gpu-out-of-memory":
      return {
        title: "The model is too large for this GPU",
        text: "Choose a smaller model, or close other pages that use the GPU.",
        ways: ["choose-model", "retry"],
      };
    case "device-lost":
      return {
        title: "The GPU was lost",
        text: "The driver restarted, or the browser took the GPU away, and it could not be opened again. Load the model again; the chat is kept.",
        ways: ["load-again", "reload"],
      };
    case "gpu-error":
    case "shader-invalid":
      return gpuFault;
    case "kv-full":
    case "prompt-too-long":
      return {
        title: "The conversation is too long",
        text: "It does not fit into the model's context or the KV cache any more. Begin a new chat, or edit an earlier message.",
        ways: ["new-chat"],
      };
    case "download-failed":
      return {
        title: "The model cannot be downloaded",
        text: `${message} This page may only fetch from its own address and from huggingface.co.`,
        ways: ["retry", "choose-file"],
      };
    case "wrong-checksum":
    case "wrong-size":
      return badDownload;
    case "disk-full":
    case "storage-full":
    case "storage-missing":
    case "storage-failed":
    case "cache-unwritable":
      return diskFull;
    case "not-gguf":
    case "gguf-version":
    case "gguf-truncated":
    case "gguf-invalid":
    case "unknown-architecture":
    case "unknown-tensor-type":
    case "unknown-tokenizer":
    case "missing-tensor":
    case "wrong-shape":
    case "file-not-found":
    case "file-unreadable":
      return badFile;
    case "unknown-model":
    case "tool-missing":
      return { title: "There is no such model", text: message, ways: ["choose-model"] };
    case "empty-prompt":
    case "invalid-option":
    case "conversation-busy":
    case "model-busy":
    case "invalid-template":
    case "invalid-schema":
    case "artefact-damaged":
    case "artefact-version":
    case "artefact-model":
      return { title: "That is not possible", text: message, ways: [] };
    case "disposed":
      return {
        title: "The model was let go of meanwhile",
        text: "Another model or other devices were loaded, or another tab has taken over. Send it again when a model is loaded.",
        ways: ["retry"],
      };
    default:
      code satisfies never;
      return unexpected;
  }
}

function isQuota(error: unknown): boolean {
  const names = [error, error instanceof Error ? error.cause : undefined].map((one) =>
    one instanceof Error || one instanceof DOMException ? one.name : "",
  );
  return names.includes("QuotaExceededError");
}
