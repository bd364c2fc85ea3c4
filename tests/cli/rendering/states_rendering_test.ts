import { assertEquals } from "@std/assert";
import { serveLines, type ServeOwnEvent } from "../../../lib/cli/group/serve_rendering.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

const CONTEXT = { nowMs: NOON_MS, interactive: false, verbose: false };
const NOON = new Date(NOON_MS).toISOString();

const ALICE = { name: "Alice", seq: 43, digest: "9f3c2a1b".repeat(8), locks: [], lagMs: 0 };
const BOB = { ...ALICE, name: "Bob", locks: [43], lagMs: 2 };
const CAROL = { ...ALICE, name: "Carol", seq: 42, digest: "77e01d4c".repeat(8), lagMs: 310 };
const SHARED = { seq: 42, digest: "77e01d4c".repeat(8) };

const LINES: readonly (readonly [name: string, event: ServeOwnEvent, text: string])[] = [
  [
    "of three",
    { event: "states", members: [ALICE, BOB, CAROL], consistent: SHARED },
    `
Member  Entries  Digest    Lag     Locks
Alice   43       9f3c2a1b  0 ms    -
Bob     43       9f3c2a1b  2 ms    43
Carol   42       77e01d4c  310 ms  -
All three share entry 42 (77e01d4c).
`,
  ],
  [
    "of two",
    { event: "states", members: [ALICE, CAROL], consistent: SHARED },
    `
Member  Entries  Digest    Lag     Locks
Alice   43       9f3c2a1b  0 ms    -
Carol   42       77e01d4c  310 ms  -
Both share entry 42 (77e01d4c).
`,
  ],
  [
    "of a name that mixes scripts, marked once",
    { event: "states", members: [{ ...ALICE, name: "p\u0430yroll" }, BOB], consistent: SHARED },
    `
Member    Entries  Digest    Lag   Locks
\u2248p\u0430yroll  43       9f3c2a1b  0 ms  -
Bob       43       9f3c2a1b  2 ms  43
Both share entry 42 (77e01d4c).
`,
  ],
  [
    "of one, with locks",
    {
      event: "states",
      members: [{ ...BOB, locks: [3, 43], lagMs: 1_234 }],
      consistent: SHARED,
    },
    `
Member  Entries  Digest    Lag       Locks
Bob     43       9f3c2a1b  1,234 ms  3, 43
Bob has entry 42 (77e01d4c).
`,
  ],
  [
    "of one that has told nothing yet, and of an entry",
    {
      event: "states",
      members: [ALICE, { ...BOB, seq: null, digest: null, locks: [], lagMs: null }],
      consistent: { seq: 0, digest: "0" },
      arrivals: {
        seq: 43,
        first: NOON,
        members: [{ name: "Alice", has: true, afterMs: 0 }, {
          name: "Bob",
          has: null,
          afterMs: null,
        }],
      },
    },
    `
Member  Entries  Digest    Lag   Locks
Alice   43       9f3c2a1b  0 ms  -
Bob     ?        ?         ?     -
What all share isn't known: nothing was heard of the log of Bob yet.
Entry 43 came at 12:03 to Alice, not known whether to Bob.
`,
  ],
  [
    "of nobody",
    { event: "states", members: [], consistent: SHARED },
    `
Nobody is in the group.
`,
  ],
  [
    "that nobody shares",
    {
      event: "states",
      members: [ALICE, BOB],
      consistent: { seq: 0, digest: "0" },
    },
    `
Member  Entries  Digest    Lag   Locks
Alice   43       9f3c2a1b  0 ms  -
Bob     43       9f3c2a1b  2 ms  43
No entry is shared yet.
`,
  ],
  [
    "of which one differs",
    {
      event: "states",
      members: [ALICE, BOB, { ...CAROL, differs: ["Alice", "Bob"] }],
      consistent: SHARED,
    },
    `
Member  Entries  Digest    Lag     Locks
Alice   43       9f3c2a1b  0 ms    -
Bob     43       9f3c2a1b  2 ms    43
Carol   42       77e01d4c  310 ms  -
All three share entry 42 (77e01d4c).
! The log of Carol differs from that of Alice and Bob.
`,
  ],
  [
    "with an entry's arrivals",
    {
      event: "states",
      members: [ALICE],
      consistent: SHARED,
      arrivals: {
        seq: 43,
        first: NOON,
        members: [
          { name: "Carol", has: false, afterMs: null },
          { name: "Bob", has: true, afterMs: 12 },
          { name: "Alice", has: true, afterMs: 0 },
          { name: "Dave", has: true, afterMs: 0 },
        ],
      },
    },
    `
Member  Entries  Digest    Lag   Locks
Alice   43       9f3c2a1b  0 ms  -
Alice has entry 42 (77e01d4c).
Entry 43 came at 12:03 to Alice and Dave, to Bob 12 ms later, not yet to Carol.
`,
  ],
  [
    "with arrivals that nobody remembers",
    {
      event: "states",
      members: [ALICE],
      consistent: SHARED,
      arrivals: {
        seq: 1,
        first: null,
        members: [
          { name: "Alice", has: true, afterMs: null },
          { name: "Bob", has: true, afterMs: null },
        ],
      },
    },
    `
Member  Entries  Digest    Lag   Locks
Alice   43       9f3c2a1b  0 ms  -
Alice has entry 42 (77e01d4c).
Entry 1 came to Alice and Bob at a time that isn't known.
`,
  ],
  [
    "with arrivals of what isn't there",
    {
      event: "states",
      members: [ALICE],
      consistent: SHARED,
      arrivals: { seq: 99, first: null, members: [{ name: "Alice", has: false, afterMs: null }] },
    },
    `
Member  Entries  Digest    Lag   Locks
Alice   43       9f3c2a1b  0 ms  -
Alice has entry 42 (77e01d4c).
Entry 99 is in nobody's log.
`,
  ],
];

