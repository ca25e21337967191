/**
 * GPT-2's spelling of bytes: byte-level vocabularies write each byte of a token's UTF-8 as one printable character
 * (a space is "Ġ"). Printable Latin-1 stands for itself, the other bytes follow from U+0100 on, in order.
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

function buildAlphabet(): ReadonlyMap<string, number> {
  const alphabet = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    alphabet.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
  }
  return alphabet;
}

const BYTE_OF_CHARACTER = buildAlphabet();

/** The bytes a byte-level token stands for; undefined when a character of it is none of the alphabet's. */
export function bytesOfSpelling(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token.charAt(i));
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
