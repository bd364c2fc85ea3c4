// Private groups: which secret counts, who is told it, and who came with one that is void.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { encodeInvite, parseInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import type { CoordinatorEvent } from "../../../lib/protocols/group/schema/events.ts";
import type { CoordinatorRecord } from "../../../lib/protocols/group/schema/records.ts";
import {
  encodeGroupInvite,
  groupChannelSecret,
  GroupSecrets,
  parseGroupInvite,
} from "../../../lib/protocols/group/schema/group_secrets.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { RebuildingCoordinator } from "../../../lib/protocols/group/recovery/rebuilding_coordinator.ts";
import { NO_BALLOT } from "../../../lib/protocols/group/schema/epoch.ts";
import { RETURN_MS } from "../../../lib/protocols/group/schema/limits.ts";
import { keyOf, type Name, Program } from "./coordinator_program.ts";

let drawn = 0;
const randomBytes = (length: number) => new Uint8Array(length).fill(++drawn);

/** A private group of these. */
function privateGroup(...names: readonly Name[]) {
  const first = new GroupSecrets([]).rotate(randomBytes);
  const secrets = new GroupSecrets([first]);
  const program = Program.with({ secrets, records: [first] }, ...names);
  return { program, secrets };
}

type Shown = Extract<CoordinatorEvent, { readonly event: "invite" }>;

function inviteOf(program: Program, rotate = false): Shown {
  program.command({ command: "invite", rotate }, "r");
  const shown = program.events.findLast(({ event }) => event === "invite");
  assert(shown?.event === "invite");
  return shown;
}

const secretsIn = (words: readonly string[]) => words.filter((word) => /secret|closes/.test(word));

Deno.test("Whoever is let into a private group is told the present secret after its welcome", () => {
  const { program, secrets } = privateGroup("ann");
  const words = program.comes("bob");
  assertEquals(words.slice(0, 2), ["bob: welcome", "bob: secret"]);
  const told = program.somebody("bob").got.get("secret");
  assertEquals(told?.type === "secret" && told.secret, secrets.current);
  assertEquals(program.events.find(({ event }) => event === "ready")?.event === "ready", true);
  assertEquals(Program.of("ann").comes("bob").filter((word) => /secret/.test(word)), []);
});

Deno.test("A removal from a private group is one write with another secret, told to who stays alone", () => {
  const { program, secrets } = privateGroup("ann", "bob");
  const before = secrets.current!;
  program.diskMode = "holds";
  const early = program.command({ command: "remove", name: "bob" }, "r1");
  assertEquals(early.filter((word) => /^disk: kicked/.test(word)), ["disk: kicked bob, secret"]);
  assertEquals(early.filter((word) => /: secret|notice/.test(word)), [], "nobody is told yet");

  const words = program.diskAnswers();

  assertEquals(words.filter((word) => /: secret/.test(word)), ["ann: secret"]);
  assertEquals(program.told.at(-1)!.includes("the group has another invite now"), true);
  assertEquals(secrets.current!.epoch, before.epoch + 1);
  assertEquals(secrets.isCurrent(groupChannelSecret(before)), false);
  const onDisk = new GroupSecrets(program.disk);
  assertEquals(onDisk.current, secrets.current);
  // Those who hold an earlier secret find it still known: what it is good for is decided by their key.
  assertEquals(onDisk.opening(before.epoch), [groupChannelSecret(before).key]);
  assertEquals(program.comes("bob"), ["bob: refuse kicked", "closes bob"]);
});

Deno.test("Who left a private group and is removed is told no secret, and doesn't come back by the key", () => {
  const { program } = privateGroup("ann", "bob");
  program.says("bob", { type: "leave" });
  program.goesDown("bob");

  const words = program.command({ command: "remove", name: "bob" });

  assertEquals(words, ["disk: kicked bob, secret", "ann: secret", "notice"]);
  assertEquals(program.comes("bob"), ["bob: refuse kicked", "closes bob"]);
});

Deno.test("In an open group a removal says that anybody can join, also under another key", () => {
  const program = Program.of("ann", "bob");
  program.command({ command: "remove", name: "bob" });
  assertEquals(
    program.told.at(-1),
    "bob stays out until /allow bob, unless under another key: anybody can join this group",
  );
  const shown = inviteOf(program);
  assertEquals(shown.line, "p2pchat peer NAME --server 10.0.0.9:6000");
  assertEquals(parseGroupInvite(shown.invite).secret, null);
  assertEquals(program.command({ command: "invite", rotate: true }), ["error not-allowed"]);
});

