import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import {
  openFrom,
  SEALED_PLAINTEXT_BYTES_MAX,
  sealTo,
} from "../../../lib/protocols/noise/sealed_box.ts";
import { seedOf } from "./channel_pair.ts";

const bob = keyPairFromSeed(seedOf("box of Bob"));
const eve = keyPairFromSeed(seedOf("box of Eve"));
/** What sealing adds to what fits one Noise message: a key, the length, a tag. */
const OVERHEAD_BYTES = 32 + 4 + 16;
const PROLOGUE = utf8("room, keys, message id");
const EPHEMERAL = seedOf("ephemeral");
const seal = (text: Uint8Array) => sealTo(bob.publicKey, PROLOGUE, text, EPHEMERAL);

Deno.test("openFrom() gives back what sealTo() sealed, of any length", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (text) => {
    const sealed = seal(text);
    assertEquals(sealed.length, text.length + OVERHEAD_BYTES);
    assertEquals(openFrom(bob, PROLOGUE, sealed), new Uint8Array(text));
  }));
  for (const length of [65_482, 65_483, 65_484, 65_700, 131_003, SEALED_PLAINTEXT_BYTES_MAX]) {
    const text = Uint8Array.from({ length }, (_, at) => at % 251);
    assertEquals(openFrom(bob, PROLOGUE, seal(text)), text);
  }
});

Deno.test("openFrom() refuses another receiver, another prologue and any changed byte", () => {
  const sealed = seal(utf8("for Bob alone"));
  assertThrows(() => openFrom(eve, PROLOGUE, sealed), RemoteProtocolError);
  assertThrows(() => openFrom(bob, utf8("other"), sealed), RemoteProtocolError);
  for (let at = 0; at < sealed.length; at++) {
    const changed = new Uint8Array(sealed);
    changed[at]! ^= 1;
    assertThrows(() => openFrom(bob, PROLOGUE, changed), RemoteProtocolError);
  }
});

Deno.test("openFrom() refuses a text that was cut off, at a message boundary too, or lengthened", () => {
  const sealed = seal(new Uint8Array(150_000));
  for (const length of [0, 31, 32, 52, 65_534, 65_535, 131_070, sealed.length - 1]) {
    assertThrows(() => openFrom(bob, PROLOGUE, sealed.subarray(0, length)), RemoteProtocolError);
  }
  const longer = concatBytes(sealed, new Uint8Array(40));
  assertThrows(() => openFrom(bob, PROLOGUE, longer), RemoteProtocolError);
});
