/** A colour for each of twelve agents, told apart in light and dark; what is drawn with one is always named as well. */
const HUES = [212, 28, 142, 330, 48, 268, 184, 0, 96, 300, 236, 160] as const;

export function agentColour(index: number, dark: boolean): string {
  const hue = HUES[index % HUES.length] ?? 0;
  return dark ? `hsl(${hue} 75% 65%)` : `hsl(${hue} 70% 42%)`;
}

export interface Palette {
  readonly dark: boolean;
  readonly page: string;
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly prefill: string;
  readonly decode: string;
  readonly both: string;
  readonly copy: string;
}

/** The style sheet's colours, for what is drawn by hand. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    page: colour("page"),
    ink: colour("ink"),
    quiet: colour("quiet"),
    line: colour("line"),
    prefill: colour("prefill"),
    decode: colour("decode"),
    both: colour("both"),
    copy: colour("copy"),
  };
}
