import { assert, assertEquals } from "@std/assert";
import { ownedBytes, sameBytes } from "../../../lib/base/collections/bytes.ts";

Deno.test("sameBytes() compares length and bytes", () => {
  const bytes = Uint8Array.of(1, 2, 3);

  assert(sameBytes(bytes, bytes) && sameBytes(bytes, Uint8Array.of(1, 2, 3)));
  assert(!sameBytes(bytes, Uint8Array.of(1, 2)) && !sameBytes(bytes, Uint8Array.of(1, 2, 4)));
});

Deno.test("ownedBytes() copies what is part of a larger buffer, and nothing else", () => {
  const frame = Uint8Array.of(1, 2, 3, 4);
  const part = frame.subarray(1, 3);

  const owned = ownedBytes(part);
  frame.fill(0);

  assertEquals([[...owned], owned.buffer.byteLength], [[2, 3], 2]);
  assertEquals(ownedBytes(owned), owned);
  assert(ownedBytes(owned) === owned);
});
