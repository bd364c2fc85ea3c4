import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import {
  CALLS_BURST,
  CONNECTING_MS_MAX,
  ENDING_MS_MAX,
  GUEST_HELD_MS,
  REASON_BYTES_MAX,
  RELAY_BYTES_MAX,
  RELAY_BYTES_PER_S,
  RELAY_CREDIT_BYTES,
  RINGING_MS_MAX,
  RINGS_BURST,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { CHANNEL_DEFAULTS } from "../../../../lib/protocols/noise/config.ts";
import { CODEC } from "../../../runtime/lean_client.ts";
import { callId, Exchange, type Somebody } from "../exchange.ts";

/** Ann and Bob, and whoever else is named, in the list. */
function meeting(...names: readonly string[]) {
  const exchange = new Exchange();
  const [ann, bob, ...others] = ["ann", "bob", ...names].map((name) => exchange.guest(name));
  exchange.pass(100);
  exchange.take();
  return { exchange, ann: ann!, bob: bob!, others };
}

/** The two in a call that has the number 1. */
function talking(route: "direct" | "relay" = "direct", ...names: readonly string[]) {
  const all = meeting(...names);
  const { exchange, ann, bob } = all;
  ann.calls("bob", 1);
  bob.answers(1);
  if (route === "relay") ann.says({ type: "relay-please", call: callId(1) });
  ann.begins(1, route);
  bob.begins(1, route);
  exchange.pass(100);
  exchange.take();
  return all;
}

function relays(somebody: Somebody, bytes: number, id = 1): void {
  somebody.says({ type: "relay", call: callId(id), bytes: new Uint8Array(bytes) });
}

function hasTaken(somebody: Somebody, bytes: number, id = 1): void {
  somebody.says({ type: "relay-room", call: callId(id), bytes });
}

Deno.test("Directory: a call rings, is answered, begins, and both are busy until it ends", () => {
  const { exchange, ann, bob, others: [cem] } = meeting("cem");
  ann.calls("BOB", 1);
  assertEquals(exchange.take(), ["bob: incoming 1 from ann", "* call ann bob ringing"]);
  assertEquals([ann.last("rings").name, ann.last("rings").key], ["bob", bob.key]);
  exchange.pass(100);
  assertEquals(cem!.sees, "ann free, bob free, cem free");
  bob.answers(1);
  assertEquals(exchange.take(), ["ann: meet 1 bob", "bob: meet 1 ann"]);
  const meet = ann.last("meet");
  assertEquals([meet.key, meet.host, meet.port], [bob.key, "10.0.0.2", 5_000]);
  assertEquals([meet.isCaller, bob.last("meet").isCaller, meet.mayRelay], [true, false, true]);
  ann.begins(1);
  exchange.pass(100);
  assertEquals(cem!.sees, "ann free, bob free, cem free");
  bob.begins(1);
  assertEquals(exchange.take(), ["* call ann bob connected"]);
  exchange.pass(100);
  assertEquals(cem!.sees, "ann busy, bob busy, cem free");

  ann.hangsUp(1);
  exchange.pass(100);
  assertEquals([exchange.take(), cem!.sees], [
    ["* call ann bob ended"],
    "ann free, bob busy, cem free",
  ]);
  bob.hangsUp(1);
  exchange.pass(100);
  assertEquals([exchange.take(), cem!.sees], [[], "ann free, bob free, cem free"]);
  assertEquals(exchange.machine.nextDeadlineMs(), null);
});

Deno.test("Directory: what becomes of a call that isn't one is told", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("nobody", 1);
  assertEquals(exchange.take(), ["ann: outcome 1 offline"]);

  ann.calls("bob", 2);
  exchange.take();
  bob.answers(2, false, "not now");
  assertEquals(exchange.take(), ["ann: outcome 2 declined (not now)", "* call ann bob declined"]);

  ann.calls("bob", 6);
  exchange.take();
  bob.answers(6, false, "busy"); // it had begun another call, which came later
  assertEquals(exchange.take(), ["ann: outcome 6 busy", "* call ann bob busy"]);

  ann.calls("bob", 3);
  exchange.take();
  ann.hangsUp(3);
  assertEquals(exchange.take(), ["bob: outcome 3 cancelled", "* call ann bob cancelled"]);
  bob.answers(3);
  assertEquals(exchange.take(), [], "it was withdrawn");

  ann.calls("bob", 4);
  exchange.take();
  exchange.pass(RINGING_MS_MAX - 1);
  assertEquals(exchange.take(), []);
  exchange.pass(1);
  assertEquals(exchange.take(), [
    "ann: outcome 4 timeout",
    "bob: outcome 4 timeout",
    "* call ann bob timeout",
  ]);

  ann.calls("bob", 5);
  bob.answers(5);
  exchange.take();
  exchange.pass(CONNECTING_MS_MAX);
  assertEquals(exchange.take(), [
    "ann: outcome 5 unreachable",
    "bob: outcome 5 unreachable",
    "* call ann bob unreachable",
  ]);
});

