/** What the directory passes on where neither side reaches the other. */

import { assert, assertEquals } from "@std/assert";
import { Relays } from "../../../../lib/protocols/directory/calls/relays.ts";
import { Call } from "../../../../lib/protocols/directory/sessions/client_session.ts";
import {
  RELAY_BYTES_MAX,
  RELAY_BYTES_PER_S,
  RELAY_CREDIT_BYTES,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { clientOf, partOutput } from "../directory_parts.ts";
import { callId, Exchange } from "../exchange.ts";
import { hasTaken, meeting, relays, talking } from "./call_cases.ts";

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

for (const route of ["direct", "relay"] as const) {
  Deno.test(`Directory: the operator that throws somebody out is told that this ended the call (${route})`, () => {
    const { exchange, bob } = talking(route);
    exchange.command({ command: "kick", name: "ann" });
    if (route === "direct") bob.hangsUp(1); // its link with ann is closed
    const ended = exchange.events.filter((event) => event.event === "call").at(-1);
    const [from, to, by] = ["ann", "bob", "ann"];
    assertEquals(ended, { event: "call", from, to, state: "ended", reason: "kicked", by });
  });
}

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
  assertEquals(bob.sees, "bob busy", "until it says otherwise");
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

// The relay alone.

function relaying() {
  const output = partOutput();
  const [ann, bob] = [clientOf("ann"), clientOf("bob", { id: 2 })];
  const call = new Call(callId(1).toHex(), ann, bob);
  call.relay();
  const relays = new Relays(output.out);
  const says = (bytes: number) => relays.relayed(call, call.caller, new Uint8Array(bytes));
  const takes = (bytes: number) => relays.taken(call, call.callee, bytes);
  return { output, relays, call, bob, says, takes };
}

Deno.test("Relays: nobody sends more than the other has room for, or takes what it wasn't sent", () => {
  const { output, says, takes } = relaying();
  assertEquals([says(0), takes(1)], ["it has no room for that", "it wasn't sent so much"]);
  assertEquals([says(RELAY_CREDIT_BYTES), says(1)], [null, "it has no room for that"]);
  assertEquals([takes(0), takes(RELAY_CREDIT_BYTES + 1)], Array(2).fill("it wasn't sent so much"));
  output.words();

  assertEquals([takes(100), says(100), says(1)], [null, null, "it has no room for that"]);
  assertEquals(output.words(), ["1: relay-room 100"]);
});

Deno.test("Relays: who is slow gets what is relayed later, not less", () => {
  const { output, relays, call, bob, says } = relaying();
  bob.link.isCongested = true;
  says(RELAY_BYTES_MAX);
  says(7);
  assertEquals([output.words(), relays.nextMs()], [[], null]);

  bob.link.isCongested = false;
  relays.pump(call);
  assertEquals(output.words(), [`2: relay ${RELAY_BYTES_MAX} B`, "2: relay 7 B"]);
});

Deno.test("Relays: a burst is passed on at once, the rest in time", () => {
  const { output, relays, says, takes } = relaying();
  says(RELAY_CREDIT_BYTES);
  output.words();
  takes(RELAY_BYTES_MAX);
  says(RELAY_BYTES_MAX);
  assertEquals(output.words(), [`1: relay-room ${RELAY_BYTES_MAX}`]);

  const waitMs = Math.ceil(1_000 * RELAY_BYTES_MAX / RELAY_BYTES_PER_S);
  assertEquals(relays.nextMs(), output.out.nowMs + waitMs);
  output.pass(waitMs);
  relays.tick(output.out.nowMs);
  assertEquals([output.words(), relays.nextMs()], [[`2: relay ${RELAY_BYTES_MAX} B`], null]);
});
