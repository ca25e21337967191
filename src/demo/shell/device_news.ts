import { useEffect, useState } from "preact/hooks";
import type { Runtime, RuntimeEvent } from "../../index.ts";
import { observe } from "../engine.ts";

/** What became of each device that was lost: it is being opened again, it is back, or it cannot be had. */
export type DeviceNews = ReadonlyMap<string, "lost" | "back" | "gone">;

export const noNews: DeviceNews = new Map();

export function withEvent(news: DeviceNews, event: RuntimeEvent): DeviceNews {
  switch (event.kind) {
    case "device-lost":
      return new Map(news).set(event.device, event.recovering ? "lost" : "gone");
    case "device-joined":
      return new Map(news).set(event.device, "back");
    default:
      return news;
  }
}

/** Of this runtime's devices; `forget` is for what was read. */
export function useDeviceNews(runtime: Runtime): { readonly news: DeviceNews; forget(): void } {
  const [news, setNews] = useState(noNews);
  useEffect(() => {
    setNews(noNews);
    return observe(runtime, (event) => setNews((before) => withEvent(before, event)));
  }, [runtime]);
  return { news, forget: () => setNews(noNews) };
}
