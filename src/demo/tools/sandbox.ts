/**
 * Runs JavaScript that a model wrote: in a worker of a frame of an origin of its own, whose content security policy allows no network. The worker
 * may loop for ever and takes nothing along: its frame is removed when its time is up.
 */

export interface SandboxOptions {
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

const FRAME = "./sandbox.html";
const LIMIT_MS = 2000;

interface Answer {
  readonly result?: string;
  readonly error?: string;
}

/** What the code logged and its last value. @throws Error what the code threw, or that its time was up; the signal's reason */
export async function runInSandbox(
  code: string,
  { signal, limitMs = LIMIT_MS }: SandboxOptions,
): Promise<string> {
  signal.throwIfAborted();
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.hidden = true;
  frame.title = "JavaScript that an agent runs";
  frame.src = FRAME;
  const { port1: ours, port2: theirs } = new MessageChannel();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const answered = new Promise<Answer>((resolve, reject) => {
      ours.onmessage = ({ data }: MessageEvent<Answer | "started">) => {
        if (data !== "started") resolve(data);
        else timer = setTimeout(() => reject(new Error(`It ran longer than ${limitMs} ms.`)), limitMs);
      };
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      // An opaque origin has no name to send to; the frame gets nothing but the code.
      frame.onload = () => frame.contentWindow?.postMessage({ code }, "*", [theirs]);
      frame.onerror = () => reject(new Error("The sandbox could not be opened."));
    });
    document.body.append(frame);
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return result ?? "";
  } finally {
    clearTimeout(timer);
    ours.close();
    frame.remove();
  }
}
