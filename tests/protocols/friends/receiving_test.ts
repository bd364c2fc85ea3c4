// What comes: on disk, then shown and acknowledged; taken in once.

import { HERE } from "../../../lib/base/machine/user_presence.ts";
import { assert, assertEquals } from "@std/assert";
import { FriendTable } from "../../../lib/protocols/friends/friend_table.ts";
import { restoreFriends } from "../../../lib/protocols/friends/friends_log.ts";
import { Inbox } from "../../../lib/protocols/friends/inbox.ts";
import { Receiving } from "../../../lib/protocols/friends/receiving.ts";
import {
  RECEIVED_KEPT_MAX,
  TEXT_BYTES_MAX,
  UNSTORED_BYTES_MAX,
} from "../../../lib/protocols/friends/limits.ts";
import type { FriendsRecord, ReceivedPlace } from "../../../lib/protocols/friends/records.ts";
import { BOB, CEM, EVE, idOf, linkOf, place, queued, received, ROWS } from "./fixtures.ts";
import { partOutput, Program } from "./program.ts";

/** Ann's program, linked with Bob. */
function linked(): Program {
  const ann = Program.started();
  ann.meets();
  return ann;
}

const kinds = ({ disk }: Program) => disk.map(({ kind }) => kind);

Deno.test("Friends shows and acknowledges a message when it is on disk, not before", () => {
  const ann = linked();
  ann.diskMode = "holds";

  assertEquals(ann.texts(1, [1, 2]), []);
  assertEquals(ann.diskAnswers(), ["<bob> text 1", "<bob> text 2", "1: stored 1.2"]);
  assertEquals(ann.disk.slice(-2).map(({ kind }) => kind), ["received", "received"]);
});

Deno.test("Friends takes a message in once, and acknowledges the repetition of what it has", () => {
  const ann = linked();
  ann.texts(1, [1, 2]);
  const before = kinds(ann);

  assertEquals(ann.texts(1, [1, 2]), ["1: stored 1.2"]);
  assertEquals(ann.texts(1, [2, 3]), ["<bob> text 3", "1: stored 1.3"]);
  assertEquals(kinds(ann), [...before, "received"]);
});

Deno.test("Friends says after a restart what it has stored, takes none of it in again, and shows it not", () => {
  const before = linked();
  before.texts(1, [1]);
  before.texts(1, [4], 7);
  before.disk.push({ kind: "shown", key: BOB, through: place(4, 7) });
  const ann = before.restarted();

  assertEquals(ann.feed({ type: "start" }), ["ready"]);
  ann.comesIn(BOB);
  const hello = ann.machine.step(
    {
      type: "message",
      link: 1 as never,
      message: { type: "hello", name: "bob", to: "ann", stored: [], ...HERE },
    },
    ann.nowMs,
  ).flatMap((effect) =>
    effect.type === "send" && effect.message.type === "hello" ? [effect.message] : []
  );

  assertEquals(hello[0]?.stored, [place(1), place(4, 7)]);
  assertEquals(ann.texts(1, [4], 7), ["1: stored 7.4"]);
});

Deno.test("Friends shows after a restart, as history, what was stored and perhaps not shown", () => {
  const before = linked();
  for (const number of [1, 2, 3]) before.texts(1, [number]);
  before.disk.push({ kind: "shown", key: BOB, through: place(1) });
  const ann = before.restarted();

  assertEquals(ann.feed({ type: "start" }), [
    "ready",
    "(earlier) <bob> text 2",
    "(earlier) <bob> text 3",
  ]);
});

Deno.test("Friends says through which message all was shown, for each time it shows some", () => {
  const ann = new Program({ records: [received(1)] });
  const through = (effects: ReturnType<typeof ann.machine.step>) =>
    effects.flatMap((effect) => effect.type === "shown" ? [effect.through] : []);

  assertEquals(through(ann.machine.step({ type: "start" }, 0)), [at(1)]);
});

Deno.test("Friends keeps nothing of what the disk refused, says so once, and has it sent again", () => {
  const ann = linked();
  ann.diskMode = "refuses";
  const refused = (link: number) => [`${link}: refuse disk`, `closes ${link}: refused: disk`];

  assertEquals(ann.texts(1, [1]), ["error disk", ...refused(1)]);
  ann.goesDown(1);
  ann.meets();
  assertEquals(ann.texts(2, [1]), refused(2));
  ann.goesDown(2);
  ann.meets();
  ann.diskMode = "writes";
  assertEquals(ann.texts(3, [1]), ["<bob> text 1", "3: stored 1.1"]);

  ann.diskMode = "refuses";
  assertEquals(ann.texts(3, [2]), ["error disk", ...refused(3)], "again, and so it is told again");
});

