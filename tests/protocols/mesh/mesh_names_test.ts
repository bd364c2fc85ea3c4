import { assertEquals } from "@std/assert";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { MeshCommand, MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { SLOW } from "../../given.ts";
import { Room } from "./shown_room.ts";

const SECOND_MS = 1_000;

Deno.test(
  "Mesh gives all who ask each other for another name at once the one that they want",
  SLOW,
  () => {
    for (const count of [2, 3, 6]) {
      const room = new Room();
      const others = Array.from({ length: count - 1 }, (_, n) => room.joined(`M${n}`));
      for (let round = 0; round < 3; round++) {
        const answers = room.rename(
          [room.ann, ...others].map((member, n) => [member, `N${round}${n}`] as const),
        );
        assertEquals(
          answers,
          Array.from({ length: count }, (_, n) => `${n}: renamed N${round}${n}`),
        );
      }
    }
  },
);

Deno.test("Mesh answers each once of those who ask for one name at once, and one of them has it", () => {
  for (const count of [2, 3, 8]) {
    const room = new Room();
    const members = [room.ann];
    while (members.length < count) members.push(room.joined(`M${members.length}`));
    for (const name of ["Same", "Other"]) {
      const answers = room.rename(members.map((member) => [member, name] as const));
      assertEquals(answers.map((answer) => answer.split(":")[0]), members.map((_, n) => `${n}`));
      assertEquals(room.names().filter((shown) => shown === name), [name]);
    }
  }
});

function suffixed(name: string, { key }: Member): string {
  return `${name}~${fingerprintOf(key).slice(0, 4)}`;
}

Deno.test("Mesh tells apart, live, to newcomers and in a history, two who have used one name", () => {
  const room = new Room();
  const elis = ["one", "other"].map((seed) => {
    const eli = room.joined("Eli", seed);
    room.say(eli, `I am ${seed}`);
    room.ask(eli, { command: "quit" });
    return eli;
  }) as [Member, Member];

  const nina = room.joined("Nina");
  const [asAnn, asNina] = [room.ann, nina].map((member) => {
    const answer = room.ask(member, { command: "history", count: null });
    const [history] = answer.filter(({ event }) => event === "history");
    if (history?.event !== "history") throw new Error("no history was shown");
    return history;
  }) as [Extract<MeshEvent, { event: "history" }>, Extract<MeshEvent, { event: "history" }>];

  const keys = elis.map(({ key }) => fingerprintOf(key));
  const messages = [room.ann, nina].map((member) =>
    room.shown.get(member)!.flatMap((event) =>
      event.event === "message" ? [[event.from, event.shown, event.key]] : []
    )
  );
  const [one, other] = elis.map((eli) => suffixed("Eli", eli));
  assertEquals(messages, [
    [["Eli", "Eli", keys[0]], ["Eli", other, keys[1]]],
    [["Eli", one, keys[0]], ["Eli", other, keys[1]]],
  ]);
  for (const answer of [asAnn, asNina]) {
    assertEquals(answer.messages.map(({ from, key }) => [from, key]), [
      ["Eli", keys[0]],
      ["Eli", keys[1]],
    ]);
  }
  assertEquals(asAnn.messages.map(({ shown }) => shown), ["Eli", other]);
  assertEquals(asNina.messages.map(({ shown }) => shown), [one, other]);
});

Deno.test("Mesh writes to an away member, and to the known one who has taken the name, each by the name shown", () => {
  const room = new Room();
  const [ben, cleo] = [room.joined("Ben"), room.joined("Cleo")];
  room.ask(ben, { command: "quit" });
  room.ask(cleo, { command: "name", name: "Ben" });

  const shown = suffixed("Ben", cleo);
  const receivers = ([[shown, cleo], ["Cleo", cleo], ["Ben", ben]] as const).map(([name, to]) => {
    return room.say(room.ann, "only you", name, to).flatMap((event) =>
      event.event === "message" ? [event.to] : event.event === "error" ? [event.text] : []
    );
  });

  assertEquals(receivers, [[shown], [shown], ["Ben"]]);
});

Deno.test("Mesh warns of a stranger with the name as it is known, whatever its case", () => {
  const room = new Room();
  room.ask(room.joined("Alice"), { command: "quit" });

  const stranger = room.joined("ALICE", "another");

  const warnings = room.shown.get(room.ann)!.flatMap((event) =>
    event.event === "notice" && event.warning === true ? [event.text] : []
  );
  const shown = suffixed("ALICE", stranger);
  assertEquals(warnings.map((text) => text.replaceAll(/key \w+/g, "key K")), [
    `${shown} uses the name ALICE with key K, but you know Alice with key K; ` +
    `shown as ${shown} until /trust ${shown}`,
  ]);
  const [refused] = room.say(room.ann, "only you", shown, stranger);
  assertEquals(
    refused?.event === "error" && refused.text.replaceAll(/(key|know) \w{9,}/g, "$1 K"),
    `Cannot write to ${shown} alone: two have used that name; this one has the key K, the one you ` +
      `know K: ask who is whom, then type /trust ${shown} to write to this one`,
  );
});

Deno.test("Mesh: /trust says whether there was a key to accept", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  const trusted = () => room.ask(room.ann, { command: "trust", name: "Ben" });
  assertEquals(trusted(), [{ event: "notice", text: "There is no new key of Ben to accept" }]);

  room.ask(ben, { command: "quit" });
  const stranger = room.joined("Ben", "another Ben");
  const name = room.names().find((each) => each.startsWith("Ben~"))!;
  const [accepted] = room.ask(room.ann, { command: "trust", name })
    .filter(({ event }) => event === "notice");
  assertEquals(accepted, {
    event: "notice",
    text: `Ben's key is ${fingerprintOf(stranger.key)} from now on`,
  });
  assertEquals(trusted(), [{ event: "notice", text: "There is no new key of Ben to accept" }]);
});

