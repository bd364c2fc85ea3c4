/** What every adapter of the `HomeRouter` port keeps, as one suite: `routerContract("memory", open)`. */

import { assert, assertEquals } from "@std/assert";
import type { PortRequest } from "../../lib/protocols/port_mapping/port_mapping_io.ts";
import type { HomeRouter } from "../../lib/transport/home_router.ts";

/** A router, and what can happen to it. */
export interface RouterWorld {
  readonly router: HomeRouter;
  /** What it passes on, as `tcp 55107`. */
  held(): readonly string[];
  /** It has given this port to others. */
  give(port: number): void;
  /** As after a restart. */
  forget(): void;
  become(mood: "silent" | "refusing"): void;
  close(): Promise<void>;
}

const TCP: PortRequest = { transport: "tcp", internal: 55_107, external: 55_107 };
const UDP: PortRequest = { ...TCP, transport: "udp" };
const LEASE_S = 1_200;

export function routerContract(name: string, open: () => Promise<RouterWorld>): void {
  const contract = (what: string, check: (world: RouterWorld) => Promise<void>) => {
    Deno.test(`a router (${name}) ${what}`, async () => {
      const world = await open();
      try {
        await check(world);
      } finally {
        world.router.close();
        await world.close();
      }
    });
  };

  contract("gives ports, for TCP and UDP, and takes them back", async ({ router, held }) => {
    for (const request of [TCP, UDP]) {
      const answer = await router.map(request, LEASE_S);
      assert(answer.kind === "mapped", JSON.stringify(answer));
      const { external, leaseS } = answer;
      assertEquals([external.host, external.port], ["198.51.100.7", 55_107]);
      assertEquals(leaseS, LEASE_S);
    }
    assertEquals(held().toSorted(), ["tcp 55107", "udp 55107"]);
    assertEquals(await router.drop(TCP), true);
    assertEquals(held(), ["udp 55107"]);
    assertEquals(await router.drop(UDP), true);
    assertEquals(held(), []);
  });

  contract("renews, also what it had forgotten", async ({ router, held, forget }) => {
    await router.map(TCP, LEASE_S);
    assertEquals((await router.map(TCP, LEASE_S)).kind, "mapped");
    forget();
    assertEquals((await router.map(TCP, LEASE_S)).kind, "mapped");
    assertEquals(held(), ["tcp 55107"]);
  });

  contract("never gives a port that another program has", async ({ router, give }) => {
    give(TCP.external);
    const answer = await router.map(TCP, LEASE_S);
    if (answer.kind !== "mapped") assertEquals(answer.kind, "taken");
    else assert(answer.external.port !== TCP.external);
  });

  contract("that is silent is none, and has confirmed nothing", async ({ router, become }) => {
    await router.map(TCP, LEASE_S);
    become("silent");
    const answer = await router.map(TCP, LEASE_S);
    assertEquals(answer, { kind: "failed", failure: { kind: "no-router" } });
    assertEquals(await router.drop(TCP), false);
  });

  contract("that gives no ports says so", async ({ router, become }) => {
    become("refusing");
    const answer = await router.map(TCP, LEASE_S);
    assertEquals(answer.kind === "failed" && answer.failure.kind, "refused");
  });
}
