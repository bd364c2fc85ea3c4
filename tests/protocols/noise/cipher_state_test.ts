import { Buffer } from "node:buffer";
import { createPublicKey, diffieHellman } from "node:crypto";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import { CipherState } from "../../../lib/protocols/noise/cipher_state.ts";
import { EMPTY, keyPairFromSeed, remoteKey } from "../../../lib/protocols/noise/primitives.ts";
import { sealTo } from "../../../lib/protocols/noise/sealed_box.ts";
import { seedOf } from "./channel_pair.ts";

const KEY = seedOf("cipher key") as Uint8Array<ArrayBuffer>;
const AD = utf8("associated");

function seal(state: CipherState, text: string): Uint8Array {
  const out = new Uint8Array(text.length + state.overheadBytes);
  state.sealInto(out, 0, AD, utf8(text));
  return out;
}

Deno.test("open() leaves the counter where it is when authentication fails", () => {
  const [writer, reader] = [new CipherState(KEY), new CipherState(KEY)];
  const [first, second] = [seal(writer, "first"), seal(writer, "second")];
  const forged = new Uint8Array(first);
  forged[0]! ^= 1;

  for (const bad of [forged, second, first.subarray(1), EMPTY, new Uint8Array(40)]) {
    assertThrows(() => reader.open(AD, bad), RemoteProtocolError);
    assertThrows(() => reader.open(EMPTY, first), RemoteProtocolError);
    assertEquals(reader.counter, 0);
  }

  assertEquals(reader.open(AD, first), utf8("first"));
  assertEquals(reader.open(AD, second), utf8("second"));
  assertThrows(() => reader.open(AD, second), RemoteProtocolError);
});

Deno.test("rekey() changes the key and not the counter", () => {
  const [writer, reader] = [new CipherState(KEY), new CipherState(KEY)];
  reader.open(AD, seal(writer, "before"));
  writer.rekey();
  const after = seal(writer, "after");

  assertThrows(() => reader.open(AD, after), RemoteProtocolError);
  reader.rekey();

  assertEquals(reader.open(AD, after), utf8("after"));
  assertEquals([writer.counter, reader.counter], [2, 2]);
});

Deno.test("a state without a key passes bytes through", () => {
  const state = new CipherState();
  assertEquals(seal(state, "clear"), utf8("clear"));
  assertEquals(state.open(AD, utf8("clear")), utf8("clear"));
  assertEquals(state.hasKey, false);
});

Deno.test("remoteKey() refuses every key with which each agreement is zero, and their neighbours not", () => {
  // The points of order 1, 2, 4 and 8 on the curve and its twist, and their non-canonical forms.
  const points = [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    `ec${"ff".repeat(30)}7f`,
    `ed${"ff".repeat(30)}7f`,
    `ee${"ff".repeat(30)}7f`,
  ];
  const ours = keyPairFromSeed(seedOf("ours"));
  const isZero = (bytes: Uint8Array): boolean => {
    const der = concatBytes(Uint8Array.fromHex("302a300506032b656e032100"), bytes);
    const publicKey = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
    try {
      return diffieHellman({ privateKey: ours.privateKey, publicKey }).every((byte) => byte === 0);
    } catch {
      return true; // so says OpenSSL
    }
  };
  for (const point of points) {
    // The highest bit doesn't count (RFC 7748, section 5).
    for (const highest of [0, 0x80]) {
      const bytes = Uint8Array.fromHex(point);
      bytes[31]! |= highest;
      assert(isZero(bytes));
      assertThrows(() => remoteKey(bytes), RemoteProtocolError, "low order");
      assertThrows(() => sealTo(bytes, EMPTY, EMPTY, seedOf("ephemeral")), RemoteProtocolError);
      bytes[0]! ^= 4;
      assert(!isZero(bytes));
      remoteKey(bytes);
    }
  }
});

Deno.test("CipherState opens messages in any order by their counters, and its own counter stays", () => {
  const key = new Uint8Array(32).fill(7);
  const sending = new CipherState(key);
  const receiving = new CipherState(key);
  const sealed = [1, 2, 3].map((byte) => {
    const out = new Uint8Array(1 + 16);
    sending.sealInto(out, 0, EMPTY, Uint8Array.of(byte));
    return out;
  });

  const opened = [2, 0, 1].map((counter) => receiving.openAt(counter, EMPTY, sealed[counter]!));

  assertEquals(opened.map((bytes) => bytes?.[0]), [3, 1, 2]);
  assertEquals(receiving.openAt(1, EMPTY, sealed[0]!), null);
  assertEquals(receiving.counter, 0);
});
