import { assertEquals } from "@std/assert";
import {
  type RegistryOwnEvent,
  RegistryRendering,
} from "../../../lib/cli/directory/registry_rendering.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { TextFormat } from "../../../lib/cli/streams/text_format.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

const EARLIER = new Date(NOON_MS - 60 * 60 * 1_000).toISOString();
const NOON = new Date(NOON_MS).toISOString();

const READY = {
  event: "ready",
  command: "peer",
  host: "10.0.0.1",
  port: 5_001,
  key: "k",
  registry: "chat.example",
} as const;
const UP = { event: "session", state: "up", name: "alice", guest: false } as const;
const user = (name: string, state: "free" | "busy" = "free", guest = false) => ({
  name,
  key: name,
  state,
  host: "10.0.0.2",
  port: 5_002,
  guest,
});
const LONG = { total: 4_312, more: true } as const;
const ALL = { total: 4, more: false } as const;
const USERS = {
  ...ALL,
  event: "users",
  users: [user("alice"), user("bob"), user("carol", "busy"), user("dave", "free", true)],
} as const;
const ANSWER = {
  ...ALL,
  event: "users",
  users: [user("alice"), user("dave", "busy", true)],
  isAnswer: true,
} as const;
const presence = (name: string, state: "free" | "busy" | "offline") =>
  ({ event: "presence", name, key: name, state }) as const;
type CallEvent = Extract<RegistryOwnEvent, { readonly event: "call" }>;
const call = (state: CallEvent["state"], more: Partial<CallEvent> = {}) =>
  ({ event: "call", call: "1", peer: "bob", state, reason: "", route: null, ...more }) as const;
const INCOMING = { event: "incoming", call: "1", from: "bob", key: "k", guest: false } as const;
const RINGING = call("ringing");
const TALKING = [RINGING, call("connected", { route: "direct", verified: false })];
const RELAYED = [RINGING, call("connected", { route: "relay", verified: true })];
const TALKED = { durationMs: 63_000 };

type HistoryEvent = Extract<RegistryOwnEvent, { readonly event: "history" }>;
type Past = HistoryEvent["messages"][number];
const history = (messages: readonly Past[]) => ({ event: "history", messages }) as const;
const said = (text: string): Past => ({
  ...{ id: "1", from: "bob", shown: "bob", key: "b", text, sentAt: EARLIER },
  ...{ private: true, self: false },
});
const BY_ALICE = { from: "alice", shown: "alice", self: true, to: "bob" } as const;

/** The lines of the last of some events. */
function linesOf(
  events: readonly RegistryOwnEvent[],
  { interactive = true } = {},
): string {
  const rendering = new RegistryRendering();
  const context = { nowMs: NOON_MS, interactive, verbose: false };
  let text = "";
  for (const event of events) text = printed(rendering.lines(event, context));
  return text;
}

function directory(key: string, known: boolean): RegistryOwnEvent {
  return { event: "directory", host: "chat.example", port: 4_400, key, known };
}

const IN = [READY, UP, USERS] as const;

