import { assert, assertEquals } from "@std/assert";
import type { BundleId, PeerKey, RoomId } from "../../../../lib/base/ids.ts";
import { HEADS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import {
  PRIVATE_DEFAULTS,
  type PrivateEffect,
} from "../../../../lib/protocols/mesh/private/private_messages_io.ts";
import type { Head, PrivateEnvelope } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { carry, floods, Person, type PersonOptions, ROOM } from "../private_people.ts";
import { SLOW } from "../../../given.ts";

const HEAD: Head = {
  author: "cc".repeat(32) as PeerKey,
  incarnation: 1,
  counter: 4,
  time: 9,
  id: "dd".repeat(32) as BundleId,
};

const member = (seed: number, options: PersonOptions = {}) => new Person(seed, options);

/** Two who see each other, and somebody through whom everything goes. */
function trio(options: PersonOptions = {}) {
  const [ann, bob, eve] = [member(1, options), member(2, options), member(3, options)];
  for (const one of [ann, bob, eve]) {
    for (const other of [ann, bob, eve]) {
      one.meets(other);
    }
  }
  return { ann, bob, eve };
}

Deno.test("PrivateMessages: a message reaches its receiver through a member that cannot read it", () => {
  const { ann, bob, eve } = trio();

  const sent = ann.say(bob, "päck", 0, "r1");
  const passed = floods(sent).flatMap((envelope) =>
    eve.step({ type: "envelope", from: ann.key, envelope }, 5)
  );
  const received = floods(passed).flatMap((envelope) =>
    bob.step({ type: "envelope", from: eve.key, envelope }, 9)
  );
  const told = floods(received).flatMap((envelope) =>
    ann.step({ type: "envelope", from: bob.key, envelope }, 12)
  );

  const message = sent.find((effect) => effect.type === "sent")?.message;
  assertEquals(message?.text, "päck");
  assertEquals(passed.map(({ type }) => type), ["flood"]);
  assertEquals(received.map(({ type }) => type), ["received", "await-seen", "persist", "flood"]);
  assertEquals(received.flatMap((effect) => effect.type === "received" ? [effect.message] : []), [
    message as NonNullable<typeof message>,
  ]);
  assertEquals(told.filter(({ type }) => type !== "persist"), [{
    type: "delivery",
    id: (message as NonNullable<typeof message>).id,
    to: bob.key,
    name: "p2",
    state: "delivered",
    ref: "r1",
  }]);
  assertEquals(ann.machine.nextDeadlineMs(), PRIVATE_DEFAULTS.expiryCheckMs);
});

Deno.test("PrivateMessages: a repeated envelope is passed on once and shown once", () => {
  const { ann, bob, eve } = trio();
  const [envelope] = floods(ann.say(bob, "once", 0));
  const input = { type: "envelope", from: ann.key, envelope: envelope as PrivateEnvelope } as const;
  bob.step(input, 1);
  eve.step(input, 1);

  const [shown, passed] = [bob, eve].map(({ machine }) => machine.step(input, 2));

  assertEquals(shown?.map(({ type }) => type), ["flood"], "acknowledged again");
  assertEquals(passed, []);
});

Deno.test("PrivateMessages: what comes from or is for a stranger isn't passed on", () => {
  const stranger = "ef".repeat(32) as PeerKey;
  const { ann, bob } = trio();
  const eve = member(3, { strangers: [stranger] });
  const [real] = floods(ann.say(bob, "x", 0));
  const pass = (change: Partial<PrivateEnvelope>) => {
    const envelope = { ...real as PrivateEnvelope, ...change };
    return eve.step({ type: "envelope", from: ann.key, envelope }, 1).length;
  };

  assertEquals([{ to: stranger }, { from: stranger }, {}].map(pass), [0, 0, 1]);
});

/** Envelopes that a liar makes up, as if from `from`. */
function madeUp(from: PeerKey, to: PeerKey, count: number): readonly PrivateEnvelope[] {
  return Array.from({ length: count }, (_, counter) => ({
    room: ROOM,
    from,
    to,
    boxKey: new Uint8Array(32),
    incarnation: 1,
    counter,
    kind: "message",
    sealed: new Uint8Array(64),
  }));
}

Deno.test(
  "PrivateMessages: of what neighbours flood only so much is passed on, and an honest one's still",
  SLOW,
  () => {
    const { ann, bob, eve } = trio({ isFake: true });
    const liars = [4, 5, 6, 7].map((seed) => member(seed, { isFake: true }).key);
    const relay = (from: PeerKey, envelope: PrivateEnvelope, nowMs: number) =>
      floods(eve.step({ type: "envelope", from, envelope }, nowMs)).length;

    let passed = 0;
    const made = liars.map((liar) => madeUp(liar, bob.key, 20_000));
    for (let index = 0; index < 20_000; index++) {
      for (const [of, liar] of liars.entries()) passed += relay(liar, made[of]![index]!, index / 2);
    }
    const [real] = floods(ann.say(bob, "x", 10_000));

    assertEquals(Math.floor(passed / 100), 239, `${passed}`);
    assertEquals(relay(ann.key, real as PrivateEnvelope, 10_000), 1);
  },
);

Deno.test(
  "PrivateMessages: however many neighbours flood, what is passed on stays far below what a link allows",
  SLOW,
  () => {
    const { bob, eve } = trio({ isFake: true });
    let passed = 0;
    for (let ms = 0; ms < 2_000; ms += 100) {
      for (let liar = 0; liar < 30; liar++) { // a new one each time
        const from = (ms * 30 + liar).toString(16).padStart(64, "0") as PeerKey;
        for (const envelope of madeUp(from, bob.key, 100)) {
          passed += floods(eve.step({ type: "envelope", from, envelope }, ms)).length;
        }
      }
    }

    assert(passed <= 10_000 + 2 * 2_000, `${passed}`);
  },
);

Deno.test("PrivateMessages: a neighbour's own that can't be opened are tried 2,000 times, then 400 a second", () => {
  const { ann, bob } = trio({ isFake: true });
  const { boxKey } = bob.machine;
  for (const envelope of madeUp(ann.key, bob.key, 3_000)) {
    bob.hears({ ...envelope, boxKey }, ann.key);
  }
  const [real] = floods(ann.say(bob, "x", 0)) as [PrivateEnvelope];

  bob.hears(real, ann.key, 0);
  assertEquals(bob.shown, []);
  bob.hears(real, ann.key, 1_000);
  assertEquals(bob.shown, ["x"]);
});

Deno.test(
  "PrivateMessages: a neighbour's own that came before is answered 2,000 times, then 400 a second",
  SLOW,
  () => {
    const { ann, bob } = trio({ isFake: true });
    const [real] = floods(ann.say(bob, "x", 0)) as [PrivateEnvelope];
    const answers = (count: number, nowMs: number) =>
      Array.from({ length: count }, () => floods(bob.hears(real, ann.key, nowMs))).flat().length;

    assertEquals([answers(3_001, 0), answers(1_000, 1_000)], [2_001, 400]);
  },
);

Deno.test("PrivateMessages: whatever a neighbour has to say itself arrives at once", SLOW, () => {
  const { ann, bob } = trio({ isFake: true });
  const { boxKey } = bob.machine;
  // What can't be opened leaves few attempts: they aren't for what can be.
  for (const envelope of madeUp(ann.key, bob.key, 1_990)) {
    bob.hears({ ...envelope, boxKey }, ann.key);
  }
  const said: string[] = [];
  for (let index = 0; index < 100; index++) {
    said.push(`${index}`);
    carry([ann, bob], ann.say(bob, `${index}`, 0), 0);
  }

  assertEquals(bob.shown, said);
});

Deno.test("PrivateMessages: what was dropped on the way comes when it is sent again", SLOW, () => {
  const { ann, bob, eve } = trio({ isFake: true });
  const relay = (from: PeerKey, envelope: PrivateEnvelope, nowMs: number) =>
    floods(eve.step({ type: "envelope", from, envelope }, nowMs));
  for (const envelope of madeUp(ann.key, bob.key, 1_900)) relay(ann.key, envelope, 0);

  const shown: string[] = [];
  let delivered = 0;
  const send = (effects: readonly PrivateEffect[], nowMs: number) => {
    for (const envelope of floods(effects).flatMap((sent) => relay(ann.key, sent, nowMs))) {
      const answer = bob.step({ type: "envelope", from: eve.key, envelope }, nowMs);
      for (const effect of answer) if (effect.type === "received") shown.push(effect.message.text);
      for (const told of floods(answer).flatMap((sent) => relay(bob.key, sent, nowMs))) {
        const effects = ann.step(
          { type: "envelope", from: eve.key, envelope: told },
          nowMs,
        );
        delivered += effects.filter(({ type }) => type === "delivery").length;
      }
    }
  };
  const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
  for (const text of texts) send(ann.say(bob, text, 0), 0);
  const atOnce = shown.length;
  for (let nowMs = 100; nowMs <= 10_000; nowMs += 100) {
    send(ann.step({ type: "tick" }, nowMs), nowMs);
  }

  assertEquals(atOnce, 100);
  assertEquals([shown, delivered], [texts, 300]);
});

Deno.test("PrivateMessages: an unanswered message is sealed anew, answered again and shown once", () => {
  const { ann, bob } = trio();
  const first = floods(ann.say(bob, "once", 0));
  const shown = first.flatMap((envelope) =>
    bob.step({ type: "envelope", from: ann.key, envelope }, 1)
  );

  const second = floods(ann.step({ type: "tick" }, PRIVATE_DEFAULTS.resendFirstMs));
  const repeated = second.flatMap((envelope) =>
    bob.step({ type: "envelope", from: ann.key, envelope }, 2_000)
  );

  assertEquals(shown.filter(({ type }) => type === "received").length, 1);
  assert(second.length === 1 && second[0]?.sealed !== first[0]?.sealed);
  assertEquals(repeated.map(({ type }) => type), ["flood"]);
});

Deno.test("PrivateMessages: what comes out of order is shown in order", () => {
  const { ann, bob } = trio();
  const envelopes = ["1", "2", "3"].flatMap((text) => floods(ann.say(bob, text, 0)));

  const shown = [2, 0, 1].flatMap((index) =>
    bob.step(
      { type: "envelope", from: ann.key, envelope: envelopes[index] as PrivateEnvelope },
      1,
    )
  ).flatMap((effect) => effect.type === "received" ? [effect.message.text] : []);

  assertEquals(shown, ["1", "2", "3"]);
});

Deno.test("PrivateMessages: a forged, changed or redirected envelope is dropped", () => {
  const { ann, bob, eve } = trio();
  const [envelope] = floods(ann.say(bob, "real", 0));
  const real = envelope as PrivateEnvelope;
  const [own] = floods(eve.say(bob, "fake", 0));
  const forged: readonly PrivateEnvelope[] = [
    { ...(own as PrivateEnvelope), from: ann.key },
    { ...real, counter: 2 },
    { ...real, incarnation: 9 },
    { ...real, kind: "acknowledgement" },
    { ...real, sealed: real.sealed.with(40, (real.sealed[40] as number) ^ 1) },
    { ...real, room: "cd".repeat(32) as RoomId },
    { ...real, from: "ef".repeat(32) as PeerKey },
  ];

  const effects = forged.flatMap((envelope) =>
    bob.step({ type: "envelope", from: eve.key, envelope }, 1)
  );

  assertEquals(effects, []);
});

Deno.test("PrivateMessages: the longest text arrives whole", () => {
  const { ann, bob } = trio();
  const text = "ü".repeat(32_768);

  const shown = floods(ann.say(bob, text, 0)).flatMap((
    envelope,
  ) => bob.step({ type: "envelope", from: ann.key, envelope }, 1));

  assertEquals(
    shown.flatMap((effect) => effect.type === "received" ? [effect.message.text] : []),
    [text],
  );
});

Deno.test("PrivateMessages: an answer waits for its question, 10 s at most", () => {
  const shown: Head[] = [];
  const ann = member(1, { heads: [HEAD] });
  const [bob, impatient] = [member(2, { shown }), member(2, { shown: [] })];
  ann.step({ type: "present", peer: bob.key, boxKey: bob.machine.boxKey }, 0);
  const envelopes = floods(ann.say(bob, "yes", 0));
  for (const { machine } of [bob, impatient]) {
    machine.step({ type: "present", peer: ann.key, boxKey: ann.machine.boxKey }, 0);
  }
  const receive = ({ machine }: typeof bob) =>
    envelopes.flatMap((envelope) => machine.step({ type: "envelope", from: ann.key, envelope }, 5));

  const early = [...receive(bob), ...receive(impatient)];
  shown.push(HEAD);
  const after = bob.step({ type: "shown", stream: null }, 900);
  const tooEarly = impatient.step({ type: "tick" }, 10_004);
  const inTime = impatient.step({ type: "tick" }, 10_005);

  const receiving = ["received", "await-seen", "persist", "flood"];
  assertEquals(early, []);
  assertEquals(after.map(({ type }) => type), receiving);
  assertEquals(tooEarly, []);
  assertEquals(inTime.map(({ type }) => type), receiving);
});

Deno.test("PrivateMessages: an answer waits for the latest of more than it can name", () => {
  const heads = Array.from({ length: HEADS_MAX + 1 }, (_, index): Head => ({
    ...HEAD,
    author: index.toString(16).padStart(64, "0") as PeerKey,
    time: 1_000 + index,
    id: index.toString(16).padStart(64, "0") as BundleId,
  }));
  const ann = member(1, { heads });
  const shown = heads.slice(0, -1);
  const bob = member(2, { shown });
  ann.meets(bob);
  bob.meets(ann);

  carry([bob], ann.say(bob, "yes to the last"));
  const early = [...bob.shown];
  shown.push(...heads.slice(-1));
  bob.step({ type: "shown", stream: null }, 900);

  assertEquals([early, bob.shown], [[], ["yes to the last"]]);
});
