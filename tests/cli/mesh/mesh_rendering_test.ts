import { assertEquals } from "@std/assert";
import { meshLines, type MeshOwnEvent } from "../../../lib/cli/mesh/mesh_rendering.ts";
import { verificationDigits } from "../../../lib/cli/rendering/verify_rendering.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { messageFrom } from "../echo_room.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed as printedLines } from "../printed.ts";
import { SLOW } from "../../given.ts";

const KEY = "k";
const DAY_BEFORE = new Date(NOON_MS - 24 * 60 * 60 * 1_000).toISOString();
const EARLIER = new Date(NOON_MS - 60 * 60 * 1_000).toISOString();

const member = (name: string) => ({
  name,
  key: name,
  direct: false,
  roundTripMs: null,
  heardMsAgo: 100,
  suspected: false,
  upToDate: true,
  fetching: false,
});

const STATUS = {
  event: "status",
  room: "r",
  name: "Alice",
  key: "Alice",
  members: [
    member("Alice"),
    { ...member("Bob"), direct: true, roundTripMs: 0.42 },
    member("Carol"),
  ],
  unconfirmed: 0,
  unsent: 0,
  messages: 1,
  lastMessage: { at: EARLIER, from: "Bob" },
  catchingUp: false,
  waiting: [],
  problems: [],
} as const;

