import { assertEquals } from "@std/assert";
import { friendsLines, type FriendsOwnEvent } from "../../../lib/cli/friends/friends_rendering.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

const EARLIER = new Date(NOON_MS - 60 * 60 * 1_000).toISOString();
const NOON = new Date(NOON_MS).toISOString();

const READY = {
  event: "ready",
  command: "peer",
  name: "alice",
  host: "10.0.0.1",
  port: 5_001,
  key: "k",
  users: "users.txt",
  names: ["bob", "cem"],
} as const;
const MESSAGE = {
  event: "message",
  id: "1",
  from: "bob",
  text: "hi",
  self: false,
  history: false,
  sentAt: NOON,
} as const;
const DELIVERY = { event: "delivery", id: "1", to: "bob", state: "queued" } as const;

const OWN = { event: "own", to: "bob", text: "hi", saidMs: NOON_MS, state: "arrived" } as const;

const friend = (name: string) => ({
  name,
  host: "10.0.0.2",
  port: 5_002,
  connected: false,
  key: null,
  waiting: 0,
  roundTripMs: null,
  problem: null,
});
const ALICE = { name: "alice", host: "10.0.0.1", port: 5_001 };

const STATUS = {
  event: "status",
  name: "alice",
  key: "k",
  friends: [friend("bob"), friend("cem")],
  unsent: 0,
  problems: [],
} as const;

