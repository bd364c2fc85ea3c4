import { assert, assertEquals, assertMatch } from "@std/assert";
import { ROW_CELLS } from "../../lib/cli/rendering/graphemes.ts";
import { type MemberOwnEvent, MemberRendering } from "../../lib/cli/group/member_rendering.ts";
import { serveLines, type ServeOwnEvent } from "../../lib/cli/group/serve_rendering.ts";
import { TextFormat } from "../../lib/cli/streams/text_format.ts";
import { NOON_MS } from "./memory_streams.ts";
import { printed } from "./printed.ts";

const EARLIER = new Date(NOON_MS - 60 * 60 * 1_000).toISOString();
const NOON = new Date(NOON_MS).toISOString();
const CONTEXT = { nowMs: NOON_MS, interactive: false, verbose: false };

const BOB_SAID = { from: "Bob", shown: "Bob", key: "b" } as const;
const ALICE_SAID = { from: "Alice", shown: "Alice", key: "k" } as const;
const READY = {
  event: "ready",
  command: "peer",
  name: "Alice",
  host: "10.0.0.1",
  port: 9_000,
  key: "k",
  server: "chat.example",
  log: "/data/log",
  members: ["Alice", "Bob", "Carol"],
  entries: 42,
  last: { ...BOB_SAID, sentAt: EARLIER },
} as const;
const VIEW = {
  event: "view",
  view: 3,
  members: READY.members,
  joined: ["Alice"],
  left: [],
} as const;
const MESSAGE = {
  event: "message",
  seq: 43,
  id: "1",
  ...BOB_SAID,
  text: "at seven?",
  self: false,
  history: false,
  sentAt: NOON,
  position: 50,
} as const;
const LONG_OLD = "Thanks, I shall answer tomorrow.";
const LONG_NEW =
  `${LONG_OLD.slice(0, -1)}, after${" all".repeat(40)}. I sell the house for 1 EUR.` +
  `${" And so on.".repeat(20)}\nAs I said, tomorrow evening.`;
const VOTE = {
  event: "vote-wanted",
  edit: 7,
  seq: 43,
  by: "Alice",
  old: "at seven?",
  new: "at eight?",
  deadline: new Date(NOON_MS + 30_000).toISOString(),
} as const;
const ASKS =
  "12:03 ? Alice wants to change entry 43 (edit 7, 30 s): /go 7 agrees, /abort 7 refuses\n";
const EDIT = { event: "edit", edit: 7, seq: 43, by: "Alice", text: "at eight?" } as const;
const COMMITTED = {
  ...EDIT,
  outcome: "committed",
  reason: "agreed by Bob, Carol",
  agreed: ["Bob", "Carol"],
  committedAt: EARLIER,
} as const;
const member = (name: string, key: string) => ({
  name,
  key,
  host: "10.0.0.2",
  port: 9_000,
  heard: true,
  roundTripMs: null,
  path: null,
  behind: 0,
});
const STATUS = {
  event: "status",
  name: "Alice",
  key: "ka",
  port: 9_000,
  view: 3,
  coordinator: "up",
  seq: 42,
  digest: "9f3c2a1b".repeat(8),
  log: "/data/log",
  members: [member("Alice", "ka"), { ...member("Bob", "kb"), roundTripMs: 0.4 }],
  sequencer: "Bob",
  unsent: 0,
  awaited: [],
  edits: [],
  problems: [],
} as const;

