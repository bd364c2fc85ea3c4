/** `p2pchat log verify`: what it counts, and each lie that it finds. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { nodeCrypto, nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { exportEntries } from "../../../lib/cli/tools/group_log_export.ts";
import { decidersBeside } from "../../../lib/cli/tools/group_log_verifier.ts";
import { verifiedLog } from "../../../lib/cli/tools/group_log_verify.ts";
import { namesText } from "../../../lib/cli/tools/logged_names.ts";
import { type Edit, editRequestFrom } from "../../../lib/protocols/group/schema/edit.ts";
import { signFormerKeys } from "../../../lib/protocols/group/schema/former_keys.ts";
import { recordedView, signEpoch } from "../../../lib/protocols/group/schema/epoch.ts";
import { groupIdOf } from "../../../lib/protocols/group/schema/founding.ts";
import {
  batchFrom,
  HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import {
  COORDINATOR_STATE_LOG,
  MEMBER_STATE_LOG,
} from "../../../lib/protocols/group/schema/records.ts";
import { type FileFormat, LineBuffer } from "../../../lib/store/disk/record_line.ts";
import type { LogRecord } from "../../../lib/base/schema/log_records.ts";
import {
  headerContent,
  numberedContent,
  recordContent,
} from "../../../lib/store/log/log_format.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import {
  type Decided,
  Decider,
  endOf,
  FOUNDING,
  GROUP,
  logBytes,
  OTHER_FOUNDING,
  OTHER_GROUP,
  recorded,
  Speaker,
  withChecksum,
} from "../group_logs.ts";
import { parsedOptions } from "../parsed_options.ts";
import { diskWith, EDITED, LINES, PATH, SIX, VERIFY } from "./group_log_cases.ts";

async function complaintAbout(content: string | Uint8Array): Promise<P2pchatError> {
  return await assertRejects(() => verifiedLog(diskWith(content), PATH), P2pchatError);
}

Deno.test("verifiedLog() counts entries and authors of a log that fits", async () => {
  const verified = await verifiedLog(diskWith(logBytes(SIX)), PATH);

  const end = new HistoryEnd(nodeCrypto, GROUP);
  for (const batch of SIX) end.append(batch);
  const [alice, bob] = SIX.map(({ batch }) => batch.value.author);
  assertEquals(verified, {
    group: GROUP,
    entries: 6,
    edits: 0,
    digest: end.digest,
    authors: [
      { name: "alice", key: alice!, entries: 2, edits: 0 },
      { name: "bob", key: bob!, entries: 4, edits: 0 },
    ],
    names: [
      { name: "alice", key: alice!, from: 1 },
      { name: "bob", key: bob!, from: 1 },
    ],
    founded: { by: FOUNDING.coordinator, edits: "ask", private: false },
    rules: { edits: "ask" },
    coordinators: [{ key: FOUNDING.coordinator, edits: 0, views: 1 }],
    coordinatorsKnown: false,
  });
});

Deno.test("verifiedLog() counts edits by who asked for them, and by who decided", async () => {
  const another = new Decider(98);
  const last = another.decide([new Speaker("bob", 2, 22).ask(6, "ten")]);
  const keys = new Set([new Decider(), another].map(({ signer }) => fingerprintOf(signer.key)));
  const disk = diskWith(logBytes([...EDITED, last]));
  const verified = await verifiedLog(disk, PATH, { deciders: { group: null, keys } });

  const [alice, bob, carol] = ["alice", "bob", "carol"].map((name, at) =>
    new Speaker(name, at + 1)
  );
  assertEquals([verified.entries, verified.edits, verified.digest], [
    6,
    5,
    endOf([...EDITED, last]).digest,
  ]);
  assertEquals(verified.authors, [
    { name: "alice", key: alice!.signer.key, entries: 2, edits: 1 },
    { name: "bob", key: bob!.signer.key, entries: 4, edits: 3 },
    { name: "carol", key: carol!.signer.key, entries: 0, edits: 1 },
  ]);
  assertEquals(verified.coordinators, [
    { key: new Decider().signer.key, edits: 4, views: 1 },
    { key: another.signer.key, edits: 1, views: 0 },
  ]);
});

Deno.test("verifiedLog() takes a log without entries, and one of many pieces", async () => {
  const speaker = new Speaker("dan", 4);
  const batches = Array.from({ length: 10 }, () => speaker.say("z".repeat(60_000)));
  const counts: number[] = [];
  const between = (entries: number) => {
    counts.push(entries);
    return Promise.resolve(true);
  };

  const none = await verifiedLog(diskWith(logBytes([])), PATH);
  const ten = await verifiedLog(diskWith(logBytes(batches)), PATH, { between });

  assertEquals([none.entries, none.authors, ten.entries], [0, [], 10]);
  assertEquals(counts.at(-1), 10);
  assert(counts.length > 2);
});

/** Batches as somebody would write them who has no key of their authors: digests and checksums fit. */
function forged(change: (batches: SignedBatch[]) => void): Uint8Array {
  const batches = SIX.slice();
  change(batches);
  return logBytes(batches);
}

