import { HERE } from "../../../../lib/base/machine/user_presence.ts";
import { assertEquals } from "@std/assert";
import { KnownKeys } from "../../../../lib/protocols/directory/lobby/known_keys.ts";
import { Lobby } from "../../../../lib/protocols/directory/lobby/lobby.ts";
import {
  AFTER_CALL_MS,
  LIST_MS_MAX,
  SEARCHES_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { ListedUser } from "../../../../lib/protocols/directory/schema/listed_users.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { BOB, ClientProgram, EVE, partOutput, user } from "../client_program.ts";

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
    away: [],
  });
  const second = program.says({
    type: "users",
    users: [user("Bob", { state: "busy" })],
    isFirst: false,
    isLast: true,
    away: [],
  });

  assertEquals(first, []);
  assertEquals(names(second), ["ann free", "Bob busy", "Zoe free"]);
});

Deno.test("the list: just after we came in again, it is waited for, not answered short", () => {
  const program = ClientProgram.in();
  program.directoryDown();
  program.after(500);
  program.directoryUp();
  program.entered({}, null);

  assertEquals(program.types({ command: "list", part: undefined }, "all"), []);
  const words = program.lists(["ann", "bob", "eve"]);
  assertEquals(names(words.slice(-1)), ["ann free", "bob free", "eve free"]);
  assertEquals(/ref=all/.test(words.at(-1)!), true, words.at(-1));
  assertEquals(names(program.types({ command: "list", part: "bo" })), ["bob free"]);
});

Deno.test("the list: one that doesn't come isn't waited for long", () => {
  const program = ClientProgram.in();
  program.directoryDown();
  program.after(500);
  program.directoryUp();
  program.entered({}, null);
  program.types({ command: "list", part: undefined }, "all");
  const words = program.after(LIST_MS_MAX);
  assertEquals(words.filter((word) => word.startsWith("users")).length, 1);
});

Deno.test("the list: a part of the names is asked for in any case", () => {
  const program = ClientProgram.in();
  program.says({
    type: "presence",
    users: [user("Bobby", { state: "busy" })],
    offline: [],
    away: [],
  });

  assertEquals(names(program.types({ command: "list", part: "BO" })), ["bob free", "Bobby busy"]);
  assertEquals(names(program.types({ command: "list", part: undefined })).length, 4);
});