Deno.test("Directory: from ringing on a further caller is told busy, and so is who is in a call", () => {
  const { exchange, ann, bob, others: [cem, dan] } = meeting("cem", "dan");
  ann.calls("bob", 1);
  exchange.take();
  for (const [id, name] of [[2, "bob"], [3, "ann"]] as const) {
    cem!.calls(name, id);
    assertEquals(exchange.take(), [`${name}: missed cem`, `cem: outcome ${id} busy`]);
  }
  bob.answers(1);
  exchange.take();
  cem!.calls("bob", 4);
  assertEquals(exchange.take(), ["bob: missed cem", "cem: outcome 4 busy"]);
  bob.calls("dan", 5);
  assertEquals(exchange.take(), ["bob: outcome 5 busy (you are in a call)"]);
  ann.begins(1);
  bob.begins(1);
  cem!.calls("ann", 6);
  assertEquals(exchange.take().at(-1), "cem: outcome 6 busy");
  assertEquals(dan!.got.some(({ type }) => type === "incoming"), false);
});

Deno.test("Directory: whoever calls before it knows that it is rung, calls; its caller is told busy", () => {
  const { exchange, ann, bob, others: [cem] } = meeting("cem");
  ann.calls("bob", 1);
  exchange.take();
  bob.calls("cem", 2);
  assertEquals(exchange.take(), [
    "ann: outcome 1 busy",
    "* call ann bob busy",
    "cem: incoming 2 from bob",
    "* call bob cem ringing",
  ]);
  bob.answers(1, false, "busy");
  assertEquals(exchange.take(), [], "it is over");
  cem!.answers(2);
  assertEquals(exchange.take(), ["bob: meet 2 cem", "cem: meet 2 bob"]);

  const alone = meeting();
  alone.ann.calls("bob", 1);
  alone.bob.calls("nobody", 2);
  assertEquals(alone.exchange.take().slice(2), [
    "ann: outcome 1 busy",
    "* call ann bob busy",
    "bob: outcome 2 offline",
  ]);
});

Deno.test("Directory: three who call each other in a circle get one call that rings", () => {
  const { exchange, ann, bob, others: [cem] } = meeting("cem");
  ann.calls("bob", 1);
  bob.calls("cem", 2);
  cem!.calls("ann", 3);
  assertEquals(exchange.take().filter((word) => !word.startsWith("* ")), [
    "bob: incoming 1 from ann",
    "ann: outcome 1 busy",
    "cem: incoming 2 from bob",
    "bob: outcome 2 busy",
    "ann: incoming 3 from cem",
  ]);
});

Deno.test("Directory: two who call each other get the earlier call, without a question", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  exchange.take();
  bob.calls("ann", 2);
  assertEquals(exchange.take(), ["ann: meet 1 bob", "bob: meet 1 ann instead of 2"]);
  assertEquals([ann.last("meet").isCaller, bob.last("meet").isCaller], [true, false]);
  ann.begins(1);
  bob.begins(1);
  assertEquals(exchange.take(), ["* call ann bob connected"]);
});

Deno.test("Directory: whoever withdraws its own call may not know yet that it goes on in the other's", () => {
  const { exchange, ann, bob, others: [cem] } = meeting("cem");
  ann.calls("bob", 1);
  bob.calls("ann", 2);
  exchange.take();
  bob.hangsUp(2, "cancelled");
  assertEquals(exchange.take(), [
    "ann: outcome 1 cancelled (cancelled)",
    "* call ann bob cancelled",
  ]);
  bob.calls("cem", 3);
  assertEquals(exchange.take(), ["cem: incoming 3 from bob", "* call bob cem ringing"]);
  cem!.answers(3, false);
  assertEquals(exchange.take(), ["bob: outcome 3 declined", "* call bob cem declined"]);
  assertEquals(exchange.machine.nextDeadlineMs(), null);
});

