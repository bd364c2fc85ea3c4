import { assert, assertEquals } from "@std/assert";
import {
  CHALLENGES_MAX,
  PREVIOUS_SESSION_MS,
  REKEY_AFTER_MS,
  REKEY_LAG_MS,
  RELAYED_BYTES_MAX,
  SESSION_MS_MAX,
  UNPROVEN_FACTOR,
} from "../../../lib/protocols/sealed_datagram/limits.ts";
import { PAYLOAD_BYTES_MAX } from "../../../lib/protocols/sealed_datagram/formats.ts";
import { Session } from "../../../lib/protocols/sealed_datagram/session.ts";
import { connected, type Datagram, endpoint, flipped, Program, run, settle } from "./programs.ts";

Deno.test("SealedDatagrams: payloads arrive once, in any order, and no datagram is too long", () => {
  const { ann, bob } = connected();
  for (const text of ["one", "two", "three"]) ann.send(bob, text, 1);
  ann.send(bob, "x".repeat(PAYLOAD_BYTES_MAX), 1);
  const sent = ann.out.splice(0);

  for (const datagram of [...sent].reverse()) bob.take(datagram, 1);
  for (const datagram of sent) bob.take(datagram, 2);

  assertEquals(bob.heard.slice(1), ["three", "two", "one"]);
  assertEquals(bob.machine.statistics.repeated, 4);
  assertEquals(sent.at(-1)?.bytes.length, RELAYED_BYTES_MAX);
});

Deno.test("SealedDatagrams: a datagram with any bit changed is dropped, and the true one taken after it", () => {
  const { ann, bob } = connected();
  ann.send(bob, "true", 1);
  const [datagram] = ann.out.splice(0);
  const told = bob.told.length;
  for (let at = 0; at < datagram!.bytes.length; at++) {
    for (const bit of [0, 7]) {
      bob.take({ ...datagram!, bytes: flipped(datagram!.bytes, at, bit) }, 1);
      bob.take({ ...datagram!, from: endpoint(9), bytes: flipped(datagram!.bytes, at, bit) }, 1);
    }
    bob.take({ ...datagram!, bytes: datagram!.bytes.slice(0, at) }, 1);
  }
  assertEquals([bob.told.length, bob.out.length], [told, 0]);
  assertEquals(bob.machine.endpointOf(ann.key), ann.endpoint);

  bob.take(datagram!, 1);

  assertEquals(bob.heard, ["true"]);
});

Deno.test("SealedDatagrams: a goodbye ends the session at both sides", () => {
  const { ann, bob } = connected();

  ann.step({ type: "close", peer: bob.key, reason: "quit" }, 1);
  settle([ann, bob], 1);

  assertEquals(bob.told.at(-1), { type: "down", peer: ann.key, closed: true, reason: "quit" });
  assertEquals([ann.machine.endpointOf(bob.key), bob.machine.endpointOf(ann.key)], [null, null]);
  assertEquals([ann.told.length, ann.machine.nextDeadlineMs()], [1, null]);
});

Deno.test("SealedDatagrams: a goodbye of an earlier session that comes late doesn't end the one after it", () => {
  const { ann, bob } = connected();
  ann.step({ type: "close", peer: bob.key, reason: "again" }, 1);
  const [late] = ann.out.splice(0);
  ann.connect(bob, 2);
  settle([ann, bob], 2);

  bob.take(late!, 3);
  ann.send(bob, "hello", 4);
  settle([ann, bob], 4);

  assertEquals([bob.count("down"), bob.heard.at(-1)], [0, "hello"]);
});

Deno.test("SealedDatagrams: a goodbye counts while fresh keys are agreed on, whichever message was the last", () => {
  for (let delivered = 0; delivered < 4; delivered++) {
    const { ann, bob } = connected();
    ann.step({ type: "tick" }, REKEY_AFTER_MS);
    for (let count = 0; count < delivered; count++) {
      const [from, to] = count % 2 === 0 ? [ann, bob] : [bob, ann];
      to.take(from.out.shift()!, REKEY_AFTER_MS);
    }

    ann.step({ type: "close", peer: bob.key, reason: "quit" }, REKEY_AFTER_MS);
    settle([ann, bob], REKEY_AFTER_MS);

    assertEquals(bob.machine.endpointOf(ann.key), null, `after ${delivered}`);
  }
});

