/** How fast, and to whom first, broadcasts go out. */

import { assert, assertEquals } from "@std/assert";
import { Broadcasts } from "../../../../lib/protocols/directory/broadcast_log/broadcasts.ts";
import { Deliveries } from "../../../../lib/protocols/directory/broadcasts/deliveries.ts";
import {
  FLYING_MAX,
  FLYING_MS_MAX,
  WINDOW_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { SLOW } from "../../../given.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { clientOf, partOutput } from "../directory_parts.ts";
import { Exchange, type Somebody } from "../exchange.ts";
import { exchangeOf } from "./broadcast_cases.ts";

function toldTo(somebody: Somebody): number {
  return somebody.got.filter(({ type }) => type === "told").length;
}

Deno.test("Directory: one that acknowledges nothing is sent a window, and holds nobody up", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  const [bob, cem] = [exchange.guest("bob"), exchange.guest("cem")];
  bob.acknowledges = false;
  for (let each = 0; each < WINDOW_MAX + 10; each++) {
    ann.tells("hello");
    exchange.pass(1_000);
  }
  assertEquals([toldTo(bob), cem.heard.length], [WINDOW_MAX, WINDOW_MAX + 10]);
  const last = bob.got.findLast((message) => message.type === "told")!;
  assert(last.type === "told");
  bob.says({ type: "got", through: last.number });
  assertEquals(toldTo(bob), WINDOW_MAX + 10);
});

Deno.test("Directory: a broadcast says whether a guest has sent it", () => {
  const exchange = new Exchange();
  const [ann, bob, cem] = [exchange.account("ann"), exchange.guest("bob"), exchange.guest("cem")];
  bob.tells("of a guest");
  ann.tells("of an account");
  exchange.command({ command: "broadcast", text: "of the operator" });

  const told = cem.got.flatMap((message) => message.type === "told" ? [message] : []);
  assertEquals(told.map(({ text, guest }) => [text, guest]), [
    ["of a guest", true],
    ["of an account", false],
    ["of the operator", false],
  ]);
});

Deno.test("Directory: what goes over the link at last waits until that takes data, and nothing else does", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  exchange.losesDatagrams = true;
  exchange.feed({ type: "congested", link: bob!.link });
  ann.tells("one");
  exchange.pass(5_000);
  ann.tells("two");
  assertEquals(toldTo(bob!), 0);
  exchange.feed({ type: "drained", link: bob!.link });
  assertEquals(bob!.heard, ["one"]);
  exchange.pass(5_000);
  assertEquals([bob!.heard, toldTo(bob!)], [["one", "two"], 2]);
});

Deno.test("Directory: whoever acknowledges in a datagram what it was never told is shut out", () => {
  const { exchange, guests: [bob] } = exchangeOf("bob");
  bob!.sends({ type: "got", through: 5 });
  assert(exchange.take().some((word) => word.startsWith("bob: ban")));
});

Deno.test("Directory: datagrams of nobody, of a session that ended, or again, change nothing", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  const { path, endpoint } = bob!;
  assert(path !== null);
  const late = path.seal({ type: "got", through: 0 });
  exchange.feed({ type: "datagram", from: endpoint, bytes: late });
  exchange.feed({ type: "datagram", from: endpoint, bytes: late });
  exchange.feed({ type: "datagram", from: endpoint, bytes: new Uint8Array(100).fill(5) });
  exchange.feed({ type: "datagram", from: endpoint, bytes: new Uint8Array(0) });
  bob!.goesDown(true);
  const ended = path.seal({ type: "got", through: 1 });
  exchange.feed({ type: "datagram", from: endpoint, bytes: ended });
  exchange.take();
  ann.tells("hello");
  assert(exchange.take().includes("ann: broadcast-sent, 0 have it"));
});

