import type { Residence } from "./state.ts";

/**
 * Idle residences in the order in which they make room: those that have been idle longest first, and behind all of them those whose
 * conversations use a tool and will be back soon.
 */
export class IdleOrder implements Iterable<Residence> {
  readonly #idle = new Set<Residence>();
  readonly #paused = new Set<Residence>();

  *[Symbol.iterator](): Iterator<Residence> {
    yield* this.#idle;
    yield* this.#paused;
  }

  has(residence: Residence): boolean {
    return this.#idle.has(residence) || this.#paused.has(residence);
  }

  /** It has been idle from now on. */
  add(residence: Residence): void {
    (residence.conversation.isPaused ? this.#paused : this.#idle).add(residence);
  }

  delete(residence: Residence): boolean {
    return this.#idle.delete(residence) || this.#paused.delete(residence);
  }
}
