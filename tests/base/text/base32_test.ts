import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeBase32, encodeBase32 } from "../../../lib/base/text/base32.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";

Deno.test("encodeBase32() writes the vectors of RFC 4648, in lower case and without padding", () => {
  const vectors = ["", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"];
  for (const [length, text] of vectors.entries()) {
    const bytes = utf8("foobar").subarray(0, length);
    assertEquals([encodeBase32(bytes), decodeBase32(text)], [text, bytes]);
  }
});

Deno.test("decodeBase32() reads what was written, in either case, and nothing else", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const text = encodeBase32(bytes);
    assertEquals(decodeBase32(text), bytes);
    assertEquals(decodeBase32(text.toUpperCase()), bytes);
  }));
  // A blank, a character of no alphabet, a lone character, bits that no byte has.
  for (const text of ["my ", "m1", "mé", "m", "mz", "mzxw6y7", "mzx"]) {
    assertEquals(decodeBase32(text), null, text);
  }
});