const PRINTED: readonly (readonly [title: string, event: FriendsOwnEvent, text: string])[] = [
  [
    "ready",
    READY,
    "alice, listening at 5001. Friends: bob, cem (users.txt). Write to one of them with bob/hello\n",
  ],
  [
    "ready, with one friend",
    { ...READY, names: ["bob"] },
    "alice, listening at 5001. Friends: bob (users.txt). What you type goes to bob\n",
  ],
  ["what was said and has arrived", OWN, "12:03 ✓ <alice -> bob> hi\n"],
  ["what was said and waits", { ...OWN, state: "waiting" }, "12:03 … <alice -> bob> hi\n"],
  ["what was said in vain", { ...OWN, state: "refused" }, "12:03 ! <alice -> bob> hi\n"],
  ["what one does", { ...OWN, text: "/me waves" }, "12:03 ✓ <* alice -> bob> waves\n"],
  ["what arrived later", { ...OWN, state: "late" }, '12:03 ✓ bob has your "hi"\n'],
  ["to whom", { event: "to", name: "bob", was: "cem" }, "12:03 * What you type goes to bob\n"],
  [
    "no longer to anybody",
    { event: "to", name: null, was: "cem" },
    "12:03 * What you type no longer goes to cem: write NAME/TEXT, or /to NAME first\n",
  ],
  [
    "to nobody",
    { event: "to", name: null },
    "12:03 * What you type goes to nobody: write NAME/TEXT, or /to NAME first\n",
  ],
  [
    "ready, with a friend whose name may imitate another's",
    { ...READY, names: ["Вob", "cem"] },
    "alice, listening at 5001. Friends: ≈Вob, cem (users.txt). Write to one of them with ≈Вob/hello\n",
  ],
  [
    "ready, with nobody else",
    { ...READY, names: [] },
    "alice, listening at 5001. Nobody else is in users.txt.\n",
  ],
  [
    "ready, with more friends than a line holds",
    { ...READY, names: Array.from({ length: 14 }, (_, n) => `f${n}`) },
    "alice, listening at 5001. Friends: f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11 and 2 more (users.txt). Write to one of them with f0/hello\n",
  ],
  ["a message", MESSAGE, "12:03 <bob> hi\n"],
  ["a message of two lines", { ...MESSAGE, text: "a\nb" }, "12:03 <bob> a␊b\n"],
  ["one's own message", { ...MESSAGE, from: "alice", self: true }, "12:03 <alice> hi\n"],
  [
    "what one has said on a page",
    { ...MESSAGE, from: "alice", self: true, to: "bob" },
    "12:03 <alice -> bob> hi\n",
  ],
  [
    "an earlier message, with the time it was sent",
    { ...MESSAGE, history: true, sentAt: EARLIER },
    "11:03 (earlier) <bob> hi\n",
  ],
  [
    "a message that waited for its reader",
    { ...MESSAGE, sentAt: EARLIER },
    "11:03 (earlier) <bob> hi\n",
  ],
  [
    "an earlier message of no time",
    { ...MESSAGE, history: true, sentAt: "?" },
    "12:03 (earlier) <bob> hi\n",
  ],
  ["what is queued", DELIVERY, "12:03 * Kept for bob: 1\n"],
  ["what is delivered", { ...DELIVERY, state: "delivered" }, "12:03 * Delivered to bob: 1\n"],
  [
    "what has failed",
    { ...DELIVERY, state: "failed", reason: "taken back" },
    "12:03 * Taken back: 1 to bob\n",
  ],
  [
    "what has failed without a reason",
    { ...DELIVERY, state: "failed" },
    "12:03 ! 1 isn't sent to bob\n",
  ],
  [
    "what has failed for a reason that an error has told",
    { ...DELIVERY, state: "failed", reason: "bob refused: who is ann?", told: true, text: "hi" },
    '12:03 ! "hi" isn\'t sent to bob\n',
  ],
  [
    "what has failed, by how it starts",
    { ...DELIVERY, state: "failed", reason: "nobody listens there", text: `a\n${"b".repeat(80)}` },
    `12:03 ! "a␊${"b".repeat(58)}..." isn't sent to bob: nobody listens there\n`,
  ],
  ["a connection: nothing", {
    event: "connection",
    friend: "bob",
    state: "opened",
    reason: "dialled",
  }, ""],
  [
    "the friends",
    {
      event: "friends",
      friends: [friend("bob"), { ...friend("Вob"), connected: true }],
      self: ALICE,
    },
    "alice  10.0.0.1:5001  (you)\nbob  10.0.0.2:5002  connects when you write\n≈Вob  10.0.0.2:5002  connected\n",
  ],
  [
    "who is away, in their own words, oneself too",
    {
      event: "friends",
      friends: [{ ...friend("bob"), connected: true, away: 'at "lunch"   now' }],
      self: { ...ALICE, away: "" },
    },
    "alice  10.0.0.1:5001  (you)  away\nbob  10.0.0.2:5002  connected  away: \"at 'lunch' now\"\n",
  ],
  [
    "a friend whose digits were different",
    {
      event: "friends",
      friends: [{ ...friend("bob"), changed: { name: "bob", key: "k7f3q2" } }],
      self: ALICE,
    },
    "alice  10.0.0.1:5001  (you)\nbob~k7f3  10.0.0.2:5002  not connected  the key that you refused\n",
  ],
  [
    "a friend for whom messages wait",
    { event: "friends", friends: [{ ...friend("bob"), waiting: 2 }], self: ALICE },
    "alice  10.0.0.1:5001  (you)\nbob  10.0.0.2:5002  not connected, 2 messages wait\n",
  ],
  [
    "friends who may be others",
    {
      event: "friends",
      friends: [
        { ...friend("bob"), verified: true, doubt: "another-key" },
        { ...friend("cem"), connected: true, doubt: "two-programs" },
      ],
      self: ALICE,
    },
    "alice  10.0.0.1:5001  (you)\nbob  10.0.0.2:5002  not connected  verified, but another key answers there: /status\n" +
    "cem  10.0.0.2:5002  connected  two programs use this key: /status\n",
  ],
  [
    "a friend with whom there is no connection, as nobody writes",
    {
      event: "whois",
      ...{ name: "bob", self: false, key: null, host: "10.0.0.2", port: 5002 },
      ...{ route: null, verified: false },
    },
    "bob  10.0.0.2:5002  connects when you write\nKey: not known yet\n",
  ],
  [
    "a table without friends",
    { event: "friends", friends: [], self: ALICE },
    "The table has no friends.\n",
  ],
  [
    "the outbox, with as much of an id as it takes",
    {
      event: "outbox",
      messages: [{ id: "0123456789abcdef", to: "bob", text: "a\nb", sentAt: EARLIER }],
    },
    "11:03 01234567 to bob: a␊b\n",
  ],
  ["an empty outbox", { event: "outbox", messages: [] }, "Nothing waits.\n"],
  [
    "a status where nothing goes on",
    STATUS,
    "Connected with nobody; a message connects.\nNothing waits to be delivered.\nYour key: k\n",
  ],
  [
    "a status where much goes on",
    {
      ...STATUS,
      friends: [
        { ...friend("bob"), connected: true, roundTripMs: 0.42 },
        { ...friend("cem"), waiting: 2 },
        { ...friend("dee"), connected: true },
      ],
      unsent: 2,
      problems: ["cem: it is unreachable"],
    },
    `Connected: bob 0.4 ms, dee.
2 of your messages wait.
  cem: 2 waiting
Your key: k
! cem: it is unreachable
`,
  ],
  [
    "a status where one message waits",
    { ...STATUS, friends: [{ ...friend("cem"), waiting: 1 }], unsent: 1 },
    "Connected with nobody; a message connects.\n1 of your messages waits.\n  cem: 1 waiting\nYour key: k\n",
  ],
  [
    "a status just after something was said",
    {
      ...STATUS,
      friends: [{ ...friend("bob"), connected: true, roundTripMs: 0.42, waiting: 1 }],
      unsent: 1,
    },
    "Connected: bob 0.4 ms.\n1 of your messages is on its way.\n  bob: 1 on the way\nYour key: k\n",
  ],
];