for (const [name, event, text] of LINES) {
  Deno.test(`serveLines() prints states ${name}`, () => {
    assertEquals(printed(serveLines(event, CONTEXT)), text.slice(1));
  });
}

const SNAPSHOT = {
  event: "snapshot",
  id: "20261120-204827-123-1f3a9c",
  file: "/data/serve/snapshots/20261120-204827-123-1f3a9c.txt",
  consistent: true,
  why: "nobody had what wasn't sent",
  members: [],
  channels: [],
} as const;

Deno.test("serveLines() prints a snapshot's verdict, and where it is", () => {
  assertEquals(
    printed(serveLines(SNAPSHOT, CONTEXT)),
    `12:03 * Snapshot ${SNAPSHOT.id} is consistent: nobody had what wasn't sent\n  ${SNAPSHOT.file}\n`,
  );
  const other = { ...SNAPSHOT, consistent: false, why: "Bob had what wasn't sent" };
  assertEquals(
    printed(serveLines(other, CONTEXT)),
    `12:03 ! Snapshot ${SNAPSHOT.id} isn't consistent: Bob had what wasn't sent\n  ${SNAPSHOT.file}\n`,
  );
});

Deno.test("a snapshot that the clock has taken is one line, unless it isn't consistent", () => {
  const scheduled = { ...SNAPSHOT, scheduled: true } as const;
  assertEquals(
    printed(serveLines(scheduled, CONTEXT)),
    `12:03 * Snapshot ${SNAPSHOT.id} is consistent\n`,
  );
  assertEquals(
    printed(serveLines({ ...scheduled, consistent: false }, CONTEXT)).split("\n").length,
    3,
  );
});

Deno.test("serveLines() prints the latest snapshots", () => {
  const { id, file } = SNAPSHOT;
  const one = { id, file, consistent: true, at: NOON, members: ["Alice", "Bob"], messages: 1_200 };
  const snapshots = [
    ...Array.from({ length: 18 }, () => one),
    one,
    { ...one, consistent: false, members: [], messages: 0 },
    { ...one, consistent: null },
  ];

  const lines = printed(serveLines({ event: "snapshots", snapshots }, CONTEXT)).split("\n");

  assertEquals(lines[0], "1 earlier one, and");
  assertEquals(lines[1], `${id}  consistent, Alice and Bob, 1,200 under way`);
  assertEquals(lines.slice(-4), [
    `! ${id}  not consistent, 0 under way`,
    `! ${id}  damaged, Alice and Bob`,
    "in /data/serve/snapshots",
    "",
  ]);
  assertEquals(
    printed(serveLines({ event: "snapshots", snapshots: [] }, CONTEXT)),
    "There are no snapshots; /snapshot takes one.\n",
  );
});
