// A private room as its members' machines see it, in an even world: who is let in when.

import { assert, assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { MeshCommand } from "../../../lib/protocols/mesh/schema/events.ts";
import { foundRoom } from "../../../lib/protocols/mesh/joining/genesis.ts";
import {
  channelSecret,
  type Invite,
  parseInvite,
} from "../../../lib/protocols/mesh/schema/rotations.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { fakeEnvironment, PROCESS } from "./membership_fixtures.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";

const SECOND_MS = 1_000;

/** Ann's private room, and what users were told. */
function annsRoom({ passive = false } = {}) {
  const notices: string[] = [];
  const world = new EvenWorld(6, [{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice" || event.event === "error") {
        notices.push(`${member.name}: ${event.text}`);
      }
    },
  }]);
  const until = (isSo: () => boolean) => {
    for (let step = 0; !isSo(); step++) {
      assert(step < 100_000, `it never is so: ${isSo}`);
      world.pass(0.1);
    }
  };
  const command = (member: Member, command: MeshCommand) => {
    member.process?.command(command);
    world.pass(SECOND_MS);
  };
  /** The invite that `member` shows. */
  const inviteOf = (member: Member, rotate = false): Invite => {
    world.invites.clear();
    command(member, { command: "invite", rotate });
    const [text] = world.invites.keys();
    return parseInvite(text!);
  };
  const join = (member: Member, invite: Invite, through: Member) =>
    world.start(member, { kind: "join", contact: through.endpoint, invite });
  const ann = world.add("Ann", { passive });
  world.start(ann, { kind: "found", private: true });
  world.pass(SECOND_MS);
  return { world, notices, until, inviteOf, join, ann };
}

const outcomeOf = ({ outcome }: { readonly outcome: { readonly kind: string } | null }) =>
  outcome !== null && "code" in outcome ? outcome.code : outcome?.kind;

Deno.test("Mesh lets nobody in who was on the way when the invite was rotated", () => {
  const { world, until, inviteOf, join, ann } = annsRoom();
  const invite = inviteOf(ann);
  const bob = world.add("Bob");
  const process = join(bob, invite, ann);
  until(() => ann.process?.linkCount === 1);

  ann.process?.command({ command: "invite", rotate: true });
  world.pass(10 * SECOND_MS);

  assertEquals([outcomeOf(process), bob.readyAtMs], ["bad-credentials", null]);
  assertEquals(world.present().length, 1);
});

Deno.test("Mesh tells all members who has made a new invite, and a newcomer nothing of it", () => {
  const { world, notices, inviteOf, join, ann } = annsRoom();
  const bob = world.add("Bob");
  join(bob, inviteOf(ann), ann);
  world.pass(3 * SECOND_MS);
  notices.length = 0;
  const invite = inviteOf(bob, true);
  join(world.add("Cem"), invite, ann);
  world.pass(3 * SECOND_MS);

  const rest = "older invites no longer admit newcomers; members can still come back";
  assertEquals(notices, [
    `Bob: This is the room's invite from now on: ${rest}`,
    `Ann: Bob has made a new invite, which /invite shows: ${rest}`,
    "Cem: Ann is the founder of this room, and can remove members",
  ]);
  assertEquals(inviteOf(ann).secret, invite.secret);
});

Deno.test("Mesh says of a new invite that it is there once it is, after a removal too", () => {
  const { world, notices, inviteOf, join, ann } = annsRoom();
  for (const name of ["Bob", "Cem"]) join(world.add(name), inviteOf(ann), ann);
  world.pass(3 * SECOND_MS);
  const saidAfter = (command: MeshCommand) => {
    notices.length = 0;
    ann.process?.command(command);
    world.pass(3 * SECOND_MS);
    return notices.filter((text) => text.includes("invite"))
      .map((text) => text.replace(/(removed|invite)[,: ].*/, "$1")).sort();
  };
  const removed = ["Ann: You have removed", "Bob: Ann has removed"];
  const rotated = ["Ann: This is the room's invite", "Bob: Ann has made a new invite"];

  const remade = ["Ann: There is a new invite", "Bob: Ann has made a new invite"];
  assertEquals(saidAfter({ command: "remove", name: "Cem" }), [...removed, ...remade].toSorted());
  assertEquals(saidAfter({ command: "invite", rotate: true }), rotated);
});