/** Events that are rendered one after the other, and the text of the last one. */
const PRINTED: readonly (readonly [
  title: string,
  events: readonly MemberOwnEvent[],
  text: string,
])[] = [
  [
    "ready in a group",
    [READY],
    "12:03 * In the group of chat.example as Alice, with Bob and Carol; 42 entries, the last from Bob at " +
    "11:03\n",
  ],
  [
    "ready, alone with nothing said",
    [{ ...READY, members: ["Alice"], entries: 0, last: null }],
    "12:03 * In the group of chat.example as Alice, alone so far; no entries yet\n",
  ],
  [
    "ready, and not in it yet",
    [{ ...READY, members: [], entries: 1, last: null }],
    "12:03 * Waiting to join the group of chat.example as Alice; 1 entry\n",
  ],
  ["a view that ready told of", [READY, VIEW], ""],
  [
    "somebody joined",
    [READY, VIEW, { ...VIEW, joined: ["Dave", "Eve"] }],
    "12:03 * Dave and Eve joined\n",
  ],
  [
    "somebody left",
    [READY, VIEW, { ...VIEW, joined: [], left: [{ name: "Bob", reason: "quit" }] }],
    "12:03 * Bob left (quit)\n",
  ],
  [
    "some are gone for other reasons",
    [READY, VIEW, {
      ...VIEW,
      joined: [],
      left: [{ name: "Bob", reason: "removed" }, { name: "Carol", reason: "lost" }, {
        name: "Eve",
      }],
    }],
    "12:03 * Bob was removed by the operator\n" +
    "12:03 ! Carol is lost: the group goes on, and Carol gets the missed messages on return\n" +
    "12:03 * Eve isn't in the group any more\n",
  ],
  [
    "in the group after waiting",
    [{ ...READY, members: [], entries: 0, last: null }, MESSAGE, {
      ...VIEW,
      entries: 43,
      last: MESSAGE,
    }],
    "12:03 * In the group of chat.example as Alice, with Bob and Carol; 43 entries, the last from Bob at " +
    "12:03\n",
  ],
  [
    "back in the group",
    [READY, VIEW, {
      ...VIEW,
      members: ["Alice", "Dave"],
      left: [{ name: "Bob" }],
      entries: READY.entries,
      last: READY.last,
    }],
    "12:03 * Back in the group of chat.example as Alice, with Dave; 42 entries, the last from Bob at 11:03\n",
  ],
  [
    "in another group at the same place",
    [READY, VIEW, { ...VIEW, members: ["Alice"], left: [{ name: "Bob" }], entries: 0, last: null }],
    "12:03 * Back in the group of chat.example as Alice, alone so far; no entries yet\n",
  ],
  ["the coordinator at the start", [{ event: "coordinator", state: "up" }], ""],
  [
    "the coordinator away at the start",
    [{ ...READY, members: [] }, {
      event: "coordinator",
      state: "down",
      reason: "nobody listens there",
    }],
    "12:03 ! The coordinator doesn't answer: nobody listens there. You will join as soon as it answers.\n",
  ],
  [
    "the coordinator away at the start of a member that was in the group",
    [{ ...READY, members: [] }, {
      event: "coordinator",
      state: "down",
      returning: true,
    }],
    "12:03 ! The coordinator doesn't answer. You will join as soon as it answers, or all who were in the group last are there.\n",
  ],
  [
    "the coordinator there for the first time",
    [{ event: "coordinator", state: "down" }, { event: "coordinator", state: "up" }],
    "12:03 * The coordinator is there now.\n",
  ],
  [
    "the coordinator away",
    [READY, { event: "coordinator", state: "down" }],
    "12:03 ! The coordinator doesn't answer. Chat goes on; joining and editing wait.\n",
  ],
  [
    "the coordinator ended by its operator",
    [READY, { event: "coordinator", state: "down", reason: "nobody listens there", ended: true }],
    "12:03 * The coordinator was ended. Chat goes on; joining and editing wait.\n",
  ],
  [
    "the coordinator back",
    [
      { event: "coordinator", state: "up" },
      { event: "coordinator", state: "down" },
      { event: "coordinator", state: "up" },
    ],
    "12:03 * The coordinator is back.\n",
  ],
  ["a message", [MESSAGE], "43 12:03 <Bob> at seven?\n"],
  [
    "a message of another key under a known name",
    [{ ...MESSAGE, shown: "Bob~k7f3" }],
    "43 12:03 <Bob~k7f3> at seven?\n",
  ],
  [
    "an earlier message",
    [{ ...MESSAGE, history: true, sentAt: EARLIER }],
    "43 11:03 (earlier) <Bob> at seven?\n",
  ],
  [
    "a message that waited to be an entry",
    [{ ...MESSAGE, sentAt: EARLIER }],
    "43 11:03 (earlier) <Bob> at seven?\n",
  ],
  [
    "one's own message that waited to be an entry",
    [READY, { ...MESSAGE, ...ALICE_SAID, self: true, sentAt: EARLIER }],
    "43 11:03 (earlier) <Alice> at seven?\n",
  ],
  [
    "a message that was under way for a while",
    [{ ...MESSAGE, sentAt: new Date(NOON_MS - 60_000).toISOString() }],
    "43 12:03 <Bob> at seven?\n",
  ],
  [
    "several lines",
    [{ ...MESSAGE, text: "a\n44 12:03 <Carol> b" }],
    "43 12:03 <Bob> a␊44 12:03 <Carol> b\n",
  ],
  ["catching up", [{ event: "catching-up", done: 1, of: 2 }], ""],
  ["caught up at once", [{ event: "catching-up", done: 2, of: 2 }], ""],
  [
    "the log",
    [READY, {
      event: "log",
      entries: [
        { seq: 41, id: "1", ...BOB_SAID, text: "hi", edits: 0, editedBy: null, sentAt: EARLIER },
        { seq: 42, id: "2", ...ALICE_SAID, text: "ho", edits: 1, editedBy: "Alice", sentAt: NOON },
        {
          seq: 43,
          id: "3",
          ...BOB_SAID,
          shown: "Bob~k7f3",
          text: "hm",
          edits: 1,
          editedBy: "Alice",
          sentAt: NOON,
        },
      ],
    }],
    "41 11:03 <Bob> hi\n42 12:03 (edited) <Alice> ho\n43 12:03 (edited by Alice) <Bob~k7f3> hm\n",
  ],
  [
    "an entry that was edited often",
    [{
      event: "log",
      entries: [{
        seq: 41,
        id: "1",
        ...BOB_SAID,
        text: "hi",
        edits: 3,
        editedBy: "Eve",
        sentAt: EARLIER,
      }],
    }],
    "41 11:03 (edited 3 times, last by Eve) <Bob> hi\n",
  ],
  [
    "an entry with its changes",
    [{
      event: "entry",
      seq: 43,
      id: "1",
      ...BOB_SAID,
      text: "at\nnine",
      sentAt: EARLIER,
      editedBy: "Bob",
      edits: [
        {
          edit: 7,
          by: "Alice",
          old: "at seven?",
          new: "at eight?",
          agreed: ["Bob", "Eve"],
          committedAt: NOON,
        },
        { edit: 9, by: "Bob", old: "at eight?", new: "at\nnine", agreed: [], committedAt: NOON },
      ],
    }],
    "43 11:03 (edited 2 times) <Bob> at␊nine\n" +
    "  at first: at seven?\n" +
    "  edit 7, 12:03, asked by Alice, agreed by Bob and Eve: at eight?\n" +
    "  edit 9, 12:03, asked by Bob: at␊nine\n",
  ],
  [
    "an entry that wasn't edited",
    [{
      event: "entry",
      seq: 1,
      id: "1",
      ...BOB_SAID,
      text: "hi",
      sentAt: NOON,
      editedBy: null,
      edits: [],
    }],
    "1 12:03 <Bob> hi\n",
  ],
  [
    "an edit that waits",
    [{ event: "edit-started", edit: 7, seq: 43, awaited: ["Bob", "Carol"], voteMs: 30_000 }],
    "12:03 * Edit 7: waiting for Bob and Carol to agree to change entry 43 (30 s)\n",
  ],
  [
    "an edit that waits for somebody who is shown by another name than in the view",
    [READY, { event: "edit-started", edit: 7, seq: 43, awaited: ["Bob~k7f3"], voteMs: 30_000 }],
    "12:03 * Edit 7: waiting for Bob~k7f3 to agree to change entry 43 (30 s)\n",
  ],
  [
    "an edit of an entry whose author is away: what comes next says so",
    [
      READY,
      { event: "edit-started", edit: 7, seq: 43, awaited: ["Bob"], voteMs: 30_000, absent: true },
    ],
    "",
  ],
  [
    "an edit that waits for nobody's word",
    [{ event: "edit-started", edit: 7, seq: 43 }],
    "12:03 * Edit 7: entry 43 is being changed\n",
  ],
  [
    "a vote",
    [{ ...VOTE, old: "at seven? " }],
    `${ASKS}      - at seven?·\n      + at eight?\n`,
  ],
  [
    "a vote on texts that nobody obeys",
    [{ ...VOTE, old: "a\n/go\nb", new: "a\n\x1b[2J\nb" }],
    `${ASKS}      ... 1 line unchanged\n      - /go\n      + ␛[2J\n      ... 1 line unchanged\n`,
  ],
  [
    "a vote on long texts leaves out no word of them",
    [{ ...VOTE, old: LONG_OLD, new: LONG_NEW }],
    `${ASKS}      - ${LONG_OLD}\n      + ${LONG_NEW.replace("\n", "\n      + ")}\n`,
  ],
  [
    "an edit of one's own that was committed",
    [READY, { ...COMMITTED, history: false, position: 51 }],
    "12:03 * Entry 43 now reads: at eight?   (edit 7, asked by Alice, agreed by Bob and Carol)\n",
  ],
  [
    "an earlier edit that nobody had to agree to",
    [{ ...COMMITTED, agreed: [], text: "a\nb", history: true, position: 51 }],
    "11:03 (earlier) * Entry 43 now reads: a␊b   (edit 7, asked by Alice)\n",
  ],
  [
    "an edit that was aborted",
    [{ ...EDIT, outcome: "aborted", reason: "Bob said no" }],
    "12:03 ! Edit 7 of entry 43, asked by Alice, was aborted: Bob said no\n",
  ],
  [
    "an edit of one's own that was aborted",
    [READY, { ...EDIT, outcome: "aborted", reason: "Bob said no" }],
    "12:03 ! Your edit 7 of entry 43 was aborted: Bob said no\n",
  ],
  [
    "an edit of one's own in doubt",
    [READY, { ...EDIT, outcome: "in-doubt", reason: "the coordinator doesn't answer" }],
    "12:03 ! Your edit 7 of entry 43 is in doubt: the coordinator doesn't answer\n",
  ],
  [
    "an edit in doubt",
    [{ ...EDIT, outcome: "in-doubt", reason: "the coordinator doesn't answer" }],
    "12:03 ! Edit 7 of entry 43, asked by Alice, is in doubt: the coordinator doesn't answer\n",
  ],
  ["an empty log", [{ event: "log", entries: [] }], "No entries.\n"],
  [
    "the digest",
    [{ event: "digest", seq: 1_234, digest: "9f3c" }],
    "1,234 entries, digest 9f3c\n",
  ],
  [
    "the digest of nothing",
    [{ event: "digest", seq: 0, digest: "" }],
    "No entries yet, and so no digest.\n",
  ],
  ["members", [READY, { event: "members", members: ["Bob", "Alice"] }], "Bob, Alice (you)\n"],
  [
    "a member with a key that the user has refused",
    [READY, { event: "members", members: ["Bob~k7f3", "Alice"], refused: ["Bob~k7f3"] }],
    "Bob~k7f3 (the key that you refused), Alice (you)\n",
  ],
  [
    "who is away, in their own words",
    [READY, {
      event: "members",
      members: ["Bob", "Alice"],
      verified: ["Bob"],
      away: [{ name: "Bob", away: 'at "lunch"' }, { name: "Alice", away: "" }],
    }],
    "Bob (verified, away: \"at 'lunch'\"), Alice (you, away)\n",
  ],
  ["no members", [{ event: "members", members: [] }], "You aren't in the group yet.\n"],
  [
    "a status",
    [STATUS],
    "Group of 2: Alice (you), Bob 0.4 ms. The coordinator is there.\n" +
    "42 entries, digest 9f3c2a1b. Bob orders messages.\n" +
    "Everything you wrote is in the log.\nYour log: /data/log\nYour key: ka\n",
  ],
  [
    "a status just after something was said",
    [{ ...STATUS, unsent: 1 }],
    "Group of 2: Alice (you), Bob 0.4 ms. The coordinator is there.\n" +
    "42 entries, digest 9f3c2a1b. Bob orders messages.\n" +
    "1 of your messages is on its way.\nYour log: /data/log\nYour key: ka\n",
  ],
  [
    "a status where the coordinator is verified",
    [{ ...STATUS, serverVerified: true }],
    "Group of 2: Alice (you), Bob 0.4 ms. The coordinator (verified) is there.\n" +
    "42 entries, digest 9f3c2a1b. Bob orders messages.\n" +
    "Everything you wrote is in the log.\nYour log: /data/log\nYour key: ka\n",
  ],
  [
    "a status with trouble",
    [{
      ...STATUS,
      coordinator: "down",
      members: [...STATUS.members, { ...member("Carol", "kc"), heard: false, behind: 1_200 }],
      sequencer: null,
      unsent: 2,
      awaited: ["Carol"],
      problems: ["Carol hasn't been heard for 4 s"],
    }],
    "Group of 3: Alice (you), Bob 0.4 ms, Carol (no answer, 1,200 behind). The coordinator is away.\n" +
    "42 entries, digest 9f3c2a1b.\n2 of your messages wait for Carol.\nYour log: /data/log\nYour key: ka\n" +
    "! Carol hasn't been heard for 4 s\n",
  ],
  [
    "a status before there is a log",
    [{ ...STATUS, view: 0, coordinator: "down", seq: 0, digest: "", members: [], sequencer: null }],
    "Not in the group yet. The coordinator is away.\nNo entries yet.\n" +
    "Your log: /data/log\nYour key: ka\n",
  ],
  [
    "a status with edits that aren't over",
    [{
      ...STATUS,
      edits: [
        {
          edit: 7,
          seq: 43,
          by: "Bob",
          text: "at eight?",
          state: "vote-wanted",
          deadline: new Date(CONTEXT.nowMs + 12_000).toISOString(),
        },
        { edit: 6, seq: 5, by: "Bob", text: "no", state: "agreed", deadline: null },
        { edit: 8, seq: 1, by: "Alice", text: "hi", state: "under-way", deadline: null },
        { edit: null, seq: 2, by: "Alice", text: "ho", state: "queued", deadline: null },
      ],
    }],
    "Group of 2: Alice (you), Bob 0.4 ms. The coordinator is there.\n" +
    "42 entries, digest 9f3c2a1b. Bob orders messages.\n" +
    "Everything you wrote is in the log.\n" +
    '? Edit 7 of entry 43, asked by Bob, waits for you: /go 7 or /abort 7 within 12 s: "at eight?"\n' +
    'Edit 6 of entry 5, asked by Bob, isn\'t decided yet: "no"\n' +
    'Your edit 8 of entry 1 isn\'t decided yet: "hi"\nYour edit of entry 2 isn\'t under way yet: "ho"\n' +
    "Your log: /data/log\nYour key: ka\n",
  ],
  [
    "a status with an edit of a long text",
    [{
      ...STATUS,
      edits: [{
        edit: 7,
        seq: 43,
        by: "Bob",
        text: LONG_NEW,
        state: "vote-wanted",
        deadline: new Date(CONTEXT.nowMs + 12_000).toISOString(),
      }],
    }],
    "Group of 2: Alice (you), Bob 0.4 ms. The coordinator is there.\n" +
    "42 entries, digest 9f3c2a1b. Bob orders messages.\n" +
    "Everything you wrote is in the log.\n" +
    "? Edit 7 of entry 43, asked by Bob, waits for you: /go 7 or /abort 7 within 12 s:\n" +
    `    ${LONG_NEW.replace("\n", "␊")}\n` +
    "Your log: /data/log\nYour key: ka\n",
  ],
  [
    "a status outside",
    [{ ...STATUS, view: 0, members: [], sequencer: null, unsent: 1 }],
    "Not in the group yet. The coordinator is there.\n42 entries, digest 9f3c2a1b.\n" +
    "1 of your messages waits.\nYour log: /data/log\nYour key: ka\n",
  ],
];

