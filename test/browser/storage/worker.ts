import { createBrowserPlatform } from "../../../src/index.ts";
import type { LoadRequest } from "./load_request.ts";

/** Fetches a model in a Web Worker, and says how many bytes it has read. */
async function run({ model, catalogue }: LoadRequest): Promise<void> {
  const platform = createBrowserPlatform(
    catalogue ? { catalogue: { default: catalogue.name, models: [catalogue] } } : {},
  );
  const source = await platform.resolveModel(model, {});
  const bytes = await new Response(await source.stream()).arrayBuffer();
  postMessage({ bytes: bytes.byteLength });
}

globalThis.onmessage = ({ data }: MessageEvent<LoadRequest>) => void run(data).catch(reportError);
