/** Calls between instances of one directory: what both sides are told, whatever becomes of one of them. */

import { assert, assertEquals } from "@std/assert";
import {
  CONNECTING_MS_MAX,
  ENDING_MS_MAX,
  RINGING_MS_MAX,
  RINGS_BURST,
} from "../../../lib/protocols/directory/schema/limits.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/schema/messages.ts";
import { callId, type Exchange, Somebody } from "../../protocols/directory/exchange.ts";
import { Instances } from "./instances.ts";

/** Ann and Cem are in at one instance, Bob and Dan at the other. */
async function meeting(config: Parameters<Instances["open"]>[0] = {}) {
  const instances = new Instances();
  const [first, second] = [await instances.open(), await instances.open(config)];
  const [a, b] = [first.exchange, second.exchange];
  await instances.settle();
  const ann = a.guest("ann");
  const cem = a.guest("cem");
  const bob = b.guest("bob");
  const dan = b.guest("dan");
  await instances.settle();
  for (const each of [a, b]) each.take();
  return { instances, first, second, a, b, ann, bob, cem, dan };
}

type Meeting = Awaited<ReturnType<typeof meeting>>;

async function connecting() {
  const met = await meeting();
  const { instances, ann, bob } = met;
  ann.calls("bob", 1);
  await instances.settle();
  bob.answers(1);
  await instances.settle();
  return met;
}

async function talking() {
  const met = await connecting();
  for (const each of [met.ann, met.bob]) each.begins(1);
  await met.instances.settle();
  for (const each of [met.a, met.b]) each.take();
  return met;
}

/** Ann's second link, to Bob's instance. */
async function relayed(before?: Meeting) {
  const met = before ?? await connecting();
  const { ann, b, instances } = met;
  ann.says(PLEASE);
  const link = joins(b, ann);
  link.says(PLEASE);
  for (const each of [ann, met.bob]) each.begins(1, "relay");
  await instances.settle();
  for (const each of [met.a, met.b]) each.take();
  return { ...met, link };
}

/** That somebody is free or busy now is shown everywhere within this time. */
const SHOWN_MS = 500;

const PLEASE: DirectoryMessage = { type: "relay-please", call: callId(1) };

/** Another link of that program, on which it isn't in. */
function joins(exchange: Exchange, who: Somebody, device = who.device): Somebody {
  const link = new Somebody(exchange, `${who.name}'s`, device, who.host, who);
  exchange.people.push(link);
  return link.connects();
}

function outcome(who: Somebody): string {
  const { state, reason } = who.last("outcome");
  return reason === "" ? state : `${state} ${reason}`;
}

const count = (who: Somebody, type: DirectoryMessage["type"]) =>
  who.got.filter((message) => message.type === type).length;

/** All that is said of calls in the engine. */
function said({ instances }: Pick<Meeting, "instances">): readonly string[] {
  return [...instances.engine.entries.keys()].filter((key) => key.startsWith("p/calls/"));
}

Deno.test("calls between instances: one rings, is answered, begins, and both are busy until it ends", async () => {
  const met = await meeting();
  const { instances, a, b, ann, bob, dan } = met;
  ann.calls("BOB", 1);
  assertEquals([ann.last("rings").name, ann.last("rings").key], ["bob", bob.key]);
  await instances.settle();
  assertEquals(b.take(), ["bob: incoming 1 from ann", "* call ann bob ringing"]);
  const { key, guest } = bob.last("incoming");
  assertEquals([key, guest], [ann.key, true]);
  bob.answers(1);
  await instances.settle();
  assertEquals(a.take(), ["* call ann bob ringing", "ann: meet 1 bob"]);
  assertEquals(b.take(), ["bob: meet 1 ann"]);
  const [meet, met2] = [ann.last("meet"), bob.last("meet")];
  assertEquals([meet.key, meet.host, meet.port], [bob.key, "10.0.0.2", 5_000]);
  assertEquals([meet.isCaller, met2.isCaller, meet.mayRelay, met2.mayRelay], [
    true,
    false,
    true,
    true,
  ]);
  ann.begins(1);
  bob.begins(1);
  await instances.settle();
  assertEquals([a.take(), b.take()], [
    ["* call ann bob connected"],
    ["* call ann bob connected"],
  ]);
  assertEquals(dan.sees, "ann busy, bob busy, cem free, dan free");

  ann.hangsUp(1);
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann free, bob busy, cem free, dan free");
  bob.hangsUp(1);
  await instances.settle();
  assertEquals([a.take(), b.take()], [["* call ann bob ended"], ["* call ann bob ended"]]);
  assertEquals(dan.sees, "ann free, bob free, cem free, dan free");
  await instances.pass(31_000);
  assertEquals(said(met), [], "nothing of it stays");
});

