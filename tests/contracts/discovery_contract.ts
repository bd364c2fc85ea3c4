/**
 * What every adapter of the `ServiceDiscovery` port keeps, as one suite. The world is the adapter's: real time and a
 * socket, or virtual time in memory. So the cases wait for what must happen, never for a time to pass.
 */

import { assert, assertEquals } from "@std/assert";
import type { Service, ServiceDiscovery } from "../../lib/transport/discovery/service_discovery.ts";

export interface DiscoveryWorld {
  open(): ServiceDiscovery;
  /** Lets things happen until `done`; fails after some seconds. */
  until(done: () => boolean, what: string): Promise<void>;
}

/** One program, and all that it heard. */
class Listener {
  readonly discovery: ServiceDiscovery;
  readonly heard: { host: string; service: Service; lifeMs: number }[] = [];
  readonly gone: string[] = [];
  asked = 0;
  #isCalling = false;

  constructor(world: DiscoveryWorld) {
    this.discovery = world.open();
    const outside = () => assert(!this.#isCalling, "nothing is called back from within a call");
    this.discovery.handle({
      asked: () => {
        outside();
        this.asked += 1;
      },
      heard: (host, service, lifeMs) => {
        outside();
        this.heard.push({ host, service, lifeMs });
      },
      gone: (_, instance) => {
        outside();
        this.gone.push(instance);
      },
      connected() {},
    });
  }

  call(work: (discovery: ServiceDiscovery) => void): void {
    this.#isCalling = true;
    work(this.discovery);
    this.#isCalling = false;
  }
}

const SERVICE: Service = {
  instance: "k7f3q2",
  port: 55_107,
  texts: ["v=12", "title=Größe 日本", `room=${"ab".repeat(32)}`],
};

type Case = (world: DiscoveryWorld, ann: Listener, bob: Listener) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "who asks is heard by all, by itself, too": async (world, ann, bob) => {
    ann.call((discovery) => discovery.ask());
    await world.until(() => ann.asked > 0 && bob.asked > 0, "both hear it");

    assert(ann.discovery.hearing.own, "it knows that it hears itself");
    assertEquals([ann.heard, bob.heard], [[], []]);
  },
  "a service arrives whole, with the address of who announced it": async (world, ann, bob) => {
    ann.call((discovery) => discovery.announce(SERVICE));
    await world.until(() => bob.heard.length > 0, "it arrives");

    const { host, service, lifeMs } = bob.heard[0]!;
    assert(/^\d+\.\d+\.\d+\.\d+$/.test(host), host);
    assertEquals(service, SERVICE);
    assertEquals(lifeMs, 120_000);
    assertEquals(bob.asked, 0);
  },
  "a goodbye arrives, and isn't taken for an announcement": async (world, ann, bob) => {
    ann.call((discovery) => discovery.goodbye(SERVICE));
    await world.until(() => bob.gone.length > 0, "it arrives");

    assertEquals(bob.gone[0], SERVICE.instance);
    assertEquals(bob.heard, []);
  },
  "what was sent before the end goes out; afterwards nothing comes in": async (world, ann, bob) => {
    ann.call((discovery) => discovery.goodbye(SERVICE));
    await ann.discovery.close();
    await ann.discovery.close();
    await world.until(() => bob.gone.length > 0, "it arrives");
    const before = [ann.asked, ann.heard.length, ann.gone.length];
    bob.call((discovery) => discovery.ask());
    await world.until(() => bob.asked > 0, "others go on");

    assertEquals([ann.asked, ann.heard.length, ann.gone.length], before);
    ann.call((discovery) => discovery.ask());
  },
};

export function discoveryContract(
  name: string,
  openWorld: () => DiscoveryWorld,
  options: Pick<Deno.TestDefinition, "permissions" | "ignore"> = {},
): void {
  for (const [what, run] of Object.entries(CASES)) {
    Deno.test({
      name: `${name}: ${what}`,
      ...options,
      async fn() {
        const world = openWorld();
        const [ann, bob] = [new Listener(world), new Listener(world)];
        try {
          await run(world, ann, bob);
        } finally {
          await Promise.all([ann.discovery.close(), bob.discovery.close()]);
        }
      },
    });
  }
}
