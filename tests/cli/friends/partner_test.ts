import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { friendsCommandTable } from "../../../lib/cli/friends/friends_commands.ts";
import { Partner } from "../../../lib/cli/friends/partner.ts";
import { outcomeOf } from "../command_outcome.ts";

/** Alice's partner, with these friends in the table, and what the prompt shows. */
function partnerOf(names: readonly string[], hasDefault = true) {
  const partner = new Partner("alice", "users.txt", hasDefault);
  const shown: (string | null)[] = [];
  partner.table(names);
  partner.follow((name) => shown.push(name));
  return { partner, shown };
}

/** What a line does: whom it goes to and with which text, or its error's code. */
function sent(partner: Partner, line: string): readonly [string, string] | string {
  const outcome = outcomeOf(friendsCommandTable("bob", partner), line);
  assert(outcome !== "nothing");
  if ("error" in outcome) return outcome.error;
  assert("command" in outcome && outcome.command.command === "msg", JSON.stringify(outcome));
  return [outcome.command.name, outcome.command.text];
}

Deno.test("Partner is the only friend, and nobody among several, or in a script, until /to", () => {
  assertEquals(sent(partnerOf(["bob"]).partner, "hello"), ["bob", "hello"]);
  assertEquals(sent(partnerOf([]).partner, "hello"), "unknown-user");
  for (const { partner } of [partnerOf(["bob", "carol"]), partnerOf(["bob"], false)]) {
    assertEquals(sent(partner, "hello"), "unknown-user");
    partner.to("BOB");
    assertEquals(sent(partner, "hello"), ["bob", "hello"]);
  }
});

const LINES: readonly (readonly [line: string, sent: readonly [string, string] | string])[] = [
  ["hello", ["bob", "hello"]],
  ["  indented", ["bob", "  indented"]],
  ["1/2 of it", ["bob", "1/2 of it"]],
  ["http://example.org is nice", ["bob", "http://example.org is nice"]],
  ["see carol/notes", ["bob", "see carol/notes"]],
  ["and/or", ["bob", "and/or"]],
  ["yes/", ["bob", "yes/"]],
  ["two\nlines/of it", ["bob", "two\nlines/of it"]],
  ["//usr/bin", ["bob", "/usr/bin"]],
  ["x".repeat(70) + "/y", ["bob", "x".repeat(70) + "/y"]],
  ["carol/hi", ["carol", "hi"]],
  ["Carol/1/2", ["Carol", "1/2"]],
  ["alice/a note", ["alice", "a note"]],
  ["r/yes", ["r", "yes"]],
  ["caorl/hi", ["caorl", "hi"]], // the machine says whom it knows
  ["car/hi", ["car", "hi"]],
  ["alcie/a note", ["alcie", "a note"]],
  ["carol/", "usage"],
];

for (const [line, outcome] of LINES) {
  Deno.test(`Partner: ${JSON.stringify(line.slice(0, 30))} goes to whom it is meant for`, () => {
    const { partner } = partnerOf(["bob", "carol"]);
    partner.to("bob");
    assertEquals(sent(partner, line), outcome);
  });
}

Deno.test("Partner: a word is a friend's as long as one was in the table since the start", () => {
  const { partner } = partnerOf(["bob", "zacharias"]);
  partner.to("bob");
  partner.table(["bob"]);

  assertEquals(sent(partner, "zacharias/hi"), ["zacharias", "hi"]);
  assertEquals(partner.aim("zacharias/hi")?.isListed, false);
});

Deno.test("Partner: nobody takes the place of one who is taken out of the table, until /to", () => {
  const { partner, shown } = partnerOf(["bob"]);

  const told = partner.table(["carol"]);
  assertStringIncludes(told ?? "", "bob isn't in users.txt any more: what you type goes to nobody");
  assertEquals(sent(partner, "I love you"), "unknown-user");
  assertEquals(partner.table(["carol"]), null);
  assertEquals(sent(partner, "I love you"), "unknown-user");
  partner.to("carol");
  assertEquals(sent(partner, "I love you"), ["carol", "I love you"]);
  assertEquals(shown, ["bob", null, "carol"]);
});

Deno.test("Partner stays when another friend comes, and the only one left becomes it", () => {
  const { partner, shown } = partnerOf(["bob"]);
  partner.table(["bob", "carol"]);
  assertEquals(sent(partner, "hi"), ["bob", "hi"]);
  assertEquals(shown, ["bob"]);

  const several = partnerOf(["bob", "carol"]);
  several.partner.table(["carol"]);
  assertEquals(several.shown, [null, "carol"]);
});

Deno.test("Partner: /to says to whom, and without a name goes back", () => {
  const { partner, shown } = partnerOf(["bob", "carol"]);

  assertEquals(partner.to("carol"), { event: "to", name: "carol" });
  assertEquals(partner.to("bob"), { event: "to", name: "bob", was: "carol" });
  assertEquals(partner.to(undefined), { event: "to", name: null, was: "bob" });
  assertEquals(partner.to(undefined), { event: "to", name: null });
  assertEquals(partner.to("alice"), { event: "to", name: "alice" }, "notes to oneself");
  assertEquals(shown, [null, "carol", "bob", null, "alice"]);
  const only = partnerOf(["bob"]).partner;
  assertEquals(only.to(undefined), { event: "to", name: "bob" });
});

Deno.test("Partner: /to names the nearest friend, and changes nothing, where there is none", () => {
  const { partner, shown } = partnerOf(["bob", "carol"]);

  const error = assertThrows(() => partner.to("carrol"), P2pchatError);
  assertEquals(error.code, "unknown-user");
  assertEquals(error.message, "Cannot find carrol in users.txt; did you mean /to carol?");
  assertThrows(() => partner.to("x"), P2pchatError, "; /list shows the names");
  assertEquals(shown, [null]);
});

Deno.test("Partner: a terminal shows as a message only what goes to a friend, else the line itself", () => {
  const { partner } = partnerOf(["bob", "carol"]);
  const table = friendsCommandTable("bob", partner);
  const silent = (line: string) => table.chatIsSilent(line);

  assertEquals(["hello", "bob/hi", "bobb/hi", "alice/x", "bob/ ", "exit"].map(silent), [
    true,
    false,
    true,
    true, // the note is shown by its own event
    true,
    true,
  ]);
  partner.to("carol");
  assertEquals(["hello", "1/2", "//x", "bobb/hi", "exit"].map(silent), [
    false,
    false,
    false,
    true,
    true,
  ]);
});