Deno.test("calls between instances: a call is declined, withdrawn, or unanswered, for both", async () => {
  const met = await meeting();
  const { instances, ann, bob } = met;
  ann.calls("bob", 1);
  await instances.settle();
  bob.answers(1, false, "later");
  await instances.settle();
  assertEquals(outcome(ann), "declined later");

  ann.calls("bob", 2);
  await instances.settle();
  ann.hangsUp(2, "cancelled");
  await instances.settle();
  assertEquals(outcome(bob), "cancelled cancelled");

  ann.calls("bob", 3);
  await instances.settle();
  await instances.pass(RINGING_MS_MAX);
  assertEquals([outcome(ann), outcome(bob)], ["timeout", "timeout"]);
  await instances.pass(31_000);
  assertEquals(said(met), []);
});

Deno.test("calls between instances: who rings, is rung, or talks is busy for others, at any", async () => {
  const { instances, a, b, ann, bob, cem, dan } = await meeting();
  ann.calls("bob", 1);
  await instances.settle();
  cem.calls("bob", 2);
  dan.calls("ann", 3);
  dan.answers(3);
  await instances.settle();
  assertEquals([outcome(cem), outcome(dan)], ["busy", "busy"]);
  assertEquals([bob.last("missed").from, ann.last("missed").from], ["cem", "dan"]);
  dan.calls("bob", 4);
  assertEquals(outcome(dan), "busy");
  cem.calls("nobody", 5);
  assertEquals(outcome(cem), "offline");
  assertEquals([a.people.length, b.people.length, count(bob, "incoming")], [2, 2, 1]);
});

Deno.test("calls between instances: two who call each other at once get one call, without a question", async () => {
  for (const [first, second] of [[1, 2], [2, 1]] as const) {
    const { instances, ann, bob, cem } = await meeting();
    ann.calls("bob", first);
    bob.calls("ann", second);
    await instances.settle();
    assertEquals([count(ann, "incoming"), count(bob, "incoming")], [0, 0]);
    const meets = [ann, bob].map((who) => who.last("meet"));
    assertEquals(meets.map(({ call }) => call[0]), [1, 1]);
    const instead = meets.map(({ instead }) => instead?.[0] ?? null);
    assertEquals(instead, first === 1 ? [null, 2] : [2, null]);
    assertEquals(meets.map(({ isCaller }) => isCaller), [first === 1, first !== 1]);
    for (const who of [ann, bob]) who.begins(1);
    await instances.pass(SHOWN_MS);
    assertEquals(cem.sees, "ann busy, bob busy, cem free, dan free");
    for (const who of [ann, bob]) who.hangsUp(1);
    await instances.pass(SHOWN_MS);
    assertEquals(cem.sees, "ann free, bob free, cem free, dan free");
  }
});

Deno.test("calls between instances: whoever calls back the one that rings has accepted", async () => {
  const { instances, ann, bob } = await meeting();
  ann.calls("bob", 2);
  await instances.settle();
  bob.calls("ann", 1);
  await instances.settle();
  assertEquals([ann.last("meet").call[0], bob.last("meet").instead?.[0]], [2, 1]);
  assertEquals([ann.last("meet").isCaller, bob.last("meet").isCaller], [true, false]);
});