Deno.test("Directory: who talks to oneself is busy, too", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("ann", 1);
  assertEquals(exchange.take(), []);
  ann.begins(1);
  exchange.pass(100);
  assertEquals([exchange.take(), bob.sees], [["* call ann ann connected"], "ann busy, bob free"]);
  bob.calls("ann", 2);
  assertEquals(exchange.take(), ["ann: missed bob", "bob: outcome 2 busy"]);
  ann.hangsUp(1);
  exchange.pass(100);
  assertEquals([exchange.take(), bob.sees], [["* call ann ann ended"], "ann free, bob free"]);
});

Deno.test("Directory: a side that finds no way to the other says so to both", () => {
  for (const giver of ["ann", "bob"] as const) {
    const { exchange, ...sides } = meeting();
    sides.ann.calls("bob", 1);
    sides.bob.answers(1);
    exchange.take();
    sides[giver].hangsUp(1, "unreachable");
    const other = giver === "ann" ? "bob" : "ann";
    assertEquals(exchange.take(), [
      `${other}: outcome 1 unreachable`,
      "* call ann bob unreachable",
    ]);
  }
});

// Sides that are lost.

Deno.test("Directory: a side that is lost before they talk ends the call for the other", () => {
  for (const closed of [true, false]) {
    const caller = meeting();
    caller.ann.calls("bob", 1);
    caller.exchange.take();
    caller.ann.goesDown(closed);
    // Whoever leaves withdraws its call.
    const why = closed ? "" : " (lost)";
    const told = caller.exchange.take();
    assertEquals(told[0], `bob: outcome 1 cancelled${why}`);
    assert(told.includes(`* call ann bob cancelled${why}`), told.join());

    const callee = meeting();
    callee.ann.calls("bob", 1);
    callee.exchange.take();
    callee.bob.goesDown(closed);
    assertEquals(callee.exchange.take()[0], "ann: outcome 1 offline");

    const connecting = meeting();
    connecting.ann.calls("bob", 1);
    connecting.bob.answers(1);
    connecting.exchange.take();
    connecting.bob.goesDown(closed);
    assertEquals(connecting.exchange.take()[0], "ann: outcome 1 unreachable (lost)");
    connecting.exchange.pass(Math.max(CONNECTING_MS_MAX, GUEST_HELD_MS));
    assertEquals(connecting.exchange.machine.nextDeadlineMs(), null);
  }
});

Deno.test("Directory: a direct call goes on while a side is away, and the other is busy", () => {
  const { exchange, ann, bob } = talking();
  ann.goesDown();
  exchange.pass(100);
  assertEquals([exchange.take(), bob.sees], [["* logout ann lost"], "bob busy"]);

  ann.connects().enters({ talking: { call: callId(1), name: "bob" } });
  exchange.pass(100);
  assertEquals(bob.sees, "ann busy, bob busy");
  ann.hangsUp(1);
  bob.hangsUp(1);
  exchange.pass(100);
  assertEquals(bob.sees, "ann free, bob free");
});

Deno.test("Directory: whoever comes back without its call, and calls, is told that the other talks", () => {
  const { exchange, ann } = talking();
  ann.goesDown();
  ann.connects().enters({ talking: null });
  exchange.take();
  ann.calls("bob", 2);

  assertEquals(exchange.take(), ["bob: missed ann", "ann: outcome 2 busy"]);
});

Deno.test("Directory: a call whose other side never comes back ends with this one's", () => {
  const { exchange, ann, bob } = talking();
  ann.goesDown();
  bob.hangsUp(1);
  exchange.command({ command: "status" });
  assertEquals(exchange.event("status").calls, 0);
  exchange.pass(100);
  assertEquals(bob.sees, "bob free");
  ann.connects().enters({ talking: { call: callId(1), name: "bob" } });
  ann.hangsUp(1);
  exchange.pass(100);
  assertEquals(bob.sees, "ann free, bob free");
});