for (const [title, events, text] of PRINTED) {
  Deno.test(`MemberRendering: ${title}`, () => {
    const rendering = new MemberRendering();
    const lines = events.map((event) => rendering.lines(event, CONTEXT));
    assertEquals(printed(lines.at(-1)!), text);
  });
}

Deno.test("MemberRendering: of a long log only the last entries are shown, and how many there were", () => {
  const rendering = new MemberRendering();
  rendering.replays(3_009, 100);
  const shown: string[] = [];
  const show = (event: MemberOwnEvent) => shown.push(printed(rendering.lines(event, CONTEXT)));
  for (let seq = 1; seq <= 3_009; seq++) {
    show({ ...MESSAGE, seq, history: true, sentAt: EARLIER });
    if (seq === 7 || seq === 3_000) show({ ...COMMITTED, history: true, committedAt: EARLIER });
  }
  show({ ...MESSAGE, seq: 3_010, history: true, sentAt: EARLIER });
  const seen = shown.filter((text) => text !== "");

  assertEquals(
    seen[0],
    "... 2,909 earlier entries: /log N\n2910 11:03 (earlier) <Bob> at seven?\n",
  );
  assertEquals(seen.filter((text) => text.includes("<Bob>")).length, 101);
  assertEquals(seen.filter((text) => text.includes("now reads")).length, 1);
});