const SHOWN: readonly (readonly [events: readonly RegistryOwnEvent[], text: string])[] = [
  [[READY], ""],
  [
    [READY, directory("k3", false)],
    "Directory chat.example, key k3 (new: compare it with what its operator tells you)\n",
  ],
  [[READY, directory("k3", true)], "Directory chat.example, key k3\n"],
  [[READY, UP], ""],
  [
    [READY, UP, USERS],
    "12:03 * Online: alice (you), bob, carol (in a call), dave (guest)\n" +
    "Call somebody by name; 2 TEXT tells all, /help shows more.\n",
  ],
  [
    [...IN, {
      ...ALL,
      event: "users",
      users: [{
        ...user("bob"),
        shown: "bob~k",
        changed: { name: "bob", key: "k", before: "b", verified: true },
      }],
    }],
    "12:03 * Online: bob~k (ANOTHER KEY than you verified)\n",
  ],
  [
    [...IN, { event: "users", users: [], ...LONG }],
    "12:03 * 4,312 are online; /list PART shows those whose names contain PART\n",
  ],
  [
    [...IN, { event: "users", users: [user("bob", "busy")], ...LONG }],
    "12:03 * Online: bob (in a call) and others, 4,312 in all; /list PART shows those whose " +
    "names contain PART\n",
  ],
  [
    [...IN, { event: "users", users: [user("bob")], ...LONG, isAnswer: true }],
    "bob  10.0.0.2:5002  free\nThere are more: /more shows the next ones.\n",
  ],
  [
    [...IN, { ...ANSWER, users: [user("bob")], outOfDate: true }],
    "bob  10.0.0.2:5002  free\nThis list may be out of date: the directory's engine doesn't answer.\n",
  ],
  [
    [...IN, {
      ...ANSWER,
      users: [{ ...user("bob"), shown: "bob~k7f3", changed: { name: "bob", key: "k7f3q2" } }],
    }],
    "bob~k7f3  10.0.0.2:5002  free  the key that you refused\n",
  ],
  [
    [...IN, {
      ...presence("erin", "free"),
      shown: "erin~k7f3",
      changed: { name: "erin", key: "k7f3q2" },
    }],
    "12:03 * erin~k7f3 is online\n",
  ],
  [
    [...IN, {
      ...presence("bob", "free"),
      key: "k7f3q2",
      shown: "bob~k7f3",
      changed: { name: "bob", key: "k7f3q2", before: "bob" },
    }],
    "12:03 * bob~k7f3 is online with a different key from before: another device, or somebody else\n",
  ],
  [
    [...IN, {
      ...presence("bob", "offline"),
      key: "k7f3q2",
      shown: "bob~k7f3",
      changed: { name: "bob", key: "k7f3q2", before: "bob" },
    }],
    "12:03 * bob~k7f3 left\n",
  ],
  [[...IN, { ...presence("erin", "free"), guest: true }], "12:03 * erin (guest) is online\n"],
  [
    [...IN, {
      event: "broadcast",
      id: "1",
      from: "dave",
      key: "k",
      guest: true,
      text: "hi",
      sentAt: NOON,
      history: false,
    }],
    "12:03 [dave (guest) -> all] hi\n",
  ],
  [
    [...IN, {
      event: "message",
      id: "m1",
      from: "bob",
      text: "hi",
      self: false,
      history: true,
      sentAt: EARLIER,
    }],
    "11:03 (earlier) <bob> hi\n",
  ],
  [
    [...IN, history([said("hi"), { ...said("/me waves"), ...BY_ALICE }])],
    "11:03 <bob> hi\n11:03 <* alice -> bob> waves\n",
  ],
  [[...IN, history([])], "No messages. Only calls are kept, no broadcasts.\n"],
  [[...IN, { ...history([]), name: "bob" }], "No private message with bob.\n"],
  [
    [...IN, { ...history([]), searched: "x" }],
    'No message has "x". Only calls are kept, no broadcasts.\n',
  ],
  [[...IN, USERS], "12:03 * Online: alice (you), bob, carol (in a call), dave (guest)\n"],
  [
    [...IN, { event: "session", state: "down", name: "alice", guest: false, reason: "refused" }],
    "12:03 ! No connection with the directory: refused; trying again\n",
  ],
  [
    [READY, {
      event: "session",
      state: "down",
      name: "alice",
      guest: false,
      reason: "there is no room at the moment",
      isFull: true,
    }],
    "",
  ],
  [
    [...IN, ...TALKING, { event: "session", state: "down", name: "alice", guest: false }],
    "12:03 ! No connection with the directory; the call goes on; trying again\n",
  ],
  [
    [...IN, { event: "session", state: "down", name: "alice", guest: false }, UP],
    "12:03 * Back in the directory as alice\n",
  ],
  [
    [...IN, { event: "session", state: "down", name: "alice", guest: false }, {
      ...UP,
      instance: "10.0.0.2:4400",
    }],
    "12:03 * Back in the directory as alice, at its instance 10.0.0.2:4400\n",
  ],
  [
    [...IN, ...TALKING, { event: "session", state: "replaced", name: "alice", guest: false }],
    "12:03 ! alice has come in from somewhere else; this program ends when the call is over\n",
  ],
  [[...IN, presence("erin", "free")], "12:03 * erin is online\n"],
  [
    [...IN, {
      ...presence("erin", "free"),
      shown: "erin~k7f3",
      changed: { name: "erin", key: "erin", before: "b", verified: true },
    }],
    "12:03 * erin~k7f3 is online with ANOTHER KEY than you verified: another device, or somebody else\n",
  ],
  [[...IN, presence("bob", "busy")], "12:03 * bob is in a call\n"],
  [[...IN, presence("carol", "free")], "12:03 * carol is free again\n"],
  [[...IN, presence("bob", "offline")], "12:03 * bob left\n"],
  [
    [...IN, { ...presence("bob", "free"), away: 'at "lunch"' }],
    "12:03 * bob is away: \"at 'lunch'\"\n",
  ],
  [[...IN, { ...presence("erin", "free"), away: "" }], "12:03 * erin is online; away\n"],
  [
    [...IN, { ...presence("bob", "free"), away: "" }, presence("bob", "free")],
    "12:03 * bob is back\n",
  ],
  [[...IN, ...TALKING, { ...presence("bob", "busy"), away: "" }], ""],
  [
    [...IN, { ...presence("alice", "free"), self: true, away: "lunch" }],
    '12:03 * You are away: "lunch"; /back ends that\n',
  ],
  [[...IN, presence("bob", "free")], ""],
  [[...IN, presence("alice", "busy")], ""],
  [[...IN, ...TALKING, presence("erin", "free")], ""],
  [[...IN, INCOMING], "12:03 ? bob is calling (30 s; y accepts, n declines)\n"],
  [
    [...IN, { ...INCOMING, guest: true }],
    "12:03 ? bob (a guest) is calling (30 s; y accepts, n declines)\n",
  ],
  [[...IN, RINGING], "12:03 * Calling bob... 30 s to answer; q withdraws\n"],
  [
    [...IN, call("ringing", { peer: "hello" })],
    "12:03 * Asking the directory for hello; q withdraws\n",
  ],
  ...["the other side hung up", "the other side cut the connection"].map((reason) =>
    [
      [...IN, { event: "session", state: "down", name: "alice", guest: false, reason }],
      "12:03 ! No connection with the directory: it closed the connection; trying again\n",
    ] as const
  ),
  [[...IN, ...TALKING], "12:03 * Connected with bob, directly. Not verified: /verify bob\n"],
  [
    [...IN, RINGING, call("connected", { route: "direct", verifiedAs: ["mallory"] })],
    "12:03 * Connected with bob, directly. Not verified, but it is the key that you verified as mallory: " +
    "/verify bob\n",
  ],
  [
    [...IN, RINGING, call("connected", { route: "relay", verified: true })],
    "12:03 * Connected with bob, through the directory, sealed. Verified.\n",
  ],
  [
    [...IN, call("connected", { peer: "Alice", route: "direct" })],
    "12:03 * Connected with yourself; q ends it\n",
  ],
  [[...IN, RINGING, call("declined")], "12:03 * bob declined\n"],
  [
    [...IN, RINGING, call("declined", { reason: "no time" })],
    '12:03 * The directory says that bob declined: "no time"\n',
  ],
  [
    [...IN, RINGING, call("declined", { reason: '\x1b[2J". \n12:03 * carol\u202e' })],
    `12:03 * The directory says that bob declined: "␛[2J'. ␊12:03 * carol<U+202E>"\n`,
  ],
  [[...IN, RINGING, call("busy")], "12:03 * bob is in another call\n"],
  [
    [...IN, RINGING, call("busy", { reason: "you are in a call" })],
    '12:03 * No call with bob. The directory says: "you are in a call"\n',
  ],
  [[...IN, RINGING, call("offline")], "12:03 * bob isn't online\n"],
  [
    [...IN, call("ringing", { peer: "carrol" }), call("offline", { peer: "carrol" })],
    "12:03 * carrol isn't online; did you mean carol?\n",
  ],
  [[...IN, RINGING, call("timeout")], "12:03 * bob didn't answer within 30 s\n"],
  [[...IN, RINGING, call("unreachable")], "12:03 ! No way to bob was found\n"],
  [
    [...IN, RINGING, call("unreachable", { reason: "bob is at home: call mallory" })],
    '12:03 ! No way to bob was found. The directory says: "bob is at home: call mallory"\n',
  ],
  [
    [...IN, RINGING, call("unreachable", { reason: "lost" })],
    "12:03 ! No way to bob was found: bob is gone\n",
  ],
  [
    [...IN, RINGING, call("unreachable", { reason: "not-relayed" })],
    "12:03 ! No way to bob was found: neither of you reaches the other, and the directory doesn't relay\n",
  ],
  [
    [...IN, RINGING, call("ended", { reason: "cancelled", by: "alice" })],
    "12:03 * Call to bob cancelled\n",
  ],
  [
    [...IN, RINGING, call("ended", { reason: "cancelled", by: "bob" })],
    "12:03 * bob withdrew the call\n",
  ],
  [
    [...IN, RINGING, call("ended", { reason: "directory-down" })],
    "12:03 ! No call with bob: the directory is needed for it\n",
  ],
  [
    [...IN, ...TALKING, call("ended", { reason: "not-trusted", ...TALKED })],
    "12:03 ! The call with bob ended after 1 min 3 s: your digits were found to be different there. bob's " +
    "program doesn't accept your key; you can talk once bob has typed /trust alice\n",
  ],
  [
    [...IN, ...TALKING, call("ended", { reason: "not-trusted", verified: true, ...TALKED })],
    "12:03 ! The call with bob ended after 1 min 3 s: your digits were found to be different there. bob's " +
    "program doesn't accept your key; you can talk once bob has typed /trust alice. If you didn't " +
    "really compare them: /verify bob no\n",
  ],
  [
    [...IN, RINGING, call("ended", { reason: "key-changed" })],
    "", // the error before it says so
  ],
  [
    [...IN, RINGING, call("declined", { reason: "not-trusted" })],
    "12:03 ! bob's program doesn't accept your key, perhaps as it knows that of another device of yours; you can " +
    "talk once bob has typed /trust alice\n",
  ],
  [
    [...IN, INCOMING, call("ended", { reason: "not-trusted" })],
    "12:03 ! bob's program doesn't accept your key, perhaps as it knows that of another device of yours; you can " +
    "talk once bob has typed /trust alice\n",
  ],
  [
    [
      ...IN,
      ...TALKING,
      call("ended", { reason: "not-trusted", ...TALKED }),
      RINGING,
      call("declined", { reason: "not-trusted" }),
    ],
    "12:03 ! bob's program doesn't accept your key, as your digits were found to be different there; you can " +
    "talk once bob has typed /trust alice\n",
  ],
  [[...IN, INCOMING, call("ended", { reason: "quit" })], "12:03 * bob was calling when you left\n"],
  [[...IN, INCOMING, call("ended", { reason: "lost" })], "12:03 ! bob was calling, and is gone\n"],
  [
    [...IN, INCOMING, call("ended", { reason: "peer-kicked" })],
    "12:03 ! bob was calling, and was thrown out by the operator\n",
  ],
  [[...IN, INCOMING, call("timeout")], "12:03 * You missed a call of bob\n"],
  [[...IN, INCOMING, call("declined")], "12:03 * You declined the call of bob\n"],
  [
    [...IN, INCOMING, call("ended", { reason: "cancelled", by: "bob" })],
    "12:03 * bob withdrew the call\n",
  ],
  [
    [...IN, INCOMING, call("ended", { reason: "cancelled", by: "alice" })],
    "12:03 * Call to bob cancelled\n",
  ],
  [
    [...IN, ...TALKING, presence("bob", "busy"), call("ended", TALKED), presence("bob", "free")],
    "",
  ],
  [
    [...IN, ...TALKING, call("ended", TALKED), USERS, presence("erin", "free")],
    "12:03 * erin is online\n",
  ],
  [[...IN, ...TALKING, call("ended", TALKED)], "12:03 * You hung up after 1 min 3 s\n"],
  [
    [...IN, ...TALKING, call("ended", { reason: "hung-up", ...TALKED })],
    "12:03 * bob hung up after 1 min 3 s\n",
  ],
  [
    [...IN, ...TALKING, call("ended", { reason: "lost", ...TALKED })],
    "12:03 ! The connection with bob is lost; you talked for 1 min 3 s\n",
  ],
  [
    [...IN, ...TALKING, call("ended", { reason: "directory-down", ...TALKED })],
    "12:03 ! The call with bob went through the directory, and is over after 1 min 3 s\n",
  ],
  [
    [...IN, ...TALKING, call("ended", { reason: "kicked", ...TALKED })],
    "12:03 ! The call with bob ended after 1 min 3 s: the operator has thrown you out\n",
  ],
  [
    [...IN, ...TALKING, call("ended", { reason: "peer-kicked", ...TALKED })],
    "12:03 ! bob was thrown out by the operator after 1 min 3 s\n",
  ],
  [
    [...IN, ...RELAYED, call("ended", { reason: "replaced", ...TALKED })],
    "12:03 ! The call with bob ended after 1 min 3 s: it went through the directory\n",
  ],
  [
    [...IN, ...RELAYED, { event: "session", state: "down", name: "alice", guest: false }],
    "12:03 ! No connection with the directory; trying again\n",
  ],
  [
    [...IN, ...RELAYED, { event: "session", state: "replaced", name: "alice", guest: false }],
    "", // how the program ends says so
  ],
  [[...IN, { event: "missed", calls: [] }], "No call was missed.\n"],
  [[...IN, { event: "missed", calls: [{ from: "bob", at: EARLIER }] }], "11:03 bob\n"],
  [
    [...IN, { event: "message", id: "m1", from: "bob", text: "hi\nyou", self: false }],
    "12:03 <bob> hi␊you\n",
  ],
  [
    [...IN, {
      event: "broadcast",
      id: "1",
      from: "bob",
      key: "k7",
      text: "lunch",
      sentAt: NOON,
      history: false,
    }],
    "12:03 [bob -> all] lunch\n",
  ],
  [
    [...IN, {
      event: "broadcast",
      id: "1",
      from: "zoe~k7f3",
      key: "k9",
      guest: true,
      text: "lunch",
      sentAt: EARLIER,
      history: true,
    }],
    "11:03 (earlier) [zoe~k7f3 (guest) -> all] lunch\n",
  ],
  [
    [...IN, {
      event: "broadcast",
      id: "1",
      from: "*directory*",
      key: "k3",
      text: "lunch",
      sentAt: EARLIER,
      history: false,
    }],
    "11:03 (earlier) [*directory* -> all] lunch\n",
  ],
  [
    [...IN, {
      event: "broadcast",
      id: "7",
      from: "Alice",
      key: "k1",
      text: "said on the page",
      sentAt: NOON,
      history: false,
      self: true,
    }],
    "12:03 [you -> all] said on the page\n",
  ],
  [
    [...IN, { event: "broadcast-sent", id: "1", reached: 1_200, text: "one" }],
    "12:03 * Your broadcast has reached 1,200 people\n",
  ],
  [
    [...IN, { event: "broadcast-sent", id: "1", reached: 1, text: "one", start: '"one"' }],
    '12:03 * Your broadcast "one" has reached 1 person\n',
  ],
  [
    [...IN, { event: "broadcast-sent", id: "1", reached: 0, text: "one" }],
    "12:03 * Nobody has your broadcast yet; whoever is here gets it as soon as they can take it\n",
  ],
  [
    [READY, UP, { ...ALL, event: "users", users: [user("Alice")] }, {
      event: "broadcast-sent",
      id: "1",
      reached: 0,
      text: "one",
    }],
    "12:03 * Nobody else is here: nobody has your broadcast yet\n",
  ],
];

