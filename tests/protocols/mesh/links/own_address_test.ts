/** Which address of ours others are told, as links come and neighbours answer. */

import { assertEquals } from "@std/assert";
import type { Endpoint, LinkId } from "../../../../lib/base/ids.ts";
import { OwnAddress } from "../../../../lib/protocols/mesh/links/own_address.ts";
import type { MeshLink } from "../../../../lib/protocols/mesh/links/link_table.ts";
import { keyOf } from "../overlay_network.ts";

const HOME: Endpoint = { host: "192.0.2.1", port: 4_000 };

function link(id: number, more: Partial<MeshLink> = {}): MeshLink {
  return {
    link: id as LinkId,
    peer: keyOf(id),
    dialled: false,
    remote: { host: "198.51.100.7", port: 9_000 + id },
    secret: null,
    state: "member",
    ...more,
  };
}

/** @param fixed Whether the user has named the address. */
function addressOf({ fixed = false, passive = false, neighbours = [] as readonly MeshLink[] }) {
  const done: unknown[] = [];
  const part = new OwnAddress(
    { advertise: { ...HOME, ...(fixed ? { fixed } : {}) }, passive },
    {
      neighbours: () => neighbours,
      dial: ({ endpoint }) => void done.push(["dial", endpoint]),
      send: (to, message) => void done.push([message.type, to]),
      moved: (endpoint, before) => void done.push(["moved", endpoint.host, before]),
      reachable: ({ host }, isReachable) => void done.push([host, isReachable]),
      proven: (endpoint) => void done.push(["proven", endpoint]),
    },
  );
  return { part, done: () => done.splice(0) };
}

const ANSWER = { type: "dialled-back", reachable: false, reached: null, mapped: false } as const;

Deno.test("OwnAddress: neighbours are asked whether the announced address can be dialled, and believed", () => {
  const neighbours = [link(1), link(2)];
  const { part, done } = addressOf({ neighbours });
  part.entered(HOME, 0);
  assertEquals(part.deadlines.nextMs(), 10_000);
  part.deadlines.tick(10_000);
  assertEquals(done(), [["dial-back", keyOf(1)], ["dial-back", keyOf(2)]]);
  for (const neighbour of neighbours) part.message(neighbour, ANSWER, 10_500);
  assertEquals(done(), [[HOME.host, false]]);

  // Somebody has dialled us there since: the others are asked anew, soon.
  part.linkUp(link(3), HOME.host, 30_000);
  assertEquals(part.deadlines.nextMs(), 31_000);
});

Deno.test("OwnAddress: a neighbour whose link ends while it is asked isn't waited for", () => {
  const { part, done } = addressOf({ neighbours: [link(1), link(2)] });
  part.entered(HOME, 0);
  part.deadlines.tick(10_000);
  done();
  part.message(link(1), ANSWER, 10_100);
  part.linkDown(2 as LinkId, null, 10_200);
  assertEquals(part.deadlines.nextMs(), 25_000);
  part.linkDown(2 as LinkId, keyOf(2), 10_200);
  // One of two alone isn't believed.
  assertEquals([done(), part.deadlines.nextMs()], [[], 70_200]);
});

Deno.test("OwnAddress: a machine that has moved announces its new address, and asks about that", () => {
  const { part, done } = addressOf({});
  part.linkUp(link(1), HOME.host, 0);
  part.linkUp(link(2), "192.0.2.99", 0);
  part.follow(0);
  assertEquals(done(), []);
  part.linkDown(1 as LinkId, null, 500);
  part.follow(500);
  part.follow(600);
  assertEquals([done(), part.deadlines.nextMs()], [[["moved", "192.0.2.99", HOME.host]], 10_500]);
});

Deno.test("OwnAddress: without a link, too, the machine's present address is announced, once", () => {
  const { part, done } = addressOf({});
  part.machineHas(["192.0.2.98"], "192.0.2.98", 0); // before there is a room
  part.entered(HOME, 0);
  part.machineHas(["127.0.0.1", HOME.host], HOME.host, 100);
  part.machineHas(["127.0.0.1"], "127.0.0.1", 200);
  assertEquals(done(), []);
  for (const nowMs of [500, 600]) part.machineHas(["192.0.2.99"], "192.0.2.99", nowMs);
  assertEquals([done(), part.deadlines.nextMs()], [[["moved", "192.0.2.99", HOME.host]], 10_500]);
});

Deno.test("OwnAddress: an address that others see instead of the machine's own stays when that changes", () => {
  const { part, done } = addressOf({});
  part.entered({ host: "203.0.113.9", port: 4_000 }, 0);
  part.machineHas(["192.0.2.99"], "192.0.2.99", 500);
  assertEquals(done(), []);
});

Deno.test("OwnAddress: an address that the user has named stays, and so does that of who can't be dialled", () => {
  for (const given of [{ fixed: true }, { passive: true }]) {
    const { part, done } = addressOf(given);
    part.entered(HOME, 0);
    part.linkUp(link(2), "192.0.2.99", 0);
    part.follow(0);
    part.machineHas(["192.0.2.99"], "192.0.2.99", 0);
    assertEquals([done(), part.deadlines.nextMs()], [[], null]);
  }
  const unannounced = addressOf({}).part;
  unannounced.entered(null, 0);
  assertEquals(unannounced.deadlines.nextMs(), null);
});

Deno.test("OwnAddress: a member that asks is dialled where its link comes from, and told what became of it", () => {
  const { part, done } = addressOf({});
  part.message(link(1), {
    type: "dial-back",
    endpoint: { host: "203.0.113.5", port: 77 },
    mapped: false,
  }, 0);
  const endpoint = { host: "198.51.100.7", port: 77 };
  assertEquals(done(), [["dial", endpoint]]);
  const dial = { purpose: "dial-back", peer: keyOf(1), endpoint } as never;
  part.dialledBack(dial, "timeout" as never);
  assertEquals(done(), [["dialled-back", keyOf(1)]]);
});