Deno.test("calls between instances: of two calls at once that cross, one that is withdrawn leaves none", async () => {
  for (const [first, second] of [[1, 2], [2, 1]] as const) {
    const met = await meeting();
    const { instances, ann, bob, cem, dan } = met;
    ann.calls("bob", first);
    bob.calls("ann", second);
    ann.hangsUp(first, "cancelled");
    await instances.pass(300);
    if (first === 1) bob.hangsUp(1);
    else if (count(ann, "incoming") > 0) ann.answers(second, false);
    await instances.pass(300);
    cem.calls("bob", 7);
    dan.calls("ann", 8);
    await instances.settle();
    assertEquals([bob.last("incoming").call[0], ann.last("incoming").call[0]], [7, 8]);
  }
});

Deno.test("calls between instances: one that refuses the callee's key doesn't ring there", async () => {
  const { instances, ann, bob } = await meeting();
  const { key } = bob;
  const { fingerprintOf } = await import("../../../lib/base/text/fingerprint.ts");
  ann.calls("bob", 1, [fingerprintOf(key)]);
  await instances.settle();
  assertEquals([ann.last("rings").key, count(bob, "incoming")], [key, 0]);
});

Deno.test("calls between instances: rings at one callee are counted, whoever makes them, wherever", async () => {
  const { instances, ann, bob, cem } = await meeting();
  for (let n = 0; n < RINGS_BURST + 20; n++) {
    const who = n % 2 === 0 ? ann : cem;
    who.calls("bob", 10 + n);
    await instances.settle();
    if (n < RINGS_BURST) assertEquals(bob.last("incoming").call[0], 10 + n);
    who.hangsUp(10 + n, "cancelled");
    await instances.settle();
  }
  const rings = count(bob, "incoming");
  assert(rings < RINGS_BURST + 10 && rings >= RINGS_BURST, `${rings}`);
});

Deno.test("calls between instances: who hasn't begun in time is unreachable for both", async () => {
  const { instances, ann, bob } = await connecting();
  await instances.pass(CONNECTING_MS_MAX + 500);
  assertEquals([outcome(ann), outcome(bob)], ["unreachable", "unreachable"]);
});

Deno.test("calls between instances: who hasn't hung up soon after the other isn't busy any more", async () => {
  const { instances, ann, dan } = await talking();
  ann.hangsUp(1);
  await instances.pass(ENDING_MS_MAX + 500);
  assertEquals(dan.sees, "ann free, bob free, cem free, dan free");
});

Deno.test("calls between instances: who is called again before it has noticed the end is rung", async () => {
  const { instances, ann, bob } = await talking();
  ann.hangsUp(1);
  ann.calls("bob", 2);
  await instances.settle();
  assertEquals(bob.last("incoming").call[0], 2);
});

Deno.test("calls between instances: a side that leaves while it rings, or is rung, ends that for the other", async () => {
  const { instances, ann, bob, cem, dan } = await meeting();
  ann.calls("bob", 1);
  cem.calls("dan", 2);
  await instances.settle();
  ann.goesDown(true);
  dan.goesDown();
  await instances.settle();
  assertEquals([outcome(bob), outcome(cem)], ["cancelled", "offline"]);
});

Deno.test("calls between instances: an instance that dies ends calls that ring, and none that talk directly", async () => {
  const { instances, first, ann, bob, cem, dan } = await talking();
  cem.calls("dan", 2);
  await instances.settle();
  await first.registrar.close();
  instances.all.shift();
  await instances.settle();
  assertEquals([outcome(dan), count(bob, "outcome")], ["cancelled lost", 0]);
  assertEquals(dan.sees, "bob busy, dan free");
  dan.calls("ann", 3);
  assertEquals(outcome(dan), "offline");

  // Ann is back, at the other instance, and says that she talks.
  const b = instances.all[0]!.exchange;
  const back = b.again(ann).enters({ talking: { call: callId(1), name: "bob" } });
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann busy, bob busy, dan free");
  back.hangsUp(1);
  bob.hangsUp(1);
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann free, bob free, dan free");
});

