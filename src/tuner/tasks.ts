import { TOKEN_RANGES } from "../kernels/variants.ts";
import { attentionTasks } from "./attention_tasks.ts";
import { matmulTasks } from "./matmul_tasks.ts";
import type { Tunable, TuningTask } from "./task.ts";

/** Every family's, the most important first: attention after the products of decode and prefill. */
export function tuningTasks(
  tunable: Pick<Tunable, "gpu" | "choice" | "products" | "attention">,
): TuningTask[] {
  const { gpu, choice, products } = tunable;
  const [, few] = TOKEN_RANGES;
  const tasks = matmulTasks(products, choice, gpu.capabilities);
  const at = tasks.findIndex(({ upToTokens }) => upToTokens === few);
  return tasks.toSpliced(at === -1 ? tasks.length : at, 0, ...attentionTasks(tunable));
}
