import { assert, assertEquals } from "@std/assert";
import { SendLane } from "../../../lib/protocols/reliable_datagram/send_lane.ts";
import { Random } from "../../sim/random.ts";
import { World } from "./programs.ts";
import { SLOW } from "../../given.ts";

Deno.test("ReliableDatagrams: messages arrive once, in the order of their lane", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  const texts = Array.from({ length: 500 }, (_, n) => `message ${n}`);

  for (const text of texts) ann.send(bob, text);
  for (const text of texts) bob.send(ann, text, "control");
  world.run(2_000);

  assertEquals(bob.heard("data"), texts);
  assertEquals(ann.heard("control"), texts);
  assertEquals([ann.machine.waitingBytes(bob.key), bob.machine.waitingBytes(ann.key)], [0, 0]);
});

Deno.test(
  "ReliableDatagrams: everything arrives over a network that loses, repeats and disorders",
  SLOW,
  () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World();
      const { ann, bob } = world.pair();
      const random = new Random(seed);
      world.fate = () => random.chance(0.3) ? null : random.between(1, 60);
      const texts = Array.from({ length: 300 }, (_, n) => `${n} ${"x".repeat(random.below(400))}`);
      for (const text of texts) {
        ann.send(bob, text);
        if (random.chance(0.1)) world.run(random.below(20));
      }
      world.run(60_000);

      assertEquals(bob.heard(), texts, `seed ${seed}`);
      assert(world.sent.every(({ bytes }) => bytes.length < 1_200));
    }
  },
);

Deno.test("ReliableDatagrams: what is sent before the peer is up arrives once it is", () => {
  const world = new World();
  const [ann, bob] = [world.program("Ann", 1), world.program("Bob", 2)];
  ann.connect(bob);
  ann.send(bob, "early");
  world.run(100);

  assertEquals([ann.news, bob.news], [["up"], ["up"]]);
  assertEquals(bob.heard(), ["early"]);
});

Deno.test("ReliableDatagrams: nobody there is a failure after 5 s, and leaves nothing", () => {
  const world = new World();
  const [ann, bob] = [world.program("Ann", 1), world.program("Bob", 2)];
  bob.isStopped = true;
  ann.connect(bob);
  ann.send(bob, "early");
  world.run(6_000);

  assertEquals(ann.news, ["failed"]);
  assertEquals([ann.machine.nextDeadlineMs(), ann.machine.waitingBytes(bob.key)], [null, 0]);
});

Deno.test("ReliableDatagrams: a burst is a few full datagrams, and acknowledgements are fewer", () => {
  const world = new World();
  const { ann, bob } = world.pair({ probeAfterMs: null });
  for (let n = 0; n < 200; n++) ann.send(bob, "x".repeat(200));
  world.run(1_000);

  const from = (port: number) => world.sent.filter((flight) => flight.from.port === port).length;
  assertEquals([from(1), bob.heard().length], [Math.ceil(200 * 202 / 1_115), 200]);
  assert(from(2) <= 8, `${from(2)} datagrams came back`);
});

Deno.test("ReliableDatagrams: a lone message takes one datagram, its acknowledgement another, a while later", () => {
  const world = new World();
  const { ann, bob } = world.pair({ probeAfterMs: null });
  const fromMs = world.nowMs;
  ann.send(bob, "hello");
  world.run(1_000);

  const times = world.sent.map(({ from, sentMs }) => [from.port, sentMs - fromMs]);
  assertEquals(times, [[1, 0], [2, 25]]);
});

Deno.test("ReliableDatagrams: an answer takes the acknowledgement along", () => {
  const world = new World();
  const { ann, bob } = world.pair({ probeAfterMs: null });
  ann.send(bob, "question");
  world.run(5);
  bob.send(ann, "answer");
  world.run(1_000);

  assertEquals(world.sent.map(({ from }) => from.port), [1, 2, 1]);
});

Deno.test("ReliableDatagrams: idle peers cost nothing but the probes that were asked for", () => {
  // A probe and its acknowledgement every 1.25 s: the second after the last sign of life, on the grid.
  for (const [probeAfterMs, datagrams] of [[null, 0], [1_000, 16]] as const) {
    const world = new World();
    world.pair({ probeAfterMs });
    world.run(10_000);

    assertEquals(world.sent.length, datagrams);
  }
});

