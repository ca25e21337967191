import { once } from "node:events";
import { createServer } from "node:http";
import { join, extname } from "node:path";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { f as fromPlain } from "./errors-Dmr1zGcT.js";
import { B as Browser, b as softwareFlags, h as hardwareFlags } from "./browser-CErZxCMG.js";
import { build } from "vite";
async function bundlePage(root) {
  const result = await build({
    configFile: false,
    root,
    logLevel: "silent",
    worker: { format: "es" },
    build: { write: false, target: "es2022", minify: false }
  });
  const outputs = [result].flat().flatMap((one) => "output" in one ? one.output : []);
  return new Map(
    outputs.map((file) => [`/${file.fileName}`, file.type === "chunk" ? file.code : file.source])
  );
}
const paths = {
  /** GET: a PageJob. */
  job: "/job",
  /** GET: the model's bytes. */
  model: "/model.gguf",
  /** POST: a Work. */
  progress: "/progress",
  /** POST: a PageOutcome; the last thing the page says. */
  outcome: "/outcome"
};
const TYPES = { ".html": "text/html", ".js": "text/javascript" };
const LIMIT_MS = 36e5;
async function runInPage(request) {
  const pages = await bundlePage(join(request.root, "bench", "page"));
  const server = createServer();
  const outcome = new Promise((resolve) => {
    server.on("request", (from, to) => void answer(request, pages, resolve, from, to));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = new Browser(url, request.software ? softwareFlags : hardwareFlags);
  try {
    const answered = await browser.until(Promise.race([outcome, abortion(request.signal)]), LIMIT_MS);
    if (answered.kind === "run") return answered;
    throw typeof answered.error === "string" ? new Error(`The page failed: ${answered.error}`) : fromPlain(answered.error);
  } finally {
    await browser.stop();
    server.closeAllConnections();
    server.close();
  }
}
async function answer({ job, model, onProgress }, pages, onOutcome, from, to) {
  const path = from.url === "/" ? "/index.html" : from.url ?? "";
  const page = pages.get(path);
  if (page !== void 0) {
    to.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(page);
  } else if (path === paths.job) {
    to.end(JSON.stringify(job));
  } else if (path === paths.model && model) {
    if (model.bytes !== void 0) to.setHeader("content-length", model.bytes);
    Readable.fromWeb(await model.stream()).pipe(to);
  } else if (path === paths.progress) {
    onProgress(await json(from));
    to.end();
  } else if (path === paths.outcome) {
    onOutcome(await json(from));
    to.end();
  } else {
    to.writeHead(404).end();
  }
}
function abortion(signal) {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
export {
  runInPage
};
//# sourceMappingURL=in_page-BKaOkU1H.js.map
