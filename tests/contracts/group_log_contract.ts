/** What the log of a group does on every disk that works. */

import type { RequestId } from "../../lib/base/ids.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import {
  emptyDigest,
  placesOf,
  type SignedBatch,
} from "../../lib/protocols/group/schema/history.ts";
import { type NamedKey, requestId } from "../../lib/protocols/group/schema/edit.ts";
import type { LoggedItem } from "../../lib/runtime/entry_feed.ts";
import { replaceFile } from "../../lib/store/disk/replacement.ts";
import {
  Decider,
  editedEntries,
  endOf,
  FOUNDING,
  GROUP,
  logBytes,
  nameOf,
  openLogAt,
  OTHER_FOUNDING,
  placedOf,
  recorded,
  sixEntries,
  Speaker,
} from "../cli/group_logs.ts";
import type { DiskFixture } from "./disk_contract.ts";

export function groupLogContract(
  title: string,
  run: (test: (fixture: DiskFixture) => Promise<void>) => Promise<void>,
): void {
  const contract = (name: string, test: (fixture: DiskFixture, path: string) => Promise<void>) =>
    Deno.test(`${title}: ${name}`, () => run((at) => test(at, `${at.folder}/log`)));

  contract("open() finds no log where there is none, and leaves none", async (at, path) => {
    const { log, last, notices } = await openLogAt(at.disk, path);
    const found = [log.end, last, notices];
    log.close();

    assertEquals(found, [null, null, []]);
    assertEquals(await at.disk.read(path), null);
  });

  contract("append() writes the same bytes however batches come", async (at, path) => {
    const batches = sixEntries();
    await begin(at, path, batches);
    const oneByOne = await at.disk.read(path);
    const { log } = await openLogAt(at.disk, `${path}2`);
    await log.startAnew(FOUNDING, null);
    log.append(batches);
    log.close();

    assertEquals(oneByOne, logBytes(batches));
    assertEquals(await at.disk.read(`${path}2`), oneByOne);
  });

  contract("open() goes on where the log ended", async (at, path) => {
    const [speaker, batches] = [new Speaker("carol", 3), sixEntries()];
    await begin(at, path, batches);
    const { log, last, notices } = await openLogAt(at.disk, path);
    const end = endOf(batches);
    assertEquals([log.end?.point, log.end?.seq], [end.point, 6]);
    assertEquals(log.end?.through(batches[0]!.batch.value.author, "01".repeat(8)), 2);
    const said = batches.at(-1)!.batch.value;
    assertEquals([last, notices], [{ ...new Speaker("bob", 2).named, sentAt: said.sentAt }, []]);

    const more = recorded([speaker.say("here I am")], 2)[0]!;
    log.append([more]);
    log.close();

    assertEquals(await at.disk.read(path), logBytes([...batches, more]));
  });

  contract("open() goes on behind edits, and knows who said the last entry", async (at, path) => {
    const batches = editedEntries().slice(0, 4);
    await begin(at, path, batches);
    const { log, last, notices } = await openLogAt(at.disk, path);
    const end = endOf(batches);
    assertEquals([log.end?.point, log.end?.seq], [end.point, 4]);
    assertEquals(log.end?.through(batches[1]!.batch.value.author, "63".repeat(8)), 4);
    assertEquals([last?.name, notices], ["bob", []]);

    log.append(editedEntries().slice(4));
    log.close();

    assertEquals(await at.disk.read(path), logBytes(editedEntries()));
  });

  contract("read() gives whole batches behind a position, within bytes", async (at, path) => {
    const batches = editedEntries();
    await begin(at, path, batches);
    const { log } = await openLogAt(at.disk, path);
    const starts = [[0, 0], [1, 1], [2, 1], [5, 4], [8, 4], [9, 5], [10, 6]] as const;
    for (const [from, [after, seq]] of starts.entries()) {
      const digest = from === 0
        ? emptyDigest(nodeCrypto, GROUP)
        : endOf(batches.slice(0, from)).digest;
      const [all, one] = [batches.slice(from), batches.slice(from, from + 1)];
      assertEquals(await log.read(after, 1_000_000), { batches: all, digest, seq });
      assertEquals(await log.read(after, 1), { batches: one, digest, seq });
    }
    for (const nowhere of [3, 4, 6, 7, 11, 100]) {
      assertEquals(await log.read(nowhere, 1_000), { batches: [], digest: null, seq: 0 });
    }
    log.close();
  });

  contract("read() has what was appended a moment ago", async (at, path) => {
    const batches = sixEntries();
    const { log } = await openLogAt(at.disk, path);
    assertEquals(await log.read(0, 1_000), { batches: [], digest: null, seq: 0 });
    await log.startAnew(FOUNDING, null);
    log.append(batches);
    const { batches: found } = await log.read(4, 1_000);
    log.close();

    assertEquals(found, batches.slice(2));
  });

  contract("read() fits as much as it may, of a long log", async (at, path) => {
    const [speaker, batches] = [new Speaker("dan", 4), [] as SignedBatch[]];
    for (let i = 0; i < 400; i++) {
      batches.push(speaker.say(...Array.from({ length: 1 + i % 5 }, () => "x".repeat(i))));
    }
    await begin(at, path, batches);
    const { log } = await openLogAt(at.disk, path);
    const found: SignedBatch[] = [];
    let [after, reads] = [0, 0];
    for (;; reads++) {
      const read = await log.read(after, 20_000);
      if (read.batches.length === 0) break;
      const bytes = read.batches.reduce((sum, { batch }) => sum + batch.bytes.length + 80, 0);
      assertEquals(bytes <= 20_000, true);
      found.push(...read.batches);
      for (const { batch } of read.batches) after += placesOf(batch.value);
    }
    log.close();

    assertEquals(found, [...recorded(batches)]);
    assertEquals(reads < 20, true, `${reads} reads`);
  });

  contract("tail() gives the last entries, all where there are fewer", async (at, path) => {
    await begin(at, path, sixEntries());
    const { log } = await openLogAt(at.disk, path);
    const all = await log.tail(100, nameOf);
    const tails = [];
    for (const count of [0, 1, 2, 3, 5, 6]) tails.push(await log.tail(count, nameOf));
    log.close();

    assertEquals(all.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6]);
    assertEquals(all[1], {
      seq: 2,
      id: all[1]!.id,
      from: "bob",
      shown: "bob",
      key: fingerprintOf(new Speaker("bob", 2).signer.key),
      text: "hi",
      edits: 0,
      editedBy: null,
      sentAt: "2026-01-31T12:00:01.000Z",
    });
    assertEquals(new Set(all.map(({ id }) => id)).size, 6);
    assertEquals(tails, [0, 1, 2, 3, 5, 6].map((count) => all.slice(6 - count)));
  });

  contract("tail(), look() and entryOf() have an entry as it reads now", async (at, path) => {
    const batches = editedEntries();
    const marked = ({ key, name }: NamedKey) => `${name}~${key.slice(0, 8)}`;
    await begin(at, path, batches);
    const { log } = await openLogAt(at.disk, path);
    const tails = [
      await log.tail(10, marked),
      await log.tail(4, marked),
      await log.tail(3, marked),
    ];
    const { entries } = placedOf(batches);
    const ids = entries.map(({ id }) => id);
    const looked = [];
    for (const seq of [0, 1, 2, 3, 7]) looked.push(await log.look(seq, null));
    const idOf = (batch: number, index: number) =>
      requestId(nodeCrypto, batches[batch]!.batch.value.edits[index]!.signed.request.value);
    const isEdited = async (seq: number, id: RequestId) => (await log.look(seq, id))?.isEdited;
    const firsts = [await isEdited(1, idOf(1, 0)), await isEdited(1, idOf(3, 1))];
    const thirds = [await isEdited(3, idOf(3, 0)), await isEdited(3, idOf(3, 2))];
    const others = [await isEdited(2, idOf(1, 0)), await isEdited(1, idOf(3, 0))];
    const [third, missing] = [await log.entryOf(3, marked), await log.entryOf(7, marked)];
    log.close();

    const said = '{"command":"x"}';
    const now = [said, "hi", "/exit", "how are you?", "ünï👩‍🚀", ""];
    assertEquals(tails.map((views) => views.map(({ text }) => text)), [
      now,
      now.slice(2),
      now.slice(3),
    ]);
    assertEquals(tails[0]!.map(({ edits }) => edits), [2, 0, 2, 0, 0, 0]);
    const [alice, bob] = [new Speaker("alice", 1).named, new Speaker("bob", 2).named];
    const carol = new Speaker("carol", 3).named;
    assertEquals(tails[0]!.slice(0, 2).map(({ from, shown, key }) => [from, shown, key]), [
      ["alice", marked(alice), fingerprintOf(alice.key)],
      ["bob", marked(bob), fingerprintOf(bob.key)],
    ]);
    assertEquals(looked, [
      null,
      { id: ids[0]!, author: alice, text: said, isEdited: false },
      { id: ids[1]!, author: bob, text: "hi", isEdited: false },
      { id: ids[2]!, author: bob, text: "/exit", isEdited: false },
      null,
    ]);
    assertEquals([firsts, thirds, others], [[true, true], [true, true], [false, false]]);
    const agreed = [bob, alice].map(marked);
    const first = batches[2]!.batch.value.texts[1]!;
    const committedAt = "2026-01-31T12:02:00.000Z";
    const between = "%s /exit ünï👩‍🚀";
    assertEquals([missing, third], [null, {
      seq: 3,
      id: tails[0]![2]!.id,
      from: "bob",
      shown: marked(bob),
      key: fingerprintOf(bob.key),
      text: "/exit",
      sentAt: "2026-01-31T12:00:01.000Z",
      editedBy: marked(bob),
      edits: [
        { edit: 3, by: marked(carol), old: first, new: between, agreed, committedAt },
        { edit: 5, by: marked(bob), old: between, new: "/exit", agreed: [], committedAt },
      ],
    }]);
  });

  contract(
    "tail() finds edits that stand far behind their entry",
    async (at, path) => {
      const [dan, coordinator] = [new Speaker("dan", 4), new Decider()];
      const long = "y".repeat(20_000);
      const batches = [
        dan.say("one", "two"),
        ...Array.from({ length: 30 }, () => dan.say(long)),
        ...Array.from({ length: 60 }, (_, i) => coordinator.decide([dan.ask(1 + i % 2, `${i}`)])),
      ];
      await begin(at, path, batches);
      const { log } = await openLogAt(at.disk, path);
      const all = await log.tail(100, nameOf);
      const looked = await log.look(2, null);
      const story = await log.entryOf(1, nameOf);
      const last = await log.tail(1, nameOf);
      log.close();

      assertEquals(all.slice(0, 3).map(({ text, edits }) => [text, edits]), [
        ["58", 30],
        ["59", 30],
        [long, 0],
      ]);
      assertEquals(looked?.text, "59");
      assertEquals(story?.edits.map((edit) => edit.old), ["one", ...evenBelow(58)]);
      assertEquals(last.map(({ seq, text }) => [seq, text]), [[32, long]]);
    },
  );

  contract(
    "what is appended meanwhile changes nothing of what was asked for before",
    async (at, path) => {
      const batches = editedEntries();
      const { log } = await openLogAt(at.disk, path);
      await log.startAnew(FOUNDING, null);
      log.append(batches.slice(0, 3));
      const before = [
        log.tail(2, nameOf),
        log.look(3, null),
        log.entryOf(3, nameOf),
        log.read(5, 1_000),
      ] as const;
      log.append(batches.slice(3));
      const [tail, looked, story, read] = await Promise.all(before);
      const after = await log.look(3, null);
      log.close();

      assertEquals(tail.map(({ text }) => text), batches[2]!.batch.value.texts.slice(1));
      assertEquals(looked?.text, tail.at(0)?.text);
      assertEquals([story?.edits, read.batches], [[], []]);
      assertEquals(after?.text, "/exit");
    },
  );

  contract("items() has entries and edits by position", async (at, path) => {
    const batches = editedEntries();
    await begin(at, path, batches);
    const { log } = await openLogAt(at.disk, path);
    const items: LoggedItem[] = [];
    for await (const piece of log.items(4)) items.push(...piece);
    log.close();

    const { entries, edits } = placedOf(batches);
    assertEquals(items.map(({ position, seq }) => [position, seq]), [
      [3, 2],
      [4, 3],
      [5, 4],
      [6, 3],
      [7, 1],
      [8, 3],
      [9, 5],
      [10, 6],
    ]);
    const digests = new Map([...entries, ...edits].map((one) => [one.position, one.digest]));
    assertEquals(items.map(({ digest }) => digest), items.map((one) => digests.get(one.position)));
  });

  contract("items() goes through a log that is longer than a piece", async (at, path) => {
    const speaker = new Speaker("dan", 4);
    const batches = Array.from({ length: 40 }, (_, i) => speaker.say(`${i}`, "y".repeat(20_000)));
    await begin(at, path, batches);
    const { log } = await openLogAt(at.disk, path);
    const pieces: number[] = [];
    const texts: string[] = [];
    for await (const piece of log.items()) {
      pieces.push(piece.length);
      texts.push(...piece.map(({ batch, index }) => batch.texts[index]!));
    }
    log.close();

    assertEquals(texts, batches.flatMap(({ batch }) => batch.value.texts));
    assertEquals(pieces.length > 2, true);
  });

  contract("startAnew() sets a log with entries aside, one without not", async (at, path) => {
    const batches = sixEntries();
    await begin(at, path, batches);
    const { log } = await openLogAt(at.disk, path);
    const first = await log.startAnew(OTHER_FOUNDING, "foreign");
    const second = await log.startAnew(FOUNDING, "unlike");
    log.append(batches.slice(0, 1));
    const third = await log.startAnew(FOUNDING, "unlike");
    log.append(batches);
    log.close();

    const aside = `${path}.damaged-20260131T120000Z`;
    assertEquals(
      first,
      `${path} is the log of another group: it was set aside as ${aside}, and the log of the ` +
        "group comes in its place",
    );
    assertEquals(second, null);
    assertEquals(
      third?.includes(`differs from the log of the group: it was set aside as ${aside}-2,`),
      true,
    );
    assertEquals(await at.disk.list(at.folder), [
      "log",
      "log.damaged-20260131T120000Z",
      "log.damaged-20260131T120000Z-2",
      "log.lock",
    ]);
    assertEquals(await at.disk.read(aside), logBytes(batches));
    assertEquals(await at.disk.read(path), logBytes(batches));
  });

  contract("open() refuses a log that another has open", async (at, path) => {
    const { log } = await openLogAt(at.disk, path);
    const error = await assertRejects(() => openLogAt(at.disk, path), P2pchatError);
    log.close();
    const again = await openLogAt(at.disk, path);
    again.log.close();

    assertEquals(error.code, "in-use");
  });

  contract("open() refuses what is no log, and leaves it as it is", async (at, path) => {
    const files = [
      "Milk\nEggs\n",
      "no line feed",
      "\0\x01\x02",
      "p2pchat-group-log\n",
      "p2pchat\tgroup-log\t1\tnever released\n",
      "p2pchat\tgroup-log\t6\tsomething new\n",
    ];
    for (const text of files) {
      const bytes = new TextEncoder().encode(text);
      await replaceFile(at.disk, path, bytes);
      const error = await assertRejects(() => openLogAt(at.disk, path), P2pchatError, path);
      assertEquals([error.code, await at.disk.read(path)], ["bad-file", bytes]);
      assertEquals(await at.disk.stat(`${path}.lock`), null);
    }
    await at.disk.makeFolder(`${at.folder}/folder`);
    const error = await assertRejects(
      () => openLogAt(at.disk, `${at.folder}/folder`),
      P2pchatError,
    );
    assertEquals(error.code, "bad-file");
  });

  contract("open() takes an empty file for none", async (at, path) => {
    await replaceFile(at.disk, path, new Uint8Array(0));
    const { log } = await openLogAt(at.disk, path);
    assertEquals(log.end, null);
    await log.startAnew(FOUNDING, null);
    log.close();

    assertEquals(await at.disk.read(path), logBytes([]));
  });
}

function evenBelow(end: number): readonly string[] {
  return Array.from({ length: end / 2 }, (_, i) => String(2 * i));
}

/** A log with these batches, each appended by itself. */
async function begin(
  { disk }: DiskFixture,
  path: string,
  batches: readonly SignedBatch[],
): Promise<void> {
  const { log } = await openLogAt(disk, path);
  await log.startAnew(FOUNDING, null);
  for (const batch of recorded(batches)) log.append([batch]);
  log.close();
}
