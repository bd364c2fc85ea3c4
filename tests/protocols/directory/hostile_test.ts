import { assert, assertEquals } from "@std/assert";
import {
  type DirectoryMessage,
  OUTCOMES,
  ROUTES,
  WAYS_IN,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { Random } from "../../sim/random.ts";
import { DIRECTORY_SAMPLES } from "../../wire/directory_samples.ts";
import { callId, Exchange, type Somebody } from "./exchange.ts";
import { SLOW } from "../../given.ts";

const NAMES = ["ann", "bob", "eve", "mallory", "Ann", "a b", ""];

/** A message of any type, with numbers and names that are in use. */
function anyMessage(random: Random): DirectoryMessage {
  const message = { ...random.pick(DIRECTORY_SAMPLES) } as Record<string, unknown>;
  const values: Readonly<Record<string, () => unknown>> = {
    call: () => callId(1 + random.below(4)),
    instead: () => null,
    name: () => random.pick(NAMES),
    how: () => random.pick(WAYS_IN),
    route: () => random.pick(ROUTES),
    state: () => random.pick(OUTCOMES),
    through: () => random.pick([0, 1, Number.MAX_SAFE_INTEGER]),
    own: () => random.below(5),
    accepts: () => random.chance(0.5),
    port: () => random.pick([0, 5_000]),
    talking: () => random.chance(0.5) ? null : { call: callId(1), name: random.pick(NAMES) },
    seen: () => null,
  };
  for (const [field, value] of Object.entries(values)) {
    if (!(field in message) || random.chance(0.2)) continue;
    message[field] = value();
  }
  return message as unknown as DirectoryMessage;
}

function attacks(random: Random, exchange: Exchange, attacker: Somebody): void {
  switch (random.below(6)) {
    case 0:
      attacker.connects();
      if (random.chance(0.7)) attacker.enters({ how: random.pick(WAYS_IN) });
      return;
    case 1: {
      const bytes = random.bytes(random.below(200));
      if (bytes.length > 0 && random.chance(0.5)) bytes[0] = 5;
      return exchange.feed({ type: "datagram", from: attacker.endpoint, bytes });
    }
    case 2: {
      if (attacker.path === null) return;
      const bytes = attacker.path.seal({ type: "got", through: random.below(3) });
      if (random.chance(0.5)) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return exchange.feed({ type: "datagram", from: attacker.endpoint, bytes });
    }
    case 3:
      if (random.chance(0.2)) exchange.feed({ type: "congested", link: attacker.link });
      if (random.chance(0.2)) exchange.feed({ type: "drained", link: attacker.link });
      if (random.chance(0.2)) attacker.goesDown(random.chance(0.5));
      return;
    default:
      return attacker.says(anyMessage(random));
  }
}

Deno.test(
  "Directory: whatever attackers say, a call of others goes on, and what is told to all arrives",
  SLOW,
  () => {
    let banned = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      const exchange = new Exchange();
      const [ann, bob] = [exchange.account("ann"), exchange.account("bob")];
      for (const account of exchange.accounts.values()) account.password = "nobody knows it";
      for (const somebody of [ann, bob]) somebody.isHere();
      ann.calls("bob", 1);
      bob.answers(1);
      ann.says({ type: "relay-please", call: callId(1) });
      ann.begins(1, "relay");
      bob.begins(1, "relay");
      const attackers = ["eve", "mallory"].map((name) => exchange.somebody(name));
      for (const attacker of attackers) attacker.acknowledges = false;
      for (let step = 1; step <= 150; step++) {
        attacks(random, exchange, random.pick(attackers));
        exchange.pass(random.below(100));
        if (step % 50 !== 0) continue;
        ann.tells(`text ${step}`);
        ann.says({ type: "relay", call: callId(1), bytes: new Uint8Array(step) });
        bob.says({ type: "relay-room", call: callId(1), bytes: step });
      }
      const words = exchange.take();
      banned += words.filter((word) => word.includes(": ban")).length;
      assertEquals(bob.heard.filter((text) => text.startsWith("text")), [
        "text 50",
        "text 100",
        "text 150",
      ]);
      assertEquals(ann.last("relay-room").bytes, 150);
      exchange.pass(1_000);
      assert(ann.sees.includes("ann busy, bob busy"), `seed ${seed}: ${ann.sees}`);
      assertEquals(ann.sees, bob.sees);
      for (const [link, { name }] of exchange.byLink) {
        if (name === "ann" || name === "bob") continue;
        exchange.feed({ type: "link-down", link, closed: true, reason: "quit" });
      }
      for (const somebody of [ann, bob]) somebody.hangsUp(1);
      exchange.pass(40_000);
      assertEquals(ann.sees, "ann free, bob free");
      assertEquals(exchange.machine.nextDeadlineMs(), null);
    }
    assert(banned > 100, `attackers were shut out ${banned} times`);
  },
);
