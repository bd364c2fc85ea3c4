import { assertEquals, assertThrows } from "@std/assert";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import {
  type HandshakeTerms,
  Initiator,
  Responder,
} from "../../../lib/protocols/noise/identity_handshake.ts";
import { EMPTY, keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import { ANN, BOB, environment, seedOf } from "./channel_pair.ts";

const TERMS: HandshakeTerms = { mode: "group", prologue: EMPTY, preSharedKey: null };

function pair(terms: HandshakeTerms = TERMS) {
  const ann = new Initiator(ANN, environment("ann"), TERMS);
  const ephemeral = keyPairFromSeed(seedOf("ephemeral of Bob"));
  const bob = new Responder(BOB, environment("bob"), terms, ephemeral, ann.first);
  return { ann, bob };
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[at]! ^= 1;
  return copy;
}

Deno.test("Initiator and Responder know each other and agree on keys", () => {
  const { ann, bob } = pair();

  const answer = ann.read(bob.answer(Uint8Array.of(1, 2, 3)));
  const { message, proven } = answer.finish();
  const other = bob.read(message);

  assertEquals([answer.peer, proven.peer, other.peer], [BOB.key, BOB.key, ANN.key]);
  assertEquals([...answer.attachment], [1, 2, 3]);
  assertEquals(proven.processKey, BOB.static.publicKey);
  assertEquals(other.processKey, ANN.static.publicKey);
  const sealed = new Uint8Array(17);
  proven.states.sending.sealInto(sealed, 0, EMPTY, Uint8Array.of(9));
  assertEquals([...other.states.receiving.open(EMPTY, sealed)], [9]);
});

Deno.test("Initiator and Responder refuse every message with a changed bit, and then take the true one", () => {
  const { ann, bob } = pair();
  const second = bob.answer(EMPTY);
  for (let at = 0; at < second.length; at++) {
    assertThrows(() => ann.read(flipped(second, at)), RemoteProtocolError);
  }
  const { message } = ann.read(second).finish();
  for (let at = 0; at < message.length; at++) {
    assertThrows(() => bob.read(flipped(message, at)), RemoteProtocolError);
  }

  assertEquals(bob.read(message).peer, ANN.key);
});

Deno.test("Initiator refuses an answer cut off anywhere", () => {
  const { ann, bob } = pair();
  const second = bob.answer(EMPTY);

  for (let length = 0; length < second.length; length++) {
    assertThrows(() => ann.read(second.subarray(0, length)), RemoteProtocolError);
  }
});

Deno.test("Initiator refuses an answer made for another mode or prologue", () => {
  const terms = [{ ...TERMS, mode: "mesh" }, { ...TERMS, prologue: Uint8Array.of(1) }] as const;
  for (const other of terms) {
    const { ann, bob } = pair(other);
    const second = bob.answer(EMPTY);

    assertThrows(() => ann.read(second), RemoteProtocolError);
  }
});
