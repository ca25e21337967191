/** Ends streamed text at the first stop string, which is never shown, not even in part. */
export interface StopMatcher {
  /** The text that is safe to show. After `stopped`, nothing more is. */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** The text held back as a possible beginning of a stop string that did not come. */
  flush(): string;
}

/** Of several stop strings the one that begins first in the text wins, whichever ends first. Empty ones never match. */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  const wanted = stops.filter((stop) => stop !== "");
  let held = "";
  let stopped = false;
  return {
    push(text) {
      if (stopped) return { text: "", stopped };
      held += text;
      const found = firstMatch(held, wanted);
      const pending = firstPending(held, wanted);
      // An unfinished stop string that begins before a finished one may still win; its own text is hidden either way.
      stopped = found <= pending && found < held.length;
      const end = Math.min(found, pending);
      const shown = held.slice(0, end);
      held = stopped ? "" : held.slice(end);
      return { text: shown, stopped };
    },
    flush() {
      const found = firstMatch(held, wanted);
      const shown = held.slice(0, found);
      held = "";
      return shown;
    },
  };
}

/** Where the first stop string begins; the text's length if there is none. */
function firstMatch(text: string, stops: readonly string[]): number {
  let first = text.length;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && at < first) first = at;
  }
  return first;
}

/** Where the first beginning of a stop string stands that runs into the end of the text; the text's length if there is none. */
function firstPending(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  for (let at = Math.max(0, text.length - longest + 1); at < text.length; at++) {
    const tail = text.slice(at);
    if (stops.some((stop) => stop.length > tail.length && stop.startsWith(tail))) return at;
  }
  return text.length;
}
