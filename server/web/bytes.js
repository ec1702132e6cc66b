// Offsets of the API count bytes of UTF-8; JavaScript's strings count UTF-16 units. This file is the bridge.

const encoder = new TextEncoder();
// ignoreBOM: a byte-order mark inside a text is text; dropping it would shift what follows.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8Length = (text) => encoder.encode(text).length;

// A piece of a document: `text` begins at byte `startByte` of the whole.
export class ByteText {
  constructor(text, startByte) {
    this.bytes = encoder.encode(text);
    this.startByte = startByte;
    this.endByte = startByte + this.bytes.length;
  }

  // The text of [start, end), bytes of the whole document. null when the range is not inside this piece or cuts
  // a character in two.
  slice(start, end) {
    if (start < this.startByte || end > this.endByte || start > end) return null;
    try {
      return decoder.decode(this.bytes.subarray(start - this.startByte, end - this.startByte));
    } catch {
      return null;
    }
  }
}

// Hex, or null where the browser has no crypto.subtle (pages that came over plain HTTP from another machine).
export async function sha256Hex(text) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