Deno.test("Mesh makes no new invite where nobody could come in with it", () => {
  const { world, notices, ann } = annsRoom({ passive: true });
  const rotations = () => ann.disk.records.filter(({ kind }) => kind === "rotation").length;
  const before = rotations();

  ann.process?.command({ command: "invite", rotate: true });
  world.pass(SECOND_MS);

  assertEquals(notices, [
    "Ann: Cannot rotate the invite, and the one before still counts: " +
    "neither you nor your neighbours can be dialled; ask another member, or start again without --passive",
  ]);
  assertEquals(rotations(), before);
});

Deno.test("Mesh goes back into a private room before a neighbour has told it of any rotation", () => {
  const { world, until, inviteOf, join, ann } = annsRoom();
  const bob = world.add("Bob");
  join(bob, inviteOf(ann), ann);
  until(() => bob.disk.records.some(({ kind }) => kind === "entrance"));
  world.end(bob.process!, false, 0);
  assertEquals(bob.disk.records.some(({ kind }) => kind === "rotation"), false);

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(5 * SECOND_MS);

  assertEquals(world.present().length, 2);
  assertEquals(inviteOf(bob).secret, inviteOf(ann).secret);
});

Deno.test("Mesh comes back into a private room through an address, without the invite, and into no other", () => {
  const { world, inviteOf, join, ann } = annsRoom();
  const [bob, cem] = [world.add("Bob"), world.add("Cem")];
  join(bob, inviteOf(ann), ann);
  world.start(cem, { kind: "found", private: true });
  world.pass(3 * SECOND_MS);
  const last = bob.room!;
  world.end(bob.process!, false, 0);
  inviteOf(ann, true);

  const elsewhere = world.start(bob, { kind: "join", contact: cem.endpoint, last });
  world.pass(5 * SECOND_MS);
  assertEquals(outcomeOf(elsewhere), "bad-credentials");

  bob.over = false;
  world.start(bob, { kind: "join", contact: ann.endpoint, last });
  world.pass(5 * SECOND_MS);
  assertEquals([bob.present !== null, bob.room], [true, ann.room]);
  assertEquals(inviteOf(bob).secret, inviteOf(ann).secret);
});

Deno.test("Mesh says to who returns that nobody knows its secret, and stays in the room", () => {
  const { world, notices, inviteOf, join, ann } = annsRoom();
  const [bob, cem] = [world.add("Bob"), world.add("Cem")];
  join(bob, inviteOf(ann), ann);
  world.pass(3 * SECOND_MS);
  const image = world.imageOf(bob);
  world.end(bob.process!, false, 0);
  // Where Ann was, somebody listens in that room who has another secret, and doesn't know Bob.
  world.end(ann.process!, false, 0);
  const records = ann.disk.records.filter((record) =>
    record.kind !== "rotation" && record.kind !== "member" &&
    (record.kind !== "claim" || record.claim.claim.value.key === ann.key)
  );
  ann.disk.restore([
    ...records,
    { kind: "invited", secret: { epoch: 7, secret: new Uint8Array(16) } },
  ]);
  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(3 * SECOND_MS);
  notices.length = 0;
  world.restore(bob, image);
  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(3 * SECOND_MS);

  assertEquals(bob.present !== null, true);
  assertEquals(notices.map((text) => text.slice(0, 60)), [
    "Bob: A member that you knew doesn't let you in: the room may",
  ]);
  assertEquals(cem.process, null);
});

Deno.test("Mesh turns away who came before it was known that an invite is needed, or which one", () => {
  const { world, inviteOf, ann } = annsRoom();
  const secrets = [inviteOf(ann).secret!, inviteOf(ann, true).secret!]
    .map((secret) => channelSecret(ann.room!, secret));
  world.end(ann.process!, false, 0);
  const answers = [null, ...secrets].map((secret) => {
    const mesh = new Mesh(
      {
        name: "Ann",
        process: PROCESS,
        advertise: { host: "10.0.0.1", port: 1 },
        passive: false,
        historyShown: 0,
        begin: { kind: "resume", room: ann.room! },
      },
      ann.config.signer,
      fakeEnvironment(0),
    );
    mesh.step({ type: "start" }, 0);
    // The disk is still being read.
    const [peer, remote] = ["e".repeat(64) as PeerKey, { host: "10.0.0.2", port: 2 }];
    const link = 1 as LinkId;
    const from = { link, peer, remote, localHost: "", process: PROCESS };
    mesh.step({ type: "link-up", ...from, dialled: false, attempt: null, secret }, 1);
    const effects = mesh.step({ type: "room-opened", records: ann.disk.records }, 2);
    return effects.flatMap((effect) =>
      effect.type === "send" && effect.message.type === "refuse" ? [effect.message.code] : []
    );
  });

  assertEquals(answers, [["bad-credentials"], ["bad-credentials"], []]);
});

