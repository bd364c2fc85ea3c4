/** For tests of the fuzzer: a way that is only found step by step. */

export function isThrough(input: Uint8Array): boolean {
  const letters = [...input].map((byte) => String.fromCharCode(byte));
  if (letters[0] !== "f") return false;
  if (letters[1] !== "o") return false;
  if (letters[2] !== "u") return false;
  if (letters[3] !== "n") return false;
  return letters[4] === "d";
}