for (const [events, text] of SHOWN) {
  const what = events.map((event) =>
    "state" in event ? `${event.event} ${event.state}` : event.event
  );
  Deno.test(`registry: [${what.join(", ")}] reads ${JSON.stringify(text)}`, () => {
    assertEquals(linesOf(events), text);
  });
}

Deno.test("registry: the list that somebody asks for has addresses", () => {
  assertEquals(
    linesOf([...IN, ANSWER]),
    "alice  10.0.0.2:5002  free  (you)\ndave (guest)  10.0.0.2:5002  in a call\n",
  );
  assertEquals(linesOf([...IN, { ...ANSWER, users: [] }]), "Nobody of that name is online.\n");
});

Deno.test("registry: a list that comes by itself is none that somebody asked for, nor is the answer all", () => {
  const rendering = new RegistryRendering();
  const shown = ([...IN, USERS, ANSWER, call("offline", { peer: "bobb" })] as const).map((event) =>
    printed(rendering.lines(event, { nowMs: NOON_MS, interactive: true, verbose: false }))
  );

  assertEquals(shown.slice(-3), [
    "12:03 * Online: alice (you), bob, carol (in a call), dave (guest)\n",
    "alice  10.0.0.2:5002  free  (you)\ndave (guest)  10.0.0.2:5002  in a call\n",
    "12:03 * bobb isn't online; did you mean bob?\n",
  ]);
});