Deno.test("Directory: a call that both have left without a word is none any more", () => {
  const { exchange, ann, bob } = talking();
  ann.goesDown();
  bob.goesDown();
  exchange.command({ command: "status" });
  assertEquals(exchange.event("status").calls, 0);
});

Deno.test("Directory: after a restart it is told of the calls that went on", () => {
  const { exchange: before } = talking();
  const exchange = before.restarted();
  const ann = exchange.somebody("ann").enters({ talking: { call: callId(1), name: "bob" } });
  const cem = exchange.guest("cem");
  exchange.pass(100);
  assertEquals(cem.sees, "ann busy, cem free");
  const bob = exchange.somebody("bob").enters({ talking: { call: callId(1), name: "ANN" } });
  exchange.pass(100);
  assertEquals(cem.sees, "ann busy, bob busy, cem free");
  cem.calls("bob", 2);
  assertEquals(cem.last("outcome").state, "busy");
  bob.hangsUp(1);
  ann.hangsUp(1);
  exchange.pass(100);
  assertEquals(cem.sees, "ann free, bob free, cem free");
});

Deno.test("Directory: nobody gets into a call of others by saying to be in it", () => {
  const { exchange, ann, bob } = talking();
  const eve = exchange.somebody("eve").enters({ talking: { call: callId(1), name: "ann" } });
  bob.goesDown();
  exchange.pass(60_000);
  // Bob's name, once it isn't held any more.
  const thief = exchange.somebody("bob", { device: "eve" });
  thief.enters({ talking: { call: callId(1), name: "ann" } });
  const self = exchange.somebody("self").enters({ talking: { call: callId(9), name: "self" } });
  exchange.pass(100);
  assertEquals(ann.sees, "ann busy, bob free, eve free, self free");
  assert(eve.entered !== null && self.entered !== null);
});

Deno.test("Directory: the operator isn't told of calls with whoever hasn't said to be in them", () => {
  const exchange = new Exchange();
  exchange.guest("bob");
  exchange.take();
  const eve = exchange.somebody("eve");
  eve.enters({ talking: { call: callId(1), name: "bob\n12:00 * cem logged in" } });
  assertEquals(eve.last("refused").code, "bad-name");
  eve.enters({ talking: { call: callId(1), name: "bob" } });
  eve.hangsUp(1);
  eve.goesDown(true);
  eve.connects().enters({ talking: { call: callId(2), name: "bob" } });
  eve.goesDown(true);

  const told = exchange.take().filter((word) => word.startsWith("* "));
  const visit = ["* login eve (guest)", "* logout eve quit"];
  assertEquals(told, [...visit, ...visit]);
});

Deno.test("Directory: nor by naming another one, or after having hung up", () => {
  const named = talking();
  named.ann.goesDown();
  named.ann.connects().enters({ talking: { call: callId(1), name: "cem" } });
  named.exchange.pass(100);
  assertEquals(named.bob.sees, "ann free, bob busy");

  const over = talking();
  over.ann.hangsUp(1);
  over.ann.connects().enters({ talking: { call: callId(1), name: "bob" } });
  over.exchange.pass(100);
  assertEquals(over.bob.sees, "ann free, bob busy");
});

Deno.test("Directory: a device that took over leaves the first one's call alone", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  const bob = exchange.guest("bob");
  ann.calls("bob", 1);
  bob.answers(1);
  ann.begins(1);
  bob.begins(1);
  exchange.account("ann", "laptop");
  exchange.pass(100);
  assertEquals(bob.sees, "ann free, bob busy");
  assertEquals(bob.got.some(({ type }) => type === "outcome"), false);
});

Deno.test("Directory: whoever doesn't hang up is busy for 10 s more, and not for ever", () => {
  const { exchange, ann, bob } = talking();
  ann.hangsUp(1);
  exchange.pass(ENDING_MS_MAX - 1);
  assertEquals(bob.sees, "ann free, bob busy");
  exchange.pass(1 + 100);
  assertEquals(bob.sees, "ann free, bob free");
});

