/** Calls between instances of one directory: what both sides are told, whatever becomes of one of them. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { CONTROL_BURST, HELLO_MS_MAX } from "../../../lib/protocols/directory/schema/limits.ts";
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

/** Another link of that program, on which it calls somebody there. */
function visits(
  exchange: Exchange,
  who: Somebody,
  name: string,
  id: number,
  { device = who.device, as = who.name, refused = [] as string[] } = {},
): Somebody {
  const link = new Somebody(exchange, `${who.name}'s`, device, who.host, who);
  exchange.people.push(link);
  link.connects().says({ type: "visit", as, call: callId(id), name, refused });
  return link;
}

/** Ann is asked to call at Bob's instance, does so, and is answered. */
async function connecting(config: Parameters<Instances["open"]>[0] = {}) {
  const met = await meeting(config);
  const { ann, bob, b } = met;
  ann.calls("BOB", 1);
  assertEquals(ann.last("call-at").at, { host: "10.0.0.1", port: 4_402 });
  const link = visits(b, ann, "bob", 1);
  bob.answers(1);
  return { ...met, link };
}

async function relayed() {
  const met = await connecting();
  const { link, bob, a, b, instances } = met;
  link.says(PLEASE);
  for (const each of [link, bob]) each.begins(1, "relay");
  await instances.settle();
  for (const each of [a, b]) each.take();
  return met;
}

const PLEASE: DirectoryMessage = { type: "relay-please", call: callId(1) };
/** That somebody is free or busy now is shown everywhere within this time. */
const SHOWN_MS = 500;

function outcome(who: Somebody): string {
  const { state, reason } = who.last("outcome");
  return reason === "" ? state : `${state} ${reason}`;
}

const count = (who: Somebody, type: DirectoryMessage["type"]) =>
  who.got.filter((message) => message.type === type).length;

Deno.test("calls between instances: one rings, is answered and begins at the callee's, and both are busy until it ends", async () => {
  const { instances, a, b, ann, bob, dan, link } = await connecting();
  assertEquals([link.last("rings").name, link.last("rings").key], ["bob", bob.key]);
  const { key, guest, from } = bob.last("incoming");
  assertEquals([key, guest, from], [ann.key, true, "ann"]);
  const [meet, met] = [link.last("meet"), bob.last("meet")];
  assertEquals([meet.key, meet.host, meet.port], [bob.key, "10.0.0.2", 5_000]);
  assertEquals([met.name, met.key, met.host, met.port], ["ann", ann.key, "10.0.0.2", 5_000]);
  assertEquals([meet.isCaller, met.isCaller, meet.mayRelay], [true, false, true]);
  for (const each of [link, bob]) each.begins(1);
  for (const each of [ann, bob]) each.says({ type: "busy", busy: true });
  await instances.pass(SHOWN_MS);
  assertEquals(dan.sees, "ann busy, bob busy, cem free, dan free");
  const events = (exchange: Exchange) =>
    exchange.take().filter((word) => word.startsWith("* call"));
  assertEquals(events(b), ["* call ann bob ringing", "* call ann bob connected"]);

  link.hangsUp(1);
  for (const each of [ann, bob]) each.says({ type: "busy", busy: false });
  await instances.pass(SHOWN_MS);
  assertEquals([events(a), events(b)], [[], ["* call ann bob ended"]]);
  assertEquals([dan.sees, link.isClosed], ["ann free, bob free, cem free, dan free", true]);
});

Deno.test("calls between instances: one that isn't made leaves no link", async () => {
  const { b, ann, bob } = await meeting();
  const declined = visits(b, ann, "bob", 1);
  bob.answers(1, false, "later");
  const withdrawn = visits(b, ann, "bob", 2);
  withdrawn.hangsUp(2, "cancelled");
  const absent = visits(b, ann, "nobody", 3);
  const refused = visits(b, ann, "bob", 4, { refused: [fingerprintOf(bob.key)] });
  assertEquals([outcome(declined), declined.isClosed], ["declined later", true]);
  assertEquals([outcome(bob), withdrawn.isClosed], ["cancelled cancelled", true]);
  assertEquals([outcome(absent), absent.isClosed], ["offline", true]);
  assertEquals([refused.last("rings").key, count(bob, "incoming")], [bob.key, 2]);
});