Deno.test("Mesh shows nobody else like a key that was verified elsewhere, though the keys begin alike", () => {
  const key = fingerprintOf(fakeSigner("another Ben").key);
  const start = key.slice(0, 4);
  const verified = { name: `Ben~${start}`, fingerprint: start.padEnd(27, "a") as Fingerprint };
  const shownIn = (room: Room) => {
    room.ask(room.joined("Ben"), { command: "quit" });
    room.joined("Ben", "another Ben");
    return room.names().find((each) => each.startsWith("Ben~"));
  };

  assertEquals(shownIn(new Room()), verified.name);
  assertEquals(shownIn(new Room([verified])), `Ben~${key.slice(0, 8)}`);
});

Deno.test("Mesh: a refused key is shown under another name, and nothing private goes to it", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  const shown = suffixed("Ben", ben);
  const verify = (answer: "yes" | "no") =>
    room.ask(room.ann, { command: "verify", name: "Ben", answer });
  verify("yes"); // which shows the digits
  assertEquals(verify("yes").map(({ event }) => event), ["verify"], "the console notes that");

  const refused = verify("no").map((event) =>
    event.event === "verify" ? [event.name, event.answer] : event.event
  );

  assertEquals(refused, [["Ben", "no"], "renamed", "notice"]);
  assertEquals(room.names(), ["Ann", shown]);
  for (const name of ["Ben", shown]) {
    const [error] = room.say(room.ann, "only you", name, ben);
    assertEquals(error?.event === "error" && error.code, "key-changed");
  }
  room.ask(ben, { command: "quit" });
  room.ask(room.joined("Ben", "the real one"), { command: "quit" });
  assertEquals(room.shown.get(room.ann)!.filter(({ event }) => event === "notice").length, 1);
});