Deno.test(
  "Directory: a broadcast to a thousand is a thousand datagrams and a handful of messages",
  SLOW,
  () => {
    const exchange = new Exchange();
    const ann = exchange.guest("ann");
    const many = Array.from({ length: 1_000 - 1 }, (_, each) => exchange.guest(`n${each}`));
    for (const somebody of many) somebody.isHere();
    exchange.pass(100);
    const [sends, datagrams] = [exchange.sends, exchange.datagrams];
    ann.tells("hello");
    assertEquals([exchange.sends - sends, exchange.datagrams - datagrams], [2, 999]);
    assertEquals(ann.last("broadcast-sent").reached, 999);
  },
);

/** Ann, and so many guests who acknowledge nothing, all of whom have been told all that may be on its way at once. */
function exchangeOfMany(count: number) {
  const names = Array.from({ length: count }, (_, at) => `guest-${at}`);
  const { exchange, ann, guests } = exchangeOf(...names);
  for (const guest of guests) guest.acknowledges = false;
  exchange.datagrams = 0;
  ann.tells("hello");
  const { number: through } = ann.last("broadcast-taken");
  const got = (guest: Somebody | undefined) => guest!.sends({ type: "got", through });
  return { exchange, ann, guests, all: count, first: exchange.datagrams, got };
}

Deno.test("Directory: so many datagrams at once are on their way, to all together", () => {
  const { exchange, guests, all, first, got } = exchangeOfMany(FLYING_MAX + 50);
  assertEquals([all - first, first], [50, FLYING_MAX]);

  // Those that are acknowledged, or whose client is gone, make room for as many others, once they are so many.
  for (const guest of guests.slice(2, WINDOW_MAX)) got(guest);
  got(guests[2]);
  assertEquals(exchange.datagrams, FLYING_MAX);
  guests[0]!.goesDown();
  assertEquals(exchange.datagrams, FLYING_MAX);
  got(guests[1]);
  assertEquals(exchange.datagrams, FLYING_MAX + WINDOW_MAX);
});

Deno.test("Directory: whoever comes back when a broadcast isn't kept any more doesn't count among those who have it", () => {
  const exchange = new Exchange({ ttlMs: 100 });
  const ann = exchange.account("ann");
  const bob = exchange.account("bob");
  bob.acknowledges = false;
  ann.tells("one");
  const { number } = ann.last("broadcast-taken");
  bob.goesDown();
  exchange.pass(100);
  ann.tells("two");
  bob.acknowledges = true;
  bob.connects().enters({ how: "resume" });
  exchange.pass(11_000);

  assertEquals(bob.heard, ["two"]);
  const reports = ann.got.flatMap((message) =>
    message.type === "broadcast-sent" && message.number === number ? [message.reached] : []
  );
  assertEquals(reports, [0]);
});

Deno.test(
  "Directory: those that nobody acknowledges make room after a while, and all are told",
  SLOW,
  () => {
    const { exchange, guests } = exchangeOfMany(2 * FLYING_MAX + 10);

    exchange.pass(FLYING_MS_MAX);
    assertEquals(exchange.datagrams, 2 * FLYING_MAX);
    // Those whose repetition is due wait, too.
    assertEquals(exchange.machine.nextDeadlineMs(), exchange.nowMs + FLYING_MS_MAX);
    for (const guest of guests) guest.acknowledges = true;
    exchange.pass(10_000);

    const told = guests.map(({ heard }) => heard.length);
    assertEquals(told, guests.map(() => 1));
  },
);

Deno.test(
  "Directory: a crowd that acknowledges late, or never, holds up nobody who does",
  SLOW,
  () => {
    for (const isLate of [true, false]) {
      const { exchange, ann, guests } = exchangeOfMany(2 * FLYING_MAX);
      const [bob, cem] = [exchange.guest("bob"), exchange.guest("cem")];
      bob.isHere();
      exchange.pass(2_000);
      for (let each = 1; each <= 8; each++) {
        ann.tells(`text ${each}`);
        // He is told by a datagram, she over her link.
        assertEquals([bob.heard.length, cem.heard.length], [each, each]);
        exchange.pass(FLYING_MS_MAX + 500);
        if (!isLate) continue;
        const { number: through } = ann.last("broadcast-taken");
        for (const guest of guests) guest.sends({ type: "got", through });
      }
    }
  },
);

