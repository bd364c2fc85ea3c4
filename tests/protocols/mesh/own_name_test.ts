import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../lib/base/ids.ts";
import { LinkTable } from "../../../lib/protocols/mesh/links/link_table.ts";
import { OwnName } from "../../../lib/protocols/mesh/own_name.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { claimOf, fakeEnvironment, keyOf, ROOM } from "./membership_fixtures.ts";

const IN_ROOM = { room: ROOM.room, incarnation: 1 };

Deno.test("OwnName asks another neighbour each time: one that refuses every name keeps nobody from another one", () => {
  const neighbours = ["Bob", "Carl", "Dan"].map(keyOf);
  const links = new LinkTable(keyOf("Ann"), 2_000);
  for (const [index, peer] of neighbours.entries()) {
    const link = index + 1 as LinkId;
    links.add(
      { link, peer, dialled: true, remote: { host: "10.0.0.2", port: 1 }, secret: null },
      0,
    );
    links.promote(link, 1, 0);
  }
  const asked: [LinkId, string][] = [];
  const told: string[] = [];
  const ownName = new OwnName(fakeEnvironment(), fakeSigner("Ann"), links, {
    ask: (link, name) => asked.push([link, name]),
    claimed() {},
    show: (event) => told.push("text" in event ? event.text : event.event),
  });
  const names = { ownerOf: () => null };
  const roster = { selfClaim: () => claimOf("Ann").signed };
  const roomWith = (count: number) => ({
    neighbours: neighbours.slice(0, count),
    machines: { roster, names, latestHead: () => null },
    config: IN_ROOM,
  });

  for (const [name, count] of [["A", 3], ["B", 3], ["C", 3], ["D", 3], ["E", 1]] as const) {
    ownName.claim(roomWith(count), { name, ref: undefined });
    ownName.refused("name-taken", "somebody has it");
    ownName.ended();
  }

  assertEquals(asked, [[1, "A"], [2, "B"], [3, "C"], [1, "D"], [1, "E"]] as [LinkId, string][]);
  assertEquals(told[0], "Cannot take the name A: somebody has it");
});

Deno.test("OwnName asks one other neighbour where the link to the one asked ends, and then says that the name stays", () => {
  const links = new LinkTable(keyOf("Ann"), 2_000);
  const neighbours = ["Bob", "Carl", "Dan"].map(keyOf);
  for (const [index, peer] of neighbours.entries()) {
    const link = index + 1 as LinkId;
    const remote = { host: "10.0.0.2", port: 1 };
    links.add({ link, peer, dialled: true, remote, secret: null }, 0);
    links.promote(link, 1, 0);
  }
  const asked: LinkId[] = [];
  const told: string[] = [];
  const ownName = new OwnName(fakeEnvironment(), fakeSigner("Ann"), links, {
    ask: (link) => asked.push(link),
    claimed() {},
    show: (event) => told.push("text" in event ? event.text : event.event),
  });
  const roster = { selfClaim: () => claimOf("Ann").signed };
  const names = { ownerOf: () => null };
  const room = { neighbours, machines: { roster, names, latestHead: () => null }, config: IN_ROOM };
  ownName.claim(room, { name: "Anna", ref: undefined });

  links.remove(1 as LinkId);
  assertEquals(ownName.askAnother(room), true);
  links.remove(2 as LinkId);
  assertEquals(ownName.askAnother(room), false);
  ownName.refused("unreachable", "the connection to the member that was asked ended");

  assertEquals(asked, [1, 2] as LinkId[]);
  assertEquals(told, [
    "Your name stays Ann: the connection to the member that was asked ended; try /name Anna again",
  ]);
});

Deno.test("OwnName: one's own name is a notice, and name-taken while somebody else has it here", () => {
  const told: string[] = [];
  const ann = fakeSigner("Ann");
  const ownName = new OwnName(fakeEnvironment(), ann, new LinkTable(ann.key, 2_000), {
    ask() {},
    claimed() {},
    show: (event) => told.push("code" in event ? `${event.code} ${event.text}` : event.event),
  });
  const roster = { selfClaim: () => claimOf("Ann").signed };
  for (const owner of [ann.key, null, keyOf("another Ann")]) {
    const names = { ownerOf: () => owner };
    const room = {
      neighbours: [],
      machines: { roster, names, latestHead: () => null },
      config: IN_ROOM,
    };
    ownName.claim(room, { name: "Ann", ref: undefined });
  }

  const refused =
    "name-taken Cannot take the name Ann: somebody else has it here; choose another one";
  assertEquals(told, ["notice", "notice", refused]);
});