Deno.test("Mesh finds a member that hasn't heard of its rotations by an earlier secret", () => {
  const { world, notices, inviteOf, join, ann } = annsRoom();
  const bob = world.add("Bob");
  join(bob, inviteOf(ann), ann);
  world.pass(3 * SECOND_MS);
  world.end(ann.process!, false, 0);
  for (let count = 0; count < 3; count++) inviteOf(bob, true);
  const wanted = inviteOf(bob).secret;
  world.end(bob.process!, false, 0);
  world.start(ann, { kind: "resume", room: ann.room! });
  world.pass(5 * SECOND_MS);
  notices.length = 0;

  world.start(bob, { kind: "resume", room: bob.room! });
  world.pass(SECOND_MS);

  assertEquals(notices.map((text) => text.slice(0, 30)), ["Ann: Bob has made a new invite"]);
  assertEquals([inviteOf(ann).secret, wanted?.epoch], [wanted, 4]);
});

Deno.test("Mesh says why it can't come back to a room of which the disk knows nobody", () => {
  for (const isPrivate of [true, false]) {
    const env = fakeEnvironment();
    const founded = foundRoom(env, fakeSigner("Ann"), { name: "Ann", isPrivate });
    const config = {
      name: "Bob",
      process: PROCESS,
      advertise: { host: "10.0.0.2", port: 2 },
      passive: false,
      historyShown: 0,
      begin: { kind: "resume", room: founded.room },
    } as const;
    const mesh = new Mesh(config, fakeSigner("Bob"), fakeEnvironment());
    mesh.step({ type: "start" }, 0);
    const records: MeshRecord[] = [
      { kind: "genesis", genesis: founded.genesis },
      { kind: "incarnation", incarnation: 1 },
    ];
    if (isPrivate) {
      records.push({ kind: "invited", secret: { epoch: 1, secret: new Uint8Array(16) } });
    }
    const effects = mesh.step({ type: "room-opened", records }, 1);
    const ended = effects.flatMap((effect) => effect.type === "stop" ? [effect] : []);

    assertEquals(ended.length, 1);
    assert(JSON.stringify(ended).includes("knows no address of anybody in the room"));
  }
});

Deno.test("Mesh has the way back into a room on its disk before its name there", () => {
  const { world, ann, inviteOf } = annsRoom();
  const bob = world.add("Bob");
  world.start(bob, { kind: "join", contact: ann.endpoint, invite: inviteOf(ann) });
  world.pass(SECOND_MS);

  const kinds = bob.disk.records.map(({ kind }) => kind);
  assert(kinds.indexOf("entrance") < kinds.indexOf("claim"), kinds.join());
});

Deno.test("Mesh enters no room where an address and the invite of another room are given", () => {
  const { world, inviteOf, ann } = annsRoom();
  const [bob, cem] = [world.add("Bob"), world.add("Cem")];
  world.start(cem, { kind: "found" });
  world.pass(SECOND_MS);
  const begin = {
    kind: "join",
    contact: cem.endpoint,
    named: true,
    invite: inviteOf(ann),
  } as const;
  const process = world.start(bob, begin);
  world.pass(5 * SECOND_MS);

  assertEquals([outcomeOf(process), bob.readyAtMs], ["bad-credentials", null]);
});

Deno.test("Mesh enters an invite's room through its addresses where the address that was named is dead", () => {
  const { world, inviteOf, ann } = annsRoom();
  const [bob, cem] = [world.add("Bob"), world.add("Cem")];
  world.start(bob, { kind: "join", contact: cem.endpoint, named: true, invite: inviteOf(ann) });
  world.pass(15 * SECOND_MS);

  assertEquals(bob.room, ann.room);
  assertEquals(world.present().length, 2);
});
