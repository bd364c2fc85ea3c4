import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { complete } from "../../../lib/cli/terminal/completion.ts";
import {
  friendsCommands,
  friendsCommandTable,
  Reply,
} from "../../../lib/cli/friends/friends_commands.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { parseContactCard } from "../../../lib/store/users/contact_card.ts";
import type { AddCommand } from "../../../lib/cli/friends/contacts.ts";
import { Partner, type ToCommand } from "../../../lib/cli/friends/partner.ts";
import { helpLines } from "../../../lib/cli/args/help_text.ts";
import type { FriendsCommand } from "../../../lib/protocols/friends/events.ts";
import { type Outcome, outcomeOf } from "../command_outcome.ts";
import { printed } from "../printed.ts";
import { SLOW } from "../../given.ts";

const msg = (name: string, text: string): Outcome<FriendsCommand | ToCommand | AddCommand> => ({
  command: { command: "msg", name, text },
});
const QUIT: Outcome<FriendsCommand | ToCommand | AddCommand> = { command: { command: "quit" } };

const CARD = "p2pchat-card:bob@192.168.1.5:5001#xsazfbd3ockoqe46yrkpuxern4x.ux2tsqyk";
const ADD: Outcome<FriendsCommand | AddCommand> = {
  command: { command: "add", card: parseContactCard(CARD) },
};

const TYPED:
  readonly (readonly [line: string, outcome: Outcome<FriendsCommand | ToCommand | AddCommand>])[] =
    [
      ["", "nothing"],
      ["bob/hello", msg("bob", "hello")],
      ["bob/see /etc/hosts and a/b", msg("bob", "see /etc/hosts and a/b")],
      ["bob//slash", msg("bob", "/slash")],
      ["bob/ two blanks  ", msg("bob", " two blanks  ")],
      [" bob /hello", msg("bob", "hello")],
      ["bob/two\nlines", msg("bob", "two\nlines")],
      ["bob/exit", msg("bob", "exit")],
      ['bob/{"a":1}', msg("bob", '{"a":1}')],
      ["≈Вob/hi", msg("Вob", "hi")],
      ["Zoe\u0308/hi", msg("Zoë", "hi")],
      ["r/yes", msg("r", "yes")],
      ["/msg bob are you there?", msg("bob", "are you there?")],
      [`/add ${CARD}`, ADD],
      ["/to bob", { command: { command: "to", name: "bob" } }],
      ["/to", { command: { command: "to", name: undefined } }],
      ["/list", { command: { command: "list" } }],
      ["/friends", { command: { command: "list" } }],
      ["/status", { command: { command: "status" } }],
      ["/outbox", { command: { command: "outbox" } }],
      ["/unsend 3f2a", { command: { command: "unsend", id: "3f2a" } }],
      ["/verify bob", { command: { command: "verify", name: "bob" } }],
      ["/trust bob", { command: { command: "trust", name: "bob" } }],
      ["exit", QUIT],
      [" exit ", QUIT],
      ["/exit", QUIT],
      ["/quit", QUIT],
      ["/q", QUIT],
      ["/help unsend", { help: ["unsend"] }],
    ];

for (const [line, outcome] of TYPED) {
  Deno.test(`among friends a typed ${JSON.stringify(line)} is understood`, () => {
    assertEquals(outcomeOf(friendsCommands, line), outcome);
  });
}

const REFUSED: readonly (readonly [line: string, code: string, text: string])[] = [
  ["hello", "unknown-user", "write NAME/TEXT, as in bob/hello"],
  ["exit now", "unknown-user", "write NAME/TEXT"],
  [" /hello", "unknown-user", "write NAME/TEXT"],
  ["bob/", "usage", 'Nothing was sent: there is no text after "bob/"'],
  ["bob/ \t ", "usage", 'Nothing was sent: there is no text after "bob/"'],
  [`${"b".repeat(9_000)}/`, "usage", `there is no text after "${"b".repeat(60)}..."`],
  ["/msg bob", "usage", "Usage: /msg NAME TEXT"],
  ["/mgs bob hi", "unknown-command", "did you mean /msg?"],
  ["/unsend", "usage", "Usage: /unsend ID"],
  ["/verify", "usage", "Usage: /verify NAME"],
  ["/list bob", "usage", "Usage: /list"],
  [`/add ${CARD.slice(0, -1)}`, "usage", "The contact card isn't whole"],
  ["/add bob 192.168.1.5 5001", "usage", "That is no contact card"],
  ["/add", "usage", "Usage: /add LINE"],
  ["/to bob carol", "usage", "Usage: /to [NAME]"],
  [`bob/${"x".repeat(65_537)}`, "too-long", "65537"],
];

Deno.test("among friends who says nobody's name is told of a friend", () => {
  const outcome = outcomeOf(
    friendsCommandTable("carol", new Partner("alice", "users.txt", true)),
    "hello",
  );
  assert(outcome !== "nothing" && "error" in outcome);
  assertStringIncludes(outcome.text, "write NAME/TEXT, as in carol/hello");
});