Deno.test("ReliableDatagrams: control overtakes data that waits", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  for (let n = 0; n < 1_000; n++) ann.send(bob, "x".repeat(500));
  world.run(20);
  ann.send(bob, "urgent", "control");
  world.run(30);

  assertEquals(bob.heard("control"), ["urgent"]);
  assert(bob.heard("data").length < 1_000);
});

Deno.test("ReliableDatagrams: more than 1 MiB that waits is told, and when there is room again", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  for (let n = 0; n < 80; n++) ann.send(bob, "x".repeat(20_000));
  assertEquals(ann.news, ["congested"]);
  assert(ann.machine.waitingBytes(bob.key) >= 1_600_000);

  world.run(60_000);

  assertEquals(ann.news, ["congested", "drained"]);
  assertEquals(bob.heard().length, 80);
});

Deno.test("ReliableDatagrams: a sender that heeds no back pressure loses the peer, not its memory", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  for (let n = 0; n < 100; n++) ann.send(bob, "x".repeat(262_144));
  world.run(1_000);

  assertEquals(ann.news.slice(0, 2), ["congested", "ended"]);
  const [ended] = ann.told.filter((each) => each.type === "ended");
  assertEquals(ended?.type === "ended" && ended.cause, "too-slow");
  assertEquals(bob.news, ["ended"]);
});

Deno.test("ReliableDatagrams: a reader that pauses is sent a window, and the rest when it goes on", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  bob.step({ type: "pause-reading", peer: ann.key });
  for (let n = 0; n < 50; n++) ann.send(bob, "x".repeat(10_000));
  world.run(20_000);
  const heard = bob.heard().length;
  assert(heard >= 25 && heard <= 27, `a window of 256 KiB, not ${heard} messages`);

  bob.step({ type: "resume-reading", peer: ann.key });
  world.run(20_000);

  assertEquals(bob.heard().length, 50);
});

Deno.test("ReliableDatagrams: what is sent once arrives once or not, and isn't acknowledged", () => {
  const world = new World();
  const { ann, bob } = world.pair({ probeAfterMs: null });
  const message = Uint8Array.of(1, 2, 3);
  ann.step({ type: "send-once", peer: bob.key, message });
  world.run(1_000);
  world.fate = () => null;
  ann.step({ type: "send-once", peer: bob.key, message });
  world.run(10_000);

  assertEquals(bob.told, [{ type: "once", peer: ann.key, bytes: message }]);
  assertEquals([world.sent.length, ann.news], [2, []]);
});

Deno.test("ReliableDatagrams: a peer that gives no sign is told as silent, and when it is heard again", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  const fromMs = world.nowMs;
  world.fate = () => null;
  world.run(2_900);
  assertEquals(ann.news, []);
  world.run(1_300);
  assertEquals(ann.news, ["silent"]);
  const lastHeardMs = ann.machine.lastHeardMs(bob.key)!;
  assert(lastHeardMs <= fromMs && lastHeardMs > fromMs - 1_500);
  ann.send(bob, "meanwhile");
  world.run(20_000);

  world.fate = () => 5;
  world.run(4_000);

  assertEquals([ann.news, bob.heard()], [["silent", "heard"], ["meanwhile"]]);
});

Deno.test("ReliableDatagrams: who stood still blames nobody for it", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  ann.isStopped = true;
  world.run(5_000);
  ann.isStopped = false;
  // Its timer rings before it reads what lies in its socket.
  ann.step({ type: "tick" });
  world.run(5_000);

  assertEquals([ann.news, bob.news], [[], ["silent", "heard"]]);
});

Deno.test("ReliableDatagrams: who stood still for a minute soon sends again what is lost afterwards", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  ann.send(bob, "before");
  ann.step({ type: "tick" });
  const untilMs = world.nowMs + 60_000;
  ann.isStopped = true;
  // What comes meanwhile lies in her socket.
  world.fate = ({ to }) => to === ann.endpoint ? Math.max(5, untilMs - world.nowMs) : 5;
  world.run(59_999);
  ann.isStopped = false;
  world.fate = () => 5;
  world.run(100);

  world.fate = () => null;
  ann.send(bob, "lost");
  world.run(10);
  world.fate = () => 5;
  world.run(200);

  assertEquals(bob.heard(), ["before", "lost"]);
});