Deno.test("Mesh: of several keys told under a name lately, /trust accepts none by the plain name", () => {
  const room = new Room();
  room.ask(room.joined("Ben"), { command: "quit" });
  room.ask(room.joined("Ben", "second"), { command: "quit" });
  const third = room.joined("Ben", "third");
  const shown = suffixed("Ben", third);

  const [refused, ...more] = room.ask(room.ann, { command: "trust", name: "Ben" });
  assertEquals(more, []);
  assertEquals(refused?.event === "error" && [refused.code, refused.text], [
    "unknown-user",
    `Several came as Ben lately: ask who is whom, then type /trust ${shown}`,
  ]);
  room.ask(room.ann, { command: "trust", name: shown });
  assertEquals(room.names(), ["Ann", "Ben"]);
});

Deno.test("Mesh takes a no of who isn't here: nothing that waits goes to that key, until /trust", () => {
  const room = new Room();
  const no = (name: string, known: Fingerprint[] = []) =>
    room.ask(room.ann, { command: "verify", name, answer: "no", known }).map((event) =>
      event.event === "verify" ? `${event.name} ${event.key}` : event.event
    );
  const ben = room.joined("Ben");
  const key = fingerprintOf(ben.key);
  room.ask(ben, { command: "quit" });
  room.say(room.ann, "only you", "Ben", ben);

  assertEquals(no("ben"), [`Ben ${key}`]);
  assertEquals(room.say(room.ann, "psst", "Ben", ben)[0]?.event, "error");
  const back = room.joined("Ben");
  room.pass();
  const got = () => room.shown.get(back)!.filter(({ event }) => event === "message").length;
  assertEquals([room.names(), got()], [["Ann", suffixed("Ben", ben)], 0]);
  room.ask(room.ann, { command: "trust", name: "Ben" });
  room.pass();
  assertEquals([room.names(), got()], [["Ann", "Ben"], 1]);

  const dan = fingerprintOf(fakeSigner("dan").key);
  assertEquals([...no("Dan", [dan]), ...no("Eve")], [`Dan ${dan}`, "error"]);
  assertEquals(room.joined("Dan", "dan").key, fakeSigner("dan").key);
  assertEquals(room.names().some((name) => name.startsWith("Dan~")), true);
});

Deno.test("Mesh: a key that is refused in another program of the profile is shown under another name until it is accepted there", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  const refuse = ({ key }: Member) =>
    room.ask(room.ann, { command: "refuse", name: "ben", key: fingerprintOf(key) });
  assertEquals(refuse(room.ann), []);

  assertEquals(refuse(ben).map(({ event }) => event), ["renamed"]);
  assertEquals(room.names(), ["Ann", suffixed("Ben", ben)]);
  const unrefused = { command: "unrefuse", name: "ben", key: fingerprintOf(ben.key) } as const;
  assertEquals(room.ask(room.ann, unrefused).map(({ event }) => event), ["renamed"]);
  assertEquals(room.names(), ["Ann", "Ben"]);
  assertEquals(room.say(room.ann, "only you", "Ben", ben)[0]?.event, "message");
  room.ask(ben, { command: "quit" });
});

Deno.test("Mesh marks a name that mixes scripts in every sentence", () => {
  const room = new Room();
  const imitator = room.joined("B\u043eb");
  const texts = (command: MeshCommand) =>
    room.ask(room.ann, command).flatMap((event) => "text" in event ? [event.text] : []);
  const told = [
    ...texts({ command: "msg", name: "Bob1", text: "x" }),
    ...texts({ command: "verify", name: "Bobb" }),
    ...texts({ command: "trust", name: "B\u043eb" }),
  ];
  room.ask(imitator, { command: "quit" });
  told.push(
    ...texts({ command: "verify", name: "B\u043eb" }),
    ...texts({ command: "trust", name: "\u2248B\u043eb" }),
  );

  assertEquals(told, [
    "Nobody here is called Bob1; did you mean \u2248B\u043eb?",
    "Nobody here is called Bobb; did you mean \u2248B\u043eb?",
    "There is no new key of \u2248B\u043eb to accept",
    "\u2248B\u043eb isn't here now; try again when \u2248B\u043eb is back",
    "There is no new key of \u2248B\u043eb to accept",
  ]);
});