Deno.test("A rotation parts with newcomers that came with the invite before, and nothing more of them is heard", () => {
  const { program } = privateGroup("ann", "bob");
  program.comes("cem"); // joining, and not in yet
  program.links("dan"); // hasn't said hello
  const before = inviteOf(program).invite;
  program.diskMode = "holds";
  program.command({ command: "invite", rotate: true });
  // It says hello while the disk is slow, before it hears that its link is closed.
  const { incarnationBytes: incarnation } = program.somebody("dan");
  const place = { host: null, port: 9_000, group: null };
  const promised = program.somebody("dan").promised;
  const hello = {
    type: "hello",
    name: "dan",
    incarnation,
    ...place,
    begun: promised,
    promised,
  } as const;
  program.says("dan", hello);

  const words = program.diskAnswers();

  assertEquals(secretsIn(words), ["ann: secret", "bob: secret", "closes cem", "closes dan"]);
  assertEquals(words.filter((word) => /^(cem|dan): (welcome|secret)/.test(word)), []);
  assertNotEquals(inviteOf(program).invite, before);
});

Deno.test("A former member is told the secret made while it was away; who may come by an earlier one is known", () => {
  const { program } = privateGroup("ann", "bob");
  program.goesDown("bob");
  program.pass(20_000);
  program.command({ command: "invite", rotate: true });
  assertEquals(program.comes("bob").slice(0, 2), ["bob: welcome", "bob: secret"]);
});

/** Whether each of these may connect who knows only an invite that was void at the start of the program. */
function admitted({ machine }: Program, ...names: readonly Name[]): readonly boolean[] {
  assert(machine instanceof RebuildingCoordinator);
  const void_ = groupChannelSecret({ epoch: 0, secret: randomBytes(16) });
  return names.map((name) => machine.admits(keyOf(name), void_));
}

Deno.test("A void invite is good for this group's members, those removed included, not for an earlier group's", () => {
  const first = new GroupSecrets([]).rotate(randomBytes);
  const pins = new Map([["dan", fingerprintOf(keyOf("dan"))]]);
  const terms = () => ({ pins, mayFound: true });
  const program = Program.with(
    { ...terms(), secrets: new GroupSecrets([first]), records: [first] },
    "ann",
    "bob",
    "cem",
  );
  program.says("bob", { type: "leave" });
  program.goesDown("bob");
  program.command({ command: "remove", name: "cem" });
  program.allHear();
  program.comes("dan");

  const words = program.command({ command: "invite", rotate: true });

  const all = ["ann", "bob", "cem", "dan"] as const;
  assertEquals(secretsIn(words), ["disk: secret", "ann: secret", "closes dan"]);
  assertEquals(admitted(program, ...all), [true, true, true, false]);
  // After a restart nothing tells which pins are an earlier group's; a compacted log has but the last views.
  const records = [...program.machine.snapshot() ?? []];
  for (const disk of [program.disk, records]) {
    program.disk.splice(0, program.disk.length, ...disk);
    const again = program.restarted({ ...terms(), secrets: new GroupSecrets(disk) });
    assertEquals(admitted(again, ...all), [true, true, true, false]);
  }
});

Deno.test("The first secret is there before the group, and a compacted log keeps all of them", () => {
  const { program, secrets } = privateGroup("ann");
  program.command({ command: "invite", rotate: true });
  program.command({ command: "invite", rotate: true });
  const records = [...program.machine.snapshot() ?? []];
  const kept = new GroupSecrets(records);
  assertEquals(kept.current, secrets.current);
  assertEquals(kept.records().length, 3);
  const many: CoordinatorRecord[] = [];
  const rotated = new GroupSecrets([]);
  for (let at = 0; at < 70; at++) many.push(rotated.rotate(randomBytes));
  assertEquals(rotated.records().length, 64);
  assertEquals(rotated.opening(6), []);
  assertEquals(rotated.opening(7).length, 1);
  assertEquals(new GroupSecrets(many).current, rotated.current);
});

Deno.test("A coordinator that asks for an invite doesn't serve a group that was founded without, nor the other way round", () => {
  const open = Program.of("ann");
  const secrets = new GroupSecrets([new GroupSecrets([]).rotate(randomBytes)]);
  const other = new Program({ records: open.disk, secrets });
  assertEquals(other.feed({ type: "start" }), ["stops: fatal"]);
  const { program } = privateGroup("ann");
  assertEquals(new Program({ records: program.disk }).feed({ type: "start" }), ["stops: fatal"]);
});

Deno.test("While members are asked what there was, the invite can be shown, and a removal makes another one", () => {
  const { program, secrets } = privateGroup("ann");
  const after = program.withoutDisk({ secrets });
  const before = inviteOf(after).invite;
  assertEquals(after.command({ command: "invite", rotate: true }), ["error not-allowed"]);
  after.comes("ann");
  const words = after.command({ command: "remove", name: "ann" });
  // One write: a crash must not leave her out by her key alone, with an invite that counts.
  assertEquals(words.filter((word) => /^disk/.test(word)), ["disk: kicked ann, secret"]);
  assertNotEquals(inviteOf(after).invite, before);
});