Deno.test("registry: a pipe is given no hints", () => {
  assertEquals(
    linesOf(IN, { interactive: false }),
    "12:03 * Online: alice (you), bob, carol (in a call), dave (guest)\n",
  );
});

Deno.test("registry: /status says where one is, the call, what is unsent and what is wrong", () => {
  const status = {
    event: "status",
    name: "alice",
    key: "k",
    registry: "chat.example",
    session: "up",
    guest: false,
    call: {
      call: "1",
      peer: "bob",
      state: "connected",
      route: "relay",
      sinceMs: 63_000,
      roundTripMs: 12.5,
    },
    roundTripMs: 5,
    online: 3,
    unsent: 2,
    problems: ["The disk is full"],
  } as const;
  assertEquals(
    linesOf([...IN, { ...status, call: null, instance: "10.0.0.2:4400" }]).split("\n")[0],
    "In the directory chat.example, at its instance 10.0.0.2:4400, as alice, 5 ms away; 3 online.",
  );
  assertEquals(
    linesOf([...IN, status]),
    "In the directory chat.example as alice, 5 ms away; 3 online.\n" +
      "In a call with bob, through the directory, 13 ms away, for 1 min 3 s.\n2 unsent.\nYour key: k\n! The disk is full\n",
  );
  assertEquals(
    linesOf([...IN, {
      ...status,
      session: "down",
      call: null,
      roundTripMs: null,
      unsent: 0,
      problems: [],
    }]),
    "Not in the directory chat.example now.\nNothing is unsent.\nYour key: k\n",
  );
  const verified = linesOf([...IN, { ...status, serverVerified: true }]);
  assertEquals(verified.split(",")[0], "In the directory chat.example (verified) as alice");
});

