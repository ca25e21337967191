import { ModelError } from "../../errors.ts";
import type { CatalogueModel } from "../../loader/sources/catalogue.ts";
import { checkedStream } from "../../loader/sources/checked_stream.ts";
import { shownUrl } from "../../loader/sources/failures.ts";
import { lengthOf } from "../../loader/sources/ranges.ts";
import { type ToldStream, toldStream } from "../../loader/sources/told_stream.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import { addressOf, openBody, sourcesOf } from "./addresses.ts";
import { type FetchContext, report } from "./fetch_context.ts";

/** Models straight from the server to whoever loads them: nothing is kept. */

/** Nobody says a bare URL's checksum. @param kept what progress says of it */
export async function straightUrl(url: URL, context: FetchContext, kept?: false): Promise<ByteSource> {
  const name = shownUrl(url);
  const { body, response } = await openBody(url.href, context);
  const bytes = lengthOf(response);
  let done = 0;
  const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      done += piece.length;
      report(context, { done, total: bytes, label: name, ...(kept === false && { kept }) });
      controller.enqueue(piece);
    },
  });
  return { name, bytes, stream: () => toldStream(body.pipeThrough(count), name, context.signal).stream };
}

/**
 * The first of the model's sources that answers; its bytes are checked at their end.
 * @throws ModelError `download-failed` with what each source said; through the stream, `wrong-size`, `wrong-checksum`
 */
export async function straightCatalogue(
  model: CatalogueModel,
  context: FetchContext,
  kept?: false,
): Promise<ToldStream> {
  return fromSources(model, context, async (url) => {
    const { body } = await openBody(url, context);
    const label = labelOf(model, url);
    const checked = await checkedStream(body, model.name, model, (done) =>
      report(context, { done, total: model.bytes, label, ...(kept === false && { kept }) }),
    );
    return toldStream(checked, model.name, context.signal);
  });
}

/**
 * What `fetchFrom` gives for the first address of the model that it does not fail for.
 * @throws ModelError of the last that was tried, with what each said; what is no ModelError, or `isFinal`, at once
 */
export async function fromSources<T>(
  model: CatalogueModel,
  context: FetchContext,
  fetchFrom: (url: string) => Promise<T>,
  isFinal: (error: ModelError) => boolean = () => false,
): Promise<T> {
  const failures: ModelError[] = [];
  for (const source of sourcesOf(model, context)) {
    try {
      return await fetchFrom(await addressOf(source, context));
    } catch (error) {
      if (!(error instanceof ModelError) || isFinal(error)) throw error;
      failures.push(error);
    }
  }
  const reasons = failures.map(({ message }) => message);
  throw new ModelError(
    failures.at(-1)?.code ?? "download-failed",
    `The model ${model.name} cannot be fetched. ${reasons.join(" ")} Give a URL or a File of a GGUF file instead of the name.`,
    { model: model.name, reasons },
    { cause: failures.at(-1) },
  );
}

/** What progress calls it. */
export function labelOf(model: CatalogueModel, url: string): string {
  return `${model.name} from ${new URL(url).host}`;
}