Deno.test("Directory: whoever waits for its turn has it before those who had theirs", () => {
  const { ann, guests, got } = exchangeOfMany(FLYING_MAX + 2);
  const [one, other] = guests.slice(-2) as [Somebody, Somebody];
  one.acknowledges = other.acknowledges = true;
  ann.tells("again");
  assertEquals([one.heard.length, other.heard.length], [0, 0]);

  for (const guest of guests.slice(0, WINDOW_MAX)) got(guest);

  assertEquals([one.heard.length > 0, other.heard.length > 0], [true, true]);
});

Deno.test("Directory: so many datagrams to few are on their way, and each gets all in order", () => {
  const names = Array.from({ length: Math.ceil(FLYING_MAX / WINDOW_MAX) + 1 }, (_, at) => `n${at}`);
  const { exchange, ann, guests } = exchangeOf(...names);
  for (const guest of guests) guest.acknowledges = false;
  exchange.datagrams = 0;
  const texts = Array.from({ length: WINDOW_MAX }, (_, at) => `text ${at}`);
  for (const text of texts) ann.tells(text);
  assertEquals(exchange.datagrams, FLYING_MAX);

  for (const guest of guests) guest.acknowledges = true;
  exchange.pass(10_000);

  for (const { heard } of guests) assertEquals(heard, texts);
});

Deno.test("Directory: who says it again under another name is told when it is taken", () => {
  const exchange = new Exchange();
  exchange.guest("bob");
  const ann = exchange.guest("ann");
  exchange.diskMode = "holds";
  ann.tells("hello", 7);
  ann.goesDown();
  const again = exchange.somebody("anna", { device: "ann" }).enters();
  again.tells("hello", 7);
  exchange.diskAnswers();

  assertEquals(again.last("broadcast-taken").own, 7);
});

// Deliveries alone.

/** So many broadcasts are kept, and Ann is in. */
function delivering(count: number) {
  const output = partOutput();
  const broadcasts = new Broadcasts([], fakeSigner("directory").key, () => new Uint8Array(8));
  const add = (number: number) =>
    broadcasts.add({
      kind: "broadcast",
      number,
      from: "bob",
      fromKey: fakeSigner("bob").key,
      fromAccount: false,
      own: number,
      sentAt: 0,
      takenAt: 0,
      ttlMs: 1_000,
      text: String(number),
      signature: new Uint8Array(64),
    }, Infinity);
  for (let number = 1; number <= count; number++) add(number);
  const deliveries = new Deliveries(broadcasts, output.out);
  const words = () => {
    deliveries.flush();
    return output.words();
  };
  return { output, deliveries, add, ann: clientOf("ann"), words };
}

Deno.test("Deliveries: over the link one message goes to all who lack the same", () => {
  const { deliveries, ann, words } = delivering(1);
  deliveries.pump(ann);
  deliveries.pump(clientOf("cem", { id: 2 }));
  deliveries.pump(clientOf("bob", { id: 3, isGuest: true }));

  assertEquals(words(), ["1 2: told 1 by bob"], "its sender has it");
});

Deno.test("Deliveries: what may be lost on a slow link is sent again, and with it what waited", () => {
  const { deliveries, add, ann, words } = delivering(1);
  deliveries.pump(ann);
  assertEquals(words().length, 1);
  ann.link.isCongested = true;
  add(2);
  deliveries.pump(ann);
  assertEquals(words(), []);

  ann.link.isCongested = false;
  deliveries.drained(ann);
  assertEquals(words(), ["1: told 1 by bob", "1: told 2 by bob"]);
});

Deno.test("Deliveries: one that acknowledges nothing is sent a window, and then as much as it acknowledges", () => {
  const { deliveries, ann, words } = delivering(WINDOW_MAX + 10);
  deliveries.pump(ann);
  assertEquals(words().length, WINDOW_MAX);

  assertEquals(deliveries.got(ann, WINDOW_MAX + 1), false, "it wasn't sent that");
  assertEquals([deliveries.got(ann, 3), words().length], [true, 3]);
});
