import { assert, assertEquals } from "@std/assert";
import {
  OWN_DATAGRAMS_BURST,
  RELAY_BURST_BYTES,
  RELAY_BYTES_PER_S,
  RELAY_PAIR_BURST_BYTES,
  RELAY_PAIR_BYTES_PER_S,
  RELAY_STRANGER_BURST_BYTES,
  RELAY_STRANGERS_BYTES_PER_S,
} from "../../../../lib/protocols/group/schema/limits.ts";
import { GROUP_DATAGRAMS } from "../../../../lib/protocols/group/schema/datagram_messages.ts";
import {
  DATAGRAM_BYTES_MAX,
  RELAYED_BYTES_MAX,
} from "../../../../lib/protocols/sealed_datagram/limits.ts";
import { formsOf, KeyedPath } from "../../../../lib/protocols/sealed_datagram/keyed_path.ts";
import type { GroupDatagram } from "../../../../lib/protocols/group/schema/datagram_messages.ts";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { RelayWorld } from "../relay_world.ts";

/** A member that says anything, at any rate, and has proved where it is. */
function member(world: RelayWorld, name: string) {
  const link = world.programs.length + 1 as LinkId;
  const program = world.add(name);
  world.relay.linkDown(link); // it uses keys of its own
  const keys = world.relay.keysFor(link)!;
  const path = new KeyedPath<GroupDatagram>(
    formsOf(GROUP_DATAGRAMS),
    keys.index,
    keys.toCoordinator.slice(),
    keys.toMember.slice(),
  );
  const says = (message: GroupDatagram, from = program.endpoint) => {
    const before = world.relayed.length;
    world.relay.datagram(from, path.seal(message));
    return world.relayed.slice(before);
  };
  const opened = (bytes: Uint8Array) => {
    const sealed = bytes.subarray(13);
    const counter = new DataView(bytes.buffer, bytes.byteOffset).getUint32(9);
    return path.open({ type: "transport", index: keys.index, counter, sealed })?.message ?? null;
  };
  const [asked] = says({ type: "here", padding: new Uint8Array(64) });
  const prove = opened(asked!.bytes);
  if (prove?.type === "prove") says({ type: "proof", challenge: prove.challenge.slice() });
  const number = world.pathOf(program)!.number;
  return { program, link, number, says, opened };
}

const frame = (to: { readonly number: number }, bytes = 1_000): GroupDatagram => ({
  type: "relay",
  member: to.number,
  datagram: new Uint8Array(bytes),
});

function pair() {
  const world = new RelayWorld();
  return { world, ann: member(world, "Ann"), bob: member(world, "Bob") };
}

Deno.test("what one member sends is passed on to the other, with the sender's number, the longest too", () => {
  const { ann, bob } = pair();
  const [out, ...more] = ann.says(frame(bob, RELAYED_BYTES_MAX));
  assertEquals([out!.to, more], [bob.program.endpoint, []]);
  assert(out!.bytes.length <= DATAGRAM_BYTES_MAX, `${out!.bytes.length} bytes`);
  const message = bob.opened(out!.bytes);
  assertEquals([message?.type, message?.type === "relayed" && message.member], [
    "relayed",
    ann.number,
  ]);
});

Deno.test("nothing is relayed for, or to, who was sent away, although its link is there", () => {
  const { world, ann, bob } = pair();
  world.here.delete(bob.link);
  assertEquals([ann.says(frame(bob)), bob.says(frame(ann))], [[], []]);
  world.here.add(bob.link);
  assertEquals(ann.says(frame(bob)).length, 1);
  world.relay.linkDown(bob.link);
  assertEquals([ann.says(frame(bob)), bob.says(frame(ann))], [[], []]);
  assertEquals(ann.says(frame({ number: 99 })), []);
  assertEquals(ann.says(frame(ann)), []);
});

Deno.test("an address that hasn't proved that it receives is sent a challenge alone, no longer than what came", () => {
  const { world, ann, bob } = pair();
  const elsewhere = { host: "10.0.9.9", port: 1 };
  const asked = bob.says({ type: "here", padding: new Uint8Array(64) }, elsewhere);
  assertEquals(asked.map(({ to }) => to), [elsewhere]);
  assert(asked[0]!.bytes.length <= 13 + 1 + 64 + 16);
  assertEquals(bob.opened(asked[0]!.bytes)?.type, "prove");
  assertEquals(ann.says(frame(bob))[0]!.to, bob.program.endpoint);
  assertEquals(world.pathOf(bob.program)!.seen, null);
});

