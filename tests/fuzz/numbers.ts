/** What breaks decoders: the ends of ranges, lengths beyond everything, numbers in more bytes than needed, no UTF-8. */
export const NUMBERS: readonly Uint8Array<ArrayBuffer>[] = [
  ...["00", "01", "7f", "80", "8000", "ff", "ffff", "ffffffff", "7fffffff", "80000000"],
  ...["ffffffff0f", "ffffffffffffff0f", "ffffffffffffff7f", "8080808010", "80".repeat(12)],
  ...["eda080", "c080", "f4908080", "efbfbd", "00".repeat(40)],
].map((digits) => Uint8Array.fromHex(digits));
