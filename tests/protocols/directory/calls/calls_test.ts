/** A call at the directory: rings, is answered, ends; and sides that are lost. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../../../lib/base/invariant.ts";
import { Calls } from "../../../../lib/protocols/directory/calls/calls.ts";
import { Others } from "../../../../lib/protocols/directory/sessions/others.ts";
import { Call } from "../../../../lib/protocols/directory/sessions/client_session.ts";
import {
  CALLS_EACH_MAX,
  CONNECTING_MS_MAX,
  GUEST_HELD_MS,
  RINGING_MS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { clientOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { callId, Exchange } from "../exchange.ts";
import { meeting, talking } from "./call_cases.ts";

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
  assertEquals(cem!.sees, "ann busy, bob free, cem free");
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

Deno.test("Directory: whoever is in another call says so itself", () => {
  const { exchange, ann, bob, others: [cem] } = meeting("cem");
  ann.calls("bob", 1);
  exchange.take();
  cem!.calls("bob", 2);
  assertEquals(exchange.take(), ["bob: incoming 2 from cem", "* call cem bob ringing"]);
  bob.answers(2, false, "busy");
  assertEquals(exchange.take(), ["cem: outcome 2 busy", "* call cem bob busy"]);
  for (let id = 3; id < 3 + CALLS_EACH_MAX; id++) cem!.calls("bob", id);
  assertEquals(cem!.last("outcome").call[0], 2 + CALLS_EACH_MAX);
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

  ann.connects().enters({ busy: true });
  exchange.pass(100);
  assertEquals(bob.sees, "ann busy, bob busy");
  ann.hangsUp(1);
  bob.hangsUp(1);
  exchange.pass(100);
  assertEquals(bob.sees, "ann free, bob free");
});

Deno.test("Directory: a call whose other side never comes back ends with this one's", () => {
  const { exchange, ann, bob } = talking();
  ann.goesDown();
  bob.hangsUp(1);
  exchange.command({ command: "status" });
  assertEquals(exchange.event("status").calls, 0);
  exchange.pass(100);
  assertEquals(bob.sees, "bob free");
  ann.connects().enters({ busy: true });
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
  const ann = exchange.somebody("ann").enters({ busy: true });
  const cem = exchange.guest("cem");
  exchange.pass(100);
  assertEquals(cem.sees, "ann busy, cem free");
  const bob = exchange.somebody("bob").enters({ busy: true });
  exchange.pass(100);
  assertEquals(cem.sees, "ann busy, bob busy, cem free");
  bob.hangsUp(1);
  ann.hangsUp(1);
  exchange.pass(100);
  assertEquals(cem.sees, "ann free, bob free, cem free");
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

// Clients that lie.

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

// The calls alone.

function callsOf(...names: readonly string[]) {
  const output = partOutput();
  const clients = names.map((name, at) => clientOf(name, { id: at + 1 }));
  const calls = new Calls({
    out: output.out,
    sessions: sessionsOf(...clients),
    others: new Others(),
    mayRelay: true,
    isUp: () => true,
  });
  const ring = (from: number, name: string, id: number) =>
    calls.ring(clients[from]!, { call: callId(id), name, refused: [] });
  return { output, calls, ring };
}

Deno.test("Calls: one that is unanswered for 30 s is over for both", () => {
  const { output, calls, ring } = callsOf("ann", "bob");
  ring(0, "bob", 1);
  output.words();
  assertEquals(calls.nextMs(), output.out.nowMs + RINGING_MS_MAX);
  output.pass(RINGING_MS_MAX);
  calls.tick(output.out.nowMs);
  assertEquals(output.words(), [
    "1: outcome 1 timeout",
    "2: outcome 1 timeout",
    "* call ann bob timeout",
  ]);
});

Deno.test("Calls: two calls with one number are none", () => {
  const { calls, ring } = callsOf("ann", "bob", "cem", "dan");
  assertEquals([ring(0, "bob", 1), ring(2, "dan", 1)], [null, "two calls have one number"]);
  assertEquals(calls.size, 1);
});

Deno.test("Call: it goes from phase to phase", () => {
  const [ann, bob] = [clientOf("ann"), clientOf("bob", { id: 2 })];
  const call = new Call("00", ann, bob);

  assertEquals(call.sideOf(bob), call.callee);
  assertEquals(call.sideOf(clientOf("bob")), undefined);
  assertEquals(call.other(call.callee), call.caller);
  assertThrows(() => call.enter("connected"), InvariantError);
});
