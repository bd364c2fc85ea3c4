import { assert, assertEquals } from "@std/assert";
import type { ClaimId, LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import { LinkTable } from "../../../../lib/protocols/mesh/links/link_table.ts";
import { Random } from "../../../sim/random.ts";

const ANN = "a".repeat(64) as PeerKey;
const BOB = "b".repeat(64) as PeerKey;
const REMOTE = { host: "10.0.0.2", port: 1_234 };
const link = (id: number) => id as LinkId;

/** Bob's table, with links to Ann that came up in this order. */
function bobsTable(...links: readonly { readonly id: number; readonly dialled: boolean }[]) {
  const table = new LinkTable(BOB, 2_000);
  for (const { id, dialled } of links) {
    table.add({ link: link(id), peer: ANN, dialled, remote: REMOTE, secret: null }, 0);
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

Deno.test("LinkTable.takeDrained() gives a drained link back in time, at the end with the larger key later", () => {
  for (const [self, peer, drainedMs] of [[ANN, BOB, 2_000], [BOB, ANN, 4_000]] as const) {
    const table = new LinkTable(self, 2_000);
    for (const id of [1, 2]) {
      table.add({ link: link(id), peer, dialled: true, remote: REMOTE, secret: null }, 0);
      table.promote(link(id), 7, 100);
    }

    const early = table.takeDrained(drainedMs + 99);
    const due = table.takeDrained(drainedMs + 100);
    const again = table.takeDrained(9_999);

    assertEquals([early, due, again], [[], [link(1)], []]);
  }
});

Deno.test("LinkTable.nextDrainedMs() forgets a drained link that is down", () => {
  const table = bobsTable({ id: 1, dialled: true }, { id: 2, dialled: false });
  table.promote(link(1), 7, 0);
  table.promote(link(2), 7, 100);

  table.remove(link(1));

  assertEquals(table.nextDrainedMs(), null);
});

Deno.test("LinkTable.inherit() takes back what was given up for a link that went down first", () => {
  const table = bobsTable({ id: 1, dialled: true }, { id: 2, dialled: false });
  table.promote(link(1), 7, 0);
  table.promote(link(2), 7, 0);

  assertEquals(table.remove(link(2)), ANN);
  assertEquals(table.inherit(ANN)?.link, link(1));

  assertEquals([table.memberLink(ANN)?.link, table.nextDrainedMs()], [link(1), null]);
});

Deno.test("LinkTable.inherit() takes back none that is being closed", () => {
  const table = bobsTable({ id: 1, dialled: true }, { id: 2, dialled: false });
  table.promote(link(1), 7, 0);
  table.promote(link(2), 7, 0);
  table.closes(link(1));

  assertEquals(table.remove(link(2)), ANN);
  assertEquals(table.inherit(ANN), null);
});

/** What links 1 and 2 do between Ann and Bob, each end at times of its own, and which of them each has in the end. */
function twoLinks(random: () => number): readonly (LinkId | null)[] {
  const tables = [new LinkTable(ANN, 2_000), new LinkTable(BOB, 2_000)] as const;
  const agenda: { readonly atMs: number; readonly run: () => void }[] = [];
  let nowMs = 0;
  const at = (delayMs: number, run: () => void) => agenda.push({ atMs: nowMs + delayMs, run });
  const over = [new Set<LinkId>(), new Set<LinkId>()] as const;
  const down = (end: 0 | 1, id: LinkId) => {
    over[end].add(id);
    const peer = tables[end].remove(id);
    if (peer !== null) tables[end].inherit(peer);
  };
  const close = (end: 0 | 1, id: LinkId) => {
    if (tables[end].get(id) === null) return;
    tables[end].closes(id);
    over[end].add(id);
    at(100 * random(), () => down(end, id));
    at(200 * random(), () => down(end === 0 ? 1 : 0, id));
  };
  for (const id of [link(1), link(2)]) {
    const dialler = random() < 0.5 ? 0 : 1;
    for (const end of [0, 1] as const) {
      const peer = end === 0 ? BOB : ANN;
      at(1_000 * random(), () => {
        if (over[end].has(id)) return;
        tables[end].add(
          { link: id, peer, dialled: dialler === end, remote: REMOTE, secret: null },
          nowMs,
        );
        at(500 * random(), () => over[end].has(id) || tables[end].promote(id, 7, nowMs));
      });
    }
  }
  // One end may have no use for the link that it has before it hears of the other.
  const releaser = random() < 0.5 ? 0 : 1;
  if (random() < 0.5) {
    at(1_500 * random(), () => {
      const present = tables[releaser].memberLink(tables[releaser].self === ANN ? BOB : ANN);
      const other = present?.link === link(1) ? link(2) : link(1);
      if (present !== null && tables[releaser].get(other) === null) close(releaser, present.link);
    });
  }
  while (agenda.length > 0) {
    agenda.sort((a, b) => a.atMs - b.atMs);
    const next = agenda.shift()!;
    nowMs = next.atMs;
    next.run();
    for (const end of [0, 1] as const) {
      const dueMs = tables[end].nextDrainedMs();
      if (dueMs !== null) {
        at(Math.max(0, dueMs - nowMs), () => {
          for (const id of tables[end].takeDrained(nowMs)) close(end, id);
        });
      }
    }
  }
  return [tables[0].memberLink(BOB)?.link ?? null, tables[1].memberLink(ANN)?.link ?? null];
}

Deno.test("LinkTable: of two links to one member both ends keep the same one, whatever comes when", () => {
  for (let seed = 0; seed < 3_000; seed++) {
    const [anns, bobs] = twoLinks(new Random(seed).next);

    assert(anns !== null && anns === bobs, `seed ${seed}: ${anns} at Ann, ${bobs} at Bob`);
  }
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
    table.add({ link: link(id), peer, dialled, remote: REMOTE, secret: null }, nowMs);
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