Deno.test("Friends keeps messages apart whose senders use the same places", () => {
  const ann = linked();
  ann.meets(CEM, { name: "cem" });
  ann.reaches(CEM);

  assertEquals(ann.texts(1, [1]), ["<bob> text 1", "1: stored 1.1"]);
  assertEquals(ann.texts(2, [1]), ["<cem> text 1", "2: stored 1.1"]);
});

Deno.test("Friends takes nothing from one who isn't let in", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });

  assertEquals(ann.texts(1, [1]), ["bans 1: protocol: texts before hello"]);
  assertEquals(ann.disk.filter(({ kind }) => kind === "received"), []);
});

Deno.test("Friends knows a message again that comes under another place, as from a disk that was put back", () => {
  const ann = linked();
  const text = (epoch: number) => ({
    type: "texts",
    epoch,
    entries: [{ number: 1, id: Uint8Array.fromHex(idOf(7)), sentAt: 0, text: "once" }],
  } as const);
  assertEquals(ann.gets(1, text(1)), ["<bob> once", "1: stored 1.1"]);

  assertEquals(ann.gets(1, text(2)), ["1: stored 2.1"]);
  assertEquals(kinds(ann).filter((kind) => kind === "received").length, 1);
});

Deno.test("Friends tells that messages are missing which the sender has no more, and goes on behind them", () => {
  const ann = linked();

  const words = ann.gets(1, { type: "skip", position: place(5) });

  assertEquals(words, ["notice", "1: stored 1.5"]);
  assertEquals(ann.facts, ["gone-here"]);
  assertEquals(ann.gets(1, { type: "skip", position: place(5) }), [], "known");
  assertEquals(ann.texts(1, [6]), ["<bob> text 6", "1: stored 1.6"]);
  assertEquals(ann.texts(1, [4]), ["1: stored 1.4"]);
});

Deno.test("Friends shows a date of no calendar as one, and goes on", () => {
  const ann = linked();
  const entry = { number: 1, id: new Uint8Array(16), sentAt: Number.MAX_SAFE_INTEGER, text: "hi" };

  assertEquals(ann.gets(1, { type: "texts", epoch: 1, entries: [entry] })[0], "<bob> hi");
});

Deno.test("Friends stores and shows a message to oneself, and sends it to nobody", () => {
  const ann = Program.started();

  assertEquals(ann.say("ANN", "note", "r"), ["ann queued [r]", "<ann> note", "ann delivered [r]"]);
  assertEquals(ann.events.some((event) => event.event === "message" && event.self), true);
  ann.diskMode = "refuses";
  assertEquals(ann.say("ann", "lost", "r2"), ["error disk [r2]"]);
});

Deno.test("Friends closes no link for being idle while what came over it is being stored", () => {
  const ann = Program.started({ idleMs: 1_000 });
  ann.meets();
  ann.diskMode = "holds";
  ann.texts(1, [1]);

  assertEquals(ann.pass(60_000), []);
  assertEquals(ann.diskAnswers(), ["<bob> text 1", "1: stored 1.1"]);
});

Deno.test("Friends.snapshot() has all that the next process needs of a long run, and no more", () => {
  const records = Array.from({ length: RECEIVED_KEPT_MAX }, (_, n) => received(n + 1));
  const ann = Program.started({ records: [...records, queued(1), queued(2)] });
  ann.meets();
  ann.texts(1, [RECEIVED_KEPT_MAX + 1]);
  ann.gets(1, { type: "stored", position: place(1) });

  const snapshot = ann.machine.snapshot(at(RECEIVED_KEPT_MAX + 1)) ?? [];

  const count = (kind: string) => snapshot.filter((record) => record.kind === kind).length;
  assertEquals(["received", "queued", "shown"].map(count), [RECEIVED_KEPT_MAX, 1, 1]);
  const next = new Program({ records: snapshot });
  assertEquals(next.feed({ type: "start" }), ["ready", "dials bob at 10.0.0.2:5001"]);
  next.meets();
  assertEquals(next.texts(1, [1]), ["1: stored 1.1"]);
});

