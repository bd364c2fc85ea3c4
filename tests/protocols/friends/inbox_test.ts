import { assertEquals } from "@std/assert";
import { Inbox } from "../../../lib/protocols/friends/inbox.ts";
import { MESSAGE_BYTES_MIN } from "../../../lib/protocols/friends/limits.ts";
import { BOB, CEM, place, received } from "./fixtures.ts";

function skipped(number: number) {
  return { kind: "skipped", key: BOB, through: place(number) } as const;
}

Deno.test("Inbox takes each message in once, on disk or on its way there", () => {
  const inbox = new Inbox();

  const first = [inbox.take(received(1)), inbox.take(received(2))];
  const whileItWaits = [inbox.take(received(1)), inbox.take(received(2))];
  inbox.next(BOB);
  inbox.written(BOB);
  const onceWritten = inbox.take(received(2));

  assertEquals(first, [true, true]);
  assertEquals([...whileItWaits, onceWritten], [false, false, false]);
});

Deno.test("Inbox takes nothing in again that an earlier process stored or skipped", () => {
  const inbox = new Inbox();

  inbox.restore(received(4));
  inbox.restore({ ...skipped(3), key: CEM });

  assertEquals([inbox.take(received(4)), inbox.take(received(5))], [false, true]);
  assertEquals(inbox.take(received(3, { key: CEM })), false);
  assertEquals(inbox.stored(BOB), [place(4)]);
});

Deno.test("Inbox counts all that waits for the disk, until it is written or refused", () => {
  const inbox = new Inbox();
  const counts: number[] = [];
  const take = () => {
    for (const record of [received(counts.length + 1), skipped(counts.length + 2)]) {
      inbox.take(record);
    }
    inbox.next(BOB);
    counts.push(inbox.unstoredBytes(BOB));
  };
  take();
  inbox.written(BOB);
  counts.push(inbox.unstoredBytes(BOB));
  take();
  inbox.refused(BOB);
  counts.push(inbox.unstoredBytes(BOB));

  const both = 2 * MESSAGE_BYTES_MIN + received(1).text.length;
  assertEquals(counts, [both, 0, both, 0]);
});

Deno.test("Inbox has one write of a sender under way, and writes together what came meanwhile", () => {
  const inbox = new Inbox();
  for (const number of [1, 2, 3]) {
    inbox.take(received(number));
    if (number === 1) assertEquals(inbox.next(BOB), [received(1)]);
    else assertEquals(inbox.next(BOB), []);
  }

  const written = inbox.written(BOB);

  assertEquals(written, [received(1)]);
  assertEquals(inbox.next(BOB), [received(2), received(3)]);
});

Deno.test("Inbox lets each sender's write go its own way", () => {
  const inbox = new Inbox();
  inbox.take(received(1));
  inbox.take(received(1, { key: CEM }));

  assertEquals(inbox.next(BOB), [received(1)]);
  assertEquals(inbox.next(CEM), [received(1, { key: CEM })]);
});

Deno.test("Inbox says that something is stored when it is written, not before", () => {
  const inbox = new Inbox();
  inbox.take(received(1));
  inbox.next(BOB);
  const before = [inbox.hasStored(BOB, place(1)), inbox.isBusy(BOB)];

  inbox.written(BOB);

  assertEquals(before, [false, true]);
  assertEquals([inbox.hasStored(BOB, place(1)), inbox.isBusy(BOB)], [true, false]);
  assertEquals([inbox.hasStored(CEM, place(1)), inbox.stored(CEM)], [false, []]);
});

Deno.test("Inbox takes all that the disk refused again, also what waited behind it", () => {
  const inbox = new Inbox();
  inbox.take(received(1));
  inbox.next(BOB);
  inbox.written(BOB);
  inbox.take(received(2));
  inbox.next(BOB);
  inbox.take(received(3));

  inbox.refused(BOB);

  assertEquals(inbox.next(BOB), [], "nothing waits any more: it will be sent again");
  const again = [1, 2, 3].map((number) => inbox.take(received(number)));
  assertEquals(again, [false, true, true]);
  assertEquals(inbox.next(BOB), [received(2), received(3)]);
});

Deno.test("Inbox keeps for a compacted log the last place of every sender in every epoch", () => {
  const inbox = new Inbox();
  inbox.restore(received(1));
  inbox.restore(received(2));
  inbox.restore(received(1, { position: place(1, 9) }));
  inbox.restore(received(3, { key: CEM }));
  inbox.take(received(8)); // not on disk

  assertEquals([...inbox.places()], [
    skipped(2),
    { ...skipped(0), through: place(1, 9) },
    { ...skipped(3), key: CEM },
  ]);
});