Deno.test("among friends /me goes to nobody where plain lines do", () => {
  const error = assertThrows(() => outcomeOf(friendsCommands, "/me waves"), P2pchatError);
  assertEquals(error.code, "unknown-user");
  assertStringIncludes(error.message, "/to bob first, or write bob//me waves");
});

for (const [line, code, text] of REFUSED) {
  Deno.test(`among friends a typed ${JSON.stringify(line.slice(0, 30))} is refused with ${code}`, () => {
    const outcome = outcomeOf(friendsCommands, line);
    assert(outcome !== "nothing" && "error" in outcome, JSON.stringify(outcome));
    assertEquals(outcome.error, code);
    assertStringIncludes(outcome.text, text);
  });
}

const OBJECTS: readonly (readonly [
  object: unknown,
  outcome: Outcome<FriendsCommand | ToCommand | AddCommand>,
])[] = [
  [{ command: "msg", name: "bob", text: "two\nlines", ref: "7" }, {
    ...msg("bob", "two\nlines") as { readonly command: FriendsCommand },
    ref: "7",
  }],
  [{ command: "msg", name: "bob", text: "/exit" }, msg("bob", "/exit")],
  [{ command: "add", line: CARD }, ADD],
  [{ command: "to", name: "bob" }, { command: { command: "to", name: "bob" } }],
  [{ command: "unsend", id: "3f2a" }, { command: { command: "unsend", id: "3f2a" } }],
  [{ command: "exit" }, QUIT],
];

for (const [object, outcome] of OBJECTS) {
  Deno.test(`among friends the object ${JSON.stringify(object)} is understood`, () => {
    assertEquals(outcomeOf(friendsCommands, JSON.stringify(object), true), outcome);
  });
}

Deno.test("among friends an object without a name is refused", () => {
  const outcome = outcomeOf(friendsCommands, '{"command":"msg","text":"hi","ref":"7"}', true);

  assert(outcome !== "nothing" && "error" in outcome);
  assertEquals([outcome.error, outcome.ref], ["usage", "7"]);
});

Deno.test("among friends nobody is told to write what is refused, too", () => {
  const told = (line: string) => {
    const outcome = outcomeOf(friendsCommands, line, true);
    assert(outcome !== "nothing" && "error" in outcome, line);
    return outcome.text;
  };

  assertEquals(told("/"), "No command /; /help lists them");
  assertEquals(told("/usr/bin/env"), "No command /usr/bin/env; /help lists them");
  const object = /; send other text as (\{.*\})$/.exec(told("{hello}"))?.[1];
  assertEquals(outcomeOf(friendsCommands, object ?? "", true), msg("bob", "..."));
});

Deno.test("among friends a command's example and form are right, and its help says how to write", () => {
  for (const { name, example, args, argumentNames, fieldOfObjects } of friendsCommands.commands) {
    const parsed = friendsCommands.parse(example, false);
    assert(["clear", "command", "help", "show"].includes(parsed.type), example);
    const ofObjects = fieldOfObjects === undefined || !(fieldOfObjects in args)
      ? []
      : [fieldOfObjects];
    assertEquals(Object.keys(args).sort(), [...argumentNames, ...ofObjects].sort(), name);
  }
  const help = printed(helpLines(friendsCommands.commands, friendsCommands, null, false));
  for (const form of ["NAME/TEXT", "r/TEXT", "TEXT ", "/to [NAME]", "/unsend ID"]) {
    assertStringIncludes(help, form);
  }
});

Deno.test("among friends no line at all makes parsing fail", SLOW, () => {
  const lines = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string().map((text) => `${text}/${text}`),
    fc.json(),
  );
  fc.assert(fc.property(lines, fc.boolean(), (line, objects) => {
    friendsCommands.parse(line, objects);
  }));
});

Deno.test("among friends a name at a line's start is completed with its slash, elsewhere without", () => {
  const names = ["bob", "bobby", "cem"];
  const completed = (text: string) => {
    const completion = complete(text, text.length, friendsCommands, names);
    return completion === null ? null : text.slice(0, completion.start) + completion.replacement;
  };

  assertEquals(
    ["ce", "bo", "bobb", "/verify ce", "/uns", "bob/tell ce", "/unsend ", "/unsend ce"].map(
      completed,
    ),
    ["cem/", "bob", "bobby/", "/verify cem ", "/unsend ", "bob/tell cem ", null, null],
  );
});

Deno.test("Reply stands for who wrote last, unless a friend is called r", () => {
  const told: (string | null)[] = [];
  const reply = new Reply((expansion) => told.push(expansion?.becomes ?? null));

  reply.table(["bob", "carol"]);
  reply.wrote("bob");
  reply.wrote("carol");
  reply.table(["bob", "R"]);
  reply.wrote("bob");
  reply.table(["bob"]);

  assertEquals(told, [null, "bob/", "carol/", null, null, "bob/"]);
});