Deno.test("Mesh: who took another name and was killed doesn't come back alone as who has the one before", () => {
  for (const [isCompacted, starts] of [[false, 1], [true, 1], [false, 2]] as const) {
    const shown = new Map<Member, MeshEvent[]>();
    const world = new EvenWorld(3, [{
      name: "shown",
      shown: ({ member }, event) => {
        shown.set(member, [...shown.get(member) ?? [], event]);
      },
    }]);
    const [ann, ben] = world.addAll("Ann", "Ben");
    const other = world.add("Ben", { signer: fakeSigner("another Ben") });
    world.start(ann, { kind: "found" });
    world.pass(5 * SECOND_MS);
    const { room } = ann;
    world.join(ben, ann);
    world.pass(5 * SECOND_MS);
    world.say(ben.process!, "hi", null);
    ben.process!.command({ command: "name", name: "Rob" });
    world.pass(5 * SECOND_MS);
    world.join(other, ann);
    world.pass(5 * SECOND_MS);
    const records = isCompacted ? ben.process!.snapshot() : null;
    for (const member of world.members) world.end(member.process!, true, 0);
    if (records !== null) ben.disk.restore(records);
    world.pass(60 * SECOND_MS);

    const before = shown.get(ben)!.length;
    for (let start = 1; start <= starts; start++) {
      if (start > 1) world.end(ben.process!, true, 0);
      world.start(ben, { kind: "resume", room: room! });
      world.pass(20 * SECOND_MS);
    }
    for (const member of [ann, other]) {
      world.start(member, { kind: "resume", room: room! });
      world.pass(20 * SECOND_MS);
    }

    const errors = shown.get(ben)!.slice(before).filter(({ event }) => event === "error");
    assertEquals(world.present().map(({ member }) => member), [ann, ben, other]);
    const codes = new Set(errors.map((event) => event.event === "error" && event.code));
    assertEquals(codes, new Set(["name-taken"]));
  }
});

Deno.test("Mesh: no ruling by a plain name is about a key that isn't the one known by it", () => {
  const room = new Room();
  const ben = room.joined("Ben");
  room.ask(ben, { command: "quit" });
  const mallory = room.joined("Ben", "Mallory");
  const shown = suffixed("Ben", mallory);
  const [known, other] = [ben, mallory].map(({ key }) => fingerprintOf(key));
  const told = (command: MeshCommand) =>
    room.ask(room.ann, command).flatMap((event) =>
      event.event === "error" ? [`${event.code}: ${event.text}`] : []
    );
  const deputy = (name: string, appoint = true) => told({ command: "deputy", name, appoint });
  const two = `two have used that name; this one has the key ${other}, the one you know ${known}` +
    ": ask who is whom, then type";

  const notTrusted =
    `key-changed: Cannot make ${shown} a deputy: ${two} /trust ${shown} to mean this one`;
  assertEquals(["Ben", shown].flatMap((name) => deputy(name)), [notTrusted, notTrusted]);
  assertEquals(deputy("Ben", false), [
    `key-changed: Cannot end that by the name ${shown}: ${two} /deputy ${shown} --end for this one`,
  ]);
  assertEquals(deputy(shown, false), [`not-allowed: ${shown} is no deputy`]);
  assertEquals(told({ command: "remove", name: "ben" }), [
    `key-changed: Cannot remove ${shown} by that name: ${two} /remove ${shown} to remove this one`,
  ]);

  room.ask(room.ann, { command: "verify", name: "Ben" });
  room.ask(room.ann, { command: "verify", name: "Ben", answer: "no" });
  const found = `you found that the key ${other} isn't Ben's;`;
  assertEquals(deputy("Ben"), [
    `key-changed: Cannot make ${shown} a deputy: ${found} if it is after all: /trust ${shown}`,
  ]);
  assertEquals(told({ command: "remove", name: "Ben" }), [
    `key-changed: Cannot remove ${shown} by that name: ${found} type /remove ${shown} to remove this one`,
  ]);
  assertEquals(told({ command: "remove", name: shown }), []);
  assertEquals(told({ command: "allow", name: "Ben" }), [
    `key-changed: Cannot allow Ben by that name: the key that was removed, ${other}, isn't the one you know by it; ` +
    `type /allow ${other} to let this one come back`,
  ]);
  assertEquals(told({ command: "allow", name: shown }), [], "as the removal named it");
  assertEquals(told({ command: "remove", name: "Ben" }), [], "the one who is known, and away");
  assertEquals(told({ command: "allow", name: "Ben" }), []);
});

