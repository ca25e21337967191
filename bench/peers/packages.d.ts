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