Deno.test("MemberRendering: an entry that a big group agreed to change is broken between names", () => {
  const agreed = Array.from({ length: 63 }, (_, n) => `Bartholomew-${n}`);
  const edit = { edit: 7, by: "Alice", old: "at seven?", new: "at eight?", committedAt: NOON };
  const event = {
    ...MESSAGE,
    event: "entry",
    editedBy: "Eve",
    edits: [{ ...edit, agreed }],
  } as const;
  const [, , line] = new MemberRendering().lines(event, CONTEXT);

  for (const columns of [46, 80, 120]) {
    const terminal = { ...ROW_CELLS, columns: () => columns };
    const format = new TextFormat({ colour: false, verbose: false, terminal }, NOON_MS);
    const [first, ...rest] = format.format(line!).trimEnd().split("\n");
    for (const each of rest) assertMatch(each, /^ {10}(?:Bartholomew-\d|and |at |eight)/);
    for (const each of [first!, ...rest]) assert(each.length < columns, each);
    assertEquals(
      [first!, ...rest.map((each) => each.trim())].join(" "),
      `  edit 7, 12:03, asked by Alice, agreed by ${agreed.slice(0, -1).join(", ")} and ` +
        `${agreed.at(-1)}: at eight?`,
    );
  }
});

Deno.test("MemberRendering: what took a second to catch up with is told at its end", () => {
  const rendering = new MemberRendering();
  const of = 100_000;
  rendering.lines({ event: "catching-up", done: 1, of }, CONTEXT);
  const lines = rendering.lines(
    { event: "catching-up", done: of, of },
    { ...CONTEXT, nowMs: NOON_MS + 4_000 },
  );
  assertEquals(printed(lines), "12:03 * Caught up: 100,000 entries in 4 s\n");
});

