import { a, c } from "./chunks/node-DUTOTOnI.js";
import "./chunks/runtime-BhiITdvg.js";
import { B, C, D, I, M, f } from "./chunks/errors-Dmr1zGcT.js";
export {
  B as BatonError,
  C as CapacityError,
  D as DeviceError,
  I as InputError,
  M as ModelError,
  a as createNodePlatform,
  c as createRuntime,
  f as fromPlain
};
//# sourceMappingURL=node.js.map
