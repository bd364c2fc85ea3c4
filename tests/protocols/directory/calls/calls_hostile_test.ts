/** Clients that lie about calls, or ring without end. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import {
  CALLS_BURST,
  REASON_BYTES_MAX,
  RELAY_BYTES_MAX,
  RELAY_CREDIT_BYTES,
  RINGS_BURST,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { CHANNEL_DEFAULTS } from "../../../../lib/protocols/noise/config.ts";
import { CODEC } from "../../../runtime/lean_client.ts";
import { callId } from "../exchange.ts";
import { hasTaken, meeting, relays, talking } from "./call_cases.ts";

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
