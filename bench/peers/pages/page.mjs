import { answer } from "../engines/serve.mjs";

/** A peer's side of ../protocol.ts in a page, whose URL names the engine: asks the server for one request after the other. */

const name = new URLSearchParams(location.search).get("engine");
const { engine } = await import(`./${name}.mjs`);
for (;;) {
  // Answered when there is something to do.
  const request = await (await fetch("/next")).json();
  await fetch("/answer", { method: "POST", body: JSON.stringify(await answer(engine, request)) });
}