Deno.test("Friends.snapshot() says of what its caller has shown that it was, and leaves what wasn't to the next process", () => {
  const shown = { kind: "shown", key: BOB, through: place(1) } as const;
  const ann = Program.started({ records: [received(1), shown, received(2)] });
  ann.meets();
  ann.texts(1, [3]);
  ann.texts(1, [4]);
  const again = (through: ReceivedPlace | null) => {
    const next = new Program({ records: ann.machine.snapshot(through)! });
    return next.feed({ type: "start" }).filter((what) => what.startsWith("(earlier)"));
  };
  const earlier = (...numbers: readonly number[]) =>
    numbers.map((number) => `(earlier) <bob> text ${number}`);

  assertEquals(again(null), earlier(2, 3, 4), "what an earlier process has shown stays so");
  assertEquals(again(at(2)), earlier(3, 4));
  assertEquals(again(at(3)), earlier(4));
  assertEquals(again(at(4)), []);
});

Deno.test("Friends.snapshot() waits while more is to be shown than it holds", () => {
  const unseen = Array.from({ length: RECEIVED_KEPT_MAX }, (_, n) => received(n + 1));
  const ann = Program.started({ records: unseen });
  assertEquals(ann.machine.snapshot(null)?.length, RECEIVED_KEPT_MAX + 1);

  ann.meets();
  ann.texts(1, [RECEIVED_KEPT_MAX + 1]);

  assertEquals(ann.machine.snapshot(null), null);
  assertEquals(ann.machine.snapshot(at(1)), null);
  assert(ann.machine.snapshot(at(2)) !== null);
});

/** Where Bob's message of this number is. */
function at(number: number): ReceivedPlace {
  return { key: BOB, position: place(number) };
}

// Receiving alone.

function receivingOfBob(records: readonly FriendsRecord[] = []) {
  const output = partOutput();
  const inbox = new Inbox();
  const table = new FriendTable(ROWS, new Map());
  const restored = restoreFriends(records, (name) => table.kept(name), inbox);
  const links = [linkOf(1, { phase: "open" })];
  const self = { name: "ann", key: CEM, epoch: 1 };
  const refused: string[] = [];
  const part = new Receiving(self, inbox, restored, output.out, {
    linksTo: () => links,
    offends: (_, text) => void refused.push(text),
    refuseToStore: () => void refused.push("can't be stored"),
  });
  const texts = (numbers: readonly number[], text?: string) => {
    const entries = numbers.map((number) => ({
      number,
      id: Uint8Array.fromHex(idOf(number)),
      sentAt: 0,
      text: text ?? `text ${number}`,
    }));
    part.texts(links[0]!, table.get("bob")!, { type: "texts", epoch: 1, entries });
  };
  return { output, part, texts, refused };
}

Deno.test("Receiving: a message is shown and acknowledged when it is on disk; what comes meanwhile is written as one", () => {
  const { output, texts } = receivingOfBob();
  for (const number of [1, 2, 3]) texts([number]);

  assertEquals(output.words(), ["writes received"]);
  assertEquals(output.diskAnswers(), [
    "<bob> text 1",
    "shown 1.1",
    "1: stored 1.1",
    "writes received, received",
  ]);
  assertEquals(output.diskAnswers(), [
    "<bob> text 2",
    "<bob> text 3",
    "shown 1.3",
    "1: stored 1.3",
  ]);
});

Deno.test("Receiving: no repetition is taken in, or acknowledged before the message itself is on disk", () => {
  const { output, texts } = receivingOfBob();
  texts([1]);
  output.words();
  texts([1]);
  assertEquals(output.words(), []);
  output.diskAnswers();

  texts([1]);
  assertEquals(output.words(), ["1: stored 1.1"]);
});

Deno.test("Receiving: of what the disk refuses nothing is kept, which our user is told once, and its sender each time", () => {
  const { output, texts, refused } = receivingOfBob();
  for (const told of [["error disk"], []]) {
    texts([1]);
    assertEquals(output.diskAnswers("full"), ["writes received", ...told]);
  }
  assertEquals(refused, ["can't be stored", "can't be stored"]);
  texts([1]);
  assertEquals(output.diskAnswers()[1], "<bob> text 1");
});

Deno.test("Receiving: whoever sends more than may be under way is shut out", () => {
  const { texts, refused } = receivingOfBob();
  const text = "x".repeat(TEXT_BYTES_MAX);
  const count = Math.ceil(UNSTORED_BYTES_MAX / TEXT_BYTES_MAX);
  for (let number = 1; number <= count; number++) texts([number], text);

  assertEquals(refused, ["more was sent than may be under way"]);
});

Deno.test("Receiving: what an earlier process perhaps hasn't shown is history, and who wrote it, wrote last", () => {
  const { output, part } = receivingOfBob([received(1), received(2)]);
  assertEquals(part.lastWriter, null);
  part.start();
  assertEquals(output.words(), ["(earlier) <bob> text 1", "(earlier) <bob> text 2", "shown 1.2"]);
  assertEquals(part.lastWriter, "bob");
});
