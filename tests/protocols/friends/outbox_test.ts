import { assertEquals } from "@std/assert";
import {
  ALL_OUTBOXES_BYTES_MAX,
  BATCH_BYTES_MAX,
  BATCH_TEXTS_MAX,
  OUTBOX_BYTES_MAX,
  OUTBOX_MESSAGES_MAX,
  WINDOW_BYTES,
} from "../../../lib/protocols/friends/limits.ts";
import { Outbox, type OutboxEntry } from "../../../lib/protocols/friends/outbox.ts";
import { outboxEntry, place } from "./fixtures.ts";

function outboxOf(...entries: readonly OutboxEntry[]): Outbox {
  const outbox = new Outbox({ bytes: 0 });
  for (const entry of entries) outbox.add(entry);
  return outbox;
}

/** Messages 1 to `count`, each so long. */
function filled(count: number, bytes = 10): Outbox {
  return outboxOf(...Array.from({ length: count }, (_, n) => outboxEntry(n + 1, { bytes })));
}

function numbers(entries: readonly OutboxEntry[]): readonly number[] {
  return entries.map(({ id }) => Number(id.slice(0, 3)));
}

Deno.test("Outbox sends in the order typed, each message once on a link", () => {
  const outbox = filled(3);

  assertEquals(numbers(outbox.nextBatch()), [1, 2, 3]);
  assertEquals(numbers(outbox.nextBatch()), []);
  outbox.add(outboxEntry(4));
  assertEquals(numbers(outbox.nextBatch()), [4]);
});

Deno.test("Outbox sends nothing that isn't on disk or is being taken back, nor what was typed after it", () => {
  for (const state of ["new", "writing", "leaving"] as const) {
    const outbox = outboxOf(outboxEntry(1), outboxEntry(2, { state }), outboxEntry(3));

    assertEquals(numbers(outbox.nextBatch()), [1]);
    assertEquals(numbers(outbox.nextBatch()), []);
    outbox.entries[1]!.state = "stored";
    assertEquals(numbers(outbox.nextBatch()), [2, 3]);
  }
});

Deno.test("Outbox begins on a new link with the first message that isn't acknowledged", () => {
  const outbox = filled(3);
  outbox.nextBatch();
  outbox.acknowledge(place(1));

  outbox.restart();

  assertEquals(numbers(outbox.nextBatch()), [2, 3]);
});

Deno.test("Outbox puts so many messages into a frame, and so much text, and one epoch", () => {
  const many = filled(BATCH_TEXTS_MAX + 1);
  const long = filled(3, BATCH_BYTES_MAX / 2);
  const longest = filled(2, BATCH_BYTES_MAX);
  const epochs = outboxOf(outboxEntry(8), outboxEntry(1, { position: place(1, 2) }));

  const batches = (outbox: Outbox) => [outbox.nextBatch().length, outbox.nextBatch().length];

  assertEquals(batches(many), [BATCH_TEXTS_MAX, 1]);
  assertEquals(batches(long), [2, 1]);
  assertEquals(batches(longest), [1, 1]);
  assertEquals(batches(epochs), [1, 1]);
});

Deno.test("Outbox has so much under way and no more, and goes on as that is acknowledged", () => {
  const fitting = WINDOW_BYTES / BATCH_BYTES_MAX;
  const outbox = filled(fitting + 2, BATCH_BYTES_MAX);

  const sent = Array.from({ length: fitting + 1 }, () => outbox.nextBatch().length);
  outbox.acknowledge(place(1));

  assertEquals(sent, [...Array(fitting).fill(1), 0]);
  assertEquals(numbers(outbox.nextBatch()), [fitting + 1]);
  assertEquals(numbers(outbox.nextBatch()), []);
});

Deno.test("Outbox keeps count of what is under way when a message is taken off before or behind it", () => {
  const outbox = filled(4);
  outbox.nextBatch();
  outbox.add(outboxEntry(5));

  outbox.remove(outbox.entries[4]!);
  outbox.remove(outbox.entries[1]!);
  outbox.add(outboxEntry(6));

  assertEquals(numbers(outbox.nextBatch()), [6]);
});

Deno.test("Outbox.acknowledge() takes off all up to there, and remembers where", () => {
  const outbox = filled(3);
  outbox.nextBatch();

  assertEquals(numbers(outbox.acknowledge(place(2))), [1, 2]);
  assertEquals([outbox.size, outbox.delivered], [1, place(2)]);
});

Deno.test("Outbox.acknowledge() heeds no place at which nothing waits", () => {
  const outbox = filled(2);

  for (const wrong of [place(3), place(1, 2)]) {
    assertEquals(numbers(outbox.acknowledge(wrong)), []);
  }
  assertEquals([outbox.size, outbox.delivered], [2, null]);
});

