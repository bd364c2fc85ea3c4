/** Whether both arrays hold the same bytes. Not in constant time: never compare secrets with it. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** `bytes` in a buffer of its own: copied if it is a view of a larger buffer, which it would otherwise keep alive. */
export function ownedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}
