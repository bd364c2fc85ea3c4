/** When an address that a router has named counts as dialled by a member. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { MappedAddress } from "../../../../lib/protocols/mesh/links/mapped_address.ts";
import { keyOf } from "../overlay_network.ts";

const MAPPED = { host: "203.0.113.7", port: 55_107 };
const SECOND_MS = 1_000;

/** Somebody's link: on the internet, where nothing else is said. */
function linkOf(id: number, { host = `198.51.100.${id}`, dialled = false } = {}) {
  return { peer: keyOf(id), remote: { host, port: 40_000 + id }, dialled };
}

/** Asks, among neighbours that the test sets. */
function asking() {
  const state = {
    neighbours: [] as ReturnType<typeof linkOf>[],
    asked: [] as PeerKey[],
    proven: 0,
  };
  const address = new MappedAddress({
    neighbours: () => state.neighbours,
    ask: (peer) => state.asked.push(peer),
    proven: () => state.proven++,
  });
  return { address, state };
}

/** Neighbour 1 is asked. */
function asked() {
  const { address, state } = asking();
  state.neighbours = [linkOf(1, { dialled: true })];
  address.entered(0);
  address.mapped(MAPPED, 0);
  address.deadlines.tick(0);
  assertEquals(state.asked, [keyOf(1)]);
  return { address, state };
}

Deno.test("MappedAddress: what a neighbour says counts with its coming in, in either order", () => {
  for (const saysFirst of [true, false]) {
    const { address, state } = asked();
    const says = () => address.answered(keyOf(1), true);
    const comes = () => address.linkUp(linkOf(1));
    for (const step of saysFirst ? [says, comes] : [comes, says]) {
      assertEquals(state.proven, 0);
      step();
    }
    assertEquals([state.proven, address.proven], [1, MAPPED]);
    assertEquals(address.deadlines.nextMs(), null);
  }
});

Deno.test("MappedAddress: neither alone, nor of two neighbours, nor a no, is a proof", () => {
  const cases: readonly ((address: MappedAddress) => void)[] = [
    (address) => address.answered(keyOf(1), true),
    (address) => address.linkUp(linkOf(1)),
    (address) => {
      address.answered(keyOf(1), true);
      address.linkUp(linkOf(2));
    },
    (address) => {
      address.linkUp(linkOf(1));
      address.answered(keyOf(1), false);
    },
    (address) => {
      address.linkUp(linkOf(1));
      address.answered(keyOf(1), null);
    },
    (address) => {
      address.answered(keyOf(1), true);
      address.linkUp(linkOf(1, { dialled: true }));
    },
    (address) => {
      address.answered(keyOf(1), true);
      address.linkUp(linkOf(1, { host: "192.168.1.9" }));
    },
    (address) => {
      address.linkUp(linkOf(2));
      address.answered(keyOf(2), true); // it wasn't asked
    },
    (address) => {
      address.linkUp(linkOf(1));
      address.gone(keyOf(1));
      address.answered(keyOf(1), true);
    },
  ];
  for (const [at, happens] of cases.entries()) {
    const { address, state } = asked();
    happens(address);
    assertEquals([state.proven, address.proven], [0, null], String(at));
  }
});

Deno.test("MappedAddress asks only who isn't on its own network, and few", () => {
  const { address, state } = asking();
  state.neighbours = [
    linkOf(1, { host: "10.0.0.9" }),
    linkOf(2, { dialled: true }),
    linkOf(3),
    linkOf(4, { dialled: true }),
    linkOf(5, { dialled: true }),
  ];
  address.entered(0);
  address.mapped(MAPPED, 0);
  address.deadlines.tick(0);
  assertEquals(state.asked, [3, 2, 4].map(keyOf));
});

Deno.test("MappedAddress asks again after a minute, and a new neighbour soon", () => {
  const { address, state } = asked();
  address.answered(keyOf(1), null);
  assertEquals(address.deadlines.nextMs(), 15 * SECOND_MS);
  address.deadlines.tick(15 * SECOND_MS);
  assertEquals(address.deadlines.nextMs(), 60 * SECOND_MS);
  address.neighbourUp(30 * SECOND_MS);
  assertEquals(address.deadlines.nextMs(), 31 * SECOND_MS);
  address.deadlines.tick(31 * SECOND_MS);
  assertEquals(state.asked.length, 2);
  // What is asked isn't asked anew.
  address.neighbourUp(32 * SECOND_MS);
  assertEquals(address.deadlines.nextMs(), 46 * SECOND_MS);
});

Deno.test("MappedAddress waits for the room, and for somebody who can be asked", () => {
  const { address, state } = asking();
  address.mapped(MAPPED, 0);
  address.neighbourUp(0);
  assertEquals(address.deadlines.nextMs(), null);
  address.entered(100);
  address.deadlines.tick(100);
  assertEquals([state.asked, address.deadlines.nextMs()], [[], 10_100]);
});

Deno.test("MappedAddress needs a proof of its own after each change", () => {
  const { address, state } = asked();
  address.linkUp(linkOf(1));
  address.mapped({ ...MAPPED, port: 1 }, SECOND_MS);
  address.answered(keyOf(1), true);
  address.deadlines.tick(SECOND_MS);
  address.answered(keyOf(1), true);
  assertEquals(state.proven, 0); // who had come in has come by the address before
  address.linkUp(linkOf(1));
  assertEquals(state.proven, 1);

  address.moved(2 * SECOND_MS);
  assertEquals([address.proven, address.deadlines.nextMs()], [null, 2 * SECOND_MS]);
  address.mapped(null, 3 * SECOND_MS);
  assertEquals(address.deadlines.nextMs(), null);
});
