/** Frames as a browser sends them, and reads them. */

interface Odd {
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  readonly reserved?: number;
}

/** @param odd What a browser wouldn't do. */
export function clientFrame(opcode: number, payload: Uint8Array, odd: Odd = {}): Uint8Array {
  const { isLast = true, isMasked = true, reserved = 0 } = odd;
  const { length } = payload;
  const head = [(isLast ? 0x80 : 0) | reserved | opcode];
  const mark = isMasked ? 0x80 : 0;
  if (length < 126) head.push(mark | length);
  else if (length < 65_536) head.push(mark | 126, length >> 8, length & 255);
  else head.push(mark | 127, ...bigEndian(length));
  const mask = isMasked ? [0x12, 0x34, 0x56, 0x78] : [];
  const bytes = new Uint8Array(head.length + mask.length + length);
  bytes.set([...head, ...mask]);
  bytes.set(payload, head.length + mask.length);
  const start = bytes.length - length;
  for (let at = 0; isMasked && at < length; at++) bytes[start + at]! ^= mask[at % 4]!;
  return bytes;
}

function bigEndian(length: number): readonly number[] {
  return [7, 6, 5, 4, 3, 2, 1, 0].map((power) => Math.floor(length / 256 ** power) % 256);
}

interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** The whole frames that a program has sent, and what is left. */
export function framesIn(
  bytes: Uint8Array,
): { readonly frames: readonly Frame[]; readonly rest: Uint8Array } {
  const frames: Frame[] = [];
  let at = 0;
  for (;;) {
    const short = bytes[at + 1] ?? 0;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const start = at + 2 + lengthBytes;
    if (bytes.length < start) break;
    const length = lengthBytes === 0
      ? short
      : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (bytes.length < start + length) break;
    frames.push({ opcode: bytes[at]! & 15, payload: bytes.slice(start, start + length) });
    at = start + length;
  }
  return { frames, rest: bytes.slice(at) };
}
