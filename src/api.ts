/** The public types. */

export type * from "./api/compare.ts";
export type * from "./api/conversation.ts";
export type * from "./api/observe.ts";
export type * from "./api/runtime.ts";