const PRINTED: readonly (readonly [title: string, event: MeshOwnEvent, text: string])[] = [
  [
    "ready",
    {
      event: "ready",
      command: "mesh",
      name: "Alice",
      host: "127.0.0.1",
      port: 55107,
      key: KEY,
      room: "r",
    },
    `>INFO: Alice at address 127.0.0.1 is listening at 55107.
Others join with: p2pchat mesh NAME 127.0.0.1 55107   (anyone who reaches it; --private for an invite)
`,
  ],
  ...([
    ["away", { away: "" }, "* Bob is away"],
    ["away, and why", { away: "lunch\nBob is back" }, '* Bob is away: "lunch Bob is back"'],
    [
      "away, speaking as the program",
      { away: `x". Eve is back${" ".repeat(60)}"` },
      `* Bob is away: "x'. Eve is back '"`,
    ],
    ["back", {}, "* Bob is back"],
    ["away oneself", { away: "lunch", self: true }, '* You are away: "lunch"; /back ends that'],
    ["back oneself", { self: true }, "* You are back"],
  ] as const).map(([title, said, text]) =>
    [
      title,
      { event: "presence", name: "Bob", key: KEY, self: false, verified: false, ...said },
      `12:03 ${text}\n`,
    ] as const
  ),
  [
    "ready, in a private room",
    {
      event: "ready",
      command: "mesh",
      name: "Alice",
      host: "127.0.0.1",
      port: 55107,
      key: KEY,
      room: "r",
      private: true,
    },
    `>INFO: Alice at address 127.0.0.1 is listening at 55107.
Private: others join with the invite that /invite shows, or a code of /invite --words.
`,
  ],
  [
    "an invite",
    { event: "invite", invite: "abc", line: "p2pchat mesh NAME --invite" },
    "Others join with: p2pchat mesh NAME --invite\n" +
    "and paste this when they are asked for the invite:\nabc\n",
  ],
  [
    "an open room's invite, as a QR code too",
    { event: "invite", invite: "abc", line: "p2pchat mesh NAME h 1", qr: ["▀▀"] },
    "▀▀\nOthers join with: p2pchat mesh NAME h 1\n" +
    "The QR code is the invite; with --invite at the end, that command asks for it.\n",
  ],
  [
    "ready, where nobody can join through it",
    {
      event: "ready",
      command: "mesh",
      name: "Alice",
      host: "",
      port: 0,
      key: KEY,
      room: "r",
      passive: true,
    },
    ">INFO: Alice accepts no connections (--passive).\n",
  ],
  [
    "joined",
    { event: "joined", name: "Bob", key: KEY, host: "192.168.1.7", port: 1 },
    "12:03 * Bob joined (192.168.1.7)\n",
  ],
  [
    "joined, before we came in",
    { event: "joined", name: "Bob", key: KEY, host: "192.168.1.7", port: 1, present: true },
    "12:03 * Bob is here (192.168.1.7)\n",
  ],
  [
    "joined, by one who can't be dialled",
    { event: "joined", name: "Bob", key: KEY, host: "", port: 0 },
    "12:03 * Bob joined\n",
  ],
  [
    "joined, under a name of mixed scripts",
    { event: "joined", name: "Вob", key: KEY, host: "::1", port: 1 },
    "12:03 * ≈Вob joined (::1)\n",
  ],
  ["left", { event: "left", name: "Bob", key: KEY, reason: "quit" }, "12:03 * Bob left (quit)\n"],
  [
    "lost",
    { event: "left", name: "Bob", key: KEY, reason: "lost" },
    "12:03 ! Bob is lost: no answer; what is said meanwhile is kept for when they return\n",
  ],
  [
    "lost, since when",
    { event: "left", name: "Bob", key: KEY, reason: "lost", silentMs: 4_950 },
    "12:03 ! Bob is lost: no answer for 5 s; what is said meanwhile is kept for when they return\n",
  ],
  [
    "replaced",
    { event: "left", name: "Bob", key: KEY, reason: "replaced" },
    "12:03 * Bob left (and came back)\n",
  ],
  [
    "renamed",
    { event: "renamed", key: KEY, from: "Bob", name: "Bobby" },
    "12:03 * Bob is now Bobby\n",
  ],
  [
    "marked, as its key isn't the one expected",
    { event: "renamed", key: KEY, from: "Bob", name: "Bob~k7f3" },
    "12:03 * This Bob is shown as Bob~k7f3 from now on\n",
  ],
  [
    "renamed, oneself",
    { event: "renamed", key: KEY, from: "Bob", name: "Robert", self: true },
    "12:03 * You are now Robert\n",
  ],
  [
    "nothing of a renaming of oneself of which an error tells, since another one has the name",
    { event: "renamed", key: KEY, from: "Bob", name: "Bob~k7f3", self: true, lostTo: "Bob" },
    "",
  ],
  [
    "renamed, since another one has the name",
    { event: "renamed", key: KEY, from: "Bob", name: "Bob~k7f3", lostTo: "Bob" },
    "12:03 * This Bob is shown as Bob~k7f3 from now on: another Bob was here first\n",
  ],
  ["a message", messageFrom("Bob", "are you coming?"), "12:03 <Bob> are you coming?\n"],
  ["one's own message", { ...messageFrom("Alice", "yes"), self: true }, "12:03 <Alice> yes\n"],
  [
    "an earlier message",
    { ...messageFrom("Bob", "hi"), history: true, sentAt: EARLIER },
    "11:03 (earlier) <Bob> hi\n",
  ],
  [
    "a message of somebody removed",
    { ...messageFrom("Bob", "hi"), history: true, removed: true, sentAt: EARLIER },
    "11:03 (sender removed) <Bob> hi\n",
  ],
  [
    "a private message",
    { ...messageFrom("Bob", "only for you"), private: true },
    "12:03 [Bob -> you] only for you\n",
  ],
  [
    "one's own private message",
    { ...messageFrom("Alice", "psst"), private: true, self: true, to: "Bob" },
    "12:03 [you -> Bob] psst\n",
  ],
  [
    "a queued private message",
    { event: "delivery", id: "1", to: "Bob", state: "queued" },
    "12:03 * Kept for Bob until it has arrived\n",
  ],
  [
    "a private message to one who isn't there",
    { event: "delivery", id: "1", to: "Bob", state: "queued", waiting: 2 },
    "12:03 ! Bob isn't there; kept, and sent when they are back (2 waiting)\n",
  ],
  [
    "a private message to one who was removed",
    { event: "delivery", id: "1", to: "Bob", state: "queued", waiting: 2, removed: true },
    "12:03 ! Bob was removed; kept, and sent only if Bob is allowed back (2 waiting)\n",
  ],
  [
    "a delivered private message",
    { event: "delivery", id: "1", to: "Bob", state: "delivered" },
    "12:03 * Bob has your message\n",
  ],
  [
    "nothing of a private message that waited: the sum is told",
    { event: "delivery", id: "1", to: "Bob", state: "delivered", waited: true },
    "",
  ],
  [
    "a failed private message",
    { event: "delivery", id: "1", to: "Bob", state: "failed", reason: "30 days are over" },
    "12:03 ! Your message didn't reach Bob: 30 days are over\n",
  ],
  [
    "the members",
    {
      event: "peers",
      peers: [
        { name: "Alice", key: KEY, host: "10.0.0.1", port: 1, direct: false, role: "founder" },
        { name: "Bob", key: KEY, host: "::1", port: 2, direct: true, role: "deputy" },
        { name: "Carol", key: "k9", host: "10.0.0.3", port: 3, direct: false },
        { name: "Dave", key: KEY, host: "", port: 0, direct: true },
        {
          ...{ name: "Eve~k7f3", key: KEY, host: "", port: 0, direct: true },
          changed: { name: "Eve", key: KEY },
        },
      ],
      removed: [
        { name: "Mal", key: "k1", by: "Alice", byKey: KEY },
        { name: "Pip", key: "k2", by: "Bob", byKey: "k3" },
        { name: "k4", key: "k4", by: "Bob", byKey: "k3" },
        { name: "Rex", key: "k5", by: "Caroline, before", byKey: "k9" },
      ],
    },
    `Alice (you)  10.0.0.1:1  founder
Bob  [::1]:2  direct  deputy
Carol  10.0.0.3:3  through others
Dave  accepts no connections  direct
Eve~k7f3  accepts no connections  direct  the key that you refused
Mal  removed by you  key k1
Pip  removed by Bob  key k2
removed by Bob  key k4
Rex  removed by Carol  key k5
`,
  ],
  [
    "the members, oneself without an address",
    { event: "peers", peers: [{ name: "Alice", key: KEY, host: "", port: 0, direct: true }] },
    "Alice (you)  accepts no connections\n",
  ],
  [
    "the history",
    {
      event: "history",
      messages: [
        { id: "1", from: "Bob", shown: "Bob", key: KEY, text: "a\nb", sentAt: EARLIER },
        { id: "2", from: "Bob", shown: "Bob~k7f3", key: "l", text: "no", sentAt: EARLIER },
        { id: "3", from: "Mal", shown: "Mal", key: "m", text: "x", sentAt: EARLIER, removed: true },
      ],
    },
    "11:03 <Bob> a␊b\n11:03 <Bob~k7f3> no\n11:03 (sender removed) <Mal> x\n",
  ],
  [
    "what was said privately, found among what was said to all",
    {
      event: "history",
      searched: "a",
      messages: [
        { id: "1", from: "Bob", shown: "Bob", key: KEY, text: "at all", sentAt: EARLIER },
        {
          ...{ id: "2", from: "Bo", shown: "Bob", key: KEY, text: "at you", sentAt: EARLIER },
          ...{ private: true, self: false },
        },
        {
          ...{ id: "3", from: "Alice", shown: "Alice", key: "k", text: "/me waves" },
          ...{ sentAt: EARLIER, private: true, self: true, to: "Bob" },
        },
        {
          ...{ id: "4", from: "Mal", shown: "Mal", key: "m", text: "a", sentAt: EARLIER },
          ...{ private: true, self: false, ignored: true },
        },
      ],
    },
    `11:03 <Bob> at all
11:03 [Bob -> you] at you
11:03 [* you -> Bob] waves
1 message from people you ignore is left out; /ignored shows who they are
`,
  ],
  [
    "no private message",
    { event: "history", name: "Bob", key: KEY, messages: [] },
    "No private message with Bob.\n",
  ],
  [
    "no private message that has a text",
    { event: "history", name: "Bob", key: KEY, messages: [], searched: "a" },
    'No private message with Bob has "a".\n',
  ],
  ["an empty history", { event: "history", messages: [] }, "No messages.\n"],
  [
    "what was found in several rooms",
    {
      event: "history",
      searched: "dinner",
      rooms: ["a", "b"],
      messages: [
        {
          ...{ id: "1", from: "Bob", shown: "Bob", key: KEY, text: "dinner?", sentAt: EARLIER },
          ...{ room: "a", number: 1, title: null },
        },
        {
          ...{ id: "2", from: "Carol", shown: "Carol", key: KEY, text: "no dinner" },
          ...{ sentAt: EARLIER, private: true, self: false },
          ...{ room: "b", number: 2, title: "Club" },
        },
      ],
    },
    "11:03 #1 <Bob> dinner?\n11:03 #Club [Carol -> you] no dinner\n",
  ],
  [
    "by their numbers rooms of one title in which something was found",
    {
      event: "history",
      searched: "dinner",
      rooms: ["a", "b", "c"],
      messages: [[2, "Club"], [3, "club"], [4, "Home"]].map(([number, title]) => ({
        ...{ id: "1", from: "Bob", shown: "Bob", key: KEY, text: "dinner?", sentAt: EARLIER },
        ...{ room: "a", number: number as number, title: title as string },
      })),
    },
    "11:03 #Club (2) <Bob> dinner?\n11:03 #club (3) <Bob> dinner?\n11:03 #Home <Bob> dinner?\n",
  ],
  [
    "nothing found in several rooms",
    { event: "history", messages: [], searched: "dinner", rooms: ["a", "b"] },
    'No message in your 2 rooms has "dinner".\n',
  ],
  [
    "a status where all is well",
    STATUS,
    `Room of 3: Alice (you), Bob, Carol.
Links: Bob 0.4 ms. All were heard from within the last 100 ms.
Everything you wrote has reached everybody who is here. Last message 11:03, from Bob.
Your key: Alice
`,
  ],
  [
    "a status where somebody is suspected: all others were heard of, where there are any",
    {
      ...STATUS,
      members: [
        ...STATUS.members,
        { ...member("Dave"), suspected: true, heardMsAgo: 14_200 },
      ],
      problems: ["Dave hasn't been heard of for 15 s"],
    },
    `Room of 4: Alice (you), Bob, Carol, Dave.
Links: Bob 0.4 ms. All others were heard from within the last 100 ms.
Everything you wrote has reached everybody who is here. Last message 11:03, from Bob.
Your key: Alice
! Dave hasn't been heard of for 15 s
`,
  ],
  [
    "a status where the only other one is suspected",
    {
      ...STATUS,
      members: [member("Alice"), { ...member("Bob"), direct: true, suspected: true }],
    },
    `Room of 2: Alice (you), Bob.
Links: Bob.
Everything you wrote has reached everybody who is here. Last message 11:03, from Bob.
Your key: Alice
`,
  ],
  [
    "a status where a deputy asks",
    { ...STATUS, role: "deputy", members: [{ ...member("Bob"), role: "founder" }] },
    `Room of 2: Alice (you, deputy), Bob (founder).
No links.
Everything you wrote has reached everybody who is here. Last message 11:03, from Bob.
Your key: Alice
`,
  ],
  [
    "a status just after something was said",
    {
      ...STATUS,
      members: [member("Alice"), { ...member("Bob"), upToDate: false }, member("Carol")],
      waiting: [{ name: "Carol", messages: 1 }],
      unsent: 1,
      lastOwnAt: new Date(NOON_MS - 14_000).toISOString(),
    },
    `Room of 3: Alice (you), Bob, Carol.
No links.
What you wrote last is on its way to Bob. Last message 11:03, from Bob.
1 of your messages is on its way to Carol.
Your key: Alice
`,
  ],
  [
    "a status where something was said long ago",
    {
      ...STATUS,
      members: [member("Alice"), { ...member("Bob"), upToDate: false }],
      lastOwnAt: new Date(NOON_MS - 15_000).toISOString(),
    },
    `Room of 2: Alice (you), Bob.
No links.
Bob may not have everything you wrote yet. Last message 11:03, from Bob.
Your key: Alice
`,
  ],
  [
    "a status of one who is alone",
    { ...STATUS, members: [], unsent: 1 },
    `Room of 1: Alice (you).
1 of your messages waits to be sent. Nobody else is here; what you write is kept for who comes. Last message 11:03, from Bob.
Your key: Alice
`,
  ],
  [
    "a status the day after the last message, in one piece",
    { ...STATUS, members: [], lastMessage: { at: DAY_BEFORE, from: "Bob" } },
    `Room of 1: Alice (you).
Nobody else is here; what you write is kept for who comes. Last message 2026-01-01 12:03, from Bob.
Your key: Alice
`,
  ],
  [
    "a status where much is wrong",
    {
      ...STATUS,
      members: [
        member("Alice"),
        { ...member("Bob"), fetching: true, heardMsAgo: null },
        ...["Carol", "Dave", "Eve", "Fay"].map((name) => ({ ...member(name), upToDate: false })),
      ],
      unconfirmed: 4,
      unsent: 5,
      waiting: [{ name: "Dave", messages: 1 }, { name: "Eve", messages: 2, removed: true }],
      lastMessage: null,
      catchingUp: true,
      problems: ["The disk refuses to write"],
    },
    `Room of 6: Alice (you), Bob, Carol, Dave, Eve, Fay.
No links.
2 of your messages wait to be sent. Carol, Dave, Eve and 1 more may not have everything you wrote yet. No messages yet.
1 of your messages is on its way to Dave.
2 of your messages wait for Eve, who was removed: sent only if allowed back.
Fetching what was said before from Bob.
Your key: Alice
! The disk refuses to write
`,
  ],
];

