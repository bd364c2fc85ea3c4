/** A port of a router in memory, from the first question to the end, in virtual time. */

import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import { PortMapper } from "../../../lib/runtime/hosts/port_mapper.ts";
import { MemoryRouter } from "../../doubles/memory_router.ts";
import { VirtualClock } from "../virtual_clock.ts";

const EXTERNAL = { host: "198.51.100.7", port: 4_400 };
const MINUTE = 60_000;

/** A mapper of a server, and what it says. */
function started({ reachesItself = false } = {}) {
  const [clock, router] = [new VirtualClock(), new MemoryRouter()];
  const said: string[] = [];
  const text = (external: Endpoint | null) =>
    external === null ? "nowhere" : endpointText(external);
  const ownHosts = () => ["192.168.1.5"];
  const transports = ["tcp", "udp"] as const;
  const mapper = new PortMapper({ port: 4_400, transports, ownHosts, dials: true }, {
    clock,
    environment: {
      random: () => 0.5,
      randomBytes: (length) => new Uint8Array(length),
      wallMs: () => 0,
      crypto: nodeCrypto,
      log: SILENT_LOGGER,
    },
    router,
    dial: (external) => {
      said.push(`dials ${text(external)}`);
      return Promise.resolve(reachesItself);
    },
    mapped: (external) => said.push(`mapped ${text(external)}`),
    announce: (external) => said.push(`announces ${text(external)}`),
    tell: ({ kind }) => said.push(kind),
    failed: (error) => {
      throw error;
    },
  });
  mapper.start();
  return { clock, router, mapper, said, taken: () => said.splice(0) };
}

/** Lets all happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}

Deno.test("PortMapper asks a router, proves the address by a dial of its own, and gives the ports back", async () => {
  const { router, mapper, taken } = started({ reachesItself: true });
  await settle();
  const address = endpointText(EXTERNAL);
  assertEquals([...router.held], ["tcp 4400", "udp 4400"]);
  assertEquals(taken(), [
    "mapped",
    `mapped ${address}`,
    `dials ${address}`,
    `announces ${address}`,
    "proven",
  ]);
  await mapper.stop();
  assertEquals([[...router.held], router.isClosed, taken()], [[], true, []]);
});

Deno.test("PortMapper waits for somebody from elsewhere where it doesn't reach itself", async () => {
  const { clock, mapper, taken } = started();
  await settle();
  taken();
  mapper.cameIn("192.168.1.8");
  clock.advance(MINUTE);
  assertEquals(taken(), ["unproven"]);
  mapper.cameIn("203.0.113.9");
  assertEquals(taken(), [`announces ${endpointText(EXTERNAL)}`, "proven"]);
  await mapper.stop();
});

Deno.test("PortMapper finds out by its renewals what has become of the router", async () => {
  const { clock, router, mapper, taken } = started({ reachesItself: true });
  await settle();
  taken();
  router.forget();
  clock.advanceTo(10 * MINUTE);
  await settle();
  assertEquals([taken(), router.held.size], [[], 2]);

  router.host = "198.51.100.99";
  clock.advanceTo(20 * MINUTE);
  await settle();
  assertEquals(taken(), [
    "mapped nowhere",
    "announces nowhere",
    "changed",
    "mapped 198.51.100.99:4400",
    "dials 198.51.100.99:4400",
    "announces 198.51.100.99:4400",
    "proven",
  ]);
  router.mood = "silent";
  clock.advanceTo(30 * MINUTE);
  await settle();
  assertEquals(taken(), ["failed"]);
  router.mood = "well";
  clock.advance(MINUTE);
  await settle();
  assertEquals(taken(), []);
  await mapper.stop();
});

Deno.test("PortMapper ends in 2 s though the router says nothing any more, and says what is left there", async () => {
  const { clock, router, mapper, taken } = started();
  await settle();
  taken();
  router.mood = "silent";
  await mapper.stop();
  assertEquals([taken(), clock.isIdle], [["left", "left"], true]);

  const slow = started();
  await settle();
  slow.router.drop = () => new Promise(() => {});
  const stopped = slow.mapper.stop();
  slow.clock.advance(2_000);
  await stopped;
});
