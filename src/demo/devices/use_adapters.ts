import { useEffect, useState } from "preact/hooks";
import { type AdapterReport, listAdapters } from "../engine.ts";
import { proposedModel } from "../suited.ts";
import { type Trouble, troubleOf } from "../trouble.ts";

export interface FoundAdapters {
  /** Undefined while they are being looked for. */
  readonly adapters: readonly AdapterReport[] | undefined;
  readonly trouble: Trouble | undefined;
}

export function useAdapters(): FoundAdapters {
  const [found, setFound] = useState<FoundAdapters>({ adapters: undefined, trouble: undefined });
  useEffect(() => {
    let wanted = true;
    listAdapters().then(
      (adapters) => wanted && setFound({ adapters, trouble: undefined }),
      (error: unknown) => wanted && setFound({ adapters: [], trouble: troubleOf(error) }),
    );
    return () => {
      wanted = false;
    };
  }, []);
  return found;
}

/** The name of the catalogue's model that suits this browser's adapters. */
export function useProposal(): string {
  const { adapters = [] } = useAdapters();
  return proposedModel(adapters.map(({ summary }) => summary));
}
