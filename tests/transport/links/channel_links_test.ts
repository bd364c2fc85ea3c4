/** What happens to links when time passes, hosts die and ways are cut; in virtual time. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { EXPECT_ANYBODY } from "../../../lib/transport/link.ts";
import { MemoryLinkNetwork } from "../../doubles/memory_links.ts";
import { type LinkWorld, Program } from "../../contracts/link_contract.ts";
import { SLOW } from "../../given.ts";

class World {
  readonly network: MemoryLinkNetwork;
  readonly #programs: Program[] = [];

  constructor(latencyMs = 5) {
    this.network = new MemoryLinkNetwork({ latencyMs });
  }

  start(name: string, options?: ConstructorParameters<typeof Program>[2]): Program {
    const world: Pick<LinkWorld, "open"> = {
      open: (config) => this.network.open({ host: name, port: 1 }, config),
    };
    const program = new Program(world as LinkWorld, name, options);
    this.#programs.push(program);
    return program;
  }

  pass(ms: number): void {
    this.network.clock.advance(ms);
  }

  connect(from: Program, to: Program): void {
    from.links.dial(1, to.links.local, EXPECT_ANYBODY);
    this.pass(100);
    assertEquals([from.links.size, to.links.size], [1, 1]);
  }

  /** What each was told of the end of its one link. */
  ends(): readonly (string | null)[] {
    return this.#programs.map(({ downs }) => {
      const [down] = downs;
      return down === undefined
        ? null
        : `${down.end.closed ? "closed" : "lost"}: ${down.end.reason}`;
    });
  }
}

Deno.test("a crashed program is a loss at once, not a goodbye", () => {
  const world = new World();
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  world.connect(ann, bob);

  world.network.crash("bob");
  world.pass(100);

  assertEquals(world.ends()[0], "lost: the other side hung up");
});

Deno.test("a cut that heals within 3 s is not noticed, a longer one is a loss on both sides", () => {
  const world = new World();
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  world.connect(ann, bob);
  const cut = (ms: number) => {
    world.network.cut("ann", "bob");
    world.network.cut("bob", "ann");
    world.pass(ms);
    world.network.heal("ann", "bob");
    world.network.heal("bob", "ann");
  };

  cut(1_800);
  ann.say("still there?");
  world.pass(500);
  assertEquals([bob.texts, world.ends()], [["still there?"], [null, null]]);

  cut(3_200);
  assertEquals(world.ends(), ["lost: no answer for 3 s", "lost: no answer for 3 s"]);
});

Deno.test("dial() with a patience of its own for that link keeps it through a longer cut", () => {
  const world = new World();
  const patient = { deadAfterMs: 20_000 };
  const ann = world.start("ann");
  const bob = world.start("bob", { channel: patient });
  ann.links.dial(1, bob.links.local, { ...EXPECT_ANYBODY, channel: patient });
  world.pass(100);

  world.network.cut("ann", "bob");
  world.pass(15_000);
  assertEquals(world.ends(), [null, null]);
  world.pass(8_000);

  assert(world.ends().every((end) => end?.startsWith("lost: ")), `${world.ends()}`);
});

Deno.test("a way that is cut in one direction is a loss on both sides", () => {
  const world = new World();
  world.connect(world.start("ann"), world.start("bob"));

  world.network.cut("ann", "bob");
  world.pass(8_000);

  assert(world.ends().every((end) => end?.startsWith("lost: ")), `${world.ends()}`);
});

Deno.test("a machine that slept finds its links again", () => {
  const world = new World();
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  world.connect(ann, bob);

  for (let time = 0; time < 20; time++) {
    world.network.clock.stall(60_000);
    world.pass(1_000);
  }

  ann.say("good morning");
  world.pass(100);
  assertEquals([bob.texts, world.ends()], [["good morning"], [null, null]]);
});

Deno.test("dial() takes 10 s at most, whether connecting or the handshake hangs", () => {
  const world = new World();
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  // The connection comes about, then nothing passes any more.
  ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(6);
  world.network.cut("bob", "ann");

  world.pass(9_900);
  assertEquals(ann.failures, []);
  world.pass(200);

  assertEquals(ann.failures.map(({ failure }) => failure.reason), ["timeout"]);
});

