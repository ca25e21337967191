import type { ComponentChildren } from "preact";

/** What may be wider than the page, such as a table; by keyboard it can be scrolled too. */
export function Scroll({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls.
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