function printed(event: MeshOwnEvent): string {
  return printedLines(meshLines(event, { nowMs: NOON_MS, interactive: false, verbose: false }));
}

for (const [title, event, text] of PRINTED) {
  Deno.test(`meshLines() prints ${title}`, () => {
    assertEquals(printed(event), text);
  });
}

Deno.test("meshLines() tells at a terminal of a delivery only what one doesn't expect", () => {
  const of = (event: Omit<Extract<MeshOwnEvent, { event: "delivery" }>, "event" | "id" | "to">) =>
    [...meshLines(
      { event: "delivery", id: "1", to: "Bob", ...event },
      { nowMs: NOON_MS, interactive: true, verbose: false },
    )].length;

  const counts = [
    of({ state: "queued" }),
    of({ state: "delivered" }),
    of({ state: "queued", waiting: 1 }),
    of({ state: "failed", reason: "30 days are over" }),
  ];

  assertEquals(counts, [0, 0, 1, 1]);
});

Deno.test("meshLines() prints one line for each event of a remote, whatever it says", () => {
  const nasty = "a\nb\r\x1b[2J\u2028c\u202e";
  const events: readonly MeshOwnEvent[] = [
    messageFrom(nasty, nasty),
    { event: "joined", name: nasty, key: KEY, host: nasty, port: 1 },
    { event: "left", name: nasty, key: KEY, reason: "lost" },
    { event: "renamed", key: KEY, from: nasty, name: nasty },
    { event: "delivery", id: "1", to: nasty, state: "failed", reason: nasty },
  ];
  for (const event of events) {
    const text = printed(event);
    assertEquals(text.indexOf("\n"), text.length - 1, JSON.stringify(text));
    assertEquals(text.includes("\x1b"), false);
  }
});

