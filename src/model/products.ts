import type { WeightSlice } from "../kernels/matmul.ts";
import { type MatmulEpilogue, productKey } from "../kernels/matmul_kernels.ts";
import type { TunableProduct } from "../tuner/task.ts";
import type { ModelWeights } from "./weights.ts";

/** The matrix products of a forward pass, those of one shape together: what there is to tune. */
export function productsOf({ layers, output }: ModelWeights): readonly TunableProduct[] {
  const products = new Map<string, TunableProduct & { readonly slices: WeightSlice[] }>();
  const add = (slices: readonly WeightSlice[], epilogue: MatmulEpilogue, everyToken: boolean) => {
    for (const slice of slices) {
      const { layout, rows, groups } = slice;
      const shape = { layout, epilogue, rows, groups };
      const known = products.get(productKey(shape));
      if (known) known.slices.push(slice);
      else products.set(productKey(shape), { shape, slices: [slice], everyToken });
    }
  };
  for (const { qkv, qkvBias, attentionOutput, gateUp, down } of layers) {
    add(qkv.slices, qkvBias ? "bias" : "store", true);
    add(attentionOutput.slices, "residual", true);
    add(gateUp.slices, "silu", true);
    add(down.slices, "residual", true);
  }
  add(output.slices, "store", false);
  return [...products.values()];
}