Deno.test("SealedDatagrams: fresh keys after an hour, and the old ones open for 10 s more", () => {
  const { ann, bob } = connected();
  ann.send(bob, "late", REKEY_AFTER_MS - 1);
  ann.send(bob, "too late", REKEY_AFTER_MS - 1);
  const [late, tooLate] = ann.out.splice(0);

  run([ann, bob], REKEY_AFTER_MS - 1, REKEY_AFTER_MS + PREVIOUS_SESSION_MS - 1);
  bob.take(late!, REKEY_AFTER_MS + PREVIOUS_SESSION_MS - 1);
  run([ann, bob], REKEY_AFTER_MS, REKEY_AFTER_MS + PREVIOUS_SESSION_MS);
  bob.take(tooLate!, REKEY_AFTER_MS + PREVIOUS_SESSION_MS);

  assertEquals([ann.count("up"), bob.count("up")], [2, 2]);
  const processes = bob.told.flatMap((each) => each.type === "up" ? [each.process] : []);
  assertEquals(processes[0], processes[1]);
  assertEquals(bob.heard, ["late"]);
});

Deno.test("SealedDatagrams: whoever didn't begin the session renews it where the other doesn't", () => {
  const { ann, bob } = connected();

  for (let nowMs = REKEY_AFTER_MS; bob.out.length === 0; nowMs += 1_000) {
    assert(nowMs <= REKEY_AFTER_MS + REKEY_LAG_MS, "a minute later at most");
    bob.step({ type: "tick" }, nowMs);
  }
  settle([ann, bob], REKEY_AFTER_MS + REKEY_LAG_MS);

  assertEquals([ann.count("up"), bob.count("up")], [2, 2]);
});

Deno.test("SealedDatagrams: a session that can't be renewed ends", () => {
  const { ann, bob } = connected();

  run([ann], 0, SESSION_MS_MAX);

  const reason = "no fresh keys could be agreed on";
  assertEquals(ann.told.slice(1), [{ type: "down", peer: bob.key, closed: false, reason }]);
  run([ann], SESSION_MS_MAX, SESSION_MS_MAX + 60_000);
  assertEquals(ann.machine.nextDeadlineMs(), null);
});

Deno.test("SealedDatagrams: a restarted program takes the place of the old one once it has proved itself", () => {
  const { ann, bob } = connected();
  const again = new Program("Ann", endpoint(1), 2);
  again.connect(bob, 1);
  bob.take(again.out.shift()!, 1);
  again.take(bob.out.shift()!, 1);
  ann.send(bob, "from the old one", 1);
  bob.take(ann.out.shift()!, 1);
  assertEquals([bob.count("up"), bob.heard], [1, ["from the old one"]]);

  settle([again, bob], 1);
  ann.send(bob, "too late", 1);
  bob.take(ann.out.shift()!, 1);
  bob.send(again, "welcome back", 2);
  settle([again, bob], 2);

  assertEquals([bob.count("up"), bob.heard.length], [2, 1]);
  assertEquals(again.heard, ["welcome back"]);
  const processes = bob.told.flatMap((each) => each.type === "up" ? [each.process] : []);
  assert(processes[0] !== processes[1], "it is another process");
});

Deno.test("SealedDatagrams: a late proof of a process that has ended doesn't push out the one after it", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);
  bob.take(ann.out.shift()!, 0);
  ann.take(bob.out.shift()!, 0);
  const [late] = ann.out.splice(0);
  const again = new Program("Ann", endpoint(1), 2);
  again.connect(bob, 100);
  settle([again, bob], 100);

  bob.take(late!, 200);
  bob.send(again, "hello", 200);
  settle([again, bob], 200);

  assertEquals([bob.count("up"), again.heard], [1, ["hello"]]);
});

/** Bob's session with Ann, who has moved to another port and said so with one datagram. */
function moved() {
  const { ann, bob } = connected();
  const before = ann.endpoint;
  ann.endpoint = endpoint(5);
  ann.send(bob, "from elsewhere", 10);
  return { ann, bob, before, hello: ann.out.shift()! };
}

Deno.test("SealedDatagrams: a session moves to another address once that has answered a challenge", () => {
  const { ann, bob, before, hello } = moved();
  bob.take(hello, 10);
  assertEquals(bob.machine.endpointOf(ann.key), before);
  assertEquals(bob.out.map(({ to }) => to.port), [5]);

  settle([ann, bob], 10);

  assertEquals(bob.told.at(-1), { type: "moved", peer: ann.key, endpoint: endpoint(5) });
  assertEquals(bob.machine.endpointOf(ann.key), endpoint(5));
});