Deno.test("Directory: whoever has hung up may call the other again, who is about to know; nobody else may", () => {
  const { exchange, ann, bob, others: [cem] } = talking("direct", "cem");
  ann.hangsUp(1);
  cem!.calls("bob", 2);
  ann.calls("bob", 3);
  assertEquals(exchange.take(), [
    "* call ann bob ended",
    "bob: missed cem",
    "cem: outcome 2 busy",
    "bob: incoming 3 from ann",
    "* call ann bob ringing",
  ]);
  exchange.pass(100);
  assertEquals(cem!.sees, "ann free, bob free, cem free");
  bob.hangsUp(1);
  bob.answers(3);
  assertEquals(exchange.take(), ["ann: meet 3 bob", "bob: meet 3 ann"]);
  ann.begins(3);
  bob.begins(3);
  exchange.pass(ENDING_MS_MAX + 100);
  assertEquals(cem!.sees, "ann busy, bob busy, cem free");
});

Deno.test("Directory: whoever withdraws after the yes hasn't declined, on either side", () => {
  for (const [withdraws, hears] of [["bob", "ann"], ["ann", "bob"]] as const) {
    const { exchange, ...people } = meeting();
    people.ann.calls("bob", 1);
    people.bob.answers(1);
    exchange.take();
    people[withdraws].hangsUp(1, "cancelled");
    assertEquals(exchange.take(), [
      `${hears}: outcome 1 cancelled (cancelled)`,
      "* call ann bob cancelled",
    ]);
  }
});

Deno.test("Directory: neither has withdrawn a call in which nobody could be dialled", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  bob.answers(1);
  exchange.take();
  ann.says({ type: "hang-up", call: callId(1), reason: "unreachable" });

  assertEquals(exchange.take(), ["bob: outcome 1 unreachable", "* call ann bob unreachable"]);
});

// Relays.

Deno.test("Directory: where neither reaches the other, it passes on what they say", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  bob.answers(1);
  exchange.take();
  ann.says({ type: "relay-please", call: callId(1) });
  assertEquals(exchange.take(), ["ann: relay-on 1", "bob: relay-on 1"]);
  ann.says({ type: "relay-please", call: callId(1) });
  assertEquals(exchange.take(), []);
  relays(ann, 100);
  assertEquals(exchange.take(), ["bob: relay 100 B"]);
  hasTaken(bob, 100);
  assertEquals(exchange.take(), ["ann: relay-room 100"]);
  relays(bob, 50);
  assertEquals(exchange.take(), ["ann: relay 50 B"]);
  ann.begins(1, "relay");
  bob.begins(1, "relay");
  exchange.command({ command: "list" });
  assertEquals(exchange.event("users").users.map(({ relayedBytes }) => relayedBytes), [150, 150]);
  exchange.command({ command: "status" });
  assertEquals(exchange.event("status").relayedBytes, 150);
});

Deno.test("Directory: where it relays nothing, both are told that they can't be reached", () => {
  const exchange = new Exchange({ relays: false });
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  ann.calls("bob", 1);
  bob.answers(1);
  assertEquals(ann.last("meet").mayRelay, false);
  exchange.take();
  ann.says({ type: "relay-please", call: callId(1) });
  assertEquals(exchange.take().slice(0, 2), [
    "ann: outcome 1 unreachable (neither could dial the other)",
    "bob: outcome 1 unreachable (neither could dial the other)",
  ]);
});

Deno.test("Directory: it relays no faster than it says, and holds no more than the credit", () => {
  const { exchange, ann, bob } = talking("relay");
  exchange.take();
  let passed = 0;
  const count = () => {
    const pieces = exchange.take().flatMap((word) => /^bob: relay (\d+) B$/.exec(word)?.[1] ?? []);
    for (const bytes of pieces.map(Number)) {
      passed += bytes;
      hasTaken(bob, bytes);
    }
  };
  let sent = 0;
  const startMs = exchange.nowMs;
  while (exchange.nowMs < startMs + 10_000) {
    // The sender keeps its credit used up.
    while (sent - passed + RELAY_BYTES_MAX <= RELAY_CREDIT_BYTES) {
      relays(ann, RELAY_BYTES_MAX);
      sent += RELAY_BYTES_MAX;
      count();
    }
    exchange.pass(10);
    count();
  }
  assert(passed <= 10 * RELAY_BYTES_PER_S + RELAY_CREDIT_BYTES);
  assert(passed >= 10 * RELAY_BYTES_PER_S * 0.95);
});

