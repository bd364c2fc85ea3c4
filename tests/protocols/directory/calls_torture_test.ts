import { assert, assertEquals } from "@std/assert";
import {
  CONNECTING_MS_MAX,
  ENDING_MS_MAX,
  RINGING_MS_MAX,
} from "../../../lib/protocols/directory/schema/limits.ts";
import { Random } from "../../sim/random.ts";
import { Exchange, type Somebody } from "./exchange.ts";
import { SLOW } from "../../given.ts";

const NAMES = ["ann", "bob", "cem", "dan"];

/** Something that a client may say, or that may happen to it, whether it fits or not. */
function acts(random: Random, exchange: Exchange, somebody: Somebody, ids: number): void {
  const id = Math.max(1, ids - random.below(4));
  const isIn = somebody.entered !== null;
  if (!isIn) {
    somebody.connects().enters({ busy: random.chance(0.5) });
    return;
  }
  switch (random.below(9)) {
    case 0:
      return somebody.calls(random.pick(NAMES), ids);
    case 1:
    case 2:
      return somebody.answers(id, random.chance(0.8));
    case 3:
    case 4:
      return somebody.begins(id, "direct");
    case 5:
      return somebody.hangsUp(id);
    case 6:
      if (!random.chance(0.3)) return;
      somebody.goesDown(random.chance(0.5));
      somebody.entered = null;
      return;
    case 7:
      if (random.chance(0.2)) somebody.connects().enters();
      return;
    default:
      if (random.chance(0.5)) exchange.pass(random.below(2_000));
  }
}

Deno.test(
  "Directory: whatever clients say of calls, lists are right, and nothing is left behind",
  SLOW,
  () => {
    let connected = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      const exchange = new Exchange();
      const people = NAMES.map((name) => exchange.guest(name));
      for (let step = 1; step <= 200; step++) {
        acts(random, exchange, random.pick(people), 1 + (step % 200));
        exchange.pass(50);
        const there = people.filter(({ entered }) => entered !== null);
        exchange.command({ command: "list" });
        const { users } = exchange.event("users");
        const list = users.map(({ name, state }) => `${name} ${state}`).join(", ");
        for (const somebody of there) assertEquals(somebody.sees, list, `seed ${seed}, ${step}`);
        if (list.includes("busy")) connected += 1;
      }
      for (const somebody of people) {
        if (somebody.entered === null) somebody.connects().enters();
        for (let id = 1; id <= 200; id++) {
          somebody.hangsUp(id);
          exchange.pass(51);
        }
      }
      exchange.pass(RINGING_MS_MAX + CONNECTING_MS_MAX + ENDING_MS_MAX);
      exchange.command({ command: "status" });
      assertEquals(exchange.event("status").calls, 0);
      assertEquals(exchange.machine.nextDeadlineMs(), null);
      assert(people.every(({ sees }) => !sees.includes("busy")));
    }
    assert(connected > 500, `calls came about: ${connected}`);
  },
);
