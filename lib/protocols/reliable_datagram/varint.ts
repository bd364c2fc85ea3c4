/** Numbers in packets: LEB128 in their shortest form, as everywhere (schema_codec.ts), into a given array. */

/** Bytes of 2^53 - 1. */
export const VARINT_BYTES_MAX = 8;

/** Writes `value`, 0 to 2^53 - 1, to `out` at `offset`, where it must fit. @returns Where it ends. */
export function writeVarint(out: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x80) {
    out[at++] = 0x80 | (rest % 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out[at++] = rest;
  return at;
}