Deno.test("Directory: calls one after the other are relayed no faster than one", () => {
  const { exchange, ann, bob } = talking("relay");
  const passed = () =>
    exchange.take().flatMap((word) => /^bob: relay (\d+) B$/.exec(word)?.[1] ?? [])
      .reduce((sum, bytes) => sum + Number(bytes), 0);
  for (let id = 2; id <= 5; id++) {
    ann.hangsUp(id - 1);
    ann.calls("bob", id);
    bob.answers(id);
    ann.says({ type: "relay-please", call: callId(id) });
    for (const each of [ann, bob]) each.begins(id, "relay");
  }
  for (let id = 1; id <= 5; id++) {
    for (let sent = 0; sent < RELAY_CREDIT_BYTES; sent += RELAY_BYTES_MAX) {
      relays(ann, RELAY_BYTES_MAX, id);
    }
  }
  assertEquals(passed(), RELAY_CREDIT_BYTES);
  exchange.pass(500);
  assertEquals(passed(), RELAY_BYTES_PER_S / 2);
});

Deno.test("Directory: who is slow gets what is relayed later, not less", () => {
  const { exchange, ann, bob } = talking("relay");
  exchange.feed({ type: "congested", link: bob.link });
  for (let piece = 0; piece < 4; piece++) relays(ann, RELAY_BYTES_MAX);
  assertEquals(exchange.take(), []);
  exchange.feed({ type: "drained", link: bob.link });
  assertEquals(exchange.take(), Array(4).fill(`bob: relay ${RELAY_BYTES_MAX} B`));
});

Deno.test("Directory: what was under way when one hung up still arrives", () => {
  const { exchange, ann, bob } = talking("relay");
  exchange.feed({ type: "congested", link: bob.link });
  relays(ann, 100);
  ann.hangsUp(1);
  relays(ann, 7); // control overtakes data
  exchange.take();
  exchange.feed({ type: "drained", link: bob.link });
  assertEquals(exchange.take(), ["bob: relay 107 B"]);
  bob.hangsUp(1);
  relays(ann, 1);
  assertEquals(exchange.take(), []);
});

Deno.test("Directory: nothing is passed on to one that hung up and is gone", () => {
  const { exchange, ann, bob } = talking("relay");
  ann.hangsUp(1);
  ann.goesDown(true);
  exchange.take();
  relays(bob, 10);
  assertEquals(exchange.take(), []);
});

Deno.test("Directory: whose relayed call ends as the other is thrown out is told why", () => {
  const { exchange } = talking("relay");
  exchange.command({ command: "kick", name: "ann" });
  exchange.pass(100);
  assertEquals(exchange.take().filter((word) => word.startsWith("bob: ")), [
    "bob: outcome 1 ended (kicked)",
  ]);
});

Deno.test("Directory: who is called by one that is thrown out is told why", () => {
  const { exchange, ann } = meeting();
  ann.calls("bob", 1);
  exchange.take();
  exchange.command({ command: "kick", name: "ann" });
  assertEquals(exchange.take().filter((word) => word.startsWith("bob: ")), [
    "bob: outcome 1 cancelled (kicked)",
  ]);
});

Deno.test("Directory: when it is stopped, that is what ends a call, not the other's leaving", () => {
  const people = () => {
    const ringing = meeting();
    ringing.ann.calls("bob", 1);
    const connecting = meeting();
    connecting.ann.calls("bob", 1);
    connecting.bob.answers(1);
    return [ringing.exchange, connecting.exchange, talking("relay").exchange];
  };
  for (const exchange of people()) {
    exchange.take();
    exchange.command({ command: "quit" });
    assertEquals(exchange.take().filter((word) => /: outcome/.test(word)), []);
  }
});

Deno.test("Directory: a relayed call ends with either's connection", () => {
  const { exchange, ann, bob } = talking("relay");
  ann.goesDown();
  exchange.pass(100);
  assertEquals(exchange.take(), [
    "bob: outcome 1 ended (lost)",
    "* call ann bob ended",
    "* logout ann lost",
  ]);
  assertEquals(bob.sees, "bob free");
});