Deno.test("SealedDatagrams: an address that answers nothing gets three times what it brought, and no session", () => {
  const { ann, bob, before, hello } = moved();
  const sent: Datagram[] = [];
  bob.take(hello, 10);
  for (let nowMs = 10; nowMs < 20_000; nowMs += 50) {
    bob.step({ type: "tick" }, nowMs);
    bob.send(ann, "more", nowMs);
    sent.push(...bob.out.splice(0));
  }

  const unproven = sent.filter(({ to }) => to.port === 5);

  assert(unproven.length <= CHALLENGES_MAX && unproven.length > 0);
  const bytes = unproven.reduce((sum, datagram) => sum + datagram.bytes.length, 0);
  assert(bytes <= UNPROVEN_FACTOR * hello.bytes.length);
  assertEquals(bob.machine.endpointOf(ann.key), before);
});

Deno.test("SealedDatagrams: an address that is still heard is asked again, after all challenges were lost", () => {
  const { ann, bob, hello } = moved();
  bob.take(hello, 10);
  for (let nowMs = 10; nowMs < 5_000; nowMs += 50) {
    bob.step({ type: "tick" }, nowMs);
    bob.out.length = 0;
  }

  ann.send(bob, "still there", 5_000);
  bob.take(ann.out.shift()!, 5_000);
  settle([ann, bob], 5_000);

  assertEquals(bob.machine.endpointOf(ann.key), endpoint(5));
});

Deno.test("SealedDatagrams: a late datagram from an address before doesn't lead back there", () => {
  const { ann, bob, before, hello } = moved();
  ann.send(bob, "late", 10);
  const late = { ...ann.out.shift()!, from: before };
  ann.send(bob, "newer", 10);
  const newer = ann.out.shift()!;
  bob.take(hello, 10);
  bob.take(newer, 10);
  settle([ann, bob], 10);
  assertEquals(bob.machine.endpointOf(ann.key), endpoint(5));

  bob.take(late, 11);

  assertEquals([bob.heard, bob.out], [["from elsewhere", "newer", "late"], []]);
});

Deno.test("SealedDatagrams: a proof counts from the address that was asked alone", () => {
  const { ann, bob, before, hello } = moved();
  bob.take(hello, 10);
  ann.take(bob.out.shift()!, 10);
  const [proof] = ann.out.splice(0);

  bob.take({ ...proof!, from: endpoint(6) }, 10);

  assertEquals(bob.machine.endpointOf(ann.key), before);
});

Deno.test("SealedDatagrams: connecting anew leads a session elsewhere, without a gap", () => {
  const { ann, bob } = connected();
  bob.endpoint = endpoint(7);
  ann.connect(bob, 100);
  settle([ann, bob], 100);
  ann.send(bob, "here", 101);
  settle([ann, bob], 101);

  assertEquals(ann.machine.endpointOf(bob.key), endpoint(7));
  assertEquals([ann.count("up"), bob.heard], [2, ["here"]]);
});

Deno.test("SealedDatagrams: fresh keys when so many datagrams were sealed, and no more than one try in 30 s", () => {
  const { ann, bob } = connected();
  const worn = Object.getOwnPropertyDescriptor(Session.prototype, "isWornOut")!;
  Object.defineProperty(Session.prototype, "isWornOut", { get: () => true, configurable: true });
  const initiations: number[] = [];
  try {
    for (let nowMs = 1_000; nowMs < 40_000; nowMs += 100) {
      ann.send(bob, "x", nowMs);
      ann.step({ type: "tick" }, nowMs);
      for (const { bytes } of ann.out.splice(0)) if (bytes[0] === 1) initiations.push(nowMs);
    }
    assertEquals(initiations.filter((atMs) => atMs < 30_000).length, 5);
    assertEquals(initiations.find((atMs) => atMs > 30_000), 31_000);
    ann.send(bob, "x", 70_000);
    run([ann, bob], 70_000, 70_001);
  } finally {
    Object.defineProperty(Session.prototype, "isWornOut", worn);
  }

  assertEquals([ann.count("up"), bob.count("up")], [2, 2]);
});
