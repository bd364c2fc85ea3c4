/** Whether both have the same bytes. Not in constant time: nothing secret is compared. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
