/**
 * Calls back when the page is hidden or left: the last that a page hears before it may be ended. Not in workers and Node, where there is
 * no page.
 * @returns what stops it
 */
export function onPageHidden(callback: () => void): () => void {
  const { document, window } = globalThis as { readonly document?: Document; readonly window?: Window };
  const whenHidden = () => {
    if (document?.visibilityState === "hidden") callback();
  };
  document?.addEventListener("visibilitychange", whenHidden);
  window?.addEventListener("pagehide", callback);
  return () => {
    document?.removeEventListener("visibilitychange", whenHidden);
    window?.removeEventListener("pagehide", callback);
  };
}
