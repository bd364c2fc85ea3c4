/** When a private message is sent, sent again, and given up. */

import { assertEquals } from "@std/assert";
import type { MessageId, PeerKey } from "../../../../lib/base/ids.ts";
import {
  PRIVATE_DEFAULTS,
  type PrivateEffect,
} from "../../../../lib/protocols/mesh/private/private_messages_io.ts";
import {
  outboxEntry,
  PrivateOutbox,
  Queue,
} from "../../../../lib/protocols/mesh/private/private_outbox.ts";
import { PrivateSending } from "../../../../lib/protocols/mesh/private/private_sending.ts";
import {
  PRIVATE_KEYS_BURST,
  PRIVATE_WAITING_HIGH,
  PRIVATE_WAITING_MAX,
  PRIVATE_WINDOW_BYTES,
  PRIVATE_WINDOW_MESSAGES,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import type { PrivateEnvelope } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

const [ANN, BOB, CEM] = ["Ann", "Bob", "Cem"].map((name) => fakeSigner(name));
const [bob, cem] = [BOB!.key, CEM!.key];
const WALL_MS = 1_700_000_000_000;

const messageId = (_: PeerKey, to: PeerKey, incarnation: number, counter: number) =>
  `${to.slice(0, 4)} ${incarnation} ${counter}` as MessageId;

/** Ann's, as her second start. What it does is told by a word for each effect. */
function sendingOf(records: readonly MeshRecord[] = [], earlierMs = Infinity) {
  const clock = { wallMs: WALL_MS };
  const refused = { name: "" };
  const present = new Map<PeerKey, Uint8Array>();
  const part = new PrivateSending(
    { ...PRIVATE_DEFAULTS, incarnation: 2, records, earlierMs },
    { wallMs: () => clock.wallMs, random: () => 0 },
    {
      signer: ANN!,
      messageId,
      flood: ({ to, incarnation, counter }, _, { previous, late }): readonly PrivateEffect[] => {
        const envelope = { to, incarnation, counter, previous, late };
        return [{ type: "flood", envelope: envelope as unknown as PrivateEnvelope, except: null }];
      },
    },
    { heads: () => [] },
    present,
    (_, name) => name === refused.name,
  );
  const words = (effects: readonly PrivateEffect[]) =>
    effects.map((effect) => {
      switch (effect.type) {
        case "flood": {
          const { incarnation, counter, previous, late } = effect.envelope as unknown as {
            incarnation: number;
            counter: number;
            previous: number;
            late: boolean;
          };
          return `send ${incarnation}.${counter} after ${previous}${late ? ", late" : ""}`;
        }
        case "delivery":
          return `${effect.state}${effect.waiting === undefined ? "" : ` of ${effect.waiting}`}${
            effect.waited ? ", waited" : ""
          }`;
        case "persist":
          return `persist ${effect.records.map(({ kind }) => kind.replace("private-", "")).join()}`;
        case "refused":
          return `refused: ${effect.code}`;
        case "waits":
          return `${effect.when}: ${effect.receivers.map(({ messages }) => messages).join()} wait`;
        case "arrived":
          return `${effect.receiver.messages} have arrived`;
        default:
          return effect.type;
      }
    });
  const say = (to: PeerKey, nowMs = 0, text = "hello") =>
    part.say({ type: "say", to, name: "Bob", text }, nowMs);
  /** Says it, and has it on disk. */
  const says = (to: PeerKey, nowMs = 0, text = "hello") => {
    const [asked] = say(to, nowMs, text);
    return words(
      asked?.type === "persist" ? part.stored(asked.token!, nowMs) : [asked as PrivateEffect],
    );
  };
  const meets = (peer: PeerKey, nowMs = 0, key = 1) => {
    present.set(peer, new Uint8Array(32).fill(key));
    return words(part.met(peer, nowMs));
  };
  const answered = (counter: number, nowMs: number, incarnation = 2) =>
    words(
      part.acknowledged({ from: bob, incarnation, counter } as unknown as PrivateEnvelope, nowMs),
    );
  const tick = (nowMs: number) => words(part.tick(nowMs));
  return { part, clock, present, refused, say, says, meets, answered, tick, words };
}

/** What a start before left for Bob. */
const queued = (incarnation: number, counter: number, sentAt = WALL_MS): MeshRecord => ({
  kind: "private-queued",
  to: bob,
  name: "Bob",
  incarnation,
  counter,
  sentAt,
  text: "hello",
  heads: [],
});

Deno.test("PrivateSending: a message is on disk before it is shown or sent; where the disk refuses, it never was", () => {
  const { part, say, meets, words } = sendingOf();
  meets(bob);
  assertEquals([words(say(bob)), part.isBusy], [["persist queued"], true]);
  assertEquals([words(part.notStored(1, "full")), part.size], [["refused: disk"], 0]);
  assertEquals([words(say(bob)), words(part.stored(2, 0))], [
    ["persist queued"],
    ["sent", "queued", "send 2.2 after 0"],
  ]);
  assertEquals([part.stored(2, 0), part.notStored(9, "full")], [[], []]);
});

Deno.test("PrivateSending: what isn't acknowledged is sent again after pauses that double, up to 30 s", () => {
  const { part, says, meets, tick, answered } = sendingOf();
  meets(bob);
  says(bob);
  const pauses: number[] = [];
  let nowMs = 0;
  for (let n = 0; n < 7; n++) {
    const dueMs = part.nextMs()!;
    pauses.push(dueMs - nowMs);
    assertEquals(tick(dueMs - 1), []);
    assertEquals(tick(nowMs = dueMs).length, 1);
  }
  assertEquals(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assertEquals(answered(1, nowMs), ["persist ended", "delivered"]);
  assertEquals([answered(1, nowMs), part.size, part.isBusy], [[], 0, false]);
});

Deno.test("PrivateSending: an acknowledgement is good for all before it, of the same start alone", () => {
  const { part, says, meets, answered } = sendingOf([queued(1, 7), queued(1, 8)]);
  assertEquals(meets(bob), ["send 1.7 after 0, late", "send 1.8 after 7, late"]);
  assertEquals(says(bob), ["sent", "queued"], "those of an earlier start go first");
  assertEquals(answered(8, 0, 3), []);
  assertEquals(answered(8, 0, 1), [
    "was-waiting",
    "was-waiting",
    "persist ended,ended",
    "delivered",
    "delivered",
    "send 2.1 after 0",
  ]);
  assertEquals(part.size, 1);
});

Deno.test("PrivateSending: who is away gets all once it is here, and the user is told that it has", () => {
  const { part, says, meets, answered, words } = sendingOf();
  assertEquals([says(bob), says(bob)], [["sent", "queued of 1"], ["sent", "queued of 2"]]);
  assertEquals([part.nextMs() === PRIVATE_DEFAULTS.expiryCheckMs, part.isBusy], [
    true,
    false,
  ]);
  assertEquals(words(part.tellWaiting("quit")), ["quit: 2 wait"]);
  meets(bob);
  assertEquals(answered(1, 0), ["persist ended", "delivered, waited"]);
  assertEquals(answered(2, 0), ["persist ended", "delivered, waited", "2 have arrived"]);
  assertEquals([words(part.parted(bob)), words(part.tellWaiting("quit"))], [[], []]);
});

Deno.test("PrivateSending: nothing goes to a key that was refused, nor is waited for, until it is accepted", () => {
  const { part, says, meets, tick, refused } = sendingOf();
  says(bob);
  refused.name = "Bob";
  assertEquals([meets(bob), tick(30_000), part.isBusy], [[], [], false]);
  refused.name = "";
  assertEquals([tick(60_000), part.isBusy], [["send 2.1 after 0, late"], true]);
});

Deno.test("PrivateSending: who goes with messages on the way is told of as waiting", () => {
  const { part, present, says, meets, answered, words } = sendingOf();
  meets(bob);
  says(bob);
  present.delete(bob);
  assertEquals(words(part.parted(bob)), ["absent: 1 wait"]);
  assertEquals([part.isBusy, answered(1, 0)], [false, [
    "persist ended",
    "delivered, waited",
    "1 have arrived",
  ]]);
});

Deno.test("PrivateSending: another box key makes all be sent anew, at a rate, and marked where it may have been shown", () => {
  const { says, meets } = sendingOf();
  meets(bob);
  says(bob);
  assertEquals(meets(bob, 0, 2), ["send 2.1 after 0, late"]);
  let sent = 1;
  for (let n = 0; n < 2 * PRIVATE_KEYS_BURST; n++) sent += meets(bob, 0, 3 + n).length;
  assertEquals(sent, PRIVATE_KEYS_BURST);
});

Deno.test("PrivateSending: what arrives more than ten seconds after it was typed is an earlier message", () => {
  const { says, meets } = sendingOf();
  says(bob, 0);
  says(bob, 1);
  assertEquals(meets(bob, 10_001), ["send 2.1 after 0, late", "send 2.2 after 1"]);
});

Deno.test("PrivateSending: after thirty days, by both clocks, a message has failed", () => {
  const { keptMs, expiryCheckMs } = PRIVATE_DEFAULTS;
  const old = queued(1, 1, WALL_MS - keptMs - 1);
  const { part, clock, says, tick, words } = sendingOf([old, queued(1, 2)]);
  const ended = ["was-waiting", "persist ended", "failed"];
  assertEquals(words(part.start(0)), [...ended, "start: 1 wait"]);
  says(cem, 0);
  clock.wallMs += 2 * keptMs;
  assertEquals(tick(expiryCheckMs), [], "the clock has just leapt");
  assertEquals(part.size, 2);
  assertEquals(tick(keptMs + 1), [...ended, "persist ended", "failed"]);
});

Deno.test("PrivateSending: a message waits on where the clock is ahead at one start, or was never set", () => {
  const { keptMs, expiryCheckMs } = PRIVATE_DEFAULTS;
  for (
    const [sentAt, earlierMs, expected] of [
      [WALL_MS - keptMs - 1, WALL_MS - keptMs, 1],
      [WALL_MS - keptMs - 1, WALL_MS, 0],
      [1_000, WALL_MS, 1],
    ] as const
  ) {
    const { part, tick } = sendingOf([queued(1, 1, sentAt)], earlierMs);
    part.start(0);
    tick(expiryCheckMs);
    assertEquals(part.size, expected, `${sentAt} ${earlierMs}`);
    tick(keptMs + 1);
    assertEquals(part.size, 0, "the process has run for thirty days");
  }
});

Deno.test("PrivateSending: a thousand may wait; the user waits for who is here and answers, with room for what is under way", () => {
  const { part, says, meets, tick, say, words } = sendingOf();
  for (let n = 0; n < PRIVATE_WAITING_HIGH; n++) says(bob);
  meets(bob);
  assertEquals(part.awaited(), []);
  says(cem);
  assertEquals(part.awaited(), [bob]);
  for (let n = 0; n < 5; n++) tick(part.nextMs()!);
  assertEquals(part.awaited(), [], "it has been silent for half a minute");

  while (part.size < PRIVATE_WAITING_MAX) says(cem);
  assertEquals(words(say(cem)), ["refused: full"]);
});

Deno.test("PrivateOutbox: what waits is restored, without what ended; a compacted log has what is on disk", () => {
  const ended = { kind: "private-ended", to: bob, incarnation: 1, counter: 1 } as const;
  const outbox = new PrivateOutbox({ signer: ANN!, messageId }, [
    queued(1, 1),
    queued(1, 2),
    ended,
    queued(1, 3),
  ]);
  assertEquals([outbox.size, outbox.isStoring, outbox.waitingFor(cem)], [2, false, null]);
  assertEquals(outbox.waiting(), [{ to: bob, name: "Bob", messages: 2 }]);
  outbox.queueFor(cem).entries.push(entryOf(1));
  assertEquals([outbox.isStoring, outbox.snapshot()], [true, [queued(1, 2), queued(1, 3)]]);
});

function entryOf(counter: number, { incarnation = 1, text = "hello", isStored = false } = {}) {
  const message = {
    id: messageId(ANN!.key, bob, 1, counter),
    from: ANN!.key,
    to: bob,
    text,
    sentAt: 0,
  };
  const typed = { message, name: "Bob", incarnation, counter, heads: [] };
  return { ...outboxEntry(typed, { ref: undefined, typedMs: 0 }), isStored };
}

Deno.test("Queue: a window of messages and bytes is under way, of the oldest start, as far as they are on disk", () => {
  const taken = (entries: Queue["entries"]) => {
    const queue = new Queue();
    queue.entries = entries;
    return queue.takeUnsent().map(({ counter }) => counter);
  };
  const stored = (counter: number, more = {}) => entryOf(counter, { isStored: true, ...more });
  assertEquals(taken([stored(1), entryOf(2), stored(3)]), [1]);
  assertEquals(taken([stored(1), stored(1, { incarnation: 2 })]), [1]);
  const many = Array.from({ length: PRIVATE_WINDOW_MESSAGES + 1 }, (_, n) => stored(n + 1));
  assertEquals(taken(many).length, PRIVATE_WINDOW_MESSAGES);
  const text = "x".repeat(PRIVATE_WINDOW_BYTES / 2);
  assertEquals(taken([1, 2, 3].map((counter) => stored(counter, { text }))), [1, 2]);
  assertEquals(taken([stored(1, { text: text.repeat(3) }), stored(2)]), [1]);

  const queue = new Queue();
  queue.entries = [stored(1), stored(2)];
  assertEquals([queue.takeUnsent().length, queue.takeUnsent().length], [2, 0]);
  queue.begin();
  assertEquals([queue.takeUnsent().length, queue.previousOf(queue.entries[1]!)], [2, 1]);
  queue.take(({ counter }) => counter === 1);
  assertEquals(queue.previousOf(queue.entries[0]!), 0);
});
