import { assertEquals } from "@std/assert";
import { FriendTable } from "../../../lib/protocols/friends/friend_table.ts";
import {
  restoreFriends,
  snapshotFriends,
  waitingIn,
} from "../../../lib/protocols/friends/friends_log.ts";
import { Inbox } from "../../../lib/protocols/friends/inbox.ts";
import { RECEIVED_KEPT_MAX } from "../../../lib/protocols/friends/limits.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { BOB, CEM, idOf, outboxEntry, place, queued, received, ROWS } from "./fixtures.ts";

/** All that a process knows after it has read these records. */
function restored(records: readonly FriendsRecord[]) {
  const table = new FriendTable(ROWS, new Map());
  const inbox = new Inbox();
  const log = restoreFriends(records, (name) => table.kept(name), inbox);
  const waiting = (name: string) =>
    table.kept(name).outbox.entries.map(({ id, position }) =>
      `${Number(id.slice(0, 3))} at ${
        position === null ? "-" : `${position.epoch}.${position.number}`
      }`
    );
  return { ...log, table, inbox, waiting };
}

/** The same after the log was compacted. */
function compacted(records: readonly FriendsRecord[]): readonly FriendsRecord[] {
  const { table, inbox, received, unshown } = restored(records);
  return snapshotFriends(table.all(), inbox, received, received.length - unshown.length);
}

const shown = (number: number) => ({ kind: "shown", key: BOB, through: place(number) }) as const;

Deno.test("restoreFriends() finds what waits, in order, without what was delivered or taken back", () => {
  const { waiting } = restored([
    ...[1, 2, 3, 4, 5].map((number) => queued(number)),
    { kind: "delivered", to: "BOB", through: place(2) },
    { kind: "unsent", to: "bob", id: idOf(4) },
    queued(6, { to: "gone" }),
  ]);

  assertEquals(waiting("bob"), ["3 at 1.3", "5 at 1.5"]);
  assertEquals(waiting("gone"), ["6 at 1.6"]);
});

Deno.test("restoreFriends() gives places to what had none when a link came up, as the process did", () => {
  const { waiting } = restored([
    queued(1, { position: null }),
    queued(2, { position: null }),
    queued(3, { to: "cem", position: null }),
    { kind: "unsent", to: "bob", id: idOf(2) },
    queued(4, { position: null }),
    { kind: "released", to: "bob", from: place(7, 5) },
    queued(5, { position: place(9, 5) }),
    queued(6, { position: null }),
  ]);

  assertEquals(waiting("bob"), ["1 at 5.7", "4 at 5.8", "5 at 5.9", "6 at -"]);
  assertEquals(waiting("cem"), ["3 at -"]);
});

Deno.test("restoreFriends() remembers where delivery got to, although nothing waits up to there", () => {
  const { table } = restored([{ kind: "delivered", to: "bob", through: place(7) }]);

  assertEquals(table.kept("bob").outbox.delivered, place(7));
});

Deno.test("restoreFriends() finds what is stored of each sender", () => {
  const { inbox } = restored([
    received(3),
    { kind: "skipped", key: BOB, through: place(6, 2) },
  ]);

  assertEquals(inbox.stored(BOB), [place(3), place(6, 2)]);
  assertEquals(restored([]).inbox.stored(BOB), []);
});

Deno.test("restoreFriends() tells what was received and perhaps not shown", () => {
  const { unshown, received: all } = restored([
    received(1),
    received(2),
    shown(1),
    received(3),
  ]);

  assertEquals(unshown, [received(2), received(3)]);
  assertEquals(all, [received(1), received(2), received(3)]);
});

Deno.test("restoreFriends() shows all again rather than nothing where what was shown isn't there", () => {
  assertEquals(restored([received(1), shown(9)]).unshown, [received(1)]);
});

Deno.test("restoreFriends() isn't misled by messages of one id, or of one place with another sender", () => {
  const records = [received(1), received(2, { key: CEM, from: "cem" }), received(1, { key: CEM })];
  const same = records.map((record) => ({ ...record, id: idOf(1) }));

  assertEquals(restored([...same, shown(1)]).unshown, same.slice(1));
});

Deno.test("restoreFriends() shows again rather than never what has a place that was given before", () => {
  const twice = [received(1), received(2), received(1, { text: "another" })];

  assertEquals(restored([...twice, shown(1)]).unshown, twice.slice(1));
});

Deno.test("restoreFriends() keeps so many of the last received messages", () => {
  const records = Array.from({ length: RECEIVED_KEPT_MAX + 3 }, (_, n) => received(n));

  const { received: kept } = restored(records);

  assertEquals([kept.length, kept[0]], [RECEIVED_KEPT_MAX, received(3)]);
});

Deno.test("snapshotFriends() loses nothing that a restart needs, and asks nothing twice", () => {
  const records: readonly FriendsRecord[] = [
    received(1),
    received(2),
    shown(2),
    { kind: "skipped", key: BOB, through: place(9, 2) },
    queued(1),
    queued(2, { position: null }),
    { kind: "delivered", to: "bob", through: place(1) },
    { kind: "released", to: "bob", from: place(2) },
    queued(3, { position: null }),
    { kind: "unsent", to: "bob", id: idOf(3) },
    queued(4, { position: null }),
    queued(5, { to: "gone" }),
  ];
  const [before, after] = [restored(records), restored(compacted(records))];

  for (const { waiting, unshown, received, inbox, table } of [before, after]) {
    assertEquals(waiting("bob"), ["2 at 1.2", "4 at -"]);
    assertEquals(waiting("gone"), ["5 at 1.5"]);
    assertEquals(unshown, []);
    assertEquals(received.length, 2);
    assertEquals(inbox.stored(BOB), [place(2), place(9, 2)]);
    assertEquals(table.kept("bob").outbox.delivered, place(1));
  }
  assertEquals(compacted(compacted(records)), compacted(records));
});

Deno.test("snapshotFriends() says of what was shown that it was, and of nothing else", () => {
  const all = [received(1), received(2), received(3)];
  for (const count of [0, 1, 2, 3]) {
    const records = snapshotFriends([], new Inbox(), all, count);

    assertEquals(restored(records).unshown, all.slice(count));
    assertEquals(restored(records).received, all);
  }
});

Deno.test("snapshotFriends() leaves out what isn't on disk: it is being written, or is in memory alone", () => {
  const table = new FriendTable(ROWS, new Map());
  const { outbox } = table.get("bob")!;
  for (const [index, state] of (["stored", "kept", "writing", "new"] as const).entries()) {
    outbox.add(outboxEntry(index + 1, { state }));
  }

  const records = snapshotFriends(table.all(), new Inbox(), [], 0);

  assertEquals(records, [queued(1)]);
});

Deno.test("snapshotFriends() keeps what is being taken back, until the disk has the record of that", () => {
  const table = new FriendTable(ROWS, new Map());
  table.get("bob")!.outbox.add(outboxEntry(1, { state: "leaving" }));

  const records = snapshotFriends(table.all(), new Inbox(), [], 0);

  assertEquals(restored(records).waiting("bob"), ["1 at 1.1"]);
  const unsent = { kind: "unsent", to: "bob", id: idOf(1) } as const;
  assertEquals(restored([...records, unsent]).waiting("bob"), []);
});

Deno.test("waitingIn() counts what waits for anybody", () => {
  const records: readonly FriendsRecord[] = [
    queued(1),
    queued(2, { to: "gone" }),
    queued(3),
    { kind: "delivered", to: "bob", through: place(1) },
  ];

  assertEquals([waitingIn(records), waitingIn([])], [2, 0]);
});
