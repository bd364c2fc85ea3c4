/** Members that are reached through a meeting point, which is one more address to the machine. */

import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  meetingAddress,
  meetingPlace,
  POINT_HOST_BYTES_MAX,
} from "../../../lib/base/text/meeting_address.ts";
import { beaconFormFault } from "../../../lib/protocols/mesh/schema/credentials.ts";
import { parseInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { HOST_BYTES_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import { rememberedContacts } from "../../../lib/protocols/mesh/schema/records.ts";
import { beaconOf, keyOf, ROOM } from "./membership_fixtures.ts";
import { neighboursOf, SECOND_MS } from "./mesh_cases.ts";

const POINT = fingerprintOf("ab".repeat(32) as never);
const AT = { host: "meet.example.org", port: 4_400 };

function placeOf({ key }: Pick<Member, "key">): Endpoint {
  return meetingAddress({ member: fingerprintOf(key), point: POINT, at: AT });
}

/** Nobody reaches the member where it says that it is; at the meeting point everybody does. */
function meets(world: EvenWorld, member: Member): void {
  world.network.unlisten(member.endpoint);
  world.network.listen(placeOf(member), member.process!);
  member.process!.meetingPoint({
    type: "meeting-point",
    point: "meet.example.org:4400",
    state: "registered",
    reason: null,
    address: placeOf(member),
  });
}

/** Ann and Bob, neither of whom can be dialled, meet. */
function twoHomes(world: EvenWorld): readonly [Member, Member] {
  const [ann, bob] = [world.add("Ann"), world.add("Bob")];
  world.start(ann, { kind: "found" });
  meets(world, ann);
  world.pass(SECOND_MS);
  world.start(bob, { kind: "join", contact: placeOf(ann) });
  meets(world, bob);
  world.pass(10 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  return [ann, bob];
}

Deno.test("Mesh finds a member through its meeting point, after a split and from its disk, too", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = twoHomes(world);
  world.network.setCuts(() => true);
  world.pass(60 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [[], []]);
  world.network.setCuts(() => false);
  world.pass(40 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);

  world.end(bob.process!, false, 0);
  world.pass(60 * SECOND_MS);
  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(20 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh tells all where a member meets: who came in elsewhere dials it there once its own address fails", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = twoHomes(world);
  const cem = world.add("Cem");
  world.start(cem, { kind: "join", contact: placeOf(ann) });
  world.network.unlisten(cem.endpoint);
  world.pass(30 * SECOND_MS);
  assertEquals(neighboursOf(cem).toSorted(), ["Ann", "Bob"]);
  assertEquals(neighboursOf(bob).toSorted(), ["Ann", "Cem"]);
});

Deno.test("Mesh dials a member's meeting point before anybody has found out that its own address is none", () => {
  const world = new EvenWorld(4);
  const [ann, bob, cem] = world.addAll("Ann", "Bob", "Cem");
  world.start(ann, { kind: "found" });
  meets(world, ann);
  world.pass(SECOND_MS);
  world.start(bob, { kind: "join", contact: placeOf(ann) });
  world.pass(SECOND_MS);
  world.start(cem, { kind: "join", contact: bob.endpoint });
  world.network.unlisten(cem.endpoint);
  world.pass(7 * SECOND_MS);
  assertEquals(neighboursOf(cem).toSorted(), ["Ann", "Bob"]);
});

Deno.test("rememberedContacts(): a member that was heard of comes at its own address, then at its meeting point", () => {
  const endpoint = { host: "192.0.2.7", port: 55_107 };
  const meeting = placeOf({ key: keyOf("Bob") });
  const beacon = beaconOf("Bob", 1, { endpoint, meeting });
  const records = [{ kind: "member", beacon, heardWallMs: 1 }] as const;
  const contacts = rememberedContacts(records, keyOf("Ann"));
  assertEquals(contacts.map((contact) => contact.endpoint), [endpoint, meeting]);
});

Deno.test("Mesh takes a member that can be dialled at its own address, and not through its meeting point", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = [world.add("Ann"), world.add("Bob")];
  world.start(ann, { kind: "found" });
  meets(world, ann);
  world.network.listen(ann.endpoint, ann.process!);
  world.network.unlisten(placeOf(ann)); // whoever dials there waits in vain
  world.pass(SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  world.pass(5 * SECOND_MS);
  world.network.setCuts(() => true);
  world.pass(30 * SECOND_MS);
  world.network.setCuts(() => false);
  world.pass(30 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh names its meeting point in an invite, whose line asks for the invite then", () => {
  const invites: { readonly endpoints: readonly Endpoint[]; readonly line: string }[] = [];
  const world = new EvenWorld(4, [{
    name: "invites",
    shown(_, event) {
      if (event.event !== "invite") return;
      invites.push({ endpoints: parseInvite(event.invite).endpoints, line: event.line });
    },
  }]);
  const [ann] = twoHomes(world);
  ann.process!.command({ command: "invite", rotate: false });
  world.pass(SECOND_MS);
  const [invite] = invites;
  assert(invite!.endpoints.some(({ host }) => host === placeOf(ann).host));
  assertEquals(invite!.line, "p2pchat mesh NAME --invite");
});

Deno.test("Mesh names a neighbour's meeting point in an invite, too: newcomers come in once who made it is gone", () => {
  const invites: string[] = [];
  const world = new EvenWorld(4, [{
    name: "invites",
    shown: (_, event) => void (event.event === "invite" && invites.push(event.invite)),
  }]);
  const [ann, bob] = twoHomes(world);
  ann.process!.command({ command: "invite", rotate: false });
  world.pass(SECOND_MS);
  const invite = parseInvite(invites[0]!);
  world.end(ann.process!, true, 0);
  world.network.unlisten(placeOf(ann));
  world.pass(SECOND_MS);
  const cem = world.add("Cem");
  const [contact] = invite.endpoints;
  world.start(cem, { kind: "join", contact: contact!, invite });
  meets(world, cem);
  world.pass(5 * SECOND_MS);
  assertEquals([neighboursOf(cem), neighboursOf(bob)], [["Bob"], ["Cem"]]);
});

Deno.test("Mesh says with an invite that its meeting point is away, and of the one through which it came that nobody is met there", () => {
  const told: string[] = [];
  const world = new EvenWorld(4, [{
    name: "told",
    shown(_, event) {
      if (event.event === "invite") told.push("invite");
      else if (event.event === "notice" && /meeting point/.test(event.text)) told.push(event.text);
    },
  }]);
  const [ann] = [world.add("Ann")];
  world.start(ann, { kind: "found" });
  meets(world, ann);
  world.pass(SECOND_MS);
  const bob = world.add("Bob");
  world.start(bob, { kind: "join", contact: placeOf(ann) });
  world.pass(30 * SECOND_MS);
  const invited = (member: Member) => {
    told.splice(0);
    member.process!.command({ command: "invite", rotate: false });
    world.pass(SECOND_MS);
    return [...told];
  };
  assertEquals([invited(ann), invited(bob)], [["invite"], ["invite"]]);

  ann.process!.meetingPoint({
    type: "meeting-point",
    point: "meet.example.org:4400",
    state: "away",
    reason: "it doesn't answer",
    address: null,
  });
  world.pass(30 * SECOND_MS);
  const away = "The meeting point at meet.example.org:4400 is away: it doesn't answer. " +
    "Until it is back, nobody comes in through it";
  assertEquals(invited(ann), ["invite", away]);
  // With the point, the link is gone.
  world.network.setCuts(() => true);
  world.pass(60 * SECOND_MS);
  const [, passed] = invited(bob);
  assert(passed !== undefined);
  assert(passed.startsWith("You came through the meeting point at meet.example.org:4400"), passed);
  assert(passed.endsWith("Start again with --meet meet.example.org:4400 to be met there yourself"));
});

Deno.test("Mesh shows a member's meeting point in words, and no address that nobody can type", () => {
  const world = new EvenWorld(4);
  const [, bob] = twoHomes(world);
  world.pass(30 * SECOND_MS); // by then it is known that nobody can dial them
  bob.process!.command({ command: "peers" });
  world.pass(SECOND_MS);
  const shown = bob.process!.peers!.map(({ name, host, meeting }) => [name, host, meeting]);
  assertEquals(shown, [
    ["Bob", "", "meet.example.org:4400"],
    ["Ann", "", "meet.example.org:4400"],
  ]);
});

Deno.test("beaconFormFault(): a place at a meeting point counts for the beacon's own member alone", () => {
  const own = meetingAddress({ member: fingerprintOf(keyOf("Bob")), point: POINT, at: AT });
  const theirs = meetingAddress({ member: fingerprintOf(keyOf("Carl")), point: POINT, at: AT });
  const faultOf = (change: Parameters<typeof beaconOf>[2]) =>
    beaconFormFault(beaconOf("Bob", 1, change).beacon.value, ROOM.room);
  assertEquals(faultOf({ meeting: own }), null);
  assertEquals(faultOf({ endpoint: own }), null);
  assertEquals(faultOf({ endpoint: theirs }), "the beacon's address names no possible host");
  const fault = "the beacon's place at a meeting point isn't its member's";
  assertEquals(faultOf({ meeting: theirs }), fault);
  assertEquals(faultOf({ meeting: { host: "example.org", port: 4_400 } }), fault);
});

Deno.test("meetingPlace(): reads what meetingAddress() writes, and nothing else", () => {
  const place = { member: fingerprintOf(keyOf("Bob")), point: POINT, at: AT };
  const { host, port } = meetingAddress(place);
  assertEquals(meetingPlace({ host, port }), place);
  const long = { ...place, at: { host: "a".repeat(POINT_HOST_BYTES_MAX), port: 9 } };
  assertEquals(meetingAddress(long).host.length, HOST_BYTES_MAX);
  const six = { ...place, at: { host: "2001:db8::7", port: 9 } };
  assertEquals(meetingPlace(meetingAddress(six)), six);
  for (
    const other of [
      "example.org",
      "*relay*",
      host.toUpperCase(),
      `${host}@x`,
      host.replace("meet.example.org", "a b"),
      host.replace("meet.example.org", "[2001:db8::7]"),
      host.replace(place.member, place.member.slice(1)),
      host.replace(place.member, `b${place.member.slice(1)}`),
    ]
  ) assertEquals(meetingPlace({ host: other, port }), null, other);
  assertEquals(meetingPlace({ host, port: 0 }), null);
});
