// A member that makes up a crowd, or more talk than a slow link carries, must not set two honest members apart: what
// they pass on for it is dropped where a link is slow, and made up for by other ways.

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import { deadContact, madeUpBeacon, madeUpClaim } from "../../sim/mesh/made_up.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { messageBytes } from "../../sim/mesh/message_bytes.ts";
import { SLOW } from "../../given.ts";

const STEP_MS = 20;
const SECOND_MS = 1_000;
/** Of what goes to Bob: a tenth of what the crowd below takes. */
const SLOW_BYTES_PER_MS = 40;

/** Ann, Bob at the end of a slow line, and Mal. */
function room() {
  const ended: string[] = [];
  const shownAtMs = new Map<string, number>();
  const checker: MeshChecker = {
    name: "watch",
    shown({ member }, event) {
      if (event.event === "message" && !event.self) {
        shownAtMs.set(`${member.name} ${event.text}`, world.time.nowMs);
      }
    },
    stepped({ member }, input) {
      if (input.type === "link-down") ended.push(`${member.name}: ${input.reason}`);
    },
  };
  const world: EvenWorld = new EvenWorld(3, [checker], {
    bytesPerMsTo: (host) => host === 1 ? SLOW_BYTES_PER_MS : Infinity,
  });
  const [ann, bob, mal] = world.addAll("Ann", "Bob", "Mal");
  world.gather([ann, bob, mal], 15 * SECOND_MS);
  ended.length = 0;
  return { world, ann, bob, mal, ended, shownAtMs };
}

/** Sends what its program wouldn't, to this member. */
function send(liar: Member, to: PeerKey, message: MeshMessage): void {
  for (const link of liar.process!.links.values()) {
    if ((link.other.owner as unknown as { member: Member }).member.key !== to) continue;
    return link.send(message, "data", messageBytes(message));
  }
}

/** A claim and a beacon of somebody who doesn't exist. */
function nobody(liar: Member, index: number): readonly MeshMessage[] {
  const { room, world, disk: { records } } = liar;
  const ofLiar = records.filter((record) => record.kind === "claim").map(({ claim }) => claim)
    .find(({ claim }) => claim.value.key === liar.key)!;
  const signer = fakeSigner(`nobody ${index}`);
  const time = ofLiar.claim.value.time + index;
  const claim = madeUpClaim(room!, signer, liar.config.signer, `made${index}`, time);
  const { endpoint } = deadContact(world.random);
  const signed = madeUpBeacon(room!, signer, claim, { endpoint });
  return [
    { type: "claims", claims: [claim] },
    { type: "beacons", beacons: [{ signed, ageMs: 0 }] },
  ];
}

/** The keys of all who are in the room, as this member's user sees it. */
function keysOf({ process }: Member): readonly string[] {
  process!.command({ command: "peers" });
  return process!.peers!.map(({ key }) => key).toSorted();
}

Deno.test(
  "Mesh closes no link between honest members for a crowd that a third one makes up",
  SLOW,
  () => {
    const { world, ann, bob, mal, ended, shownAtMs } = room();
    const perStep = 8; // 400 a second
    const said: string[] = [];
    let made = 0;
    for (let ms = 0; ms < 2 * SECOND_MS; ms += STEP_MS) {
      for (let count = 0; count < perStep; count++) {
        for (const message of nobody(mal, made++)) send(mal, ann.key, message);
      }
      if (ms % SECOND_MS === 0) said.push(world.say(ann.process!, `word ${ms}`, null).text);
      world.pass(STEP_MS);
    }
    world.pass(3 * SECOND_MS);

    assertEquals(ended, []);
    assertEquals(said.filter((text) => !shownAtMs.has(`Bob ${text}`)), []);
    // What was dropped is made up for: Ann and Bob know the same members.
    world.pass(60 * SECOND_MS);
    assertEquals(keysOf(bob).length, made + 3);
    assertEquals(keysOf(bob), keysOf(ann));
  },
);

Deno.test("Mesh closes no link between honest members for the walks that a third one begins", () => {
  const { bob, ann, mal, ended, world } = room();
  const contacts = () => Array.from({ length: 16 }, () => deadContact(world.random));
  for (let count = 0; count < 100; count++) {
    const origin = deadContact(world.random);
    send(mal, ann.key, { type: "shuffle", origin, ttl: 6, contacts: contacts() });
  }
  world.pass(20 * SECOND_MS);

  assertEquals(ended, []);
  assert([...ann.process!.probe!.activeView()].includes(bob.key));
});

Deno.test("Mesh is back in its room within 20 s, and takes in who comes, whatever crowd its disk remembers", () => {
  const { world, ann, bob, mal } = room();
  for (let made = 0; made < 300; made++) {
    for (const message of nobody(mal, made)) send(mal, bob.key, message);
    world.pass(STEP_MS);
  }
  world.pass(20 * SECOND_MS);
  assertEquals(keysOf(bob).length, 303);
  for (const { process } of [ann, bob, mal]) world.end(process!, false, 0);

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(20 * SECOND_MS);
  assert(bob.present !== null, "it is there though nobody else is");
  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(25 * SECOND_MS);

  assertEquals([...bob.process!.probe!.activeView()], [ann.key]);
});

Deno.test("a member that asks for a thousand streams again and again is parted with", () => {
  const { world, ann, mal, ended } = room();
  const entries = Array.from({ length: 1_024 }, (_, after) => ({
    ...{ author: ann.key, incarnation: 1, after },
  }));
  let asked = 0;
  while (ended.length === 0 && asked < 1_000) {
    for (const untilAsked = asked + 10; asked < untilAsked; asked++) {
      send(mal, ann.key, { type: "sync-want", entries, windowBytes: 1 });
    }
    world.pass(STEP_MS);
  }

  // A burst of 20,000 messages, and 5,000 for each second; a thousand streams are 65.
  assert(asked > 300 && asked < 420, `${asked} times`);
});