Deno.test("Directory: both dialled after all: nothing is relayed any more", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  bob.answers(1);
  ann.says({ type: "relay-please", call: callId(1) });
  ann.begins(1, "direct");
  bob.begins(1, "direct");
  exchange.take();
  relays(ann, 10);
  assertEquals(exchange.take(), []);
  ann.goesDown();
  assertEquals(exchange.take(), ["* logout ann lost"], "a direct call doesn't notice");
});

// Clients that lie.

for (
  const [what, act] of [
    ["relays more than its credit", ({ ann }) => {
      for (let piece = 0; piece <= RELAY_CREDIT_BYTES / RELAY_BYTES_MAX; piece++) {
        relays(ann, RELAY_BYTES_MAX);
      }
    }],
    ["relays nothing", ({ ann }) => relays(ann, 0)],
    ["takes what it wasn't sent", ({ ann, bob }) => {
      relays(bob, 10);
      hasTaken(ann, 11);
    }],
    ["takes nothing", ({ ann, bob }) => {
      relays(bob, 10);
      hasTaken(ann, 0);
    }],
    ["relays in tiny pieces", ({ ann, bob }) => {
      for (let piece = 0; piece < 3_000; piece++) {
        relays(ann, 1);
        hasTaken(bob, 1);
      }
    }],
    ["takes in tiny pieces", ({ ann, bob }) => {
      relays(bob, 10_000);
      for (let piece = 0; piece < 3_000; piece++) hasTaken(ann, 1);
    }],
    ["uses a call's number twice", ({ ann }) => ann.calls("bob", 1)],
  ] as const satisfies readonly (readonly [string, (at: ReturnType<typeof talking>) => void])[]
) {
  Deno.test(`Directory: a caller that ${what} is shut out`, () => {
    const at = talking("relay");
    act(at);
    const banned = at.exchange.take().filter((word) => word.includes("ban ("));
    assert(banned.length >= 1 && banned[0]!.startsWith("ann"), banned.join());
  });
}

Deno.test("Directory: the callee can't ask for a relay, nor anybody begin without one", () => {
  for (const lie of ["asks", "begins"] as const) {
    const { exchange, ann, bob } = meeting();
    ann.calls("bob", 1);
    bob.answers(1);
    exchange.take();
    if (lie === "asks") bob.says({ type: "relay-please", call: callId(1) });
    else bob.begins(1, "relay");
    assert(exchange.take().some((word) => word.startsWith("bob: ban")));
  }
});

Deno.test("Directory: nothing that a stranger says of a call changes it", () => {
  const { exchange, ann, bob, others: [eve] } = talking("relay", "eve");
  eve!.answers(1);
  eve!.begins(1);
  eve!.hangsUp(1);
  eve!.says({ type: "relay-please", call: callId(1) });
  relays(eve!, 10);
  hasTaken(eve!, 10);
  exchange.pass(100);
  assertEquals([exchange.take(), ann.sees], [[], "ann busy, bob busy, eve free"]);
  relays(bob, 10);
  assertEquals(exchange.take(), ["ann: relay 10 B"]);
});

Deno.test("Directory: what is said of a call in the wrong phase changes nothing", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  exchange.take();
  ann.answers(1);
  ann.begins(1);
  ann.says({ type: "relay-please", call: callId(1) });
  relays(ann, 10);
  assertEquals(exchange.take(), []);
  bob.answers(1);
  bob.answers(1, false);
  assertEquals(exchange.take().length, 2);
  ann.begins(1);
  bob.begins(1);
  exchange.take();
  ann.begins(1);
  ann.says({ type: "relay-please", call: callId(1) });
  bob.answers(1, false);
  assertEquals(exchange.take(), []);
  ann.hangsUp(1);
  ann.hangsUp(1);
  assertEquals(exchange.take(), ["* call ann bob ended"]);
});

Deno.test("Directory: a callee whose key the caller has refused isn't rung, and the caller is told the key", () => {
  const { exchange, ann, bob } = meeting();
  const key = fingerprintOf(bob.key);
  ann.calls("bob", 1, ["other", key]);
  assertEquals(exchange.take(), []);
  assertEquals(ann.last("rings").key, bob.key);
  ann.says({ type: "hang-up", call: callId(1), reason: "key-changed" });
  assertEquals(exchange.take(), []);
  ann.calls("bob", 2, ["other"]);
  assertEquals(exchange.take(), ["bob: incoming 2 from ann", "* call ann bob ringing"]);
});

