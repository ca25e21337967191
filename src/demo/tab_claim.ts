import { claimPage, type ModelClaim } from "./engine.ts";

/** How a tab comes to load a model where another tab of the page may have one: both together need the GPU's memory twice. */
export type TabWay = "ask" | "take-over" | "beside";

export interface TabClaim {
  /** Whether this tab may load a model: from then on until `release`, or until another tab takes over. */
  claim(way: TabWay): Promise<boolean>;
  /** This tab has no model any more. */
  release(): void;
}

/** @param letGo another tab has taken over; resolves when this one's model is gone */
export function createTabClaim(letGo: () => Promise<void>): TabClaim {
  let held: ModelClaim | undefined;
  /** Somebody wants models in several tabs, and is not asked again. */
  let beside = false;

  const hold = async (claim: ModelClaim): Promise<void> => {
    held = claim;
    await claim.lost;
    held = undefined;
    beside = false;
    await letGo().finally(claim.release);
  };

  return {
    claim: async (way) => {
      if (held) return true;
      if (way !== "ask") beside = way === "beside";
      const claim = await claimPage({ takeOver: way === "take-over" });
      if (claim) void hold(claim);
      return claim !== undefined || beside;
    },
    release: () => {
      held?.release();
      held = undefined;
    },
  };
}
