import { assert, assertEquals } from "@std/assert";
import { Random } from "../../sim/random.ts";
import { World } from "./programs.ts";

Deno.test("ReliableDatagrams: messages arrive once, in the order of their lane", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  const texts = Array.from({ length: 500 }, (_, n) => `message ${n}`);

  for (const text of texts) ann.send(bob, text);
  for (const text of texts) bob.send(ann, text, "control");
  world.run(2_000);

  assertEquals(bob.heard("data"), texts);
  assertEquals(ann.heard("control"), texts);
  assertEquals([ann.machine.waitingBytes(bob.key), bob.machine.waitingBytes(ann.key)], [0, 0]);
});

Deno.test("ReliableDatagrams: everything arrives over a network that loses, repeats and disorders", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new World();
    const { ann, bob } = world.pair();
    const random = new Random(seed);
    world.fate = () => random.chance(0.3) ? null : random.between(1, 60);
    const texts = Array.from({ length: 300 }, (_, n) => `${n} ${"x".repeat(random.below(400))}`);
    for (const text of texts) {
      ann.send(bob, text);
      if (random.chance(0.1)) world.run(random.below(20));
    }
    world.run(60_000);

    assertEquals(bob.heard(), texts, `seed ${seed}`);
    assert(world.sent.every(({ bytes }) => bytes.length < 1_200));
  }
});
