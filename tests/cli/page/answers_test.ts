import { assertEquals } from "@std/assert";
import { friendsCommands } from "../../../lib/cli/friends/friends_commands.ts";
import { AT } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { cardOf, plainText } = page;

/** A card as text: the title, then each row; what isn't rows in brackets. */
function shown(event: Record<string, unknown>, mode = "mesh"): readonly string[] {
  const { title, blocks } = cardOf(event, { self: "Alice", mode, forms: [["TEXT", "says it"]] });
  return [
    plainText(title),
    ...blocks.flatMap((block: Any) => {
      if (block.rows) return block.rows.map((row: Any) => plainText(row));
      const [kind] = Object.keys(block);
      return [`[${kind}]`];
    }),
  ];
}

const person = { name: "Bob", key: "b", host: "10.0.0.2", port: 1, direct: true, verified: true };

Deno.test("page: answers are cards of what was asked, in each mode", () => {
  assertEquals(
    shown({ event: "peers", peers: [{ ...person, name: "Alice" }, { ...person, away: "lunch" }] }),
    [
      "2 members",
      "Alice — you, 10.0.0.2:1, verified",
      "Bob — 10.0.0.2:1, directly, verified; away: “lunch”",
    ],
  );
  assertEquals(shown({ event: "members", members: ["Alice", "Bob"], verified: ["Bob"] }, "group"), [
    "2 members",
    "Alice — you",
    "Bob — verified",
  ]);
  const status = {
    event: "status",
    key: "a",
    members: [{
      name: "Bob",
      key: "b",
      direct: true,
      roundTripMs: 0.4,
      heardMsAgo: 6_000,
      suspected: true,
      upToDate: false,
    }],
    unsent: 2,
    waiting: [{ name: "Bob", messages: 1 }],
    messages: 3,
    lastMessage: { at: AT, from: "Bob" },
    problems: ["the clock is wrong"],
  };
  assertEquals(shown(status), [
    "Status",
    "Room of 2: you, Bob",
    "Links: Bob 0.4 ms",
    "Bob hasn't been heard for 6 s",
    "1 of your messages waits to be sent",
    "Bob may not have everything you wrote yet",
    "1 of your messages waits for Bob",
    `3 messages kept, the last from Bob at ${AT}`,
    "! the clock is wrong",
    "[code]",
  ]);
  assertEquals(
    shown({
      event: "status",
      key: "a",
      registry: "d",
      session: "up",
      online: 1,
      unsent: 0,
      call: null,
      problems: [],
    }, "directory"),
    [
      "Status",
      "d: logged in, 1 person online",
      "[code]",
    ],
  );
  assertEquals(shown({ event: "history", messages: [], searched: "x" }), [
    "No messages with “x”",
  ]);
  const left = { text: "x", shown: "Mal", sentAt: AT, ignored: true };
  assertEquals(shown({ event: "history", messages: [left, left] }), [
    "0 messages",
    "[messages]",
    "2 messages from people you ignore are left out",
  ]);
  const found = ["Club", "club", "Pub", null].map((title, at) => ({
    ...{ text: "x", shown: "Bob", sentAt: AT, number: at + 1, title },
  }));
  assertEquals(
    page.cardOf({ event: "history", messages: found, searched: "x" }, { mode: "mesh" }).blocks[0]
      .messages.map(({ place }: Any) => place),
    ["Club (1)", "club (2)", "Pub", "room 4"],
  );
  assertEquals(
    shown({ event: "log", entries: [{ seq: 1, text: "x", shown: "Bob", edits: 0, sentAt: AT }] }),
    ["1 entry", "[messages]"],
  );
  assertEquals(shown({ event: "verify", name: "Bob", digits: "1  2", verified: false }), [
    "Verify Bob",
    "Compare these digits with Bob, by phone or face to face, not here:",
    "[digits]",
    "[actions]",
  ]);
  assertEquals(
    shown({
      event: "whois",
      name: "Bob",
      self: false,
      key: "b",
      host: "",
      port: 0,
      route: "relay",
      verified: false,
    }),
    [
      "Bob",
      "connected through a relay",
      "Not verified",
      "[code]",
      "[actions]",
    ],
  );
  assertEquals(shown({ event: "files", files: [] }), ["No file is offered"]);
  const photo = { file: 10, name: "photo 1.jpg", size: 2_000_000, from: "Bob", state: "offered" };
  assertEquals(shown({ event: "files", files: [photo] }), [
    "Files",
    "10: photo 1.jpg (2.0 MB) from Bob, offered",
  ]);
  assertEquals(shown({ event: "invite", invite: "w", line: "l", qr: ["##"] }), [
    "Invite",
    "[rowsOfQr]",
    "Whoever has this can join: pass it on with care.",
    "[code]",
    "[code]",
  ]);
  assertEquals(
    shown({
      event: "rooms",
      rooms: [{ room: "0123456789", title: null, private: true, members: ["Alice"], last: null }],
    }),
    [
      "Rooms",
      "01234567, private — Alice",
    ],
  );
  const here = { number: 1, current: false };
  const open = { room: "a56f03dc", title: null, private: false, members: ["Bob"], here };
  assertEquals(
    shown({ event: "rooms", rooms: [{ ...open, last: null }] }),
    ["Rooms", "1: a56f03dc — Bob"],
  );
  const membersOf = (...members: readonly string[]) =>
    shown({ event: "rooms", rooms: [{ room: "r", title: "club", members }] })[1];
  assertEquals(membersOf("Al", "Bo", "Cy"), "club — Al, Bo and Cy");
  assertEquals(membersOf("Al", "Bo", "Cy", "Di"), "club — Al, Bo, Cy and 1 more");
  assertEquals(shown({ event: "missed", calls: [{ from: "bob", at: AT }] }), [
    "Missed calls",
    `bob, ${AT}`,
  ]);
  assertEquals(shown({ event: "help", commands: [] }), ["Commands", "[commands]"]);
  const { bareForms: forms } = friendsCommands;
  const { blocks } = cardOf({ event: "help", commands: [] }, { mode: "friends", forms });
  assertEquals(
    blocks[0].commands.map(({ form }: Any) => form),
    forms.map(([form]) => form).filter((form) => form !== "r/TEXT"),
    "what the page refuses isn't in its list",
  );
  assertEquals(forms.filter(([form]) => form === "r/TEXT").length, 1);
});