Deno.test("Directory: a caller whose key its callee has refused gets no call when the callee calls back", () => {
  const { exchange, ann, bob } = meeting();
  bob.calls("ann", 1);
  exchange.take();

  ann.calls("bob", 2, [fingerprintOf(bob.key)]);

  assertEquals(exchange.take(), [
    "bob: outcome 1 declined (key-changed)",
    "* call bob ann declined",
  ]);
  assertEquals(ann.last("rings").key, bob.key);
  assertEquals([ann, bob].flatMap(({ got }) => got.filter(({ type }) => type === "meet")), []);
});

Deno.test("Directory: whoever rings all the time isn't let through", () => {
  const { exchange, ann } = meeting();
  for (let id = 1; id <= CALLS_BURST + 1; id++) {
    ann.calls("bob", id);
    ann.hangsUp(id);
  }
  const rung = exchange.take().filter((word) => word.includes("incoming"));
  assertEquals(rung.length, CALLS_BURST);
  assertEquals(ann.last("outcome").reason, "too many calls within a short time");
});

Deno.test("Directory: a crowd can't ring at one without end, nor fill its queue", () => {
  const { exchange, bob, others } = meeting(...Array.from({ length: 100 }, (_, at) => `n${at}`));
  const reason = "x".repeat(REASON_BYTES_MAX);
  const before = bob.got.length;
  for (const [at, each] of others.entries()) {
    each.calls("bob", at + 1);
    each.hangsUp(at + 1, reason);
  }
  const told = bob.got.slice(before);
  assertEquals(told.filter(({ type }) => type === "incoming").length, RINGS_BURST);
  const bytes = told.map((message) => CODEC.encode(message).length).reduce((a, b) => a + b);
  assert(bytes < CHANNEL_DEFAULTS.controlBytesMax * 2 / 3, `${bytes} bytes`);
  assertEquals(others.at(-1)!.last("outcome").state, "busy");
  exchange.pass(1_000);
  others.at(-1)!.calls("bob", 200);
  assertEquals(bob.last("incoming").from, "n99");
});

Deno.test("Directory: who talks isn't told without end that a crowd calls", () => {
  const names = Array.from({ length: 100 }, (_, at) => `n${at}`);
  const { exchange, bob, others } = talking("direct", ...names);
  const missed = () => bob.got.filter(({ type }) => type === "missed").length;
  for (const [at, each] of others.entries()) each.calls("bob", at + 2);
  assertEquals(missed(), RINGS_BURST);
  assertEquals(others.at(-1)!.last("outcome").state, "busy");
  exchange.pass(1_000);
  for (const each of others) each.calls("bob", 200);
  assertEquals(missed(), RINGS_BURST + 1);
});

Deno.test("Directory: whoever hangs up before the other could say that they talk has talked", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  bob.answers(1);
  exchange.take();
  ann.begins(1);
  ann.hangsUp(1);
  assertEquals(exchange.take(), ["* call ann bob connected", "* call ann bob ended"]);
  bob.begins(1);
  bob.hangsUp(1);
  exchange.pass(100);
  assertEquals([exchange.take(), ann.sees], [[], "ann free, bob free"]);
});

Deno.test("Directory: what is relayed of a call that its caller has ended at once still arrives", () => {
  const { exchange, ann, bob } = meeting();
  ann.calls("bob", 1);
  bob.answers(1);
  ann.says({ type: "relay-please", call: callId(1) });
  ann.begins(1, "relay");
  ann.hangsUp(1);
  exchange.take();
  relays(ann, 100);
  assertEquals(bob.last("relay").bytes.length, 100);
});

Deno.test("Directory: when it is stopped, a direct call isn't told of as ended; it goes on", () => {
  const { exchange } = talking();
  exchange.command({ command: "quit" });
  assertEquals(exchange.take().filter((what) => what.startsWith("* call")), []);

  const relayed = talking("relay").exchange;
  relayed.command({ command: "quit" });
  assertEquals(relayed.take().filter((what) => what.startsWith("* call")), [
    "* call ann bob ended",
  ]);
});