Deno.test("the list: the answer alone says that it is one, whatever else is shown before it", () => {
  const program = ClientProgram.in();
  const itself = program.says({
    type: "users",
    users: [user("ann")],
    isFirst: true,
    isLast: true,
    away: [],
  });
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
    away: [],
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

Deno.test("the list: whoever is replaced by another key is out, also where the name is shown otherwise", () => {
  const program = ClientProgram.in({
    config: { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) },
  });

  const users = [user("bob", { key: EVE })];
  const words = program.says({ type: "presence", users, offline: [], away: [] });

  assertEquals(
    words.map((word) => /^presence name=(\S+) .*key=(\S+) state=(\S+)/.exec(word)?.slice(1)),
    [
      ["bob", "bob", "offline"],
      ["bob", "eve", "free"],
    ],
  );
});

Deno.test("the list: changes between its pages are in it, and aren't told", () => {
  const program = ClientProgram.in();
  program.says({ type: "users", users: [user("ann")], isFirst: true, isLast: false, away: [] });

  assertEquals(
    program.says({ type: "presence", users: [user("dan")], offline: ["ann"], away: [] }),
    [],
  );

  const words = program.says({
    type: "users",
    users: [user("fay")],
    isFirst: false,
    isLast: true,
    away: [],
  });
  assertEquals(names(words), ["dan free", "fay free"]);
});

Deno.test("the list: a directory that names more than there can be doesn't fill the memory", () => {
  const program = ClientProgram.in();
  for (let page = 0; page < 150; page++) {
    const users = Array.from({ length: 100 }, (_, n) => user(`u${page}.${n}`));
    program.says({ type: "presence", users, offline: [], away: [] });
  }

  assertEquals(program.machine.lobby.size, 10_000);
});

Deno.test("the list: it is gone with the link", () => {
  const program = ClientProgram.in();
  program.directoryDown();

  assertEquals(program.types({ command: "list", part: undefined }), [
    "users users=[] total=0 more=false isAnswer=true",
  ]);
});

Deno.test("the list: it has the key with which each is in, and says where it isn't the one expected", () => {
  const pinned = { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) };
  const refused = [{ name: "cem", fingerprint: fingerprintOf(EVE) }];
  const program = ClientProgram.in({ config: { ...pinned, refused } });
  const listed = (name: string, key = BOB) => {
    program.says({ type: "presence", users: [user(name, { key })], offline: [], away: [] });
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
  program.says({ type: "presence", users: [], offline: ["cem"], away: [] });
  assertEquals(told(), { name: "cem", key: eve });
});

// A list that is too long to be told.

const ONLINE = { type: "online", total: 4_312 } as const;

/** What the program has asked the directory for since the last call. */
function asks(program: ClientProgram): readonly string[] {
  return program.sent.splice(0).flatMap(({ message }) => {
    switch (message.type) {
      case "search":
        return [`search ${message.part} after ${message.after}`];
      case "subscribe": {
        const drop = message.drop.length === 0 ? "" : `, not to ${message.drop.join(" ")}`;
        return [`subscribe to ${message.add.join(" ")}${drop}`];
      }
      default:
        return [];
    }
  });
}

function page(users: readonly ListedUser[], hasMore = false, retryMs = 0) {
  return { type: "page", users, total: 4_312, hasMore, retryMs, away: [] } as const;
}

/** The words of the list that is shown: who is in it, how many there are, and whether there are more. */
function list(words: readonly string[]): readonly (string | undefined)[] {
  return words.filter((word) => word.startsWith("users")).flatMap((word) => [
    names([word]).join(", "),
    / total=(\d+) more=(\S+)/.exec(word)?.slice(1).join(" "),
  ]);
}

Deno.test("a long list: the program says how many are online, and shows nobody who may have gone", () => {
  const program = ClientProgram.in();

  assertEquals(list(program.says(ONLINE)), ["", "4312 true"]);
  assertEquals(list(program.says({ ...ONLINE, total: 4_313 })), [], "how many is no list");
  const status = program.types({ command: "status" }).find((word) => word.startsWith("status"));
  assertEquals(/ online=(\d+)/.exec(status ?? "")?.[1], "4313");
});

Deno.test("a long list: /list asks the directory, /more for what is behind, and its people are heard of from then on", () => {
  const program = ClientProgram.in();
  program.says(ONLINE);
  program.sent.length = 0;

  assertEquals(list(program.types({ command: "list", part: "O" }, "1")), []);
  assertEquals(asks(program), ["search O after "]);
  const first = program.says(page([user("bob"), user("Cleo")], true));
  assertEquals([list(first), asks(program)], [["bob free, Cleo free", "4312 true"], [
    "subscribe to bob Cleo",
  ]]);
  program.types({ command: "more" }, "2");
  assertEquals(asks(program), ["search O after Cleo"]);
  assertEquals(list(program.says(page([user("Theo")]))), ["Theo free", "4312 false"]);
  assertEquals(program.types({ command: "more" }, "3").map((word) => word.split(" ")[0]), [
    "notice",
  ]);

  const presence = (state: "free" | "busy") =>
    program.says({ type: "presence", users: [user("bob", { state })], offline: [], away: [] })
      .length;
  assertEquals([presence("free"), presence("free"), presence("busy")], [0, 1, 1]);
});

Deno.test("a long list: what the directory answers to a subscription is no news", () => {
  const program = ClientProgram.in();
  program.says({ type: "incoming", call: new Uint8Array(16), from: "zoe", guest: false, key: BOB });
  program.sent.length = 0;
  program.says(ONLINE);
  assertEquals(asks(program).map((word) => word.includes("zoe")), [true]);

  const zoe = { type: "presence", users: [user("zoe")], offline: [], away: [] } as const;
  assertEquals(program.says(zoe), []);
  assertEquals(program.says({ type: "presence", users: [], offline: ["zoe"], away: [] }).length, 1);
  assertEquals(program.says(zoe).length, 1);
});

Deno.test("a long list: of 256 names the ones that our user has cared for last are heard of", () => {
  const program = ClientProgram.in();
  program.says(ONLINE);
  program.sent.length = 0;
  const shows = (start: number, count: number) => {
    program.types({ command: "list", part: undefined });
    program.says(page(Array.from({ length: count }, (_, n) => user(`u${start + n}`))));
  };
  for (let each = 0; each < 6; each++) shows(each * 50, 50);

  const asked = asks(program).filter((word) => word.startsWith("subscribe"));
  assertEquals(asked.at(-1)?.match(/, not to (.*)/)?.[1]?.split(" ").length, 44);
  shows(6 * 50 - 256, 1); // the one that is dropped next: now it isn't
  shows(300, 1);
  assertEquals(asks(program).at(-1), "subscribe to u300, not to u45");
});

Deno.test("a long list: a search that the directory puts off is sent again, later ones behind it", () => {
  const program = ClientProgram.in();
  program.says(ONLINE);
  program.sent.length = 0;
  program.types({ command: "list", part: "a" });
  program.types({ command: "list", part: "b" });
  assertEquals(asks(program), ["search a after "]);

  program.says(page([], false, 1_200));
  assertEquals(asks(program), []);
  program.after(1_200);
  assertEquals(asks(program), ["search a after "]);
  program.says(page([]));
  assertEquals(asks(program), ["search b after "]);
});

Deno.test("a long list: searches are answered with nobody when the directory goes, and bounded", () => {
  const program = ClientProgram.in();
  program.says(ONLINE);
  for (let each = 0; each < SEARCHES_MAX; each++) {
    assertEquals(list(program.types({ command: "list", part: "a" })), []);
  }
  const [refused] = program.types({ command: "list", part: "a" });
  assertEquals(refused?.startsWith("error code=too-fast"), true, refused);

  const gone = program.directoryDown();
  assertEquals(gone.filter((word) => word.startsWith("users")).length, SEARCHES_MAX);
  assertEquals(names(program.types({ command: "list", part: undefined })), []);
});

Deno.test("a long list: once it is told again, it is shown, and every change", () => {
  const program = ClientProgram.in();
  program.says(ONLINE);

  const told = program.says({
    type: "users",
    users: [user("ann")],
    isFirst: true,
    isLast: true,
    away: [],
  });
  assertEquals(list(told), ["ann free", "1 false"]);
  assertEquals(
    program.says({ type: "presence", users: [user("dan")], offline: [], away: [] }).length,
    1,
  );
  assertEquals(list(program.types({ command: "list", part: undefined })), [
    "ann free, dan free",
    "2 false",
  ]);
});

// The list alone.

function lobbyOf(...users: readonly ListedUser[]) {
  const output = partOutput();
  const around = { isTalking: false };
  const lobby = new Lobby({
    out: output.out,
    keys: new KnownKeys(output.out, [{ name: "cem", fingerprint: fingerprintOf(EVE) }]),
    hearing: { apart: (name) => `${name}~1` },
    session: { name: "ann", isCutOff: false, tell: () => {} },
    isTalking: () => around.isTalking,
    ownPresence: () => HERE,
  });
  lobby.page({ type: "users", users, isFirst: true, isLast: true, away: [] });
  output.words();
  const changes = (...users: readonly ListedUser[]) => {
    lobby.changed({ type: "presence", users, offline: [], away: [] });
    return output.words().filter((word) => word.startsWith("users"));
  };
  return { output, lobby, around, changes };
}

Deno.test("Lobby: whoever takes calls at an address is found, however that is written", () => {
  const { lobby } = lobbyOf(user("bob", { host: "0::1", port: 7_000 }), user("eve"));

  assertEquals(lobby.at({ host: "0:0:0:0:0:0:0:1", port: 7_000 })?.name, "bob");
  assertEquals([lobby.at({ host: "::1", port: 1 }), lobby.find("BOB")?.name], [null, "bob"]);
});

Deno.test("Lobby: our own state is known better than the directory can", () => {
  const { output, lobby, around } = lobbyOf(user("ann", { state: "busy" }));
  const own = () => {
    lobby.list(undefined, undefined);
    return names(output.words());
  };

  assertEquals(own(), ["ann free"]);
  around.isTalking = true;
  assertEquals(own(), ["ann busy"]);
});

Deno.test("Lobby: after a call the list is shown when both are free in it, or a moment later all the same", () => {
  const busy = [user("ann", { state: "busy" }), user("bob", { state: "busy" })] as const;
  const { lobby, changes } = lobbyOf();
  changes(...busy);
  lobby.showAfter(["ann", "bob"], 0);
  assertEquals([changes(user("ann")), changes(user("bob")).length], [[], 1]);
  assertEquals(lobby.deadlines.nextMs(), null);

  const late = lobbyOf();
  late.changes(...busy);
  late.lobby.showAfter(["ann", "bob"], 0);
  late.output.pass(AFTER_CALL_MS);
  late.lobby.deadlines.tick(late.output.out.nowMs);
  assertEquals(names(late.output.words()), ["ann free", "bob busy"]);
});

Deno.test("Lobby: who has another key than expected is said so, and by which name that one is known", () => {
  const { output, lobby } = lobbyOf(user("cem", { key: EVE }), user("eve"));
  lobby.list("cem", undefined);
  const [effect] = output.out.take();

  const event = effect?.type === "show" ? effect.event : null;
  const [cem] = event?.event === "users" ? event.users : [];
  assertEquals([cem?.shown, cem?.changed], ["cem~1", { name: "cem", key: fingerprintOf(EVE) }]);
});