Deno.test("dial() takes 10 s at most, connecting and handshake together", () => {
  const world = new World(6_000);
  const [ann, bob] = [world.start("ann"), world.start("bob")];

  ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(9_999);
  assertEquals(ann.failures, []);
  world.pass(100);

  assertEquals(ann.failures.map(({ failure }) => failure.reason), ["timeout"]);
});

Deno.test("dial() may expect a fingerprint alone", () => {
  const world = new World();
  const [ann, bob, eve] = [world.start("ann"), world.start("bob"), world.start("eve")];
  const expect = { ...EXPECT_ANYBODY, fingerprint: fingerprintOf(bob.key) };

  ann.links.dial(1, eve.links.local, expect);
  ann.links.dial(2, bob.links.local, expect);
  world.pass(200);

  assertEquals(ann.failures.map(({ failure }) => failure.reason), ["wrong-key"]);
  assertEquals(ann.ups.map(({ info }) => info.peer), [bob.key]);
});

Deno.test("a link of a day is said to be old once, by both sides", () => {
  const world = new World();
  const options = { channel: { linkAgeMs: 10_000 } };
  const [ann, bob] = [world.start("ann", options), world.start("bob", options)];
  world.connect(ann, bob);

  world.pass(60_000);

  assertEquals([ann.pressure, bob.pressure], [["aged"], ["aged"]]);
});

Deno.test("shutdown() ends within about a second where nobody reads, however long links may take otherwise", async () => {
  for (const isClosed of [false, true]) {
    const world = new World();
    const ann = world.start("ann", { channel: { closeFlushMs: 10_000 } });
    const bob = world.start("bob");
    world.connect(ann, bob);
    world.network.cut("ann", "bob");
    for (let at = 0; at < 10; at++) ann.links.send(ann.link, new Uint8Array(100_000), "data");
    if (isClosed) ann.links.close(ann.link, "quit");

    const done = ann.links.shutdown("quit");
    world.pass(2_200);
    await done;

    assertEquals(ann.downs.length, 1);
  }
});

Deno.test(
  "many dials at once go through the places there are in turn, until as many wait as may",
  SLOW,
  () => {
    const world = new World();
    const bob = world.start("bob", { strangers: { strangersMax: 4, strangersPerAddressMax: 2 } });
    const dialler = world.start("ann");

    for (let attempt = 1; attempt <= 150; attempt++) {
      dialler.links.dial(attempt, bob.links.local, EXPECT_ANYBODY);
    }
    world.pass(5_000);

    const full = dialler.failures.filter(({ failure }) => failure.reason === "full").length;
    assertEquals([full, dialler.links.size, bob.links.size], [20, 130, 130]);
  },
);

Deno.test("silent connections delay nobody's handshake, however many there are", () => {
  const world = new World();
  const bob = world.start("bob");
  // One machine, for which there is no limit per address.
  const [silent, ann] = [world.start("127.0.0.2"), world.start("127.0.0.3")];
  for (let attempt = 1; attempt <= 1_000; attempt++) {
    silent.links.dial(attempt, bob.links.local, EXPECT_ANYBODY);
  }
  world.pass(6);
  world.network.cut(silent.name, "bob");
  world.pass(6);

  ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(5 * 5); // to connect, for the three messages of the handshake, and for the welcome

  assertEquals([ann.links.size, bob.links.size], [1, 1]);
  world.pass(15_000);
  assertEquals(silent.failures.length, 1_000);
});

Deno.test("a preferred host gets in while a crowd from elsewhere has all places and waits for more", () => {
  const world = new World();
  const bob = world.start("bob", {
    strangers: { strangersMax: 4 },
    prefers: (host) => host === "friend",
  });
  const crowd = Array.from({ length: 30 }, (_, at) => world.start(`crowd ${at}`));
  const [friend, other] = [world.start("friend"), world.start("other")];
  for (const { links, name } of crowd) {
    world.network.cut("bob", name);
    for (let attempt = 1; attempt <= 12; attempt++) {
      links.dial(attempt, bob.links.local, EXPECT_ANYBODY);
    }
    world.pass(12); // their openings arrive
  }

  for (const { links } of [friend, other]) links.dial(1, bob.links.local, EXPECT_ANYBODY);
  world.pass(100);

  assertEquals([friend.links.size, bob.links.size], [1, 1]);
  assertEquals(other.failures.map(({ failure }) => failure.reason), ["full"]);
});