function edited(batch: SignedBatch, change: Partial<SignedBatch["batch"]["value"]>): SignedBatch {
  return batchFrom({ ...batch.batch.value, ...change }, batch.signature);
}

const EDITED_LINES = new TextDecoder().decode(logBytes(EDITED)).split("\n").slice(0, -1);

/** The edits with something changed, digests and checksums made anew. */
function forgedEdit(
  batch: number,
  index: number,
  change: (edit: Edit) => Edit,
): Uint8Array {
  const batches = EDITED.slice();
  const { batch: { value }, signature } = batches[batch]!;
  const edits = value.edits.with(index, change(value.edits[index]!));
  batches[batch] = batchFrom({ ...value, edits }, signature);
  return logBytes(batches);
}

/** Hello, the rule that an entry's author is asked, and edits that the coordinator has signed. */
function ownEdit(...edits: readonly Decided[]): Uint8Array {
  const coordinator = new Decider();
  const rules = coordinator.rules({ edits: "own" });
  return logBytes([EDITED[0]!, rules, ...edits.map((edit) => coordinator.decide(edit))]);
}

/** Somebody else than whose entries they are. */
const MALLORY = new Speaker("mallory", 9);

/** The same request in other words. */
function reworded(edit: Edit): Edit {
  const { request, signature } = edit.signed;
  return { ...edit, signed: editRequestFrom({ ...request.value, text: "no" }, signature) };
}

/** Hello, and an edit that the coordinator has signed. */
function withEdit(...edits: readonly Decided[]): Uint8Array {
  const coordinator = new Decider();
  return logBytes([EDITED[0]!, ...edits.map((edit) => coordinator.decide(edit))]);
}

const mallory = nodeSigner(new Uint8Array(32).fill(66));