Deno.test("A removal while members are asked what there was closes the links of all that never were members", () => {
  const { program, secrets } = privateGroup("ann", "bob");
  const after = program.withoutDisk({ secrets });
  for (const name of ["ann", "bob", "cem"]) after.comes(name);
  after.links("dan"); // hasn't said hello

  const words = after.command({ command: "remove", name: "bob" });

  assertEquals(words.filter((word) => /refuse|closes/.test(word)), [
    "bob: refuse kicked",
    "closes bob",
    "closes cem",
    "closes dan",
  ]);
  assertEquals(admitted(after, "ann", "bob", "cem", "dan"), [true, true, false, false]);
});

Deno.test("Who is removed while members are asked what there was isn't told whom the others wait for then", () => {
  const { program, secrets } = privateGroup("ann", "bob", "dan");
  const after = program.withoutDisk({ secrets });
  after.somebody("bob").answers.delete("recount");
  for (const name of ["cem", "ann", "bob"]) after.comes(name);

  assertEquals(after.command({ command: "remove", name: "bob" }), [
    "disk: kicked bob, secret",
    "notice",
    "closes cem",
    "bob: refuse kicked",
    "closes bob",
    "ann: recount waits for dan",
  ]);
});

Deno.test("With an old copy of its disk neither the void invite nor a removed key opens the group, once members tell", () => {
  const first = new GroupSecrets([]).rotate(randomBytes);
  const config = { mayFound: true, secrets: new GroupSecrets([first]), records: [first] };
  const program = Program.with(config, "ann", "bob", "cem");
  const old = [...program.disk];
  program.command({ command: "remove", name: "cem" });
  program.allHear();
  const secrets = new GroupSecrets(old);
  const after = program.restarted({ mayFound: true, secrets, records: old });
  after.disk.splice(0, Infinity, ...old);
  after.comes("ann"); // shows that the disk is old
  const before = inviteOf(after).invite;

  for (const name of ["ann", "bob", "cem", "dan"]) after.comes(name);
  const words = after.pass(RETURN_MS);

  assertEquals(secretsIn(words).filter((word) => /closes|disk/.test(word)), [
    "closes cem",
    "closes dan",
    "disk: key, number 1004, secret, recounted 4, rules, edits to 1004",
  ]);
  assertNotEquals(inviteOf(after).invite, before);
  const all = ["ann", "bob", "cem", "dan"] as const;
  assertEquals(admitted(after, ...all), [true, true, false, false]);
  const records = [...after.machine.snapshot() ?? []];
  for (const disk of [after.disk, records]) {
    after.disk.splice(0, Infinity, ...disk);
    const again = after.restarted({ mayFound: true, secrets: new GroupSecrets(disk) });
    assertEquals(admitted(again, ...all), [true, true, false, false]);
  }
});

Deno.test("An invite to a group comes back whole, and isn't taken for one to a room", () => {
  const secret = { epoch: 3, secret: new Uint8Array(16).fill(9) };
  const invite = {
    coordinator: keyOf("ann"),
    secret,
    endpoint: { host: "192.0.2.7", port: 6_000 },
  };
  const text = encodeGroupInvite(invite);
  assertEquals(parseGroupInvite(` "${text.toUpperCase()}". `), invite);
  const room = encodeInvite({ room: "ab".repeat(32) as RoomId, secret, endpoints: [] });
  for (const [parse, word] of [[parseInvite, text], [parseGroupInvite, room]] as const) {
    const error = assertThrows(() => parse(word), P2pchatError, "join with p2pchat");
    assertEquals(error.code, "bad-credentials");
  }
});

Deno.test("A member that is removed while it is alone, and says that its disk is lost, is out without the new secret", () => {
  const { program } = privateGroup("ann");
  const ann = program.somebody("ann");
  program.comes("ann"); // by another link: it is told that it has a say
  ann.answers.delete("flush");
  program.command({ command: "remove", name: "ann" });
  const flush = ann.got.get("flush");
  assert(flush?.type === "flush");
  ann.begun = NO_BALLOT;

  const words = program.says("ann", ann.report(flush));

  assertEquals(words.filter((word) => /ann/.test(word)), [
    "ann: parted kicked",
    "closes ann",
    "left ann: removed",
  ]);
});

Deno.test("The sequencer that is removed before it has begun the view isn't told the new secret as it begins that", () => {
  const { program } = privateGroup("ann", "bob", "cem");
  const [ann, bob] = [program.somebody("ann"), program.somebody("bob")];
  bob.has(ann.says("one"));
  program.says("ann", { type: "entries", after: 0, through: 1, seq: 1, entries: [] });
  bob.answers.delete("begin");
  program.says("ann", { type: "leave" });
  const begin = bob.got.get("begin");
  assert(begin?.type === "begin");
  program.somebody("cem").answers.delete("flush"); // the view without Bob takes its time
  program.command({ command: "remove", name: "bob" });

  const words = program.says("bob", { type: "begun", ballot: begin.signed.epoch.value.ballot });

  assertEquals(words.filter((word) => word.startsWith("bob: ")), []);
});