Deno.test("calls between instances: one that goes on at a third instance ends for both", async () => {
  const { instances, first, ann, bob, dan } = await talking();
  const c = (await instances.open()).exchange;
  await instances.settle();
  await first.registrar.close();
  instances.all.shift();
  const back = c.again(ann).enters({ talking: { call: callId(1), name: "bob" } });
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann busy, bob busy, dan free");
  bob.hangsUp(1);
  await instances.pass(ENDING_MS_MAX + 1_000);
  assertEquals([back.sees, dan.sees], Array(2).fill("ann free, bob free, dan free"));
});

Deno.test("calls between instances: nobody is called at another one while the engine doesn't answer", async () => {
  const { instances, first, ann, cem } = await meeting();
  first.store.isCut = true;
  await instances.pass(3_000);
  ann.calls("bob", 1);
  assertEquals(ann.last("outcome").state, "unreachable");
  ann.calls("cem", 2);
  assertEquals(cem.last("incoming").call[0], 2, "who is here is called");
});

Deno.test("calls between instances: one whose answer isn't heard is over in time for both", async () => {
  const { instances, second, ann, bob } = await meeting();
  ann.calls("bob", 1);
  await instances.settle();
  second.store.isCut = true;
  bob.answers(1);
  await instances.pass(RINGING_MS_MAX + 1_000);
  assert(["offline", "timeout"].includes(outcome(ann)), outcome(ann));
  assertEquals(outcome(bob), "unreachable");
});

// Relayed.

Deno.test("calls between instances: the callee's instance relays, on a link that the caller opens to it", async () => {
  const { instances, a, b, ann, bob, dan } = await connecting();
  for (const each of [a, b]) each.take();
  ann.says(PLEASE);
  assertEquals(ann.last("relay-on").at, { host: "10.0.0.1", port: 4_402 });
  const link = joins(b, ann);
  link.says(PLEASE);
  assertEquals([link.last("relay-on").at, bob.last("relay-on").at], [null, null]);
  const bytes = Uint8Array.of(1, 2, 3);
  link.says({ type: "relay", call: callId(1), bytes });
  assertEquals(bob.last("relay").bytes, bytes);
  bob.says({ type: "relay-room", call: callId(1), bytes: 3 });
  assertEquals(link.last("relay-room").bytes, 3);
  bob.says({ type: "relay", call: callId(1), bytes });
  assertEquals(link.last("relay").bytes, bytes);
  for (const each of [ann, bob]) each.begins(1, "relay");
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann busy, bob busy, cem free, dan free");

  bob.hangsUp(1);
  bob.says({ type: "relay", call: callId(1), bytes });
  assertEquals(link.isClosed, false, "what is under way still arrives");
  ann.hangsUp(1);
  await instances.settle();
  assertEquals(link.isClosed, true);
  assertEquals(dan.sees, "ann free, bob free, cem free, dan free");
});

Deno.test("calls between instances: what the caller has said last arrives, although it has closed its link", async () => {
  const { instances, ann, bob, link, dan } = await relayed();
  const bytes = new Uint8Array(40_000).fill(7);
  for (let at = 0; at < 3; at++) {
    link.says({ type: "relay", call: callId(1), bytes: bytes.subarray(0, 16_000) });
  }
  link.goesDown(true);
  ann.hangsUp(1);
  await instances.settle();
  const got = bob.got.flatMap((message) => message.type === "relay" ? [message.bytes.length] : []);
  assertEquals(got.reduce((sum, length) => sum + length, 0), 48_000);
  assertEquals(count(bob, "outcome"), 0);
  bob.hangsUp(1);
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann free, bob free, cem free, dan free");
});