const at = (name: string, seq: number) => ({
  name,
  key: "k",
  host: "10.0.0.2",
  port: 9_000,
  heard: true,
  seq,
  digest: "9f3c2a1b77",
});

const VIEWED = {
  edit: 7,
  seq: 43,
  by: "Alice",
  text: "at\neight",
  state: "voting",
  deadline: new Date(NOON_MS + 12_000).toISOString(),
} as const;

const THERE = { host: "192.0.2.7", port: 6_000 };
const ENGINE = {
  role: "leader",
  leader: THERE,
  answers: true,
  answeredMs: 93,
  tookMs: 6,
  nodes: [
    { address: "10.0.0.1:2379", answers: true, leads: true, tookMs: 6 },
    {
      address: "10.0.0.2:2379",
      answers: false,
      tookMs: 2,
      silentMs: 34_000,
      reason: "connection refused",
    },
  ],
  instances: [THERE, { host: "::1", port: 6_000 }],
} as const;

const SERVED: readonly (readonly [title: string, event: ServeOwnEvent, text: string])[] = [
  [
    "ready",
    { event: "ready", command: "serve", host: "192.168.1.5", port: 6_000, key: "k", members: [] },
    "Listening at 6000. Members join with: p2pchat peer NAME --server 192.168.1.5\n" +
    "Open group (whoever reaches the coordinator).\n" +
    "This coordinator's key (members can compare it): k\n",
  ],
  [
    "ready elsewhere",
    {
      event: "ready",
      command: "serve",
      host: "::1",
      port: 7_000,
      key: "k",
      members: [],
      private: true,
    },
    "Listening at 7000. Members join with: p2pchat peer NAME --server [::1]:7000 --invite\n" +
    "Private group (by invite): /invite shows it.\n" +
    "This coordinator's key (members can compare it): k\n",
  ],
  [
    "an invite",
    { event: "invite", invite: "abc", line: "p2pchat peer NAME --server h:1 --invite" },
    "Others join with: p2pchat peer NAME --server h:1 --invite\n" +
    "and paste this when they are asked for the invite:\nabc\n",
  ],
  [
    "the way into an open group",
    { event: "invite", invite: "abc", line: "p2pchat peer NAME --server h:1" },
    "Others join with: p2pchat peer NAME --server h:1\n",
  ],
  ["joined", { event: "joined", name: "Bob", key: "k" }, "12:03 * Bob joined\n"],
  ["quit", { event: "left", name: "Bob", reason: "quit" }, "12:03 * Bob left (quit)\n"],
  [
    "removed",
    { event: "left", name: "Bob", reason: "removed" },
    "12:03 * Bob was removed by you\n",
  ],
  [
    "lost",
    { event: "left", name: "Bob", reason: "lost", why: "no answer" },
    "12:03 ! Bob is lost: no answer; the group goes on, and Bob gets the missed messages on return\n",
  ],
  [
    "a view",
    { event: "view", view: 3, members: ["Alice", "Bob"] },
    "12:03 * In the group: Alice, Bob\n",
  ],
  ["an empty view", { event: "view", view: 4, members: [] }, "12:03 * In the group: nobody\n"],
  ["an entry", { event: "entry", seq: 1, id: "1", from: "Bob", key: "b" }, ""],
  [
    "an edit",
    { ...COMMITTED },
    "12:03 * Entry 43 now reads: at eight?   (edit 7, asked by Alice, agreed by Bob and Carol)\n",
  ],
  [
    "an edit that was aborted",
    { ...EDIT, outcome: "aborted", reason: "Bob didn't answer in time" },
    "12:03 ! Edit 7 of entry 43, asked by Alice, was aborted: Bob didn't answer in time\n",
  ],
  ["no edits", { event: "edits", edits: [] }, "No edits are under way.\n"],
  [
    "edits",
    {
      event: "edits",
      edits: [
        { ...VIEWED, awaited: ["Bob", "Carol"] },
        { ...VIEWED, edit: 8, awaited: [], deadline: null },
        { ...VIEWED, edit: 9, state: "committed", awaited: ["Bob"], deadline: null },
      ],
    },
    "Edit 7 of entry 43, asked by Alice, waits for Bob and Carol, 12 s left: at␊eight\n" +
    "Edit 8 of entry 43, asked by Alice, waits for the group: at␊eight\n" +
    "Edit 9 of entry 43, asked by Alice, is committed; waits for the logs of Bob: at␊eight\n",
  ],
  ["members", { event: "members", members: ["Alice"] }, "Alice\n"],
  [
    "a member with a key that the operator has refused",
    { event: "members", members: ["Alice", "Bob"], refused: ["Bob"] },
    "Alice, Bob (the key that you refused)\n",
  ],
  [
    "a member that is awaited",
    { event: "members", members: ["Alice", "Bob"], awaited: ["Alice"], verified: ["Alice", "Bob"] },
    "Alice (awaited, verified), Bob (verified)\n",
  ],
  [
    "a status where what there is isn't known",
    {
      event: "status",
      key: "k",
      group: "g",
      view: 16,
      seq: null,
      members: [{ ...at("Alice", 43), seq: null, digest: null, state: "awaited" }],
      problems: [],
    },
    `How many entries there are isn't known.
Member  Entries  Digest  State
Alice   ?        ?       awaited
Your key: k
`,
  ],
  [
    "a status",
    {
      event: "status",
      key: "k",
      group: "g",
      view: 3,
      seq: 43,
      members: [
        { ...at("Alice", 43), state: "member" },
        { ...at("Bob", 42), state: "member", heard: false },
        { ...at("Caroline", 0), state: "joining" },
      ],
      problems: ["Bob isn't heard by Alice"],
    },
    "The group has 43 entries.\n" +
    "Member    Entries  Digest    State\n" +
    "Alice     43       9f3c2a1b  member\n" +
    "Bob       42       9f3c2a1b  member, not heard by all\n" +
    "Caroline  0        9f3c2a1b  joining\n" +
    "Your key: k\n" +
    "! Bob isn't heard by Alice\n",
  ],
  [
    "a status before anybody came",
    { event: "status", key: "k", group: "g", view: 0, seq: 0, members: [], problems: [] },
    "Nobody has been in the group yet.\nYour key: k\n",
  ],
  [
    "a status after all have left",
    { event: "status", key: "k", group: "g", view: 6, seq: 4, members: [], problems: [] },
    "The group has 4 entries. Nobody is in the group.\nYour key: k\n",
  ],
  ["nobody", { event: "members", members: [] }, "Nobody is in the group.\n"],
  [
    "that this instance leads",
    { event: "role", role: "leader", leader: THERE },
    "12:03 * This coordinator leads the group\n",
  ],
  [
    "that another instance leads",
    { event: "role", role: "stand-by", leader: THERE },
    "12:03 * This coordinator stands by: 192.0.2.7:6000 leads the group\n",
  ],
  [
    "that no instance leads",
    { event: "role", role: "stand-by", leader: null },
    "12:03 * This coordinator stands by: none leads at present\n",
  ],
  [
    "the status of an instance that stands by",
    {
      event: "status",
      key: "k",
      group: "",
      view: 0,
      seq: null,
      members: [],
      problems: ["The engine doesn't answer"],
      engine: { ...ENGINE, role: "stand-by", answers: false, answeredMs: 12_345 },
    },
    "This coordinator stands by: 192.0.2.7:6000 leads the group; instances at 192.0.2.7:6000 and " +
    "[::1]:6000.\nThe group is kept in an engine. It hasn't answered for 12.3 s.\n" +
    "Its node 10.0.0.1:2379 answers within 6 ms, and leads them.\n" +
    "Its node 10.0.0.2:2379 hasn't answered for 34.0 s: connection refused.\n" +
    "Your key: k\n! The engine doesn't answer\n",
  ],
  [
    "the status of an instance that leads",
    {
      event: "status",
      key: "k",
      group: "g",
      view: 3,
      seq: 4,
      members: [],
      problems: [],
      engine: ENGINE,
    },
    "The group has 4 entries. Nobody is in the group.\nThis coordinator leads the group; instances at " +
    "192.0.2.7:6000 and [::1]:6000.\n" +
    "The group is kept in an engine. It answers within 6 ms, last 0.1 s ago.\n" +
    "Its node 10.0.0.1:2379 answers within 6 ms, and leads them.\n" +
    "Its node 10.0.0.2:2379 hasn't answered for 34.0 s: connection refused.\nYour key: k\n",
  ],
];

