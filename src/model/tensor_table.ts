import { ModelError } from "../errors.ts";
import type { GgufFile, TensorInfo } from "../loader/gguf.ts";
import { tensorNames } from "./architectures/architecture.ts";

/** The file's tensors by name, each checked for its shape before anything is allocated. */
export class TensorTable {
  readonly #tensors: ReadonlyMap<string, TensorInfo>;

  constructor(file: GgufFile) {
    this.#tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  }

  get names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  find(name: string): TensorInfo | undefined {
    return this.#tensors.get(name);
  }

  /** @throws ModelError `missing-tensor`, `wrong-shape` */
  matrix(name: string, rows: number, cols: number): TensorInfo {
    const tensor = this.#tensors.get(name);
    if (!tensor) {
      throw new ModelError(
        "missing-tensor",
        `The file has no tensor "${name}", which its architecture needs. Download it again.`,
        {
          tensor: name,
        },
      );
    }
    if (tensor.rows !== rows || tensor.cols !== cols) {
      throw new ModelError(
        "wrong-shape",
        `The tensor "${name}" is [${tensor.rows}, ${tensor.cols}] and should be [${rows}, ${cols}] by the file's metadata. Download it again.`,
        { tensor: name, actual: [tensor.rows, tensor.cols], expected: [rows, cols] },
      );
    }
    return tensor;
  }
}

/** Vocabulary size: the rows of the embedding. @throws ModelError `missing-tensor` */
export function vocabOf(table: TensorTable): number {
  const embedding = table.find(tensorNames.embedding);
  if (!embedding) table.matrix(tensorNames.embedding, 0, 0);
  return embedding?.rows ?? 0;
}
