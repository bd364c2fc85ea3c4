import { assertEquals } from "@std/assert";
import { freeBuffer } from "../../../lib/base/collections/free_buffer.ts";

Deno.test("the memory of bytes is freed at once, unless it may hold what is others' still", () => {
  const lengthAfter = (bytes: Uint8Array, othersMax?: number) => {
    freeBuffer(bytes, othersMax);
    return bytes.length;
  };
  assertEquals(lengthAfter(new Uint8Array(100)), 0);
  assertEquals(lengthAfter(new Uint8Array(100).subarray(1)), 99);
  assertEquals(lengthAfter(new Uint8Array(100).subarray(10), 10), 0);
  assertEquals(lengthAfter(new Uint8Array(100).subarray(10), 9), 90);
});