function linesOf(event: FriendsOwnEvent, context = {}): string {
  const usual = { nowMs: NOON_MS, interactive: false, verbose: false };
  return printed(friendsLines(event, { ...usual, ...context }, "alice"));
}

for (const [title, event, text] of PRINTED) {
  Deno.test(`friendsLines() prints ${title}`, () => {
    assertEquals(linesOf(event), text);
  });
}

Deno.test("friendsLines() tells a person of a delivery only where it failed", () => {
  const told = (change: object) =>
    linesOf({ ...DELIVERY, ...change }, { interactive: true }) !== "";

  assertEquals([told({}), told({ state: "delivered" })], [false, false]);
  assertEquals([told({ waiting: 1 }), told({ state: "failed" })], [false, true]);
});

Deno.test("friendsLines() leaves out at a terminal what stands there with whether it has arrived", () => {
  const own = { ...MESSAGE, from: "alice", self: true, to: "bob" };
  const isTold = (change: object) => linesOf({ ...own, ...change }, { interactive: true }) !== "";

  assertEquals([isTold({}), isTold({ history: true }), isTold({ self: false })], [
    false,
    true,
    true,
  ]);
});

Deno.test("friendsLines() tells of connections where that was asked for", () => {
  const event = { event: "connection", friend: "bob", reason: "idle" } as const;

  const told = (state: "opened" | "closed") => linesOf({ ...event, state }, { verbose: true });

  assertEquals(told("opened"), "12:03 * Connected with bob (idle)\n");
  assertEquals(told("closed"), "12:03 * No longer connected with bob (idle)\n");
});

Deno.test("friendsLines() prints one line for each event of a remote, whatever it says", () => {
  const nasty = "a\nb\r\x1b[2J\u2028c\u202e";
  const events: readonly FriendsOwnEvent[] = [
    { ...MESSAGE, from: nasty, text: nasty },
    { ...DELIVERY, to: nasty, state: "failed", reason: nasty, text: nasty },
    { event: "connection", friend: nasty, state: "closed", reason: nasty },
  ];
  for (const event of events) {
    const text = linesOf(event, { verbose: true });
    assertEquals(text.indexOf("\n"), text.length - 1, JSON.stringify(text));
    assertEquals(text.includes("\x1b"), false);
  }
});
