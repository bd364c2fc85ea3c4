/** Which machine is given what a member sends. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import { RoomInbox, type RoomMessage } from "../../../../lib/protocols/mesh/room/room_inbox.ts";
import { claimOf, keyOf } from "../membership_fixtures.ts";
import { Member } from "../order_members.ts";

const [BOB, CEM] = [keyOf("Bob"), keyOf("Cem")];

/** Whose neighbour is Bob, and who has so much of every stream. */
function inboxOf(counter = 0) {
  const given: string[] = [];
  const compared: PeerKey[] = [];
  const part = new RoomInbox(
    {
      environment: { log: SILENT_LOGGER },
      machines: { order: { frontier: () => ({ counter, id: null }) } },
      neighbours: { has: (peer) => peer === BOB },
      showing: { compares: (peer) => void compared.push(peer) },
      out: { nowMs: 0 },
    },
    (name, { type }) => void given.push(`${name} ${type}`),
  );
  const read = (from: PeerKey, message: RoomMessage) => {
    part.read(from, message);
    return given.splice(0);
  };
  return { read, compared };
}

const bundle = new Member("ann").sayOne("hello");
const { signed: claim } = claimOf("Ann");
const message = { type: "bundle", bundle, claim, hop: 1, reason: "push" } as const;

Deno.test("RoomInbox: a bundle's claim comes before the bundle, if that isn't here; of a range it is counted", () => {
  const { read } = inboxOf();
  assertEquals(read(BOB, message), ["roster claim", "broadcast message", "order bundle"]);
  assertEquals(read(BOB, { ...message, claim: null, reason: "range" }), [
    "broadcast message",
    "antiEntropy arrived",
    "order bundle",
  ]);
  assertEquals(inboxOf(1).read(BOB, message), ["broadcast message", "order bundle"]);
});

Deno.test("RoomInbox: a private message is taken from a neighbour alone", () => {
  const { read } = inboxOf();
  const envelope = {} as Extract<RoomMessage, { type: "private" }>["envelope"];
  assertEquals(
    [read(BOB, { type: "private", envelope }), read(CEM, { type: "private", envelope })],
    [
      ["privateMessages envelope"],
      [],
    ],
  );
});

Deno.test("RoomInbox: who compares with us is noted", () => {
  const { read, compared } = inboxOf();
  assertEquals([read(BOB, { type: "sync-done" }), compared], [["antiEntropy message"], [BOB]]);
  assertEquals(read(BOB, { type: "disconnect" }), ["overlay message"]);
  assertEquals(read(BOB, { type: "rotations", rotations: [] }), ["secrets message"]);
});