Deno.test("calls between instances: nobody calls who isn't in; who comes in is awaited for a moment", async () => {
  const { instances, a, b, ann, bob } = await meeting();
  for (const more of [{ device: "eve" }, { as: "cem" }]) {
    const stranger = visits(b, ann, "bob", 1, more);
    await instances.pass(HELLO_MS_MAX + 100);
    assertEquals([stranger.isClosed, count(bob, "incoming")], [true, 0]);
  }
  const eve = a.somebody("eve");
  visits(b, eve, "bob", 2);
  visits(b, ann, "bob", 3, { device: "mallory", as: "eve" });
  assertEquals(count(bob, "incoming"), 0);
  eve.enters();
  await instances.settle();
  assertEquals(bob.last("incoming").from, "eve");
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

Deno.test("calls between instances: the death of the caller's ends none; the callee's link, or the caller's, does", async () => {
  const { instances, first, b, ann, bob, link } = await connecting();
  await first.registrar.close();
  instances.all.shift();
  await instances.settle();
  link.says(PLEASE);
  assertEquals([count(link, "relay-on"), count(bob, "relay-on")], [1, 1]);
  b.again(ann).enters({ busy: true });
  await instances.settle();
  link.goesDown();
  assertEquals(outcome(bob), "unreachable lost");
  const other = visits(
    b,
    await instances.open().then(({ exchange }) => exchange.guest("fay")),
    "bob",
    2,
  );
  await instances.settle();
  bob.goesDown();
  assertEquals([outcome(other), other.isClosed], ["offline", true]);
});

Deno.test("calls between instances: the callee's relays, until both have hung up", async () => {
  const { bob, link } = await relayed();
  const bytes = Uint8Array.of(1, 2, 3);
  link.says({ type: "relay", call: callId(1), bytes });
  assertEquals(bob.last("relay").bytes, bytes);
  bob.says({ type: "relay-room", call: callId(1), bytes: 3 });
  assertEquals(link.last("relay-room").bytes, 3);
  bob.hangsUp(1);
  bob.says({ type: "relay", call: callId(1), bytes });
  assertEquals([link.last("relay").bytes, link.isClosed], [bytes, false]);
  link.hangsUp(1);
  assertEquals(link.isClosed, true);
});

Deno.test("calls between instances: with --no-relay at the callee's none is relayed", async () => {
  const { bob, link } = await connecting({ relays: false });
  assertEquals([link.last("meet").mayRelay, bob.last("meet").mayRelay], [false, false]);
  link.says(PLEASE);
  const told = "unreachable neither could dial the other";
  assertEquals([outcome(link), outcome(bob)], [told, told]);
});

Deno.test("calls between instances: a relayed one whose caller's link is lost ends", async () => {
  const { bob, link } = await relayed();
  link.goesDown();
  assertEquals(outcome(bob), "ended lost");
});

Deno.test("calls between instances: nothing is relayed any more for whom the operator throws out, anywhere", async () => {
  const { instances, a, bob, link } = await relayed();
  a.command({ command: "kick", name: "ann" });
  await instances.settle();
  assertEquals([outcome(bob), link.isClosed], ["ended kicked", true]);
});

Deno.test("calls between instances: a caller has one link there, the last", async () => {
  const { b, ann, bob, dan } = await meeting();
  const [first, second] = [visits(b, ann, "bob", 1), visits(b, ann, "dan", 2)];
  assertEquals([first.isClosed, second.isClosed], [true, false]);
  assertEquals([outcome(bob), count(dan, "incoming"), count(dan, "outcome")], [
    "cancelled lost",
    1,
    0,
  ]);
});

Deno.test("calls between instances: a stranger that asks again and again is sent away", async () => {
  const { b, ann } = await meeting();
  const stranger = visits(b, ann, "bob", 1, { device: "eve" });
  const visit = { type: "visit", as: "ann", call: callId(1), name: "bob", refused: [] } as const;
  for (let n = 0; n <= CONTROL_BURST; n++) if (!stranger.isClosed) stranger.says(visit);
  assert(stranger.isClosed);
});

Deno.test("calls between instances: who visits says nothing else there", async () => {
  const { link } = await connecting();
  link.says({ type: "broadcast", own: 1, sentAt: 1, text: "x", signature: new Uint8Array(64) });
  assert(link.isClosed);
});
