/**
 * Frees the memory behind `bytes` at once, which nobody may read any more. Left to the collector, tens of MB of large
 * buffers come together, and the pauses in which it frees them hold up chat.
 * @param othersMax Does nothing where the buffer holds more bytes than these beside `bytes`: they may be others' still.
 */
export function freeBuffer({ buffer, length }: Uint8Array, othersMax = 0): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength - length <= othersMax) buffer.transfer(0);
}