Deno.test(
  "verificationDigits() are the same at both ends, and others for another key",
  SLOW,
  () => {
    const [ann, bob, eve] = ["aa", "bb", "cc"].map((byte) => byte.repeat(32)) as [
      string,
      string,
      string,
    ];
    const digits = verificationDigits(ann, bob);
    assertEquals(digits, verificationDigits(bob, ann));
    assertEquals(/^(\d{5} ){3}\d{5} {2}(\d{5} ){3}\d{5}$/.test(digits), true, digits);
    const [annHalf, bobHalf] = digits.split("  ");
    assertEquals(verificationDigits(ann, eve).split("  ")[0], annHalf);
    assertEquals(verificationDigits(ann, eve).includes(bobHalf!), false);
  },
);

Deno.test("meshLines() makes a line of a history when it is asked for, as there may be thousands", () => {
  let read = 0;
  const message = {
    ...{ id: "1", from: "Bob", shown: "Bob", key: "k", sentAt: "2026-01-02T03:04:05.000Z" },
    get text() {
      return `${++read}`;
    },
  };
  const event = { event: "history", messages: [message, message, message] } as const;
  const context = { nowMs: NOON_MS, interactive: true, verbose: false };
  const lines = meshLines(event, context)[Symbol.iterator]();
  for (let made = 1; made <= 3; made++) {
    lines.next();
    assertEquals(read, made);
  }
});