for (const [title, event, text] of SERVED) {
  Deno.test(`serveLines: ${title}`, () => {
    assertEquals(printed(serveLines(event, CONTEXT)), text);
  });
}

Deno.test("serveLines: who looks closely sees entries, and not what they say", () => {
  const event = { event: "entry", seq: 7, id: "1", from: "Bob", key: "b" } as const;
  const lines = serveLines(event, { ...CONTEXT, verbose: true });
  assertEquals(printed(lines), "12:03 * Entry 7, of Bob\n");
  const view = { event: "view", view: 3, members: ["Alice"] } as const;
  assertEquals(printed(serveLines(view, { ...CONTEXT, verbose: true })), "12:03 * View 3: Alice\n");
  const status = { event: "status", key: "k", group: "g", members: [], problems: [] } as const;
  for (
    const [seq, text] of [[4, "View 3: 4 entries. Nobody is in the group."], [
      null,
      "View 3: how many entries there are isn't known.",
    ]] as const
  ) {
    assertEquals(
      printed(serveLines({ ...status, view: 3, seq }, { ...CONTEXT, verbose: true })),
      `${text}\nYour key: k\n`,
    );
  }
});

Deno.test("a vote on very many blanks is shown at once", () => {
  const fromMs = performance.now();
  new MemberRendering().lines({ ...VOTE, old: `${" ".repeat(65_000)}x` }, CONTEXT);
  // What looks at each blank from each other one takes 3 s, in which nothing else is done.
  assert(performance.now() - fromMs < 1_000);
});