Deno.test("bytes that aren't sealed under a member's keys get no answer", () => {
  const { world, ann, bob } = pair();
  const [sealed] = ann.says(frame(bob));
  const before = world.relayed.length;
  for (const length of [0, 1, 30, 1_199]) {
    world.relay.datagram(ann.program.endpoint, new Uint8Array(length).fill(5));
  }
  world.relay.datagram(ann.program.endpoint, sealed!.bytes);
  assertEquals(world.relayed.length, before);
});

Deno.test("a member can't have more relayed to another than the bound, and the rest is lost at once", () => {
  const { world, ann, bob } = pair();
  const bytes = () => world.relayed.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const before = bytes();
  const flood = (ms: number) => {
    for (let at = 0; at < ms; at += 10) {
      for (let n = 0; n < 20; n++) ann.says(frame(bob));
      world.run(10);
    }
  };
  flood(4_000);
  const most = RELAY_PAIR_BURST_BYTES + 4 * RELAY_PAIR_BYTES_PER_S;
  assert(bytes() - before <= 1.05 * most, `${bytes() - before} of ${most} bytes`);
  assert(bytes() - before >= 0.9 * most, `${bytes() - before} of ${most} bytes`);
});

Deno.test("all members together can't have more relayed than the bound in all", () => {
  const world = new RelayWorld();
  const all = Array.from({ length: 24 }, (_, n) => member(world, `M${n}`));
  const before = world.relayed.reduce((sum, { bytes }) => sum + bytes.length, 0);
  for (let at = 0; at < 1_000; at += 100) {
    for (const one of all) {
      for (const other of all) {
        if (one !== other) { for (let n = 0; n < 3; n++) one.says(frame(other)); }
      }
    }
    world.run(100);
  }
  const relayed = world.relayed.reduce((sum, { bytes }) => sum + bytes.length, 0) - before;
  assert(relayed <= 1.05 * (RELAY_BURST_BYTES + RELAY_BYTES_PER_S), `${relayed} bytes`);
});

Deno.test("who isn't a member, nor shown as joining, has a handshake relayed and no more", () => {
  const { world, ann, bob } = pair();
  world.listed.delete(bob.program.key);
  let relayed = 0;
  for (let n = 0; n < 1_000; n++) relayed += ann.says(frame(bob)).length;
  assert(relayed * 1_000 <= RELAY_STRANGER_BURST_BYTES, `${relayed} KB`);
  world.listed.add(bob.program.key);
  assert(ann.says(frame(bob)).length === 1);
});

Deno.test("all who aren't listed, together, leave to members what is theirs", () => {
  const { world, ann, bob } = pair();
  const strangers = Array.from({ length: 40 }, (_, n) => member(world, `S${n}`));
  for (const { program } of strangers) world.listed.delete(program.key);
  let relayed = 0;
  for (const one of strangers) {
    for (const other of strangers) {
      if (one === other) continue;
      for (let n = 0; n < 15; n++) relayed += one.says(frame(other)).length * 1_000;
    }
  }
  assert(relayed <= RELAY_STRANGERS_BYTES_PER_S, `${relayed} bytes at once`);
  assert(relayed >= 0.9 * RELAY_STRANGERS_BYTES_PER_S, `${relayed} bytes at once`);
  assertEquals(ann.says(frame(bob)).length, 1);
});

Deno.test("numbers of who is gone come again, and nobody has one that somebody else has", () => {
  const world = new RelayWorld(4);
  const [ann, bob] = [member(world, "Ann"), member(world, "Bob")];
  const others = Array.from({ length: 10 }, (_, at) => {
    const other = member(world, `Guest ${at}`);
    world.relay.linkDown(other.link);
    return other.number;
  });
  const numbers = new Set([ann.number, bob.number, ...others]);

  assert(numbers.size <= 4);
  assert(!others.includes(ann.number) && !others.includes(bob.number));
  assertEquals(ann.says(frame(bob)).length, 1);
});

Deno.test("a member can't have us work for it by saying again and again where it is", () => {
  const { ann } = pair();
  let answers = 0;
  for (let port = 1; port <= 1_000; port++) {
    const from = { host: "10.0.9.9", port };
    answers += ann.says({ type: "here", padding: new Uint8Array(64) }, from).length;
  }
  assert(answers <= OWN_DATAGRAMS_BURST, `${answers} answers`);
});
