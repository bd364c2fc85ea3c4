import { assert, assertEquals } from "@std/assert";
import type { FoldedName, PeerKey } from "../../../../lib/base/ids.ts";
import {
  Broadcasts,
  isOfAccount,
} from "../../../../lib/protocols/directory/broadcast_log/broadcasts.ts";
import { KEPT_BYTES_MAX, KEPT_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import type {
  BroadcastRecord,
  DirectoryRecord,
} from "../../../../lib/protocols/directory/schema/records.ts";
import { SLOW } from "../../../given.ts";

const OWN = "d".repeat(64) as PeerKey;
const STORE = {
  kind: "store",
  store: "5e".repeat(8),
  last: 0,
  directory: OWN,
} as const satisfies DirectoryRecord;

function broadcast(number: number, changes: Partial<BroadcastRecord> = {}): BroadcastRecord {
  return {
    kind: "broadcast",
    number,
    from: "ann",
    fromKey: null,
    fromAccount: true,
    own: number,
    sentAt: number,
    takenAt: number,
    ttlMs: 100,
    text: "hello",
    signature: new Uint8Array(64),
    ...changes,
  };
}

function restored(...records: readonly DirectoryRecord[]): Broadcasts {
  return new Broadcasts([STORE, ...records], OWN, (length) => new Uint8Array(length));
}

const bob = "bob" as FoldedName;

Deno.test("Broadcasts: a new store draws its number, a restored one has its own", () => {
  const fresh = new Broadcasts([], OWN, (length) => new Uint8Array(length).fill(7));
  assertEquals([fresh.store, fresh.isNew, fresh.last], ["07".repeat(8), true, 0]);
  const again = restored(broadcast(5));
  assertEquals([again.store, again.isNew, again.last], ["5e".repeat(8), false, 5]);
  assertEquals([again.number(3), again.number(3), again.number(1_000)], [6, 7, 1_000]);
});

Deno.test("Broadcasts: so many are kept, and so many bytes; the oldest go", SLOW, () => {
  const broadcasts = restored();
  for (let number = 1; number <= KEPT_MAX + 5; number++) {
    broadcasts.add(broadcast(number), Infinity);
  }
  assertEquals([broadcasts.size, broadcasts.after(0)?.number], [KEPT_MAX, 6]);
  assertEquals([broadcasts.numberOf(null, 5), broadcasts.numberOf(null, 6)], [null, 6]);

  const text = "x".repeat(65_536);
  const long = restored();
  for (let number = 1; number <= 1_100; number++) long.add(broadcast(number, { text }), Infinity);
  assert(long.bytes <= KEPT_BYTES_MAX && long.bytes > KEPT_BYTES_MAX - 100_000);
  assertEquals(long.after(0)?.number, 1_100 - long.size + 1);
});

Deno.test("Broadcasts: those whose time is over go, up to the first that somebody still wants", () => {
  const broadcasts = restored(...[1, 2, 3, 4].map((number) => broadcast(number)));
  broadcasts.begin(0, 4);
  broadcasts.expire(98, 1);
  assertEquals(broadcasts.after(0)?.number, 2);
  broadcasts.expire(98, 4);
  assertEquals([broadcasts.after(0)?.number, broadcasts.size], [3, 2]);
  assertEquals(broadcasts.bytes, restored(broadcast(3), broadcast(4)).bytes);
  assertEquals(broadcasts.numberOf(null, 1), 1, "who tells it again is told so");
});

Deno.test("Broadcasts: each is found after the one before it, whatever gaps there are", () => {
  const broadcasts = restored(broadcast(10), broadcast(20), broadcast(25));
  const after = [0, 9, 10, 19, 20, 24, 25].map((number) => broadcasts.after(number)?.number);
  assertEquals(after, [10, 10, 20, 20, 25, 25, undefined]);
});

Deno.test("Broadcasts: an account has what it had, and a compacted log no more than it needs", () => {
  const got = (account: string, through: number): DirectoryRecord => ({
    kind: "got",
    account: account as FoldedName,
    through,
  });
  const broadcasts = restored(
    broadcast(10),
    got("bob", 10),
    got("bob", 9),
    got("cem", 5),
    got("dan", 10),
    { kind: "forgotten", account: "dan" as FoldedName },
  );
  assertEquals(broadcasts.through(bob), 10);
  assertEquals(broadcasts.records(), [{ ...STORE, last: 10 }, broadcast(10), got("bob", 10)]);
});

Deno.test("Broadcasts: what an account told that is gone stays said by an account, and isn't its namesake's, in a compacted log, too", () => {
  const ann = "ann" as FoldedName;
  const gone = { kind: "forgotten", account: ann } as const;
  const told = [broadcast(10), broadcast(20, { from: "bob" }), broadcast(25)];
  const broadcasts = restored(...told, gone, broadcast(30));
  const records = broadcasts.records();
  assertEquals(records, [{ ...STORE, last: 30 }, ...told, gone, broadcast(30)]);
  for (const each of [broadcasts, restored(...records)]) {
    const kept = [9, 10, 20, 25].map((number) => each.after(number)!);
    assertEquals(kept.map(({ fromAccount }) => fromAccount), [true, true, true, true]);
    assertEquals(kept.map(isOfAccount), [false, true, false, true]);
  }
  const forgets = [ann, ann, "cem" as FoldedName].map((account) => broadcasts.forget(account));
  assertEquals(forgets, [true, false, false]);
});

Deno.test("Broadcasts: what was signed for a former key of the directory's is dropped, its numbers aren't given again", () => {
  const former = { ...STORE, directory: "f".repeat(64) as PeerKey };
  const open = (...records: readonly DirectoryRecord[]) =>
    new Broadcasts(records, OWN, (length) => new Uint8Array(length));
  const first = open(former, broadcast(5), broadcast(6));
  assertEquals([first.size, first.voided, first.isNew, first.last], [0, 2, true, 6]);
  const second = open(former, broadcast(5), { ...STORE, last: 6 }, broadcast(7));
  assertEquals([second.size, second.voided, second.isNew, second.last], [1, 1, false, 7]);
});

Deno.test("Broadcasts: what was stored before has so much time left, and never more than it had", () => {
  const left = (wallMs: number) => {
    const broadcasts = restored(broadcast(1_000));
    broadcasts.begin(50, wallMs);
    return broadcasts.after(0)!.overAtMs - 50;
  };
  assertEquals([left(1_000), left(1_070), left(1_100), left(9_000)], [100, 30, 0, 0]);
  assertEquals(left(10), 100, "the clock was set back");
});
