/** Going on in the middle of a file over HTTP: what tells its versions apart, what to ask for, and what an answer holds. */

/** What an HTTP server calls this version of the file. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

export function validatorsOf({ headers }: Response): Validators {
  const etag = headers.get("etag");
  const lastModified = headers.get("last-modified");
  return { ...(etag ? { etag } : {}), ...(lastModified ? { lastModified } : {}) };
}

/** Size of the body as the file's bytes, where the server says it. */
export function lengthOf({ headers }: Response): number | undefined {
  const length = Number(headers.get("content-length") ?? Number.NaN);
  return Number.isSafeInteger(length) && !headers.get("content-encoding") ? length : undefined;
}

/** "bytes 5-9/10", or with a star for what is unknown. */
export function contentRange({
  headers,
}: Response): { start: number | undefined; total: number | undefined } | undefined {
  const parts = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  if (!parts) return undefined;
  const number = (text: string | undefined) => (text && text !== "*" ? Number(text) : undefined);
  return { start: number(parts[1]), total: number(parts[2]) };
}

/** What a version can be continued by: weak tags also fit files that differ in their bytes. */
export function versionOf({ etag, lastModified }: Validators): string | undefined {
  return (etag?.startsWith("W/") ? undefined : etag) ?? lastModified;
}