Deno.test("Mesh: /allow of a whole key means whoever has that key, and nobody who has taken it for a name", () => {
  const room = new Room();
  const carol = room.joined("Carol");
  const key = fingerprintOf(carol.key);
  const mallory = room.joined(key, "Mallory");
  room.ask(room.ann, { command: "remove", name: "Carol" });
  room.ask(room.ann, { command: "remove", name: key });

  const told = room.ask(room.ann, { command: "allow", name: key });
  assertEquals(
    told.flatMap((event) => event.event === "allowed" ? [event.key] : []),
    [key],
    JSON.stringify(told),
  );
  const [error] = room.ask(room.ann, { command: "allow", name: key });
  assertEquals(error?.event === "error" && error.code, "unknown-user");
  const again = room.ask(room.ann, { command: "allow", name: fingerprintOf(mallory.key) });
  assertEquals(again.flatMap((event) => event.event === "allowed" ? [event.name] : []), [key]);
});

for (const how of ["by its room", "by an address", "by an address before"]) {
  for (const isFounder of [true, false]) {
    const who = isFounder ? "the founder" : "a member";
    Deno.test(`Mesh: ${who} that quit and is back ${how} has the name again from who took it meanwhile, and who is told so`, () => {
      const errors: string[] = [];
      const world = new EvenWorld(4, [{
        name: "errors",
        shown({ member }, event) {
          if (event.event === "error") errors.push(`${member.index} ${event.code}`);
        },
      }]);
      const [ann, bob, cem] = world.addAll("Ann", "Bob", "Cem");
      const owner = isFounder ? ann : bob;
      const thief = world.add(owner.name, { signer: fakeSigner("another") });
      world.gather([ann, bob, cem], 3 * SECOND_MS);
      const room = owner.room!;
      owner.process!.command({ command: "quit" });
      world.pass(3 * SECOND_MS);
      world.join(thief, cem);
      world.pass(60 * SECOND_MS);
      const isBefore = how.endsWith("before");
      if (isBefore) {
        thief.process!.command({ command: "quit" });
        world.pass(3 * SECOND_MS);
      }
      const byAddress = { kind: "join", contact: cem.endpoint, kept: [room] } as const;
      world.start(owner, how === "by its room" ? { kind: "resume", room } : byAddress);
      world.pass(5 * SECOND_MS);
      const again = isBefore ? world.start(thief, { kind: "resume", room }) : null;
      world.pass(5 * SECOND_MS);

      const outcome = again?.outcome ?? null;
      if (outcome !== null) errors.push(`${thief.index} ${"code" in outcome && outcome.code}`);
      assertEquals(errors, [`${thief.index} name-taken`]);
      for (const { process } of world.members) process?.command({ command: "peers" });
      world.pass(SECOND_MS);
      const names = ({ process }: Member) => process?.peers?.map(({ name }) => name.slice(0, 4));
      const all = [...isBefore ? [] : [`${owner.name}~`], "Ann", "Bob", "Cem"].toSorted();
      for (const member of [owner, cem]) assertEquals(names(member)?.toSorted(), all);
    });
  }
}
