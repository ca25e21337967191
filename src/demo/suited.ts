/** What suits a kind of adapter, proposed and changed by whoever likes. */
export interface Suited {
  /** A name of the catalogue. */
  readonly model: string;
  /** Most tokens of an answer. */
  readonly answerTokens: number;
}

interface AdapterClass {
  readonly software: boolean;
}

const GPU: Suited = { model: "qwen3-0.6b", answerTokens: 1024 };
/** A processor that plays GPU takes a second for a few tokens. */
const SOFTWARE: Suited = { model: "smollm2-135m-instruct", answerTokens: 64 };

export function suitedTo({ software }: AdapterClass): Suited {
  return software ? SOFTWARE : GPU;
}

/** The model to propose where there are these adapters; the small one until a GPU is known of. */
export function proposedModel(adapters: readonly AdapterClass[]): string {
  return suitedTo({ software: adapters.every(({ software }) => software) }).model;
}
