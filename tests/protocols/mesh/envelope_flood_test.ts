// Members that flood made-up private envelopes, just below what a link allows, must not set the others against
// one another: they are passed on by honest members, to each of whom they come from several sides.

import { assert, assertEquals } from "@std/assert";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { type MeshMessage, MESSAGE_LANES } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { Proof } from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { messageBytes } from "../../sim/mesh/message_bytes.ts";
import { forged } from "./order_members.ts";
import { SLOW } from "../../given.ts";

const STEP_MS = 20;
const PER_STEP = 90; // 4,500 a second
const FLOOD_MS = 2_000;

/** Five honest members, some liars, and one who is lost. */
function room(liarCount: number, checker: MeshChecker) {
  const world = new EvenWorld(8, [checker]);
  const add = (name: string) => world.add(name, { historyShown: 0 });
  const honest = ["Ann", "Bob", "Cy", "Dee", "Eli"].map(add);
  const liars = ["Mal", "Mo"].slice(0, liarCount).map(add);
  const lost = add("Lou");
  for (const { key } of liars) world.liars.add(key);
  world.gather([...honest, ...liars, lost], 15_000);
  world.end(lost.process!, true, 0);
  world.pass(10_000);
  return { world, honest, liars, lost };
}

/** Sends a message that its program wouldn't, over the first link that it has. */
function send(liar: Member, message: MeshMessage): void {
  const [link] = liar.process!.links.values();
  link!.send(message, MESSAGE_LANES[message.type], messageBytes(message));
}

function madeUp(liar: Member, to: PeerKey, counter: number): MeshMessage {
  return {
    type: "private",
    envelope: {
      room: liar.room!,
      from: liar.key,
      to,
      boxKey: new Uint8Array(32),
      incarnation: 1,
      counter,
      kind: "message",
      sealed: new Uint8Array(20),
    },
  };
}

/** What honest members do while liars flood envelopes for `receiver`. */
function flood(liarCount: number, receiver: (lost: Member) => PeerKey) {
  const bans: string[] = [];
  let delivered = 0;
  let passedOn = 0;
  const { world, honest, liars, lost } = room(liarCount, {
    name: "watch",
    effect({ lastBanned, member }, effect) {
      if (effect.type !== "ban" || world.liars.has(member.key)) return;
      if (!world.liars.has(lastBanned!)) bans.push(`${member.name}: ${effect.reason}`);
    },
    sent({ member }, _, message) {
      if (message.type !== "private" || world.liars.has(member.key)) return;
      if (world.liars.has(message.envelope.from)) passedOn++;
    },
    shown(_, event) {
      if (event.event === "delivery" && event.state === "delivered") delivered++;
    },
  });
  const to = receiver(lost);
  let said = 0;
  for (let ms = 0; ms < FLOOD_MS; ms += STEP_MS) {
    for (const liar of liars) {
      for (let sent = 0; sent < PER_STEP; sent++) {
        send(liar, madeUp(liar, to, ms * PER_STEP + sent));
      }
    }
    if (ms % 500 === 0) {
      const [from, other] = [honest[said % 5]!, honest[(said + 2) % 5]!];
      world.say(from.process!, `to ${other.name}`, { name: other.name, key: other.key });
      said++;
    }
    world.pass(STEP_MS);
  }
  world.pass(100); // a round trip through another, with the disk's
  return { bans, undelivered: said - delivered, passedOn: passedOn > 0 };
}

Deno.test("Mesh stays whole while 2 of its members flood envelopes for nobody", SLOW, () => {
  const nobody = "ef".repeat(32) as PeerKey;
  assertEquals(flood(2, () => nobody), { bans: [], undelivered: 0, passedOn: false });
});

Deno.test(
  "Mesh stays whole while 2 of its members flood envelopes for one who is lost",
  SLOW,
  () => {
    assertEquals(flood(2, ({ key }) => key), { bans: [], undelivered: 0, passedOn: true });
  },
);

Deno.test("Mesh takes envelopes from its neighbours alone", () => {
  let passedOn = 0;
  const { world, liars: [liar], lost } = room(1, {
    name: "passed on",
    sent({ member }, _, message) {
      if (message.type === "private" && member !== liar) passedOn++;
    },
  });

  const passedOnAfter = [[], [{ type: "disconnect" }]].map((before) => {
    passedOn = 0;
    for (const message of before as MeshMessage[]) send(liar!, message);
    send(liar!, madeUp(liar!, lost.key, before.length));
    world.pass(50);
    return passedOn;
  });

  assertEquals(passedOnAfter.map((count) => count > 0), [true, false]);
});

Deno.test("Mesh passes on so many proofs of lies as its neighbours allow", SLOW, () => {
  const passedOn = new Map<string, number>();
  const told = new Map<Member, readonly string[]>();
  const { world, honest, liars: [liar] } = room(1, {
    name: "passed on",
    sent({ member }, link, message) {
      if (message.type !== "proof" || member === liar) return;
      const way = `${member.name} ${link}`;
      passedOn.set(way, (passedOn.get(way) ?? 0) + 1);
    },
    shown({ member }, event) {
      if (event.event !== "notice" || !event.text.includes(" provably sent ")) return;
      const texts = told.get(member) ?? [];
      told.set(member, [...texts, event.text]);
    },
  });
  const proofBy = (author: Signer): Proof => {
    const [first, second] = ["yes", "no"].map((text) => {
      const { header, signature } = forged(author, text, { room: liar!.room! });
      return { header, signature };
    });
    return { first: first!, second: second! };
  };

  for (let author = 0; author < 1_200; author++) {
    send(liar!, { type: "proof", proof: proofBy(fakeSigner(`author ${author}`)) });
    if (author % 40 === 0) world.pass(10);
  }
  world.pass(100);

  const most = Math.max(...passedOn.values());
  assert(most >= 32 && most < 100, `${most}`);
  // Of who is told of them, each is counted once, and few have a line of their own.
  world.pass(30_000);
  const countedBy = honest.map((member) => {
    const texts = told.get(member) ?? [];
    assert(texts.length <= 20, `${texts.length}`);
    return texts.reduce(
      (sum, text) => sum + 1 + Number(text.match(/ and (\d+) more /)?.[1] ?? 0),
      0,
    );
  });
  assertEquals(Math.max(...countedBy), 1_200);
});
