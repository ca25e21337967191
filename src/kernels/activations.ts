import type { MatmulEpilogue } from "./matmul_kernels.ts";
import type { KernelChoice } from "./variants.ts";

/**
 * How activations lie in the buffers between kernels (shaders/lib/activations.wesl): 32-bit floats, packed 16-bit floats, or
 * pairs of int8 with a scale and a sum for each group of 32.
 */
export type ActivationFormat = "float" | "half" | "int8";

/** Words (u32) of a group of 32 values. */
export const activationWords: Readonly<Record<ActivationFormat, number>> = { float: 32, half: 16, int8: 18 };

/** What a product reads: those that add to the residual stream what attention and SiLU left, all others what a norm did. */
export function inputFormat(choice: KernelChoice, epilogue: MatmulEpilogue): ActivationFormat {
  return epilogue === "residual" ? choice.activations : choice.normed;
}

/** The conditions that shaders know a format by. */
export function formatConditions(format: ActivationFormat): Readonly<Record<string, boolean>> {
  return { half_activations: format === "half", int8_activations: format === "int8" };
}
