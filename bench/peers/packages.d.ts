/**
 * What is used of the packages that are installed here and nowhere else, so that types are checked without them.
 */

declare module "node-llama-cpp" {
  export const LlamaLogLevel: { readonly error: string };
  export function getLlama(options: {
    gpu: "vulkan" | false;
    build: "never";
    maxThreads: number;
    logLevel: string;
    progressLogs: boolean;
  }): Promise<Llama>;
  export interface Llama {
    readonly gpu: string | false;
    getGpuDeviceNames(): Promise<string[]>;
    loadModel(options: { modelPath: string; gpuLayers: "max" | 0 }): Promise<LlamaModel>;
  }
  export interface LlamaModel {
    createContext(options: {
      contextSize: number;
      batchSize: number;
      threads: number;
    }): Promise<LlamaContext>;
  }
  export interface LlamaContext {
    getSequence(): LlamaContextSequence;
  }
  export interface LlamaContextSequence {
    clearHistory(): Promise<void>;
    evaluate(
      tokens: number[],
      options: { temperature: number; yieldEogToken: boolean },
    ): AsyncGenerator<number, void, void>;
  }
}

declare module "onnxruntime-node" {
  export class Tensor {
    constructor(type: "int64", data: BigInt64Array, dims: readonly number[]);
    constructor(type: "float32", data: Float32Array, dims: readonly number[]);
    /** Only of a tensor that lies on the host. */
    readonly data: unknown;
    dispose(): void;
  }
  export class InferenceSession {
    static create(path: string, options: object): Promise<InferenceSession>;
    run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  }
}

declare module "onnx-proto" {
  const proto: {
    readonly onnx: {
      readonly ModelProto: { encode(model: object): { finish(): Uint8Array } };
    };
  };
  export default proto;
}

declare module "@huggingface/transformers" {
  export class Tensor {
    constructor(type: "int64", data: BigInt64Array, dims: readonly number[]);
  }
  export interface CausalLM {
    generate(options: {
      input_ids: Tensor;
      attention_mask: Tensor;
      max_new_tokens: number;
      min_new_tokens: number;
      do_sample: boolean;
      streamer: { put(ids: bigint[][]): void; end(): void };
    }): Promise<unknown>;
  }
  export const AutoModelForCausalLM: {
    from_pretrained(name: string, options: { device: "webgpu"; dtype: "q4" }): Promise<CausalLM>;
  };
  export const env: {
    readonly version: string;
    allowRemoteModels: boolean;
    allowLocalModels: boolean;
    localModelPath: string;
    useBrowserCache: boolean;
    useWasmCache: boolean;
    readonly backends: {
      readonly onnx: {
        readonly wasm: { wasmPaths: string };
        readonly versions?: Readonly<Record<string, string>>;
      };
    };
  };
}

/** @wllama/wllama, under the name that pages give it: the package shows its own sources to the type checker. */
declare module "wllama" {
  export const LoggerWithoutDebug: object;
  export class Wllama {
    static getLibllamaVersion(): string;
    constructor(paths: { default: string }, config: { logger: object });
    loadModel(
      blobs: Blob[],
      options: { n_ctx: number; n_batch: number; n_parallel: number; n_threads: number },
    ): Promise<void>;
    /** The options go to llama.cpp's server as they are; the package's own types leave some out. */
    createCompletion(options: {
      prompt: number[];
      max_tokens: number;
      temperature: number;
      cache_prompt: boolean;
      logprobs: number;
      stream: true;
    }): Promise<AsyncIterable<CompletionChunk>>;
  }
  interface CompletionChunk {
    readonly choices: readonly {
      readonly logprobs?: { readonly content: readonly { readonly id: number }[] } | null;
    }[];
  }
}