const LIES: readonly (readonly [name: string, content: () => string | Uint8Array, RegExp])[] = [
  [
    "a changed text",
    () => LINES.with(5, LINES[5]!.replace("ünï", "uni")).join("\n") + "\n",
    /line 6, entry 5, is wrong, its checksum doesn't fit; .*what is before entry 5 is whole/,
  ],
  [
    "a changed text with a checksum that fits",
    () => LINES.with(5, withChecksum(LINES[5]!.replace("ünï", "uni"))).join("\n") + "\n",
    /line 6, entry 5, is wrong, its digest doesn't fit what it says/,
  ],
  [
    "a changed name with a checksum that fits",
    () => LINES.with(1, withChecksum(LINES[1]!.replace("alice", "alyce"))).join("\n") + "\n",
    /line 2, entry 1, is wrong, nobody says that alyce said it.*nothing before it is whole/,
  ],
  [
    "a changed digest with a checksum that fits",
    () => LINES.with(1, withChecksum(LINES[1]!.replace(/^1\t../, "1\tff"))).join("\n") + "\n",
    /line 2, entry 1, is wrong, its digest doesn't fit/,
  ],
  [
    "lines that were swapped",
    () => [...LINES.slice(0, 5), LINES[6], LINES[5]].join("\n") + "\n",
    /line 6, entry 5, is wrong, entry 5 or an edit was expected, "6" is there/,
  ],
  [
    "a line that was removed",
    () => LINES.toSpliced(3, 1).join("\n") + "\n",
    /line 4, entry 3, is wrong, entry 3 was expected, "4" is there/,
  ],
  [
    "a line that was doubled",
    () => LINES.toSpliced(2, 0, LINES[1]!).join("\n") + "\n",
    /line 3, entry 2, is wrong, entry 2 or an edit was expected, "1" is there/,
  ],
  [
    "an end that was cut off",
    () => LINES.slice(0, 4).join("\n") + "\n",
    /line 3, entry 2, is wrong, lines that belong to it are missing; it was cut off there/,
  ],
  [
    "a last line that isn't whole",
    () => LINES.join("\n").slice(0, -20),
    /line 7, entry 6, is wrong, its end is missing/,
  ],
  [
    "a forged signature",
    () => forged((all) => all[2] = { ...all[2]!, signature: all[1]!.signature }),
    /line 6, entry 5, is wrong, alice's signature \(key [a-z2-7]{27}\) doesn't fit entry 5;/,
  ],
  [
    "a changed text with digests made anew",
    () => forged((all) => all[1] = edited(all[1]!, { texts: ["hi", "no", "how are you?"] })),
    /line 5, entry 4, is wrong, bob's signature .* doesn't fit entries 2 to 4;/,
  ],
  [
    "another author with digests made anew",
    () => forged((all) => all[2] = edited(all[2]!, { author: mallory.key, counter: 1 })),
    /entry 5, is wrong, nobody says that alice said it: its author was no member/,
  ],
  [
    "what was said in another group",
    () => {
      const batch = new Speaker("alice", 1).batch(["hello"], OTHER_GROUP);
      return logBytes([signBatch(nodeSigner(new Uint8Array(32).fill(1)), batch)]);
    },
    /alice's signature .* doesn't fit entry 1/,
  ],
  [
    "a message that is there twice",
    () => forged((all) => all.push(all[3]!)),
    /line 8, entry 7, is wrong, its author's counter is 4, 5 was expected/,
  ],
  [
    "a changed group",
    () => LINES.with(0, LINES[0]!.replace(GROUP, OTHER_GROUP)).join("\n") + "\n",
    /line 1 is wrong, it isn't the first line of a group's log/,
  ],
  [
    "a time that is none",
    () =>
      LINES.with(1, withChecksum(LINES[1]!.replace("2026-01-31T", "2026-01-31 "))).join("\n") +
      "\n",
    /line 2, entry 1, is wrong, no time is "2026-01-31 /,
  ],
];