Deno.test("calls between instances: nothing is relayed to a stranger, or of a call that is over, or twice", async () => {
  const { b, ann, bob } = await connecting();
  const refused = (who: Somebody) => {
    who.says(PLEASE);
    return who.isClosed;
  };
  assert(refused(joins(b, ann, "eve")), "another key");
  const copy = new Somebody(b, "copy", "ann", ann.host);
  b.people.push(copy);
  assert(refused(copy.connects()), "another program with that key");
  const link = joins(b, ann);
  assertEquals(refused(link), false);
  assert(refused(joins(b, ann)), "twice");
  link.says({ type: "broadcast", own: 1, sentAt: 1, text: "x", signature: new Uint8Array(64) });
  assert(link.isClosed, "nothing else is said there");
  bob.hangsUp(1);
  assert(refused(joins(b, ann)), "over");
});

Deno.test("calls between instances: with --no-relay at the callee's none is relayed", async () => {
  const { instances, ann, bob } = await meeting({ relays: false });
  ann.calls("bob", 1);
  await instances.settle();
  bob.answers(1);
  await instances.settle();
  assertEquals([ann.last("meet").mayRelay, bob.last("meet").mayRelay], [false, false]);
  ann.says(PLEASE);
  await instances.settle();
  assertEquals(
    [outcome(ann), outcome(bob)],
    Array(2).fill("unreachable neither could dial the other"),
  );
});

Deno.test("calls between instances: a relayed one goes on when the caller's instance dies, and ends with the caller's link", async () => {
  const { instances, first, ann, bob, link, dan } = await relayed();
  await first.registrar.close();
  instances.all.shift();
  await instances.settle();
  assertEquals([count(bob, "outcome"), dan.sees], [0, "bob busy, dan free"]);
  link.says({ type: "relay", call: callId(1), bytes: Uint8Array.of(9) });
  assertEquals(bob.last("relay").bytes, Uint8Array.of(9));
  const b = instances.all[0]!.exchange;
  const back = b.again(ann).enters({ talking: { call: callId(1), name: "bob" } });
  await instances.settle();
  assertEquals(back.sees, "ann busy, bob busy, dan free");
  link.says({ type: "relay", call: callId(1), bytes: Uint8Array.of(8) });
  assertEquals(bob.last("relay").bytes, Uint8Array.of(8));
  back.hangsUp(1);
  bob.hangsUp(1);
  await instances.pass(SHOWN_MS);
  assertEquals([dan.sees, link.isClosed], ["ann free, bob free, dan free", true]);
});

Deno.test("calls between instances: a relayed one whose caller's link is lost ends for both", async () => {
  const { instances, ann, bob, link, dan } = await relayed();
  link.goesDown();
  await instances.pass(SHOWN_MS);
  assertEquals([outcome(ann), outcome(bob)], ["ended lost", "ended lost"]);
  assertEquals(dan.sees, "ann free, bob free, cem free, dan free");
});

Deno.test("calls between instances: nothing is relayed any more for whom the operator throws out, anywhere", async () => {
  const { instances, b, bob, link } = await relayed();
  b.command({ command: "kick", name: "ann" });
  await instances.settle();
  assertEquals([outcome(bob), outcome(link), link.isClosed], [
    "ended kicked",
    "ended kicked",
    true,
  ]);
});

Deno.test("calls between instances: of one that is direct after all nothing is relayed", async () => {
  const { instances, b, ann, bob } = await connecting();
  ann.says(PLEASE);
  const link = joins(b, ann);
  link.says(PLEASE);
  for (const each of [ann, bob]) each.begins(1);
  await instances.settle();
  assertEquals(link.isClosed, true);
  assertEquals(count(bob, "outcome"), 0);
});
