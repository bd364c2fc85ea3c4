/** What is counted of connections, in virtual time. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { expose } from "../../../lib/cli/metrics/exposition.ts";
import { LinkFigures } from "../../../lib/cli/metrics/link_figures.ts";
import { Registry } from "../../../lib/cli/metrics/registry.ts";
import { EXPECT_ANYBODY } from "../../../lib/transport/link.ts";
import { type LinkWorld, Program } from "../../contracts/link_contract.ts";
import { MemoryLinkNetwork } from "../../doubles/memory_links.ts";
import { readOpenMetrics, valueOf } from "./openmetrics.ts";

/** Programs, of which Ann's is observed. */
class World {
  readonly network = new MemoryLinkNetwork({ latencyMs: 5 });
  readonly #registry = new Registry();
  readonly figures = new LinkFigures(this.#registry);

  start(name: string, options?: ConstructorParameters<typeof Program>[2]): Program {
    const observer = name === "ann" ? { observer: this.figures, waitingMax: 2 } : {};
    const world: Pick<LinkWorld, "open"> = {
      open: (config) => this.network.open({ host: name, port: 1 }, { ...config, ...observer }),
    };
    return new Program(world as LinkWorld, name, options);
  }

  pass(ms: number): void {
    this.network.clock.advance(ms);
  }

  value(name: string, labels = {}): number | undefined {
    const text = expose(this.#registry.families, "openmetrics");
    return valueOf(readOpenMetrics(text), `p2pchat_${name}`, labels);
  }
}

Deno.test("LinkFigures: what is opened, carries bytes and ends", () => {
  const world = new World();
  const [ann, bob, cem] = [world.start("ann"), world.start("bob"), world.start("cem")];
  assertEquals(world.value("links"), 0);
  ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(100);
  assertEquals(world.value("links_opened_total", { direction: "out" }), 1);
  assertEquals(world.value("links_opened_total", { direction: "in" }), 0);
  cem.links.dial(1, ann.links.local, EXPECT_ANYBODY);
  world.pass(100);

  assertEquals(world.value("links"), 2);
  assertEquals(world.value("links_opened_total", { direction: "in" }), 1);
  const before = [world.value("sent_bytes_total")!, world.value("received_bytes_total")!] as const;
  assert(before[0] > 0 && before[1] > 0);
  ann.links.send(ann.ups[0]!.link, new Uint8Array(1_000), "data");
  world.pass(100);
  assert(world.value("sent_bytes_total")! - before[0] >= 1_000);
  assert(world.value("received_bytes_total")! - before[1] < 1_000);

  world.network.crash("bob");
  world.pass(100);
  cem.links.close(cem.ups[0]!.link, "enough");
  world.pass(2_000);
  assertEquals(world.value("links"), 0);
  assertEquals(world.value("links_ended_total", { how: "lost" }), 1);
  assertEquals(world.value("links_ended_total", { how: "closed" }), 1);
});

Deno.test("LinkFigures: who isn't let in, and why nothing comes of a connection", () => {
  const world = new World();
  const ann = world.start("ann", { strangers: { strangersMax: 1, strangersPerAddressMax: 1 } });
  const [bob, mute] = [world.start("bob"), world.start("mute")];
  const fingerprint = fingerprintOf(mute.key);
  ann.links.dial(1, bob.links.local, { ...EXPECT_ANYBODY, fingerprint });
  world.pass(100);
  assertEquals(world.value("handshake_failures_total", { reason: "wrong-key" }), 1);

  mute.links.dial(1, ann.links.local, EXPECT_ANYBODY);
  world.pass(6);
  world.network.cut("mute", "ann"); // it has connected, and nothing of what it says arrives
  world.pass(20_000);
  assertEquals(world.value("connections_refused_total", { reason: "silent" }), 1);

  const crowd = Array.from({ length: 10 }, (_, at) => world.start(`crowd ${at}`));
  for (const { links } of crowd) links.dial(1, ann.links.local, EXPECT_ANYBODY);
  world.pass(6);
  for (const { name } of crowd) world.network.cut("ann", name);
  world.pass(20_000);
  assert(world.value("connections_refused_total", { reason: "full" })! > 0);
  assertEquals(world.value("links"), 0);
});

Deno.test("LinkFigures: round trips of what is open, when they are looked at", () => {
  const world = new World();
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  world.figures.look();
  assertEquals(world.value("link_round_trip_seconds_count"), 0);
  ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(5_000);
  world.figures.look();

  assertEquals(world.value("link_round_trip_seconds_count"), 1);
  assertEquals(world.value("link_round_trip_seconds_bucket", { le: "0.01" }), 1);
});

Deno.test("LinkFigures: how often too much waited", () => {
  const world = new World();
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(100);
  world.network.cut("ann", "bob");
  for (let sent = 0; sent < 12; sent++) {
    ann.links.send(ann.ups[0]!.link, new Uint8Array(200_000), "data");
  }

  assertEquals(world.value("congestions_total"), 1);
});