const EDIT_LIES: typeof LIES = [
  [
    "a changed edit with a checksum that fits",
    () =>
      EDITED_LINES.with(2, withChecksum(EDITED_LINES[2]!.replace("hello", "hullo"))).join("\n") +
      "\n",
    /line 3, edit 1, is wrong, its digest doesn't fit what it says; .*what is before edit 1 is whole/,
  ],
  [
    "the number of an edit changed with a checksum that fits",
    () =>
      EDITED_LINES.with(2, withChecksum(EDITED_LINES[2]!.replace("edit 1", "edit 2"))).join("\n") +
      "\n",
    /line 3, edit 2, is wrong, its digest doesn't fit what it says/,
  ],
  [
    "an edit that was removed",
    () => EDITED_LINES.toSpliced(2, 1).join("\n") + "\n",
    /line 3, entry 2, is wrong, .*doesn't fit/,
  ],
  [
    "a changed edit among several",
    () => EDITED_LINES.with(7, EDITED_LINES[7]!.replace('"x"', '"y"')).join("\n") + "\n",
    /line 9, edit 5, is wrong, the checksum doesn't fit of what was decided in one go, from edit 3 to edit 5/,
  ],
  [
    "an edit that was cut off",
    () => EDITED_LINES.slice(0, 8).join("\n") + "\n",
    /line 7, edit 3, is wrong, lines that belong to it are missing; it was cut off there/,
  ],
  [
    "the beginning of a line that nobody can name",
    () => EDITED_LINES.slice(0, 2).join("\n") + "\nedi",
    /line 3 is wrong, its end is missing; .*what is before line 3 is whole/,
  ],
  [
    "an edit in other words than asked for",
    () => forgedEdit(3, 1, reworded),
    /line 9, edit 5, is wrong, alice's signature \(key [a-z2-7]{27}\) doesn't fit edit 4;/,
  ],
  [
    "somebody who is said to have agreed",
    () =>
      forgedEdit(
        1,
        0,
        (edit) => ({
          ...edit,
          agreed: [{ ...new Speaker("bob", 2).named, signature: edit.agreed[0]!.signature }],
        }),
      ),
    /line 3, edit 1, is wrong, the coordinator's signature \(key [a-z2-7]{27}\) doesn't fit edit 1;/,
  ],
  [
    "edits that somebody else numbered",
    () => forgedEdit(3, 0, (edit) => ({ ...edit, edit: 2 })),
    /line 9, edit 5, is wrong, the coordinator's signature .* doesn't fit edits 2, 4, 5;/,
  ],
  [
    "an edit without its author's consent",
    () => ownEdit([MALLORY.ask(1, "I owe Mallory 5")]),
    /line 4, edit 1, is wrong, edit 1: a consent is missing that the rules need: that of the entry's author;/,
  ],
  [
    "an edit with a consent that its author gave to another one",
    () => {
      const coordinator = new Decider();
      const [, other] = [MALLORY.ask(1, "x"), MALLORY.ask(1, "y")];
      const given = coordinator.batch([[other, new Speaker("alice", 1)]]).edits[0]!.agreed;
      const batch = new Decider().batch([[MALLORY.ask(1, "I owe Mallory 5")]]);
      const edits = [{ ...batch.edits[0]!, agreed: given }];
      const decided = signBatch(coordinator.signer, { ...batch, edits });
      return logBytes([EDITED[0]!, decided]);
    },
    /line 3, edit 1, is wrong, edit 1: alice hasn't signed to agree;/,
  ],
  [
    "an edit of what the entry doesn't read any more",
    () => {
      const alice = new Speaker("alice", 1);
      return ownEdit([alice.ask(1, "x")], [alice.ask(1, "y", GROUP, { old: "hello" })]);
    },
    /line 5, edit 2, is wrong, edit 2: entry 1 has been changed since/,
  ],
  [
    "an edit that was asked for another entry",
    () =>
      ownEdit([
        new Speaker("alice", 1).ask(1, "x", GROUP, { entry: new Speaker("bob", 2).entry(1) }),
      ]),
    /line 4, edit 1, is wrong, edit 1: it was asked for another entry than entry 1;/,
  ],
  [
    "an edit that was asked for in another group",
    () => withEdit([new Speaker("bob", 2).ask(1, "x", OTHER_GROUP)]),
    /line 3, edit 1, is wrong, its digest doesn't fit what it says/,
  ],
  [
    "an edit that the coordinator repeats",
    () => {
      const request = new Speaker("bob", 2).ask(1, "x");
      return withEdit([request], [request]);
    },
    /line 4, edit 2, is wrong, edit 2: what was asked for was done before/,
  ],
  ...[
    [4, "a name has half a character", "\\ud800"],
    [4, "a name is longer than any may be", "x".repeat(129)],
    [5, "a text has half a character", "\\udfff"],
    [5, "a text is longer than any may be", "x".repeat(65_537)],
    [5, "a text is badly escaped", "\\q"],
  ].map(([cell, found, content]) =>
    [
      `an edit of which ${found}: ${content}`.slice(0, 60),
      () => {
        const cells = EDITED_LINES[2]!.split("\t").with(cell as number, content as string);
        return EDITED_LINES.with(2, withChecksum(cells.join("\t"))).join("\n") + "\n";
      },
      new RegExp(`line 3, edit 1, is wrong, ${found}`),
    ] as const
  ),
  [
    "an edit to nothing",
    () => withEdit([new Speaker("bob", 2).ask(1, "")]),
    /line 3, edit 1, is wrong, edit 1: an entry can't be empty/,
  ],
  [
    "an edit of an entry that comes later",
    () => logBytes([EDITED[0]!, new Decider().decide([new Speaker("bob", 2).ask(2, "x")])]),
    /line 3, edit 1, is wrong, it changes an entry that isn't there/,
  ],
];

