import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { FriendTable } from "../../../lib/protocols/friends/friend_table.ts";
import { BOB, CEM, EVE, outboxEntry, row, ROWS } from "./fixtures.ts";

function table(pins: ReadonlyMap<string, ReturnType<typeof fingerprintOf>> = new Map()) {
  return new FriendTable(ROWS, pins);
}

const names = (friends: Iterable<{ readonly name: string }>) =>
  Array.from(friends, ({ name }) => name);

Deno.test("FriendTable finds a friend by any spelling that is the same name, and nobody else", () => {
  const friends = table();

  assertEquals(friends.get("BOB")?.name, "bob");
  assertEquals(friends.get("dora"), null);
});

Deno.test("FriendTable: the table's word about a key goes before a pin", () => {
  const pins = new Map([["bob", fingerprintOf(EVE)], ["cem", fingerprintOf(CEM)]]);

  const friends = table(pins);

  assertEquals(friends.get("bob")?.expected, fingerprintOf(BOB));
  assertEquals(friends.get("cem")?.expected, fingerprintOf(CEM));
  assertEquals(table().get("cem")?.expected, null);
});

Deno.test("FriendTable.edit() says who is gone and whose row is another", () => {
  const friends = table();
  const rows = [row("bob", 2, fingerprintOf(BOB)), row("dora", 4)];

  const same = friends.edit(ROWS);
  const edited = friends.edit(rows);
  const moved = friends.edit([{ ...rows[0]!, endpoint: { host: "10.0.0.2", port: 9 } }, rows[1]!]);
  const keyed = friends.edit([{ ...rows[0]!, fingerprint: null }, rows[1]!]);

  assertEquals([names(same.gone), names(same.changed)], [[], []]);
  assertEquals([names(edited.gone), names(edited.changed)], [["cem"], ["dora"]]);
  assertEquals(names(moved.changed), ["bob"]);
  assertEquals(names(keyed.changed), ["bob"]);
  assertEquals(names(friends.listed), ["bob", "dora"]);
});

Deno.test("FriendTable keeps a friend who is gone from the table while something waits for it, unseen by name", () => {
  const friends = table();
  const cem = friends.get("cem")!;
  cem.outbox.add(outboxEntry(1));

  friends.edit([]);

  assertEquals([friends.get("cem"), friends.get("bob")], [null, null]);
  assertEquals([names(friends.all()), friends.waiting()], [["cem"], 1]);
  friends.edit(ROWS);
  assertStrictEquals(friends.get("cem"), cem);
  assertEquals(cem.row.endpoint.host, "10.0.0.3");
});

Deno.test("FriendTable knows a friend's key again who was gone meanwhile", () => {
  const friends = table();
  const before = friends.get("cem")!;
  friends.pin(before, fingerprintOf(CEM));

  friends.edit([]);
  friends.edit(ROWS);

  assert(friends.get("cem") !== before, "nothing waited for it: it is another");
  assertEquals(friends.get("cem")?.expected, fingerprintOf(CEM));
});

Deno.test("FriendTable.busy() gives those of the table with whom something goes on", () => {
  const friends = table();
  const [bob, cem] = [friends.get("bob")!, friends.get("cem")!];
  const busy = () => names(friends.busy());
  friends.markBusy(bob);
  assertEquals(busy(), [], "nothing goes on with him");

  for (const friend of [bob, cem]) friends.markBusy(friend);
  bob.link = 1 as LinkId;
  cem.outbox.add(outboxEntry(1));
  const both = busy();
  friends.edit([row("bob", 2)]);
  const one = busy();
  bob.link = null;

  assertEquals([both, one, busy()], [["bob", "cem"], ["bob"], []]);
});

Deno.test("FriendTable.kept() makes a friend that the table doesn't know, with its pin", () => {
  const friends = table(new Map([[foldName("Dora"), fingerprintOf(EVE)]]));

  const dora = friends.kept("Dora");

  assertEquals([dora.name, dora.expected], ["Dora", fingerprintOf(EVE)]);
  assertEquals(friends.get("Dora"), null);
  assertStrictEquals(friends.kept("dora"), dora);
});

Deno.test("FriendTable counts what waits for all friends as one", () => {
  const friends = table();
  const [bob, cem] = [friends.get("bob")!, friends.get("cem")!];

  bob.outbox.add(outboxEntry(1));
  cem.outbox.add(outboxEntry(2));
  cem.outbox.add(outboxEntry(3));

  assertEquals(friends.waiting(), 3);
  assertStrictEquals(bob.outbox.waiting, cem.outbox.waiting);
  assertEquals(bob.outbox.waiting.bytes, 30);
});
