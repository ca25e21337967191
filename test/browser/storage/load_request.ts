import type { ErrorFields } from "../../../src/index.ts";
import type { CatalogueModel } from "../../../src/loader/sources/catalogue.ts";

/** A load as the test asks for it, as plain data. */
export interface LoadRequest {
  readonly model: string;
  readonly catalogue?: CatalogueModel;
  readonly modelsUrl?: string;
  readonly whenFull?: "stream" | "fail";
}

/** How it went. */
export interface Loaded {
  readonly loaded: boolean;
  readonly phases: readonly string[];
  /** False where it was told that the file is not kept. */
  readonly isKept: boolean;
  readonly code?: string;
  readonly fields?: ErrorFields;
}