for (const [name, content, sentence] of [...LIES, ...EDIT_LIES]) {
  Deno.test(`verifiedLog() finds ${name}`, async () => {
    const error = await complaintAbout(content());

    assertEquals([error.code, error.exitStatus], ["store-corrupt", 5]);
    assert(sentence.test(error.message), error.message);
    assertStringIncludes(error.message, `Cannot trust ${PATH}: line `);
  });
}

Deno.test("verifiedLog() says what is no log of this version", async () => {
  const cases = [
    ["", "it is empty"],
    ["Milk\nEggs\n", "it isn't the log of a group"],
    ["p2pchat\tgroup-log\t3\told\n", "its version is 3, this program reads 5"],
    ["p2pchat\tgroup-log\t6\tnew\n", "its version is 6, this program reads 5"],
  ] as const;
  for (const [content, found] of cases) {
    const error = await complaintAbout(content);
    assertEquals(error.code, "bad-file");
    assertStringIncludes(error.message, found);
  }
  const missing = await assertRejects(() => verifiedLog(new MemoryDisk(), PATH), P2pchatError);
  assertEquals(missing.message, `Cannot read ${PATH}: there is no such file; check the name`);
});

/** A disk with the edited log, and what stands beside it: records of that format. */
function diskBesides(format: FileFormat, ...records: readonly LogRecord[]): MemoryDisk {
  const disk = diskWith(logBytes(EDITED));
  const lines = new LineBuffer();
  lines.add(headerContent(format));
  for (const [at, record] of records.entries()) {
    lines.add(numberedContent(at + 1, false, recordContent(record)));
  }
  disk.place("/p/state", lines.bytes());
  return disk;
}

const [DECIDER, NOBODY] = [new Decider().signer.key, new Speaker("eve", 9).signer.key];

const NEXT = new Decider(98).signer;

const ofMember = (coordinator: PeerKey, founding = FOUNDING) => {
  const group = groupIdOf(nodeCrypto, founding);
  return MEMBER_STATE_LOG.line({ kind: "group", group, founding, coordinator });
};

const former = (...keys: readonly PeerKey[]) =>
  MEMBER_STATE_LOG.line({ kind: "former", signed: signFormerKeys(NEXT, { group: GROUP, keys }) });

const key = (key: PeerKey) => COORDINATOR_STATE_LOG.line({ kind: "key", key });

const ofCoordinator = COORDINATOR_STATE_LOG.line({
  kind: "group",
  group: GROUP,
  founding: FOUNDING,
});