Deno.test("Outbox.takeStored() takes from the front what the friend has, and no more", () => {
  const outbox = filled(4);

  const taken = outbox.takeStored(({ number }) => number !== 3);

  assertEquals(numbers(taken), [1, 2]);
  assertEquals([numbers(outbox.entries), outbox.delivered], [[3, 4], place(2)]);
  assertEquals(numbers(outbox.takeStored(() => false)), []);
  assertEquals(outbox.delivered, place(2));
});

Deno.test("Outbox has one write under way, and writes together what was typed meanwhile", () => {
  const outbox = outboxOf(outboxEntry(1), outboxEntry(2, { state: "new" }));

  const first = outbox.nextToStore();
  outbox.add(outboxEntry(3, { state: "new" }));
  outbox.add(outboxEntry(4, { state: "new" }));
  const meanwhile = outbox.nextToStore();
  outbox.storingEnded();
  const second = outbox.nextToStore();

  assertEquals([numbers(first), numbers(meanwhile), numbers(second)], [[2], [], [3, 4]]);
});

Deno.test("Outbox is full at so many messages, so many bytes, and so many for all friends together", () => {
  assertEquals(filled(OUTBOX_MESSAGES_MAX - 1).isFull(1), false);
  assertEquals(filled(OUTBOX_MESSAGES_MAX).isFull(1), true);

  assertEquals(filled(1, OUTBOX_BYTES_MAX - 5).isFull(5), false);
  assertEquals(filled(1, OUTBOX_BYTES_MAX - 5).isFull(6), true);

  const shared = { bytes: ALL_OUTBOXES_BYTES_MAX - 15 };
  const [one, other] = [new Outbox(shared), new Outbox(shared)];
  one.add(outboxEntry(1));
  assertEquals([other.isFull(5), other.isFull(6)], [false, true]);
  one.acknowledge(place(1));
  assertEquals(other.isFull(15), false);
});

Deno.test("Outbox.takeUnstored() takes off what is in memory alone, in order", () => {
  const outbox = outboxOf(
    outboxEntry(1),
    outboxEntry(2, { state: "kept" }),
    outboxEntry(3, { state: "writing" }),
    outboxEntry(4, { state: "kept" }),
  );

  assertEquals(numbers(outbox.takeUnstored()), [2, 4]);
  assertEquals(numbers(outbox.entries), [1, 3]);
});

Deno.test("Outbox.released() gives places to what had none when they were drawn, in order", () => {
  const outbox = outboxOf(
    outboxEntry(1, { position: place(1, 4) }),
    outboxEntry(2, { position: null }),
    outboxEntry(3, { position: null, state: "writing" }),
    outboxEntry(4, { position: null, state: "new" }),
  );
  const places = () => outbox.entries.map(({ position }) => position);
  let number = 7;

  assertEquals(outbox.release(() => place(number++)), place(7));
  assertEquals([outbox.release(() => place(1)), outbox.isReleased], [null, false]);
  assertEquals(places(), [place(1, 4), null, null, null]);
  outbox.released();

  assertEquals([places(), outbox.isReleased], [[place(1, 4), place(7), place(8), null], false]);
  outbox.entries[3]!.state = "writing";
  outbox.release(() => place(number++));
  outbox.released();
  assertEquals([places().at(-1), outbox.isReleased], [place(9), true]);
  assertEquals(outbox.release(() => place(1)), null);
  assertEquals(outboxOf().isReleased, true);
});

Deno.test("Outbox.notReleased() gives none of the places that were drawn", () => {
  const outbox = outboxOf(outboxEntry(1, { position: null }));
  outbox.release(() => place(1));

  outbox.notReleased();

  assertEquals([outbox.entries[0]!.position, outbox.isReleased], [null, false]);
  assertEquals(outbox.release(() => place(2)), place(2));
});

Deno.test("Outbox.release() gives no places while something is being taken back", () => {
  const outbox = outboxOf(
    outboxEntry(1, { position: null }),
    outboxEntry(2, { position: null, state: "leaving" }),
    outboxEntry(3, { position: null }),
  );

  assertEquals(outbox.release(() => place(1)), null);

  assertEquals(outbox.entries.map(({ position }) => position), [null, null, null]);
});

Deno.test("Outbox sends nothing that has no place", () => {
  const outbox = outboxOf(outboxEntry(1), outboxEntry(2, { position: null }), outboxEntry(3));

  assertEquals(numbers(outbox.nextBatch()), [1]);
  assertEquals(numbers(outbox.nextBatch()), []);
});

Deno.test("Outbox.find() finds by the first letters of an id", () => {
  const outbox = filled(12);

  assertEquals(numbers(outbox.find("01")), [10, 11, 12]);
  assertEquals(numbers(outbox.find("012")), [12]);
  assertEquals(numbers(outbox.find("2")), []);
});
