/** `fetch` that gives up when no headers have come after `answerMs`; the body may take as long as it likes. */
export async function fetchHeaders(
  url: RequestInfo | URL,
  init: RequestInit,
  answerMs: number,
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`the server does not answer within ${answerMs / 1000} s`)),
    answerMs,
  );
  const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
  try {
    return await fetch(url, { ...init, signal });
  } finally {
    clearTimeout(timer);
  }
}