const BESIDES: readonly (readonly [string, MemoryDisk, boolean | null])[] = [
  ["a member's", diskBesides(MEMBER_STATE_LOG.name, ofMember(DECIDER)), true],
  [
    "that of a member, who knows former keys",
    diskBesides(
      MEMBER_STATE_LOG.name,
      ofMember(NEXT.key),
      former(DECIDER, NOBODY),
      ofMember(NEXT.key),
    ),
    true,
  ],
  [
    "a member's, with another coordinator since",
    diskBesides(MEMBER_STATE_LOG.name, ofMember(DECIDER), former(DECIDER), ofMember(NEXT.key)),
    false,
  ],
  [
    "a member's of another group",
    diskBesides(MEMBER_STATE_LOG.name, ofMember(NOBODY, OTHER_FOUNDING)),
    null,
  ],
  ["a member's that was in no group", diskBesides(MEMBER_STATE_LOG.name), null],
  [
    "the coordinator's",
    diskBesides(COORDINATOR_STATE_LOG.name, ofCoordinator, key(DECIDER), key(NEXT.key)),
    true,
  ],
  [
    "the coordinator's with other keys",
    diskBesides(COORDINATOR_STATE_LOG.name, ofCoordinator, key(NEXT.key)),
    false,
  ],
  [
    "an older one of the coordinator's",
    diskBesides(COORDINATOR_STATE_LOG.name, ofCoordinator),
    null,
  ],
  [
    "something else's",
    diskBesides({ format: "mesh-messages", version: 1 }, ofMember(NOBODY)),
    null,
  ],
  ["nobody's", diskWith(logBytes(EDITED)), null],
];

for (const [whose, disk, isKnown] of BESIDES) {
  Deno.test(`edits are compared with the keys in the state beside the log: ${whose}`, async () => {
    const deciders = await decidersBeside(disk, PATH, "/p");
    const verified = verifiedLog(disk, PATH, { deciders });

    if (isKnown !== false) {
      assertEquals((await verified).coordinatorsKnown, isKnown === true);
      return;
    }
    const { code, message } = await assertRejects(() => verified, P2pchatError);
    const wrong = `entry 1, is wrong, view 1 was decided under the key ${
      fingerprintOf(DECIDER)
    }, which isn't`;
    assertEquals(code, "store-corrupt");
    assertStringIncludes(message, wrong);
  });
}

Deno.test("log verify takes a view that another key signed than the group's founder for no proof of who had which name", async () => {
  const [alice, bob, forger] = [new Speaker("alice", 1), new Speaker("bob", 78), new Decider(77)];
  const hello = alice.say("I have 100 for Bob");
  const edit = new Decider().decide([alice.ask(1, "I have 200 for Bob", GROUP, {
    old: "I have 100 for Bob",
  })]);
  const honest = recorded([hello, edit]);
  const end = new HistoryEnd(nodeCrypto, GROUP);
  for (const batch of honest) end.append(batch);
  const member = ({ name, incarnation, signer: { key } }: Speaker) => {
    return { key, name, incarnation, host: null, port: 9_000 };
  };
  const view = recordedView(signEpoch(forger.signer, {
    group: GROUP,
    view: 2,
    ballot: { number: 2, round: 0 },
    members: [alice, bob].map(member),
    start: end.point,
  }));
  const content = logBytes([...honest, { ...bob.say("I, Bob, have got the 200"), view }]);
  const error = await complaintAbout(content);
  assertEquals([error.code, error.exitStatus], ["store-corrupt", 5]);
  assertStringIncludes(
    error.message,
    `line 4, entry 2, is wrong, view 2 was decided under the key ${
      fingerprintOf(forger.signer.key)
    }, which isn't that of the group's founding; somebody who isn't the coordinator added it, or the coordinator ` +
      "has had another key since",
  );

  // The whole folder comes from the forger, who has put a member's state beside the log.
  const disk = diskBesides(MEMBER_STATE_LOG.name, ofMember(forger.signer.key), former(DECIDER));
  disk.place(PATH, content);
  assertEquals(await decidersBeside(disk, PATH, "/home/ann/.local/share/p2pchat"), null);
});

