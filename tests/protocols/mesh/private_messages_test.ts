import { assert, assertEquals } from "@std/assert";
import { nodeCrypto, nodeSigner } from "../../../lib/base/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/environment.ts";
import type { BundleId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import {
  PRIVATE_DEFAULTS,
  type PrivateEffect,
  PrivateMessages,
} from "../../../lib/protocols/mesh/private_messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/records.ts";
import type { Head, PrivateEnvelope } from "../../../lib/protocols/mesh/structures.ts";

const HEAD: Head = {
  author: "cc".repeat(32) as PeerKey,
  incarnation: 1,
  counter: 4,
  time: 9,
  id: "dd".repeat(32) as BundleId,
};
const ROOM = "ab".repeat(32) as RoomId;

/** A member whose secrets follow from `seed`. */
function member(seed: number, options: {
  incarnation?: number;
  records?: MeshRecord[];
  /** What it has been shown last, and all that it has been shown. */
  heads?: Head[];
  shown?: Head[];
  /** Keys that nobody in the room has. */
  strangers?: PeerKey[];
} = {}) {
  let drawn = seed * 1_000 + (options.incarnation ?? 1);
  const signer = nodeSigner(new Uint8Array(32).fill(seed));
  const machine = new PrivateMessages(
    {
      ...PRIVATE_DEFAULTS,
      room: ROOM,
      incarnation: options.incarnation ?? 1,
      records: options.records ?? [],
    },
    signer,
    {
      random: () => 0,
      randomBytes: (length) =>
        Uint8Array.from({ length }, () => (drawn = drawn * 16_807 % 65_537) % 256),
      wallMs: () => 1_700_000_000_000,
      crypto: nodeCrypto,
      log: SILENT_LOGGER,
    },
    {
      heads: () => options.heads ?? [],
      isShown: ({ id }) => options.shown?.some((head) => head.id === id) ?? true,
    },
    (key) => !options.strangers?.includes(key),
  );
  return { machine, key: signer.key };
}

function floods(effects: readonly PrivateEffect[]): readonly PrivateEnvelope[] {
  return effects.flatMap((effect) => effect.type === "flood" ? [effect.envelope] : []);
}

/** Two who see each other, and somebody through whom everything goes. */
function trio() {
  const [ann, bob, eve] = [member(1), member(2), member(3)];
  for (const one of [ann, bob, eve]) {
    for (const other of [ann, bob, eve]) {
      one.machine.step({ type: "present", peer: other.key, boxKey: other.machine.boxKey }, 0);
    }
  }
  return { ann, bob, eve };
}

Deno.test("PrivateMessages: a message reaches its receiver through a member that cannot read it", () => {
  const { ann, bob, eve } = trio();

  const sent = ann.machine.step({ type: "say", to: bob.key, text: "päck", ref: "r1" }, 0);
  const passed = floods(sent).flatMap((envelope) =>
    eve.machine.step({ type: "envelope", from: ann.key, envelope }, 5)
  );
  const received = floods(passed).flatMap((envelope) =>
    bob.machine.step({ type: "envelope", from: eve.key, envelope }, 9)
  );
  const told = floods(received).flatMap((envelope) =>
    ann.machine.step({ type: "envelope", from: bob.key, envelope }, 12)
  );

  const message = sent.find((effect) => effect.type === "sent")?.message;
  assertEquals(message?.text, "päck");
  assertEquals(passed.map(({ type }) => type), ["flood"]);
  assertEquals(received.map(({ type }) => type), ["received", "persist", "flood"]);
  assertEquals(received.flatMap((effect) => effect.type === "received" ? [effect.message] : []), [
    message as NonNullable<typeof message>,
  ]);
  assertEquals(told, [{
    type: "delivery",
    id: (message as NonNullable<typeof message>).id,
    to: bob.key,
    state: "delivered",
    ref: "r1",
  }]);
  assertEquals(ann.machine.nextDeadlineMs(), PRIVATE_DEFAULTS.boxKeyLifeMs);
});

Deno.test("PrivateMessages: a repeated envelope is passed on once and shown once", () => {
  const { ann, bob, eve } = trio();
  const [envelope] = floods(ann.machine.step({ type: "say", to: bob.key, text: "once" }, 0));
  const input = { type: "envelope", from: ann.key, envelope: envelope as PrivateEnvelope } as const;
  bob.machine.step(input, 1);
  eve.machine.step(input, 1);

  const [shown, passed] = [bob, eve].map(({ machine }) => machine.step(input, 2));

  assertEquals(shown?.map(({ type }) => type), ["flood"], "acknowledged again");
  assertEquals(passed, []);
});

Deno.test("PrivateMessages: what comes from or is for a stranger isn't passed on", () => {
  const stranger = "ef".repeat(32) as PeerKey;
  const { ann, bob } = trio();
  const eve = member(3, { strangers: [stranger] });
  const [real] = floods(ann.machine.step({ type: "say", to: bob.key, text: "x" }, 0));
  const pass = (change: Partial<PrivateEnvelope>) => {
    const envelope = { ...real as PrivateEnvelope, ...change };
    return eve.machine.step({ type: "envelope", from: ann.key, envelope }, 1).length;
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

Deno.test("PrivateMessages: of what neighbours flood only so much is passed on, and an honest one's still", () => {
  const { ann, bob, eve } = trio();
  const liars = [4, 5, 6, 7].map((seed) => member(seed).key);
  const relay = (from: PeerKey, envelope: PrivateEnvelope, nowMs: number) =>
    floods(eve.machine.step({ type: "envelope", from, envelope }, nowMs)).length;

  let passed = 0;
  const made = liars.map((liar) => madeUp(liar, bob.key, 20_000));
  for (let index = 0; index < 20_000; index++) {
    for (const [of, liar] of liars.entries()) passed += relay(liar, made[of]![index]!, index / 2);
  }
  const [real] = floods(ann.machine.step({ type: "say", to: bob.key, text: "x" }, 10_000));

  assertEquals(Math.floor(passed / 100), 239, `${passed}`);
  assertEquals(relay(ann.key, real as PrivateEnvelope, 10_000), 1);
});

Deno.test("PrivateMessages: however many neighbours flood, what is passed on stays far below what a link allows", () => {
  const { bob, eve } = trio();
  let passed = 0;
  for (let ms = 0; ms < 10_000; ms += 100) {
    for (let liar = 0; liar < 30; liar++) { // a new one each time
      const from = (ms * 30 + liar).toString(16).padStart(64, "0") as PeerKey;
      for (const envelope of madeUp(from, bob.key, 100)) {
        passed += floods(eve.machine.step({ type: "envelope", from, envelope }, ms)).length;
      }
    }
  }

  assert(passed <= 10_000 + 10 * 2_000, `${passed}`);
});

Deno.test("PrivateMessages: what was dropped on the way comes when it is sent again", () => {
  const { ann, bob, eve } = trio();
  const relay = (from: PeerKey, envelope: PrivateEnvelope, nowMs: number) =>
    floods(eve.machine.step({ type: "envelope", from, envelope }, nowMs));
  for (const envelope of madeUp(ann.key, bob.key, 1_900)) relay(ann.key, envelope, 0);

  const shown: string[] = [];
  let delivered = 0;
  const send = (effects: readonly PrivateEffect[], nowMs: number) => {
    for (const envelope of floods(effects).flatMap((sent) => relay(ann.key, sent, nowMs))) {
      const answer = bob.machine.step({ type: "envelope", from: eve.key, envelope }, nowMs);
      for (const effect of answer) if (effect.type === "received") shown.push(effect.message.text);
      for (const told of floods(answer).flatMap((sent) => relay(bob.key, sent, nowMs))) {
        const effects = ann.machine.step(
          { type: "envelope", from: eve.key, envelope: told },
          nowMs,
        );
        delivered += effects.filter(({ type }) => type === "delivery").length;
      }
    }
  };
  const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
  for (const text of texts) send(ann.machine.step({ type: "say", to: bob.key, text }, 0), 0);
  const atOnce = shown.length;
  for (let nowMs = 100; nowMs <= 10_000; nowMs += 100) {
    send(ann.machine.step({ type: "tick" }, nowMs), nowMs);
  }

  assertEquals(atOnce, 100);
  assertEquals([shown, delivered], [texts, 300]);
});

Deno.test("PrivateMessages: an unanswered message is sealed anew, answered again and shown once", () => {
  const { ann, bob } = trio();
  const first = floods(ann.machine.step({ type: "say", to: bob.key, text: "once" }, 0));
  const shown = first.flatMap((envelope) =>
    bob.machine.step({ type: "envelope", from: ann.key, envelope }, 1)
  );

  const second = floods(ann.machine.step({ type: "tick" }, PRIVATE_DEFAULTS.resendFirstMs));
  const repeated = second.flatMap((envelope) =>
    bob.machine.step({ type: "envelope", from: ann.key, envelope }, 2_000)
  );

  assertEquals(shown.filter(({ type }) => type === "received").length, 1);
  assert(second.length === 1 && second[0]?.sealed !== first[0]?.sealed);
  assertEquals(repeated.map(({ type }) => type), ["flood"]);
});

Deno.test("PrivateMessages: what comes out of order is shown in order", () => {
  const { ann, bob } = trio();
  const envelopes = ["1", "2", "3"].flatMap((text) =>
    floods(ann.machine.step({ type: "say", to: bob.key, text }, 0))
  );

  const shown = [2, 0, 1].flatMap((index) =>
    bob.machine.step(
      { type: "envelope", from: ann.key, envelope: envelopes[index] as PrivateEnvelope },
      1,
    )
  ).flatMap((effect) => effect.type === "received" ? [effect.message.text] : []);

  assertEquals(shown, ["1", "2", "3"]);
});

Deno.test("PrivateMessages: after a restart nothing is shown again, and the next one is", () => {
  const { ann, bob } = trio();
  const [first] = floods(ann.machine.step({ type: "say", to: bob.key, text: "before" }, 0));
  const records = bob.machine.step(
    { type: "envelope", from: ann.key, envelope: first as PrivateEnvelope },
    1,
  ).flatMap((effect) => effect.type === "persist" ? effect.records : []);
  const restarted = member(2, { incarnation: 2, records });
  restarted.machine.step({ type: "present", peer: ann.key, boxKey: ann.machine.boxKey }, 10);

  const sealedAnew = floods(
    ann.machine.step(
      { type: "present", peer: bob.key, boxKey: restarted.machine.boxKey },
      20,
    ),
  );
  const after = floods(ann.machine.step({ type: "say", to: bob.key, text: "after" }, 21));
  const shown = [...sealedAnew, ...after].flatMap((envelope) =>
    restarted.machine.step({ type: "envelope", from: ann.key, envelope }, 30)
  ).flatMap((effect) => effect.type === "received" ? [effect.message.text] : []);

  assertEquals(sealedAnew.length, 1);
  assertEquals(shown, ["after"]);
});

Deno.test("PrivateMessages: a forged, changed or redirected envelope is dropped", () => {
  const { ann, bob, eve } = trio();
  const [envelope] = floods(ann.machine.step({ type: "say", to: bob.key, text: "real" }, 0));
  const real = envelope as PrivateEnvelope;
  const [own] = floods(eve.machine.step({ type: "say", to: bob.key, text: "fake" }, 0));
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
    bob.machine.step({ type: "envelope", from: eve.key, envelope }, 1)
  );

  assertEquals(effects, []);
});

Deno.test("PrivateMessages: to one who isn't there it is refused, and fails for one who quits", () => {
  const { ann, bob } = trio();
  ann.machine.step({ type: "say", to: bob.key, text: "x" }, 0);

  const left = ann.machine.step({ type: "absent", peer: bob.key, reason: "quit" }, 1);
  const refused = ann.machine.step({ type: "say", to: bob.key, text: "y", ref: "r" }, 2);

  assertEquals(left.map((effect) => effect.type === "delivery" && effect.state), ["failed"]);
  assertEquals(refused, [{ type: "refused", code: "offline", to: bob.key, ref: "r" }]);
});

Deno.test("PrivateMessages: more than can be held are refused", () => {
  const { ann, bob } = trio();
  for (let sent = 0; sent < 1_000; sent++) {
    ann.machine.step({ type: "say", to: bob.key, text: "x" }, 0);
  }

  const refused = ann.machine.step({ type: "say", to: bob.key, text: "y" }, 1);

  assertEquals(refused, [{ type: "refused", code: "full", to: bob.key, ref: undefined }]);
});

Deno.test("PrivateMessages: the longest text arrives whole", () => {
  const { ann, bob } = trio();
  const text = "ü".repeat(32_768);

  const shown = floods(ann.machine.step({ type: "say", to: bob.key, text }, 0)).flatMap((
    envelope,
  ) => bob.machine.step({ type: "envelope", from: ann.key, envelope }, 1));

  assertEquals(
    shown.flatMap((effect) => effect.type === "received" ? [effect.message.text] : []),
    [text],
  );
});

Deno.test("PrivateMessages: an answer waits for its question, 10 s at most", () => {
  const shown: Head[] = [];
  const ann = member(1, { heads: [HEAD] });
  const [bob, impatient] = [member(2, { shown }), member(2, { shown: [] })];
  ann.machine.step({ type: "present", peer: bob.key, boxKey: bob.machine.boxKey }, 0);
  const envelopes = floods(ann.machine.step({ type: "say", to: bob.key, text: "yes" }, 0));
  for (const { machine } of [bob, impatient]) {
    machine.step({ type: "present", peer: ann.key, boxKey: ann.machine.boxKey }, 0);
  }
  const receive = ({ machine }: typeof bob) =>
    envelopes.flatMap((envelope) => machine.step({ type: "envelope", from: ann.key, envelope }, 5));

  const early = [...receive(bob), ...receive(impatient)];
  shown.push(HEAD);
  const after = bob.machine.step({ type: "shown" }, 900);
  const tooEarly = impatient.machine.step({ type: "tick" }, 10_004);
  const inTime = impatient.machine.step({ type: "tick" }, 10_005);

  assertEquals(early, []);
  assertEquals(after.map(({ type }) => type), ["received", "persist", "flood"]);
  assertEquals(tooEarly, []);
  assertEquals(inTime.map(({ type }) => type), ["received", "persist", "flood"]);
});

Deno.test("PrivateMessages: what a lost member hasn't got is sent when it is back", () => {
  const { ann, bob } = trio();
  ann.machine.step({ type: "say", to: bob.key, text: "x" }, 0);

  const lost = ann.machine.step({ type: "absent", peer: bob.key, reason: "lost" }, 1);
  const silent = ann.machine.step({ type: "tick" }, 60_000);
  const back = ann.machine.step(
    { type: "present", peer: bob.key, boxKey: bob.machine.boxKey },
    61_000,
  );

  assertEquals(lost.map((effect) => effect.type === "delivery" && [effect.state, effect.reason]), [
    ["queued", "lost before it arrived; sent again once back, as long as you stay"],
  ]);
  assertEquals(silent, []);
  assertEquals(back.map(({ type }) => type), ["flood"]);
});

Deno.test("PrivateMessages: who leaves is told of each message that wasn't acknowledged", () => {
  const { ann, bob, eve } = trio();
  const sent = [bob, eve].flatMap(({ key }, index) =>
    ann.machine.step({ type: "say", to: key, text: "x", ref: `r${index}` }, 0)
  );
  const toBob = floods(sent).filter(({ to }) => to === bob.key);
  const acknowledged = toBob.flatMap((envelope) =>
    floods(bob.machine.step({ type: "envelope", from: ann.key, envelope }, 1))
  );
  for (const envelope of acknowledged) {
    ann.machine.step({ type: "envelope", from: bob.key, envelope }, 2);
  }

  const awaitingEve = ann.machine.isAwaitingPresent;
  const told = ann.machine.step({ type: "quit" }, 3);

  const toEve = sent.find((effect) => effect.type === "sent" && effect.message.to === eve.key);
  assert(toEve?.type === "sent");
  assertEquals([awaitingEve, ann.machine.isAwaitingPresent], [true, false]);
  assertEquals(told, [{
    type: "delivery",
    id: toEve.message.id,
    to: eve.key,
    state: "failed",
    reason: "you left before it was confirmed",
    ref: "r1",
  }]);
});
