import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { BOB, ClientProgram, EVE, user } from "../client_program.ts";

function names(words: readonly string[]): readonly string[] {
  const users = words.find((word) => word.startsWith("users")) ?? "";
  return [...users.matchAll(/name=(\S+) state=(\S+)/g)].map(([, name, state]) =>
    `${name} ${state}`
  );
}

Deno.test("the list: it comes in pages, is sorted by name, and holds oneself", () => {
  const program = ClientProgram.in();

  const first = program.says({
    type: "users",
    users: [user("Zoe"), user("ann")],
    isFirst: true,
    isLast: false,
  });
  const second = program.says({
    type: "users",
    users: [user("Bob", { state: "busy" })],
    isFirst: false,
    isLast: true,
  });

  assertEquals(first, []);
  assertEquals(names(second), ["ann free", "Bob busy", "Zoe free"]);
});

Deno.test("the list: a part of the names is asked for in any case", () => {
  const program = ClientProgram.in();
  program.says({ type: "presence", users: [user("Bobby", { state: "busy" })], offline: [] });

  assertEquals(names(program.types({ command: "list", part: "BO" })), ["bob free", "Bobby busy"]);
  assertEquals(names(program.types({ command: "list", part: undefined })).length, 4);
});

Deno.test("the list: the answer alone says that it is one, whatever else is shown before it", () => {
  const program = ClientProgram.in();
  const itself = program.says({ type: "users", users: [user("ann")], isFirst: true, isLast: true });
  const answer = program.types({ command: "list", part: "an" }, "l");

  const isAnswer = (words: readonly string[]) => words.map((word) => / isAnswer=true/.test(word));
  assertEquals([isAnswer(itself), isAnswer(answer)], [[false], [true]]);
});

Deno.test("the list: changes are told one by one, who isn't there any more leaves it", () => {
  const program = ClientProgram.in();

  const words = program.says({
    type: "presence",
    users: [user("bob", { state: "busy" }), user("cem")],
    offline: ["eve", "nobody"],
  });

  assertEquals(words, [
    "presence name=bob key=bob state=busy guest=false",
    `presence name=cem key=${fingerprintOf(user("cem").key)} state=free guest=false`,
    "presence name=eve key=eve state=offline",
  ]);
  assertEquals(names(program.types({ command: "list", part: undefined })), [
    "ann free",
    "bob busy",
    "cem free",
  ]);
});

Deno.test("the list: changes between its pages are in it, and aren't told", () => {
  const program = ClientProgram.in();
  program.says({ type: "users", users: [user("ann")], isFirst: true, isLast: false });

  assertEquals(program.says({ type: "presence", users: [user("dan")], offline: ["ann"] }), []);

  const words = program.says({ type: "users", users: [user("fay")], isFirst: false, isLast: true });
  assertEquals(names(words), ["dan free", "fay free"]);
});

Deno.test("the list: nobody has a name that is none", () => {
  const program = ClientProgram.in();

  assertEquals(
    program.says({ type: "presence", users: [user("a b"), user("*directory*")], offline: [] }),
    [],
  );
});

Deno.test("the list: a directory that names more than there can be doesn't fill the memory", () => {
  const program = ClientProgram.in();
  for (let page = 0; page < 150; page++) {
    const users = Array.from({ length: 100 }, (_, n) => user(`u${page}.${n}`));
    program.says({ type: "presence", users, offline: [] });
  }

  assertEquals(program.machine.lobby.size, 10_000);
});

Deno.test("the list: it is gone with the link", () => {
  const program = ClientProgram.in();
  program.directoryDown();

  assertEquals(program.types({ command: "list", part: undefined }), [
    "users users=[] isAnswer=true",
  ]);
});

Deno.test("the list: it has the key with which each is in, and says where it isn't the one expected", () => {
  const pinned = { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) };
  const refused = [{ name: "cem", fingerprint: fingerprintOf(EVE) }];
  const program = ClientProgram.in({ config: { ...pinned, refused } });
  const listed = (name: string, key = BOB) => {
    program.says({ type: "presence", users: [user(name, { key })], offline: [] });
    program.types({ command: "list", part: name });
    const event = program.events.at(-1)!;
    const users = event.event === "users" ? event.users : [];
    return [users[0]?.key, users[0]?.changed];
  };
  const bob = fingerprintOf(BOB);
  const eve = fingerprintOf(EVE);
  const told = () => {
    const event = program.events.findLast(({ event }) => event === "presence");
    return event?.event === "presence" ? event.changed : undefined;
  };

  assertEquals(listed("bob"), [bob, undefined]);
  assertEquals(listed("bob", EVE), [eve, { name: "bob", key: eve, before: bob }]);
  assertEquals(listed("cem"), [bob, undefined]);
  assertEquals(told(), undefined);
  assertEquals(listed("cem", EVE), [eve, { name: "cem", key: eve }]);
  assertEquals(told(), { name: "cem", key: eve });
  program.says({ type: "presence", users: [], offline: ["cem"] });
  assertEquals(told(), { name: "cem", key: eve });
});