Deno.test("ReliableDatagrams: a peer that was started again begins anew, and both are told", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  ann.send(bob, "before");
  bob.isStopped = true;
  ann.send(bob, "lost with it");
  world.run(10);
  const again = world.program("Bob", 2, {}, 2);
  again.connect(ann);
  world.run(1_000);
  ann.send(again, "after");
  again.send(ann, "hello");
  world.run(1_000);

  assertEquals(ann.news, ["reset"]);
  assertEquals([again.news, again.heard(), ann.heard()], [["up"], ["after"], ["hello"]]);
  assertEquals(ann.machine.waitingBytes(bob.key), 0);
});

Deno.test("ReliableDatagrams: a peer that closed and came back unheard begins anew as well", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  bob.send(ann, "one");
  ann.send(bob, "one");
  world.run(100);
  world.fate = () => null;
  bob.step({ type: "close", peer: ann.key, reason: "for a while" });
  world.run(1_100);
  world.fate = () => 5;
  bob.connect(ann);
  bob.send(ann, "two");
  world.run(500);
  ann.send(bob, "two");
  world.run(500);

  assertEquals([bob.news, ann.news], [["ended", "up"], ["reset"]]);
  assertEquals([ann.heard(), bob.heard()], [["one", "two"], ["one", "two"]]);
});

Deno.test("ReliableDatagrams: closing sends what waits, then says why", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  for (let n = 0; n < 50; n++) ann.send(bob, "x".repeat(1_000));
  ann.step({ type: "close", peer: bob.key, reason: "quit" });
  world.run(900);

  const ended = { type: "ended", peer: ann.key, cause: "goodbye", text: "quit" } as const;
  assertEquals([bob.heard().length, bob.told.at(-1)], [50, ended]);
  assertEquals(ann.told, [{ ...ended, peer: bob.key, cause: "closed" }]);
  assertEquals([ann.machine.nextDeadlineMs(), bob.machine.waitingBytes(ann.key)], [null, 0]);
});

Deno.test("ReliableDatagrams: closing takes a second at most", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  world.fate = () => null;
  ann.send(bob, "never");
  ann.step({ type: "close", peer: bob.key, reason: "quit" });
  world.run(999);
  assertEquals(ann.news, []);
  world.run(1);
  assertEquals(ann.news, ["ended"]);
});

Deno.test("ReliableDatagrams: messages go on over fresh keys and another address", () => {
  const world = new World();
  const { ann, bob } = world.pair({ probeAfterMs: null });
  ann.send(bob, "one");
  world.run(3_700_000);
  ann.send(bob, "two");
  world.run(100);
  ann.endpoint = { host: "10.0.0.1", port: 9 };
  ann.send(bob, "three");
  world.run(1_000);
  bob.send(ann, "four");
  world.run(1_000);

  assertEquals([bob.heard(), ann.heard()], [["one", "two", "three"], ["four"]]);
  assertEquals([ann.news, bob.news], [[], ["moved"]]);
});

Deno.test("ReliableDatagrams: a healed network is noticed within 3 s and a round trip", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  world.fate = () => null;
  ann.send(bob, "through");
  world.run(60_000);
  world.fate = () => 5;
  world.run(3_010);

  assertEquals(bob.heard(), ["through"]);
});

Deno.test("ReliableDatagrams: a peer that breaks the rules is left, with the reason", () => {
  const world = new World();
  const { ann, bob } = world.pair();
  const { push } = SendLane.prototype;
  SendLane.prototype.push = function (message) {
    // As one that sends beyond what it was allowed.
    this.credit(2 ** 40);
    push.call(this, message);
  };
  try {
    bob.step({ type: "pause-reading", peer: ann.key });
    for (let n = 0; n < 40; n++) ann.send(bob, "x".repeat(10_000));
    world.run(5_000);
  } finally {
    SendLane.prototype.push = push;
  }

  const [ended] = bob.told.filter((each) => each.type === "ended");
  assert(ended?.type === "ended" && ended.cause === "protocol", ended?.type);
  assertEquals(ann.news, ["ended"]);
});
