/** What the user rules: when it counts, and what comes of it where the disk refuses it. */

import { assertEquals } from "@std/assert";
import {
  KeptRulings,
  type RulingKind,
  signRuling,
} from "../../../../lib/protocols/mesh/authority/kept_rulings.ts";
import {
  RoomRulings,
  type RulingsEffect,
} from "../../../../lib/protocols/mesh/authority/room_rulings.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { fakeEnvironment, ROOM } from "../membership_fixtures.ts";

const PLACE = { id: ROOM.room, genesis: ROOM.genesis };
const PEOPLE = ["Ann", "Bob", "Deb", "Don", "Mal"] as const;
type Person = (typeof PEOPLE)[number];
const keyOf = (name: Person) => fakeSigner(name).key;
const nameOf = (key: string) => PEOPLE.find((name) => keyOf(name) === key);

function signed(by: Person, kind: RulingKind, subject: Person, counter: number) {
  const ruling = { room: ROOM.room, kind, subject: keyOf(subject), counter };
  return signRuling(fakeCrypto, fakeSigner(by), ruling);
}

/** What happens, in words. */
function toldOf(effect: RulingsEffect): string {
  const rulings = effect.type === "send"
    ? effect.message.rulings
    : effect.type === "changed"
    ? effect.rulings
    : effect.type === "persist"
    ? effect.records.flatMap((record) => record.kind === "ruling" ? [record.ruling] : [])
    : [];
  const what = rulings.map(({ ruling: { value } }) => `${value.kind} ${nameOf(value.subject)}`);
  switch (effect.type) {
    case "send":
      return `${nameOf(effect.to)}: ${what}`;
    case "persist":
      return `disk ${effect.token}: ${what}`;
    case "changed":
      return `shown ${effect.ref}: ${what}`;
    case "refused":
      return `${effect.code} ${effect.ref}: ${effect.text}`;
    default:
      return effect.type;
  }
}

/** The room of one of its people, where Ann is the founder, Deb and Don are deputies, and Bob is a neighbour. */
function roomOf(name: Person) {
  const kept = new KeptRulings(PLACE, fakeCrypto, []);
  const room = new RoomRulings(PLACE, kept, fakeSigner(name), fakeEnvironment());
  const give = (input: Parameters<RoomRulings["step"]>[0]) => room.step(input, 0).map(toldOf);
  const hear = (...rulings: readonly ReturnType<typeof signed>[]) =>
    give({ type: "message", from: keyOf("Bob"), rulings });
  const rule = (kind: RulingKind, subject: Person) =>
    give({ type: "rule", kind, subject: keyOf(subject), name: subject, ref: "r" });
  const isRemoved = (subject: Person) => kept.isRemoved(keyOf(subject));
  give({ type: "neighbour-up", peer: keyOf("Bob") });
  hear(signed("Ann", "deputy", "Deb", 1), signed("Ann", "deputy", "Don", 1));
  return { room, kept, give, hear, rule, isRemoved };
}

Deno.test("RoomRulings: what the user rules is on disk before it counts, is sent or is shown", () => {
  const { room, give, rule, isRemoved } = roomOf("Ann");
  assertEquals([rule("remove", "Mal"), room.isStoring], [["disk 1: remove Mal"], true]);
  assertEquals([isRemoved("Mal"), give({ type: "stored", token: 7 })], [false, []]);
  assertEquals(give({ type: "stored", token: 1 }), ["Bob: remove Mal", "shown r: remove Mal"]);
  assertEquals([room.isStoring, isRemoved("Mal")], [false, true]);
  assertEquals(give({ type: "stored", token: 1 }), []);
});

Deno.test("RoomRulings: where the disk refuses what the user rules, nothing has changed, and it can be tried again", () => {
  const { room, kept, give, rule, isRemoved } = roomOf("Ann");
  let token = 0;
  const refused = (kind: RulingKind, subject: Person) => {
    rule(kind, subject);
    return give({ type: "not-stored", token: ++token, text: "the disk is full" });
  };
  const before = kept.all;
  assertEquals(refused("remove", "Mal"), [
    "disk r: Cannot remove Mal: the disk is full; nobody was removed",
  ]);
  assertEquals(refused("deputy", "Mal"), [
    "disk r: Cannot make Mal a deputy: the disk is full; nobody was made one",
  ]);
  assertEquals(refused("no-deputy", "Deb"), [
    "disk r: Cannot dismiss Deb as a deputy: the disk is full; nobody was dismissed",
  ]);
  assertEquals([kept.all, room.isStoring], [before, false]);

  rule("remove", "Mal");
  give({ type: "stored", token: ++token });
  assertEquals(refused("allow", "Mal"), [
    "disk r: Cannot allow Mal: the disk is full; nobody was allowed back",
  ]);
  assertEquals(isRemoved("Mal"), true);
});

Deno.test("RoomRulings: what others decide while the user's ruling is being stored is what the user is told", () => {
  const deputys = roomOf("Deb");
  deputys.rule("remove", "Mal");
  deputys.hear(signed("Ann", "no-deputy", "Deb", 2));
  assertEquals(deputys.give({ type: "stored", token: 1 }), [
    "Bob: remove Mal",
    "shown undefined: remove Mal",
    "not-allowed r: Cannot remove Mal: only the founder of the room and deputies can; ask one of them",
  ]);
  assertEquals(deputys.isRemoved("Mal"), false);
});

Deno.test("RoomRulings: whom a deputy removes while the end of its time is being stored stays removed", () => {
  const { give, hear, rule, isRemoved } = roomOf("Ann");
  hear(signed("Deb", "remove", "Mal", 1));
  assertEquals(rule("no-deputy", "Deb"), ["disk 1: no-deputy Deb,remove Mal"]);
  hear(signed("Deb", "remove", "Bob", 1));
  const told = give({ type: "stored", token: 1 });
  assertEquals(told.filter((text) => !text.startsWith("Bob: ")), [
    "shown r: no-deputy Deb,remove Mal",
    "disk null: remove Bob",
    "shown undefined: remove Bob",
  ]);
  assertEquals([isRemoved("Mal"), isRemoved("Bob")], [true, true]);
});

Deno.test("RoomRulings: no former deputy's removal is taken over of whom the founder is allowing back", () => {
  const { give, hear, rule, isRemoved } = roomOf("Ann");
  hear(signed("Don", "remove", "Mal", 1), signed("Ann", "no-deputy", "Deb", 2));
  rule("allow", "Mal");
  hear(signed("Deb", "remove", "Mal", 9));
  give({ type: "stored", token: 1 });
  assertEquals(isRemoved("Mal"), false);
});

Deno.test("RoomRulings: who is shut out as a deputy's say ends is sent nothing more of the room", () => {
  const { hear, give, rule, isRemoved } = roomOf("Ann");
  give({ type: "neighbour-up", peer: keyOf("Mal") });
  hear(signed("Deb", "remove", "Mal", 1), signed("Don", "allow", "Mal", 2));
  assertEquals(isRemoved("Mal"), false);
  assertEquals(rule("remove", "Don"), ["disk 1: remove Don"]);
  assertEquals(give({ type: "stored", token: 1 }), ["Bob: remove Don", "shown r: remove Don"]);
  assertEquals(isRemoved("Mal"), true);
});