/** What a terminal of 40 columns shows of the first line. */
function firstLineOf(events: readonly RegistryOwnEvent[]): string {
  const rendering = new RegistryRendering();
  const context = { nowMs: NOON_MS, interactive: false, verbose: false };
  const [line] = events.flatMap((event) => [...rendering.lines(event, context)]);
  const terminal = { ...ROW_CELLS, columns: () => 40 };
  return new TextFormat({ colour: false, verbose: false, terminal }, NOON_MS).format(line!);
}

Deno.test("RegistryRendering: the directory's key stays whole where its line is broken", () => {
  const key = "ijtghrlfdthizyo5oecdgsej2yv";
  const shown = firstLineOf([READY, directory(key, false)]);

  assertEquals(shown.split("\n"), [
    "Directory chat.example, key",
    `  ${key} (new:`,
    "  compare it with what its operator",
    "  tells you)",
    "",
  ]);
});

Deno.test("RegistryRendering: a list that is too long for the terminal goes on under what follows the mark", () => {
  const users = ["alice", "bob", "carol", "dave", "erin"].map((name) => user(name));

  const shown = firstLineOf([READY, UP, { ...ALL, event: "users", users }]);

  assertEquals(shown, "12:03 * Online: alice (you), bob,\n        carol, dave, erin\n");
});
