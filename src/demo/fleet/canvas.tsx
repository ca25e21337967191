import { useEffect, useRef, useState } from "preact/hooks";
import { type Palette, paletteOf } from "./colours.ts";

export interface Drawing {
  readonly draw: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly palette: Palette;
}

interface CanvasProps {
  /** For whoever does not see it. */
  readonly label: string;
  readonly height: number | ((width: number) => number);
  readonly paint: (drawing: Drawing) => void;
}

/** A picture as wide as there is room, sharp on every screen, drawn again with each rendering. */
export function Canvas({ label, height, paint }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  const tall = typeof height === "number" ? height : height(width);
  useDarkChange();
  useEffect(() => {
    const element = canvas.current;
    const draw = element?.getContext("2d");
    if (!element || !draw || width === 0) return;
    const scale = devicePixelRatio || 1;
    element.width = Math.round(width * scale);
    element.height = Math.round(tall * scale);
    draw.setTransform(scale, 0, 0, scale, 0, 0);
    draw.clearRect(0, 0, width, tall);
    paint({ draw, width, height: tall, palette: paletteOf(element) });
  });
  return <canvas ref={canvas} role="img" aria-label={label} style={{ height: `${tall}px` }} />;
}

export function useWidth(ref: { readonly current: Element | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

/** Draws again when the system goes from light to dark or back. */
export function useDarkChange(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return dark;
}
