import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { EMPTY } from "../../../lib/protocols/noise/primitives.ts";
import type { Queue } from "../../../lib/base/schema/schema.ts";
import { DiallerHandshake } from "../../../lib/protocols/noise/channel_handshake.ts";
import { CHANNEL_DEFAULTS } from "../../../lib/protocols/noise/config.ts";
import { RecordWriter } from "../../../lib/protocols/noise/record.ts";
import { ANN, environment, Pair, type Side, TARGET } from "./channel_pair.ts";

/** The bytes that one side writes for what was sent, kept from the other. */
function held(pair: Pair, from: "ann" | "bob"): Uint8Array {
  return (from === "ann" ? pair.ann : pair.bob).take(pair.nowMs);
}

Deno.test("Channel carries both lanes in both directions, however the bytes are cut", () => {
  const action = fc.record({
    from: fc.constantFrom("ann" as const, "bob" as const),
    lane: fc.constantFrom("control" as const, "data" as const),
    text: fc.string({ minLength: 1, maxLength: 40 }),
    settle: fc.boolean(),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), cuts, (actions, sizes) => {
      const pair = new Pair({ config: { rekeyRecords: 3 } }).settle();
      let next = 0;
      pair.onWire = (bytes) => {
        const parts: Uint8Array[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = sizes[next++ % sizes.length]!;
          parts.push(bytes.subarray(at, at + size));
          at += size;
        }
        return parts;
      };
      for (const { from, lane, text, settle } of actions) {
        pair[from].send(text, lane, 0);
        if (settle) pair.settle();
      }
      pair.settle();
      for (const lane of ["control", "data"] as const) {
        const said = (from: string) =>
          actions.filter((each) => each.from === from && each.lane === lane)
            .map(({ text }) => text).join("").toWellFormed();
        assertEquals(pair.bob.heard(lane), said("ann"));
        assertEquals(pair.ann.heard(lane), said("bob"));
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("Channel puts all that waits into one write and as few records as possible", () => {
  const pair = new Pair({ config: { shortWriteBytesMax: Infinity } }).settle();
  for (let at = 0; at < 100; at++) pair.ann.send("x".repeat(200), "data", 0);

  pair.ann.step({ type: "writable" }, 0);

  const writes = pair.ann.wire.splice(0);
  assertEquals(writes.length, 1);
  // 20,000 bytes are a full record of 16,383 and one of 3,617, each with 19 bytes around its content.
  assertEquals(writes[0]!.length, 20_000 + 2 * 19);
  assertEquals(pair.ann.channel.hasOutput, false);
});

Deno.test("Channel sends control before data, from the next record on", () => {
  const pair = new Pair().settle();
  pair.ann.send("d".repeat(200_000), "data", 0);
  pair.ann.step({ type: "writable" }, 0);
  pair.ann.send("now", "control", 0);

  pair.settle();

  const lanes = pair.bob.told.flatMap((each) => each.type === "bytes" ? [each.lane] : []);
  const before = lanes.indexOf("control");
  assert(before > 0 && before < 5, `control came as record ${before} of ${lanes.length}`);
  assertEquals(pair.bob.heard("data").length, 200_000);
});

Deno.test("Channel sends bulk where nothing else waits, and says when all of it has left", () => {
  const pair = new Pair().settle();
  pair.ann.send("b".repeat(200_000), "bulk", 0);
  pair.ann.step({ type: "writable" }, 0);
  pair.ann.send("d".repeat(100_000), "data", 0);
  pair.ann.send("now", "control", 0);
  assertEquals(pair.ann.events, ["established"], "it is told of no room while something waits");

  pair.settle();

  const lanes = pair.bob.told.flatMap((each) => each.type === "bytes" ? [each.lane] : []);
  const changes = lanes.filter((lane, at) => lane !== lanes[at - 1]);
  assertEquals(changes, ["bulk", "control", "data", "bulk"]);
  assert(lanes.indexOf("control") < 5, "control waits for one write at most");
  assertEquals(pair.bob.heard("bulk").length, 200_000);
  assertEquals(pair.ann.events, ["established", "bulk-drained"]);
});

Deno.test("what is sent in whole writes shares one buffer, which is let go of with the last of them", () => {
  const pair = new Pair().settle();
  const buffers = (bulk: string) => {
    pair.ann.send(bulk, "bulk", 0);
    const written: ArrayBufferLike[] = [];
    while (pair.ann.channel.hasOutput) {
      const [effect] = pair.ann.channel.step({ type: "writable" }, 0);
      if (effect?.type === "write") written.push(effect.bytes.buffer);
    }
    return written;
  };

  const first = buffers("b".repeat(200_000));
  const second = buffers("b".repeat(200_000));

  assertEquals(first.length, 4);
  assertEquals(new Set(first.slice(0, 3)).size, 1);
  assertEquals(new Set([...first, ...second]).size, 4);
});

Deno.test("close doesn't wait for bulk", () => {
  const pair = new Pair().settle();
  pair.ann.send("b".repeat(200_000), "bulk", 0);
  pair.ann.send("last words", "data", 0);

  pair.ann.step({ type: "close", reason: "bye" }, 0);
  pair.settle();

  assertEquals(pair.bob.heard("bulk"), "");
  assertEquals(pair.bob.heard("data"), "last words");
  assertEquals(pair.bob.events, ["established", "closed bye"]);
});

Deno.test("Channel loses the link at any changed byte of a record, telling nothing of it", () => {
  const sealed = (() => {
    const pair = new Pair().settle();
    pair.ann.send("secret", "data", 0);
    return held(pair, "ann");
  })();
  for (let at = 0; at < sealed.length; at++) {
    const pair = new Pair().settle();
    const changed = new Uint8Array(sealed);
    changed[at]! ^= 1;
    // A changed length may make the reader wait for bytes that then don't fit.
    pair.bob.step({ type: "received", bytes: concatBytes(changed, new Uint8Array(600)) }, 0);
    assertEquals(pair.bob.heard("data"), "");
    assert(pair.bob.events.at(-1)!.startsWith("lost Cannot"), `byte ${at}`);
    const { reason } = pair.bob.told.find((each) => each.type === "closed")!;
    assertEquals(reason, "invalid data came over the connection");
  }
});

Deno.test("Channel loses the link when a record is repeated, left out or moved", () => {
  const records = (pair: Pair) =>
    ["one", "two", "three"].map((text) => {
      pair.ann.send(text, "data", 0);
      return held(pair, "ann");
    });
  for (const order of [[0, 0], [1], [0, 2], [1, 0]]) {
    const pair = new Pair().settle();
    const written = records(pair);
    for (const at of order) pair.bob.step({ type: "received", bytes: written[at]! }, 0);
    assert(pair.bob.events.at(-1)!.startsWith("lost Cannot open"), `order ${order}`);
  }
});

Deno.test("Channel takes new keys at the same record on both sides, or after so many bytes", () => {
  for (const config of [{ rekeyRecords: 4 }, { rekeyBytes: 100 }]) {
    const pair = new Pair({ config }).settle();
    for (let at = 0; at < 20; at++) {
      pair.ann.send(`a${at}`, "data", 0);
      pair.bob.send(`b${at}`, at % 3 === 0 ? "control" : "data", 0);
      pair.settle();
    }
    const numbers = Array.from({ length: 20 }, (_, at) => at);
    assertEquals(pair.bob.heard("data"), numbers.map((at) => `a${at}`).join(""));
    assertEquals(pair.bob.events, ["established"]);

    // The boundary must be the same: a peer that takes new keys elsewhere is not understood.
    const ann = new Pair({ config }).settle();
    const bob = new Pair({ config: {} }).settle();
    for (let at = 0; at < 10; at++) {
      ann.ann.send(`${at}`, "data", 0);
      bob.bob.step({ type: "received", bytes: held(ann, "ann") }, 0);
    }
    assert(bob.bob.events.at(-1)!.startsWith("lost Cannot open"));
  }
});

Deno.test("close sends what waits, then the goodbye; the end of the stream alone is a loss", () => {
  const pair = new Pair().settle();
  pair.ann.send("last words", "data", 0);
  pair.ann.step({ type: "close", reason: "quit" }, 0);
  pair.ann.send("too late", "data", 0);
  pair.settle();
  assertEquals(pair.bob.heard("data"), "last words");
  assertEquals(pair.ann.events, ["established", "closed quit"]);
  assertEquals(pair.bob.events, ["established", "closed quit"]);
  assertEquals(pair.bob.channel.nextDeadlineMs(), null);

  const cut = new Pair().settle();
  cut.bob.step({ type: "ended", reason: "the other side hung up" }, 0);
  assertEquals(cut.bob.events, ["established", "lost the other side hung up"]);
  cut.bob.step({ type: "ended", reason: "again" }, 0);
  assertEquals(cut.bob.events.length, 2);
});

Deno.test("close tells its owner nothing more of what comes in, but still sees the other's goodbye", () => {
  const pair = new Pair().settle();
  pair.ann.step({ type: "close", reason: "quit" }, 0);
  pair.bob.send("unheard", "data", 0);
  pair.carry("bob");
  assertEquals(pair.ann.heard("data"), "");

  pair.bob.step({ type: "close", reason: "me too" }, 0);
  pair.carry("bob");

  assertEquals(pair.ann.events, ["established", "closed me too"]);
});

Deno.test("close cuts a reason that is longer than 256 bytes", () => {
  const pair = new Pair().settle();
  pair.ann.step({ type: "close", reason: "é".repeat(1_000) }, 0);
  pair.settle();
  assert(pair.bob.events[1]!.startsWith("closed ééé"));
  assertEquals(utf8(pair.bob.events[1]!).length, 7 + 256);
});

Deno.test("close gives up after a second when the stream takes nothing", () => {
  const pair = new Pair().settle();
  pair.ann.step({ type: "close", reason: "quit" }, 0);

  pair.ann.step({ type: "tick" }, 999);
  assertEquals(pair.ann.events, ["established"]);
  pair.ann.step({ type: "tick" }, 1_000);

  assertEquals(pair.ann.events[1], "lost what waited could not be sent in time");
});

Deno.test("an idle channel has one ping every 1.5 s, and measures the round trip", () => {
  const pair = new Pair().settle();
  let writes = 0;
  pair.onWire = (bytes) => {
    writes += 1;
    pair.nowMs += 7; // each way
    return [bytes];
  };

  pair.pass(60_000);

  assertEquals(pair.ann.events.concat(pair.bob.events), ["established", "established"]);
  assertEquals(writes, 2 * 40, "pings and answers in 60 s");
  assertEquals(pair.ann.channel.roundTripMs, 14);
});

Deno.test("a ping follows the first long write, and its answer shows that the write has come", () => {
  const pair = new Pair().settle();
  pair.ann.send("x".repeat(1_000), "data", 0);
  pair.settle();
  assertEquals([pair.ann.channel.longMissingMs(0), pair.ann.channel.isLongProven], [null, false]);

  const { onWire } = pair;
  pair.onWire = () => [];
  for (let at = 0; at < 2; at++) pair.ann.send("x".repeat(1_300), "data", 0);
  const written = held(pair, "ann");
  assertEquals(written.length, 2_600 + 19 + 4 + 19); // and one ping
  assertEquals(pair.ann.channel.longMissingMs(2_000), 2_000);

  pair.onWire = onWire;
  pair.bob.step({ type: "received", bytes: written }, 10);
  pair.settle();
  assertEquals([pair.ann.channel.longMissingMs(20), pair.ann.channel.isLongProven], [null, true]);
  pair.ann.send("x".repeat(1_300), "data", 20);
  assertEquals(held(pair, "ann").length, 1_300 + 19); // no other
});

Deno.test("a channel whose other side falls silent is lost after 3 s, not before", () => {
  const pair = new Pair().settle();
  pair.onWire = () => [];

  pair.pass(2_999);
  assertEquals(pair.ann.events, ["established"]);
  pair.pass(1);

  assertEquals(pair.ann.events[1], "lost no answer for 3 s");
  assertEquals(pair.bob.events[1], "lost no answer for 3 s");
});

Deno.test("a line of 1,500 bytes a second keeps a channel alive, whatever the records", () => {
  const pair = new Pair().settle();
  const text = "slow and steady".padEnd(100_000, ".");
  pair.ann.send("x", "data", 0);
  pair.ann.send(text, "data", 0);
  const bytes = concatBytes(held(pair, "ann"), held(pair, "ann"));
  let nowMs = 0;
  for (let at = 0; at < bytes.length; at += 150) {
    nowMs += 100;
    pair.bob.step({ type: "received", bytes: bytes.subarray(at, at + 150) }, nowMs);
    pair.bob.step({ type: "tick" }, nowMs + 50);
  }
  assertEquals(pair.bob.heard("data"), `x${text}`);
  assertEquals(pair.bob.events, ["established"]);
});

Deno.test("bytes that never make a record are no sign of life after 14 s", () => {
  const pair = new Pair().settle();
  pair.ann.send("x".repeat(1_000), "data", 0);
  const bytes = held(pair, "ann");
  for (let at = 0; at < 14; at++) {
    assertEquals(pair.bob.events, ["established"], `after ${at} s`);
    pair.bob.step({ type: "received", bytes: bytes.subarray(at, at + 1) }, at * 1_000);
    for (const ms of [250, 500, 750]) pair.bob.step({ type: "tick" }, at * 1_000 + ms);
  }
  pair.bob.step({ type: "tick" }, 14_000);

  assertEquals(pair.bob.events[1], "lost a message was not complete within 14 s");
});

Deno.test("a record that is begun anew while nothing is read has all its time", () => {
  const pair = new Pair().settle();
  pair.ann.send("x".repeat(1_000), "data", 0);
  const bytes = held(pair, "ann");
  pair.bob.step({ type: "received", bytes: bytes.subarray(0, 500) }, 0);
  pair.bob.step({ type: "pauseReading" }, 10);
  pair.bob.step({ type: "tick" }, 30_000);
  pair.bob.step({ type: "resumeReading" }, 30_000);
  pair.bob.step({ type: "tick" }, 31_000);
  pair.bob.step({ type: "received", bytes: bytes.subarray(500) }, 31_000);

  assertEquals([pair.bob.heard("data").length, pair.bob.events], [1_000, ["established"]]);
});

Deno.test("a process that was stopped asks once more before it blames the other side", () => {
  for (const stoppedMs of [2_500, 10_000, 3_600_000]) {
    for (const beforeMs of [0, 1_100]) { // before its ping, and while that is unanswered
      const pair = new Pair().settle();
      pair.onWire = () => [];
      pair.pass(beforeMs);
      pair.onWire = (bytes) => [bytes];

      pair.nowMs += stoppedMs;
      pair.ann.step({ type: "tick" }, pair.nowMs);

      assertEquals(pair.ann.events, ["established"], `stopped for ${stoppedMs} ms`);
      pair.settle();
      pair.ann.step({ type: "tick" }, pair.nowMs + 100);
      assertEquals(pair.ann.events, ["established"]);
    }
  }
  const pair = new Pair().settle();
  pair.onWire = () => [];
  pair.nowMs += 10_000;
  pair.ann.step({ type: "tick" }, pair.nowMs);
  pair.pass(2_000);
  assertEquals(pair.ann.events[1], "lost no answer for 3 s", "the other side is really gone");
});

/** When a side whose ticks come so late takes the other one, of which nothing comes, for lost. */
function lostAtMs(lateMs: number): number {
  const { ann } = new Pair().settle();
  let nowMs = 0;
  while (ann.events.length === 1 && nowMs < 60_000) {
    nowMs = ann.channel.nextDeadlineMs()! + lateMs;
    ann.step({ type: "tick" }, nowMs);
    ann.take(nowMs);
  }
  return nowMs;
}

Deno.test("who comes late itself gives the other side more time", () => {
  assertEquals([lostAtMs(0), lostAtMs(20), lostAtMs(450)], [3_000, 3_020, 4_950]);
});

Deno.test("who comes late each time notices all the same that the other side is gone", () => {
  assertEquals([lostAtMs(600), lostAtMs(1_500)], [5_800, 9_000]);
});

Deno.test("whose answers come late has more time", () => {
  const lost = [100, 1_000].map((answerMs) => {
    const pair = new Pair().settle();
    let nowMs = 0;
    for (const tookMs of [10, answerMs]) {
      nowMs = pair.ann.channel.nextDeadlineMs()!;
      pair.ann.step({ type: "tick" }, nowMs);
      pair.bob.step({ type: "received", bytes: pair.ann.take(nowMs) }, nowMs);
      nowMs += tookMs;
      pair.ann.step({ type: "received", bytes: pair.bob.take(nowMs) }, nowMs);
    }
    const heardMs = nowMs;
    while (pair.ann.events.length === 1) {
      nowMs = pair.ann.channel.nextDeadlineMs()!;
      pair.ann.step({ type: "tick" }, nowMs);
      pair.ann.take(nowMs);
    }
    return nowMs - heardMs;
  });
  assertEquals(lost, [3_160, 6_760]);
});

Deno.test("a side that doesn't read stays alive, and so does the other for it", () => {
  const pair = new Pair().settle();
  pair.bob.step({ type: "pauseReading" }, 0);
  const unread: Uint8Array[] = [];
  pair.onWire = (bytes, from) => {
    if (from === "bob") return [bytes];
    unread.push(new Uint8Array(bytes));
    return [];
  };
  pair.ann.send("wait for it", "data", 0);

  pair.pass(30_000);
  assertEquals([pair.ann.events, pair.bob.events], [["established"], ["established"]]);
  pair.bob.step({ type: "resumeReading" }, pair.nowMs);
  for (const bytes of unread) pair.bob.step({ type: "received", bytes }, pair.nowMs);
  pair.onWire = (bytes) => [bytes];
  pair.settle().pass(5_000);

  assertEquals(pair.bob.heard("data"), "wait for it");
  assertEquals([pair.ann.events, pair.bob.events], [["established"], ["established"]]);
});

Deno.test("a side that reads slowly stays alive, though the ping that asks it lies behind all that it has to read", () => {
  const pair = new Pair().settle();
  const unread: Uint8Array[] = [];
  pair.onWire = (bytes, from) => {
    if (from === "bob") return [bytes];
    unread.push(new Uint8Array(bytes));
    return [];
  };
  pair.ann.send("x".repeat(500_000), "data", 0);
  pair.settle();
  for (let second = 0; second < 60; second++) {
    pair.pass(1_000);
    const next = unread[0]!;
    pair.bob.step({ type: "received", bytes: next.subarray(0, 1_500) }, pair.nowMs);
    unread[0] = next.subarray(1_500);
  }

  assertEquals(pair.ann.events.concat(pair.bob.events), ["established", "established"]);
  assert(pair.bob.heard("data").length < 100_000, "the ping is far behind");
});

Deno.test("data above 1 MiB is dropped whole until half is sent, control above 64 KiB ends the link", () => {
  const pair = new Pair().settle();
  const chunk = new Uint8Array(100_000);
  for (let at = 0; at < 20; at++) {
    pair.ann.step({ type: "send", head: EMPTY, body: chunk, lane: "data" }, 0);
  }
  assertEquals(pair.ann.events, ["established", "congested"]);

  let sent = 0;
  while (pair.ann.events.length === 2) {
    pair.ann.step({ type: "writable" }, 0);
    sent += pair.ann.wire.splice(0).reduce((sum, { length }) => sum + length, 0);
  }
  assertEquals(pair.ann.events[2], "drained");
  // 11 chunks were taken; half a MiB is left of them.
  assert(sent > 1_100_000 - 524_288 && sent < 1_100_000 - 524_288 + 70_000, `${sent} bytes`);

  for (let at = 0; at < 4; at++) {
    pair.bob.step({ type: "send", head: EMPTY, body: chunk, lane: "control" }, 0);
  }
  assertEquals(pair.bob.events, ["established", "lost over 65536 bytes of control wait"]);
  assertEquals(pair.bob.channel.hasOutput, false);
});

Deno.test("news above half of the control lane is dropped whole, says so once, and ends no link", () => {
  const pair = new Pair().settle();
  const send = (lane: Queue, fill: number) => {
    const body = new Uint8Array(10_000).fill(fill);
    pair.ann.step({ type: "send", head: EMPTY, body, lane }, 0);
  };
  for (let at = 0; at < 20; at++) send("news", 110);
  for (let at = 0; at < 3; at++) send("control", 99);
  assertEquals(pair.ann.events, ["established"]);

  pair.settle();
  send("news", 109);
  pair.settle();

  assertEquals(pair.ann.events, ["established", "missed"]);
  const chunks = [["n", 3], ["c", 3], ["m", 1]] as const;
  assertEquals(
    pair.bob.heard("control"),
    chunks.map(([letter, count]) => letter.repeat(count * 10_000)).join(""),
  );
});

Deno.test("pings are answered once for any number of them", () => {
  const pair = new Pair().settle();
  const pings: Uint8Array[] = [];
  pair.ann.step({ type: "pauseReading" }, 0); // then it pings every second
  for (let at = 1; at <= 50; at++) {
    pair.ann.step({ type: "tick" }, at * 1_000);
    pings.push(held(pair, "ann"));
  }
  pair.bob.step({ type: "received", bytes: concatBytes(...pings) }, 50_000);

  const answer = pair.bob.take(50_000);

  assertEquals(answer.length, 19 + 4);
});

/** Bob's side of a channel, and what writes it whatever records one likes. */
function withLiar(): { readonly bob: Side; readonly records: RecordWriter } {
  const { bob } = new Pair();
  const liar = new DiallerHandshake(ANN, environment("liar"), TARGET);
  bob.step({ type: "received", bytes: liar.opening }, 0);
  let unread = bob.take(0);
  for (;;) {
    const { inputBytes, steps } = liar.read(unread);
    unread = unread.subarray(inputBytes);
    for (const step of steps) {
      assert(step.type !== "failed");
      if (step.type === "write") {
        bob.step({ type: "received", bytes: step.bytes }, 0);
        continue;
      }
      bob.take(0); // that the liar is let in
      return { bob, records: new RecordWriter(step.result.states.sending, CHANNEL_DEFAULTS) };
    }
  }
}

function sealed(records: RecordWriter, kind: "ping" | "pong", number: number): Uint8Array {
  const content = new Uint8Array(4);
  new DataView(content.buffer).setUint32(0, number);
  const out = new Uint8Array(64);
  return out.subarray(0, records.write(out, 0, kind, content));
}

Deno.test("an answer to no ping breaks the protocol: whoever is let in could keep us busy with them", () => {
  const { bob, records } = withLiar();
  bob.step({ type: "tick" }, 1_750);
  assertEquals(bob.take(1_750).length, 19 + 4, "bob's ping");

  bob.step({ type: "received", bytes: sealed(records, "pong", 1) }, 1_800);
  assertEquals(bob.events, ["established"]);
  bob.step({ type: "received", bytes: sealed(records, "pong", 1) }, 1_800);
  assertEquals(bob.events, ["established", "lost Cannot take an answer to no ping"]);
});

Deno.test("pings that came while nothing was read, for however long, break nothing", () => {
  const { bob, records } = withLiar();
  const ping = () => bob.step({ type: "received", bytes: sealed(records, "ping", 1) }, 7_200_000);
  bob.step({ type: "pauseReading" }, 0);
  bob.step({ type: "resumeReading" }, 7_200_000);
  for (let sent = 0; sent < 7_200 * 4 + 1_024; sent++) ping();
  assertEquals(bob.events, ["established"]);
  ping();
  assertEquals(bob.events, ["established", "lost Cannot take more than 4 pings a second"]);
});

Deno.test("1,024 pings may come at once, and then four a second", () => {
  const { bob, records } = withLiar();
  const ping = (nowMs: number) =>
    bob.step({ type: "received", bytes: sealed(records, "ping", 1) }, nowMs);
  for (let sent = 0; sent < 1_024; sent++) ping(0);
  for (let sent = 0; sent < 4; sent++) ping(1_000);
  assertEquals(bob.events, ["established"]);
  ping(1_000);
  assertEquals(bob.events, ["established", "lost Cannot take more than 4 pings a second"]);
});

Deno.test("a link of 24 h asks once to be replaced", () => {
  const pair = new Pair({ config: { linkAgeMs: 5_000 } }).settle();
  pair.pass(20_000);
  assertEquals(pair.ann.events, ["established", "aged"]);
  assertEquals(pair.bob.events, ["established", "aged"]);
});

Deno.test("a tick that comes early changes nothing", () => {
  const pair = new Pair().settle();
  const before = pair.ann.channel.nextDeadlineMs();
  for (let at = 0; at < 1_000; at += 100) pair.ann.step({ type: "tick" }, at);
  assertEquals(pair.ann.channel.nextDeadlineMs(), before);
  assertEquals(pair.ann.channel.hasOutput, false);
});