Deno.test("page: an entry's versions name who wrote it, who changed it, and who agreed", () => {
  const [ann, cy] = ["Ann", "Cy"];
  const edit = { by: ann, old: "at six", new: "at seven", agreed: [cy], committedAt: AT };
  const { blocks } = cardOf(
    { event: "entry", seq: 3, shown: cy, text: "at seven", sentAt: AT, edits: [edit] },
    { self: "Alice", mode: "group" },
  );
  const versions = blocks[0].messages.map((
    { from, editedBy, agreed, text }: Any,
  ) => [from, editedBy, agreed, text]);
  assertEquals(versions, [[cy, undefined, undefined, "at six"], [cy, ann, [cy], "at seven"]]);
});

Deno.test("page: while nobody writes to a friend nothing is wrong; it is where a message waits, or another key answers", () => {
  const bob = { name: "Bob", host: "10.0.0.2", port: 1, connected: false, verified: true };
  const connects = "Bob — 10.0.0.2:1, connects when you write, verified";
  assertEquals(shown({ event: "friends", friends: [bob] }, "friends"), ["1 friend", connects]);
  const other = { ...bob, doubt: "another-key" };
  assertEquals(shown({ event: "friends", friends: [other] }, "friends"), [
    "1 friend",
    "Bob — 10.0.0.2:1, not connected, verified",
  ]);
  const whois = { event: "whois", ...bob, self: false, key: "b", route: null };
  assertEquals(shown(whois, "friends")[1], "10.0.0.2:1, connects when you write");
  assertEquals(shown(whois)[1], "10.0.0.2:1, not connected");
  const status = (waiting: number) =>
    shown(
      { event: "status", key: "a", friends: [{ ...bob, waiting }], unsent: waiting },
      "friends",
    );
  assertEquals(status(0)[1], "Bob — connects when you write");
  assertEquals(status(2)[1], "Bob — not connected, 2 messages waiting");
});
