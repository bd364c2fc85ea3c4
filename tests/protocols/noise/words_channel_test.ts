/** The mode `words`: strangers with a word code at a listener that otherwise wants a secret. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { RoomId } from "../../../lib/base/ids.ts";
import type { Refusal } from "../../../lib/protocols/noise/preface.ts";
import { ACCESS, ANN, identityOf, Pair, type PairOptions, TARGET } from "./channel_pair.ts";

const WORDS = { ...TARGET, mode: "words" } as const;
const ROOM = "ab".repeat(32) as RoomId;
/** Of a private room whose secret the dialler doesn't know. */
const PRIVATE = { ...ACCESS, room: ROOM, secrets: () => [new Uint8Array(32)] };

function eventsOf(options: PairOptions): readonly (readonly string[])[] {
  const pair = new Pair(options).settle();
  return [pair.ann.events, pair.bob.events];
}

Deno.test("a stranger with a code connects to a private room's member, by a channel that both know as one of words", () => {
  const admitted: string[] = [];
  const words = { admit: (peer: string) => (admitted.push(peer), null) };
  const bindings = [undefined, identityOf("Carol")].map((bob) => {
    const pair = new Pair({
      ...(bob === undefined ? {} : { bob }),
      target: WORDS,
      access: { ...PRIVATE, words },
    });
    const [[up], [heard]] = [pair.settle().ann.told, pair.bob.told];
    assert(up?.type === "established" && heard?.type === "established");
    assertEquals(up.secret, null);
    assertEquals(up.binding, heard.binding);
    assertEquals(up.binding?.length, 32);
    return up.binding!.toHex();
  });

  assertEquals(admitted, [ANN.key, ANN.key]);
  assertNotEquals(bindings[0], bindings[1]);
});

Deno.test("without an open code the listener says so before its key, and without any it knows no such mode", () => {
  assertEquals(eventsOf({ target: WORDS, access: { ...PRIVATE, words: null } }), [
    ["failed bad-credentials"],
    ["failed bad-credentials"],
  ]);
  assertEquals(eventsOf({ target: WORDS, access: PRIVATE }), [
    ["failed wrong-mode"],
    ["failed wrong-mode"],
  ]);
});

Deno.test("a channel of words names no room and no secret, and whom the issuer refuses it doesn't keep", () => {
  const words = { admit: () => null };
  const secret = { epoch: 1, key: new Uint8Array(32) };
  assertEquals(eventsOf({ target: { ...WORDS, room: ROOM }, access: { ...PRIVATE, words } }), [
    ["failed protocol"],
    ["failed protocol"],
  ]);
  assertEquals(eventsOf({ target: { ...WORDS, secret }, access: { ...PRIVATE, words } }), [
    ["failed protocol"],
    ["failed protocol"],
  ]);
  const refusing = { admit: (): Refusal => "bad-credentials" };
  const [ann] = eventsOf({ target: WORDS, access: { ...PRIVATE, words: refusing } });
  assertEquals(ann, ["failed bad-credentials"]);
});

Deno.test("a code lets nobody past a room's secret: other modes stay as they are", () => {
  const words = { admit: () => null };

  const [ann] = eventsOf({ target: TARGET, access: { ...PRIVATE, words } });

  assertEquals(ann, ["failed bad-credentials"]);
  const open = new Pair({ access: { words } }).settle();
  const [up] = open.ann.told;
  assert(up?.type === "established" && up.binding === undefined);
});
