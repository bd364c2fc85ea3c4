import { assertEquals } from "@std/assert";
import type { ClaimId, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { LinkTable } from "../../../lib/protocols/mesh/link_table.ts";

const ANN = "a".repeat(64) as PeerKey;
const BOB = "b".repeat(64) as PeerKey;
const REMOTE = { host: "10.0.0.2", port: 1_234 };
const link = (id: number) => id as LinkId;

/** Bob's table, with links to Ann that came up in this order. */
function bobsTable(...links: readonly { readonly id: number; readonly dialled: boolean }[]) {
  const table = new LinkTable(BOB, 2_000);
  for (const { id, dialled } of links) {
    table.add({ link: link(id), peer: ANN, dialled, remote: REMOTE }, 0);
  }
  return table;
}

Deno.test("LinkTable.promote() makes the only link the member's link", () => {
  const table = bobsTable({ id: 1, dialled: true });

  const promotion = table.promote(link(1), 7, 0);

  assertEquals(promotion, { kind: "first" });
  assertEquals(table.memberLink(ANN)?.link, link(1));
  assertEquals(table.nextDrainedMs(), null);
});

Deno.test("LinkTable.promote() keeps the link that the smaller key dialled, whichever came first", () => {
  for (const order of [[1, 2], [2, 1]] as const) {
    const table = bobsTable({ id: 1, dialled: true }, { id: 2, dialled: false });

    for (const id of order) table.promote(link(id), 7, 100);

    assertEquals(
      table.memberLink(ANN)?.link,
      link(2),
      "Ann's key is smaller, and link 2 is her dial",
    );
    assertEquals(table.get(link(1))?.state, "draining");
  }
});

Deno.test("LinkTable.promote() keeps the newer of two links that one end dialled", () => {
  const table = bobsTable({ id: 1, dialled: false }, { id: 2, dialled: false });
  table.promote(link(1), 7, 0);

  const promotion = table.promote(link(2), 7, 0);

  assertEquals(promotion, { kind: "second", drained: link(1) });
  assertEquals(table.memberLink(ANN)?.link, link(2));
});

Deno.test("LinkTable.promote() gives a later life of the peer the place, whoever dialled", () => {
  const table = bobsTable({ id: 1, dialled: false }, { id: 2, dialled: true });
  table.promote(link(1), 7, 0);

  const promotion = table.promote(link(2), 8, 0);

  assertEquals(promotion, { kind: "successor", other: link(1) });
});

Deno.test("LinkTable.promote() drains the link of an earlier life", () => {
  const table = bobsTable({ id: 1, dialled: false }, { id: 2, dialled: true });
  table.promote(link(2), 8, 0);

  const promotion = table.promote(link(1), 7, 0);

  assertEquals(promotion, { kind: "second", drained: link(1) });
});

Deno.test("LinkTable.takeDrained() gives a drained link back once its time has passed", () => {
  const table = bobsTable({ id: 1, dialled: true }, { id: 2, dialled: false });
  table.promote(link(1), 7, 0);
  table.promote(link(2), 7, 100);

  const early = table.takeDrained(2_099);
  const due = table.takeDrained(2_100);
  const again = table.takeDrained(9_999);

  assertEquals([early, due, again], [[], [link(1)], []]);
});

Deno.test("LinkTable.remove() names the peer only when its member link is gone", () => {
  const table = bobsTable({ id: 1, dialled: true }, { id: 2, dialled: false });
  table.promote(link(1), 7, 0);
  table.promote(link(2), 7, 0);

  const drained = table.remove(link(1));
  const member = table.remove(link(2));

  assertEquals([drained, member], [null, ANN]);
  assertEquals(table.memberLink(ANN), null);
});

Deno.test("LinkTable.needsClaim() asks for each claim once a link", () => {
  const table = bobsTable({ id: 1, dialled: true });
  const claim = "c".repeat(64) as ClaimId;
  table.promote(link(1), 7, 0);

  const first = table.needsClaim(ANN, claim);
  const second = table.needsClaim(ANN, claim);
  table.forgetClaim(ANN, claim);
  const afterForgetting = table.needsClaim(ANN, claim);

  assertEquals([first, second, afterForgetting], [true, false, true]);
});

Deno.test("LinkTable.makeRoom() takes the place of the oldest inbound link that says nothing", () => {
  const table = new LinkTable(BOB, 2_000);
  const add = (id: number, dialled: boolean, nowMs: number) => {
    const peer = String(id).repeat(64).slice(0, 64) as PeerKey;
    table.add({ link: link(id), peer, dialled, remote: REMOTE }, nowMs);
  };
  add(1, true, 0);
  add(2, false, 0);
  add(3, false, 0);
  add(4, false, 0);
  add(5, false, 100);
  table.heard(link(2));
  table.promote(link(3), 1, 50);

  assertEquals([table.makeRoom(link(5), 0), table.admitting], [link(4), 3]);
  assertEquals([table.makeRoom(link(5), 99), table.admitting], [link(5), 2], "nobody is silent");
  add(6, false, 200);
  assertEquals(table.makeRoom(link(6), 200), link(6), "or the newcomer alone");
});