Deno.test("log verify FILE KEY says who may decide on edits", async () => {
  const both = [DECIDER, NOBODY].map(fingerprintOf);
  const { keys } = parsedOptions(VERIFY, ["log", "verify", "f", ...both]);
  assertEquals(keys, [DECIDER, NOBODY].map(fingerprintOf));
  const wrong = assertThrows(
    () => parsedOptions(VERIFY, ["log", "verify", "f", ...both, "x"]),
    P2pchatError,
  );
  assertEquals([wrong.code, /must have 27 characters, has 1/.test(wrong.message)], ["usage", true]);

  const disk = diskWith(logBytes(EDITED));
  const only = (key: PeerKey) => ({
    deciders: { group: null, keys: new Set([fingerprintOf(key)]) },
  });
  assertEquals((await verifiedLog(disk, PATH, only(DECIDER))).coordinatorsKnown, true);
  const { message } = await assertRejects(
    () => verifiedLog(disk, PATH, only(NOBODY)),
    P2pchatError,
  );
  assertStringIncludes(message, "which isn't among the keys given");
  assertStringIncludes(message, "the keys given may be wrong");
  assertEquals(message.includes("somebody"), false);
});

Deno.test("A name in a log that looks like another is marked by verify, which gives both keys, and by export", async () => {
  const [alice, like] = [new Speaker("alice", 1), new Speaker("aIice", 5)];
  const said = [alice.say("I owe nobody anything"), like.say("I owe Mallory 1,000")];
  const disk = diskWith(logBytes(said));
  const { names } = await verifiedLog(disk, PATH);
  const [one, other] = [alice, like].map(({ signer }) => fingerprintOf(signer.key));

  assertEquals(names.map(({ name, looksLike }) => [name, looksLike]), [
    ["alice", undefined],
    ["aIice", "alice"],
  ]);
  assertEquals(
    namesText(names),
    `warning: ≈aIice (${other}, from entry 1 on) looks like alice (${one}); they may be different people\n`,
  );
  for (const format of ["text", "csv"] as const) {
    const written: string[] = [];
    await exportEntries(disk, PATH, format, (text) => {
      written.push(text);
      return Promise.resolve(true);
    });
    const lines = written.join("").trimEnd().split("\n").slice(-2);
    assertEquals(lines.map((line) => line.includes("≈aIice")), [false, true]);
  }
  const own = await verifiedLog(diskWith(logBytes([new Speaker("c0ordinator", 5).say("x")])), PATH);
  assertMatch(
    namesText(own.names),
    /c0ordinator .* looks like a word that the program uses itself/,
  );
});

Deno.test("Where two keys had one name, verify says which and since when, and export tells them apart", async () => {
  const [alice, mallory] = [new Speaker("Alice", 1), new Speaker("alice", 9)];
  const [first] = recorded([alice.say("I never agreed to pay.")]);
  const [second] = recorded([mallory.say("On reflection I agree to pay.")], 2);
  const disk = diskWith(logBytes([first!, second!]));

  const { names } = await verifiedLog(disk, PATH);
  assertEquals(names.map(({ name, key, from }) => [name, key, from]), [
    ["Alice", alice.signer.key, 1],
    ["alice", mallory.signer.key, 2],
  ]);
  const [one, other] = [alice, mallory].map(({ signer }) => fingerprintOf(signer.key));
  assertEquals(
    namesText(names),
    `warning: 2 keys had the name Alice: ${one} (from entry 1 on) and ${other} (from entry 2 on); ` +
      "they may be different people\n",
  );
  let text = "";
  await exportEntries(disk, PATH, "text", (lines) => {
    text += lines;
    return Promise.resolve(true);
  });
  assertStringIncludes(text, `Alice~${one!.slice(0, 4)}: I never agreed to pay.`);
  assertStringIncludes(text, `alice~${other!.slice(0, 4)}: On reflection I agree to pay.`);
  assertEquals(namesText(names.slice(0, 1)), "");
});

Deno.test("verifiedLog() finds a view that its signer hasn't signed", async () => {
  const [first] = recorded([new Speaker("alice", 1).say("hello")]);
  const view = { ...first!.view!, signature: new Uint8Array(64) };
  const error = await complaintAbout(logBytes([{ ...first!, view }]));
  assertEquals(error.code, "store-corrupt");
  assertMatch(
    error.message,
    /entry 1, is wrong, the coordinator's signature .* doesn't fit view 1/,
  );
});