Deno.test("neither text of a vote can fake a row of the question, however narrow the terminal", () => {
  for (const columns of [12, 20, 22, 40, 80]) {
    const terminal = { ...ROW_CELLS, columns: () => columns };
    const how = {
      colour: false,
      verbose: false,
      terminal,
      folding: { rows: () => 120, keep: () => 1 },
    };
    const format = new TextFormat(how, NOON_MS);
    const old = `${"x ".repeat(60)}\n12:03 ? It would read:\n+ yes${" + yes".repeat(99)}`;
    const lines = new MemberRendering().lines({ ...VOTE, old, new: "at eight?" }, CONTEXT);
    const printed = Array.from(lines, (line) => format.format(line)).join("");
    const rows = printed.replaceAll("\x1b[?7l", "").replaceAll("\x1b[?7h", "").split("\n"); // whether it wraps
    const own = rows.filter((row) => row !== "" && !row.startsWith(" "));
    assertEquals(own.length, 1, `${columns} columns: ${own}`);
    if (columns < 40) continue; // no room to set off what a row goes on with
    const signed = rows.filter((row) => /^ {1,6}[-+] /.test(row));
    assertEquals(signed.length, 4, `${columns} columns: ${signed}`);
  }
});

Deno.test("a key isn't broken at a narrow terminal: whoever is joining, and the coordinator's own", () => {
  const key = "k7f3".repeat(7).slice(0, 27);
  const joining = { event: "joining", name: "Bartholomew", key, verifiedAs: ["Bob"] } as const;
  const ready = { event: "ready", command: "serve", host: "h", port: 6_000, key } as const;
  const lines = [
    ...new MemberRendering().lines(joining as unknown as MemberOwnEvent, CONTEXT),
    ...serveLines(joining as unknown as ServeOwnEvent, CONTEXT),
    serveLines(ready as unknown as ServeOwnEvent, CONTEXT).at(-1)!,
  ];
  assertEquals(lines.length, 3);
  for (const line of lines) {
    const terminal = { ...ROW_CELLS, columns: () => 40 };
    const format = new TextFormat({ colour: false, verbose: false, terminal }, NOON_MS);
    const rows = format.format(line).trimEnd().split("\n");
    assertEquals(rows.filter((row) => row.includes(key)).length, 1, rows.join("\n"));
    for (const row of rows) assert(row.length <= 40, row);
  }
});

Deno.test("/verify NAME no in a group says who can keep the wrong key out, as all read what is said there", () => {
  const event = {
    event: "verify",
    name: "Bob",
    key: "k",
    digits: "12345",
    answer: "no",
    refused: true,
  } as const;
  const second = (lines: string) => lines.split("\n")[1];
  const refused = "It counts as changed until you accept it with /trust Bob; ";

  assertEquals(
    second(printed(new MemberRendering().lines(event, CONTEXT))),
    `${refused}Bob reads all that is said in the group until its coordinator's operator types /remove Bob.`,
  );
  assertEquals(
    second(printed(serveLines(event, CONTEXT))),
    `${refused}/remove Bob keeps that key out of the group.`,
  );
  const again = new MemberRendering().lines({ ...event, name: "Bob~k7f3" }, CONTEXT);
  assertMatch(printed(again), /Bob~k7f3 reads all .* types \/remove Bob\.\n$/);
});
