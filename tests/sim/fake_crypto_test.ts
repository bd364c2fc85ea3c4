import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { utf8 } from "../../lib/base/crypto/crypto.ts";
import { fakeCrypto, fakeSigner } from "./fake_crypto.ts";

Deno.test("fakeCrypto.sha256() depends on the joined bytes alone, as SHA-256 does", () => {
  const whole = fakeCrypto.sha256(utf8("one two"));

  assertEquals(fakeCrypto.sha256(utf8("one"), utf8(" two")), whole);
  assertEquals(fakeCrypto.sha256(utf8(""), utf8("one two")), whole);
  assertEquals(whole.length, 64);
});

Deno.test("fakeCrypto.sha256() gives 50,000 near values 50,000 hashes, also in their halves", () => {
  const seen = [new Set<string>(), new Set<string>(), new Set<string>()];
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);

  for (let n = 0; n < 50_000; n++) {
    view.setUint32(n % 3 * 4, n);
    const hash: string = fakeCrypto.sha256(bytes);
    seen[0]!.add(hash);
    seen[1]!.add(hash.slice(0, 24));
    seen[2]!.add(hash.slice(32, 56));
  }

  for (const values of seen) assertEquals(values.size, 50_000);
});

Deno.test("fakeCrypto.verify() holds for exactly what that key signed", () => {
  const ann = fakeSigner(1);
  const bob = fakeSigner(2);
  const message = utf8("a message");
  const signature = ann.sign(message);

  assertNotEquals(ann.key, bob.key);
  assertEquals(fakeSigner(1).key, ann.key);
  assert(fakeCrypto.verify(ann.key, message, signature));
  assert(!fakeCrypto.verify(bob.key, message, signature));
  assert(!fakeCrypto.verify(ann.key, utf8("a massage"), signature));
  assert(!fakeCrypto.verify(ann.key, message, signature.subarray(0, 63)));
  for (let at = 0; at < 64; at++) {
    const damaged = new Uint8Array(signature);
    damaged[at]! ^= 1;
    assert(!fakeCrypto.verify(ann.key, message, damaged));
  }
});
