/** The one file of the package that loads in Node and in browsers alike; its types stand under the package's name. */
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export * from "wgsl_reflect";
}