Deno.test("/rooms says of those that the console is in how many are there, and what is new", () => {
  const room = { title: null, private: false, members: ["Alice"], last: null };
  const lines = meshLines({
    event: "rooms",
    rooms: [
      {
        ...room,
        room: "aaaaaaaa11" as RoomId,
        title: "Club",
        here: { number: 1, current: true, people: 3, unseen: 0 },
      },
      {
        ...room,
        room: "bbbbbbbb11" as RoomId,
        here: { number: 2, current: false, people: 1, unseen: 1_200 },
      },
      {
        ...room,
        room: "cccccccc11" as RoomId,
        here: { number: 3, current: false, people: 2, unseen: 0 },
      },
      { ...room, room: "dddddddd11" as RoomId },
      {
        ...{ ...room, room: "eeeeeeee11" as RoomId },
        last: { from: "Dora", text: "/me waves", at: EARLIER },
      },
    ],
  }, { nowMs: NOON_MS, interactive: true, verbose: false });
  assertEquals(
    printedLines(lines),
    "1  aaaaaaaa (Club)  open  Alice  no messages yet  3 there now, you are here\n" +
      "2  bbbbbbbb  open  Alice  no messages yet  nobody else there now, 1,200 new\n" +
      "3  cccccccc  open  Alice  no messages yet  2 there now\n" +
      "-  dddddddd  open  Alice  no messages yet\n" +
      "-  eeeeeeee  open  Alice  11:03 <* Dora> waves\n",
  );
});
