/** Which rulings count: whatever the order in which they come, and whoever else signs any. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  DEPUTY_RULINGS_MAX,
  RULINGS_IN_MESSAGE_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import {
  RoomRulings,
  type RulingsEffect,
} from "../../../../lib/protocols/mesh/authority/room_rulings.ts";
import {
  KeptRulings,
  type RulingKind,
  signRuling,
} from "../../../../lib/protocols/mesh/authority/kept_rulings.ts";
import type { SignedRuling } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Random } from "../../../sim/random.ts";
import { fakeEnvironment, ROOM } from "../membership_fixtures.ts";
import { SLOW } from "../../../given.ts";

const PLACE = { id: ROOM.room, genesis: ROOM.genesis };
/** The founder of `ROOM`. */
const ANN = fakeSigner("Ann");
const [BOB, DEB, DON, MAL] = ["Bob", "Deb", "Don", "Mal"].map((name) => fakeSigner(name));
const key = (of: typeof ANN | undefined): PeerKey => of!.key;

function ruling(
  by: typeof ANN | undefined,
  kind: RulingKind,
  subject: typeof ANN | undefined,
  counter = 1,
): SignedRuling {
  const { room } = ROOM;
  return signRuling(fakeCrypto, by!, { room, kind, subject: key(subject), counter });
}

function knowing(...rulings: readonly SignedRuling[]): KeptRulings {
  const kept = new KeptRulings(PLACE, fakeCrypto, []);
  for (const signed of rulings) {
    const known = kept.known(signed);
    if (kept.faultOf(known) === null) kept.add(known);
  }
  return kept;
}

const deputies = [ruling(ANN, "deputy", DEB), ruling(ANN, "deputy", DON)];

Deno.test("KeptRulings: the founder and deputies remove, and nobody else", () => {
  assertEquals(ROOM.genesis.genesis.value.founder, ANN.key);
  assert(knowing(ruling(ANN, "remove", MAL)).isRemoved(key(MAL)));
  assert(knowing(...deputies, ruling(DEB, "remove", MAL)).isRemoved(key(MAL)));
  assert(!knowing(...deputies, ruling(BOB, "remove", MAL)).isRemoved(key(MAL)));
  assert(!knowing(ruling(BOB, "deputy", BOB), ruling(BOB, "remove", MAL)).isRemoved(key(MAL)));
  const forged = { ...ruling(ANN, "remove", MAL), signature: new Uint8Array(64) };
  assert(!knowing(forged).isRemoved(key(MAL)));
});

Deno.test("KeptRulings: nobody removes the founder, nor a deputy another one", () => {
  const kept = knowing(
    ...deputies,
    ruling(DEB, "remove", ANN),
    ruling(DEB, "remove", DON),
    ruling(DON, "remove", DEB),
  );
  assertEquals([ANN, DEB, DON].map((one) => kept.isRemoved(key(one))), [false, false, false]);
});

Deno.test("KeptRulings: who know of the same removals have the same id of them, whoever made these", () => {
  const id = (...rulings: readonly SignedRuling[]) => knowing(...deputies, ...rulings).removedId;
  const both = id(ruling(ANN, "remove", MAL), ruling(DEB, "remove", BOB));
  assertEquals(id(ruling(DON, "remove", BOB), ruling(DEB, "remove", MAL)), both);
  assertEquals(id(ruling(ANN, "remove", MAL), ruling(ANN, "allow", MAL, 2)), id());
  assertNotEquals(id(ruling(ANN, "remove", MAL)), id(ruling(ANN, "remove", BOB)));
});

Deno.test("KeptRulings: what the founder decides about a key comes before any deputy's word", () => {
  const removed = knowing(...deputies, ruling(ANN, "remove", MAL), ruling(DEB, "allow", MAL, 9));
  assert(removed.isRemoved(key(MAL)));
  const allowed = knowing(...deputies, ruling(DEB, "remove", MAL, 9), ruling(ANN, "allow", MAL));
  assert(!allowed.isRemoved(key(MAL)));
});

Deno.test("KeptRulings: of two made apart from each other a removal counts, and a later one after both", () => {
  const apart = [ruling(DEB, "allow", MAL, 2), ruling(DON, "remove", MAL, 2)];
  assert(knowing(...deputies, ...apart).isRemoved(key(MAL)));
  assert(!knowing(...deputies, ...apart, ruling(DEB, "allow", MAL, 3)).isRemoved(key(MAL)));
});

Deno.test("KeptRulings: a deputy's rulings count no longer once it is none", () => {
  const before = [...deputies, ruling(DEB, "remove", MAL)];
  assert(!knowing(...before, ruling(ANN, "no-deputy", DEB, 2)).isRemoved(key(MAL)));
  const removed = knowing(...before, ruling(ANN, "remove", DEB, 2));
  assertEquals([removed.isRemoved(key(DEB)), removed.isRemoved(key(MAL))], [true, false]);
});

Deno.test("KeptRulings: who knows the same keeps out the same, in whatever order it came", () => {
  const random = new Random(7);
  const people = [DEB, DON, MAL, BOB];
  for (let round = 0; round < 200; round++) {
    const rulings = [...deputies];
    for (let count = 0; count < 12; count++) {
      const kinds: readonly RulingKind[] = ["remove", "allow", "deputy", "no-deputy"];
      const by = random.pick([ANN, ANN, DEB, DON, BOB]);
      rulings.push(ruling(by, random.pick(kinds), random.pick(people), 1 + random.below(4)));
    }
    const isOffice = ({ ruling: { value } }: SignedRuling) => value.kind.endsWith("deputy");
    const told = (some: readonly SignedRuling[]) => {
      const shuffled = random.shuffled([...some]);
      // Two messages, each with the appointments first, as they are sent.
      return knowing(...shuffled.filter(isOffice), ...shuffled.filter((one) => !isOffice(one)));
    };
    const [one, other] = [told(rulings), told(rulings)];
    const out = (kept: KeptRulings) => people.map((person) => kept.isRemoved(key(person)));
    assertEquals(out(one), out(other));
    // Two halves that know different ones meet.
    const left = told(rulings.slice(0, 9));
    const right = told(rulings.slice(5));
    const met = knowing(...left.all, ...right.all);
    const metToo = knowing(...right.all, ...left.all);
    assertEquals(out(met), out(metToo));
  }
});

Deno.test("RoomRulings refuses who has no say, and the founder takes over whom a former deputy removed", () => {
  const roomOf = (signer: typeof ANN | undefined, kept: KeptRulings) =>
    new RoomRulings(PLACE, kept, signer!, fakeEnvironment());
  const rule = (room: RoomRulings, kind: RulingKind, subject: typeof ANN | undefined) =>
    room.step({ type: "rule", kind, subject: key(subject), name: "X", ref: "1" }, 0);
  const codes = (effects: readonly RulingsEffect[]) =>
    effects.map((effect) => effect.type === "refused" ? effect.code : effect.type);

  assertEquals(codes(rule(roomOf(BOB, knowing(...deputies)), "remove", MAL)), ["not-allowed"]);
  assertEquals(codes(rule(roomOf(DEB, knowing(...deputies)), "remove", DON)), ["not-allowed"]);
  assertEquals(codes(rule(roomOf(DEB, knowing(...deputies)), "remove", ANN)), ["not-allowed"]);
  assertEquals(codes(rule(roomOf(DEB, knowing(...deputies)), "deputy", BOB)), ["not-allowed"]);
  assertEquals(codes(rule(roomOf(ANN, knowing()), "allow", MAL)), ["not-allowed"]);

  const kept = knowing(...deputies, ruling(DEB, "remove", MAL));
  const founders = roomOf(ANN, kept);
  assertEquals(codes(rule(founders, "no-deputy", DEB)), ["persist"]);
  assertEquals(codes(founders.step({ type: "stored", token: 1 }, 0)), ["changed"]);
  assert(kept.isRemoved(key(MAL)));
});

Deno.test("RoomRulings penalises who passes on a ruling that nobody signed, and keeps nothing of it", () => {
  const kept = knowing();
  const room = new RoomRulings(PLACE, kept, fakeSigner("Cem"), fakeEnvironment());
  const forged = { ...ruling(ANN, "remove", MAL), signature: new Uint8Array(64) };
  const effects = room.step({ type: "message", from: key(BOB), rulings: [forged] }, 0);
  assertEquals(effects.map(({ type }) => type), ["penalise"]);
  // Of somebody who was never appointed nothing is kept, nor is a signature checked.
  const own = ruling(BOB, "remove", MAL);
  assertEquals(room.step({ type: "message", from: key(BOB), rulings: [own] }, 0), []);
  assert(!kept.isRemoved(key(MAL)));
});

/** What comes of a ruling that the disk takes. */
function ruled(room: RoomRulings, rule: Parameters<RoomRulings["step"]>[0]): readonly string[] {
  const types = room.step(rule, 0).map((effect) => {
    const stored = effect.type === "persist" ? effect.token : null;
    const then = stored === null ? [] : room.step({ type: "stored", token: stored }, 0);
    return [effect, ...then].map(({ type }) => type);
  });
  return types.flat();
}

const someKey = (at: number) => at.toString(16).padStart(64, "0") as PeerKey;

/** Rulings of Deb's about made-up keys. */
function flood(count: number, kind: RulingKind = "allow"): readonly SignedRuling[] {
  const { room } = ROOM;
  return Array.from(
    { length: count },
    (_, at) => signRuling(fakeCrypto, DEB!, { room, kind, subject: someKey(at + 1), counter: 1 }),
  );
}

/** What a room makes of rulings that Bob passes on, all at once. */
function hearing(signer: typeof ANN, ...told: readonly SignedRuling[]) {
  const kept = new KeptRulings(PLACE, fakeCrypto, []);
  const room = new RoomRulings(PLACE, kept, signer, fakeEnvironment());
  const hear = (rulings: readonly SignedRuling[], nowMs = 0): readonly RulingsEffect[] => {
    const parts = Math.ceil(rulings.length / RULINGS_IN_MESSAGE_MAX);
    return Array.from({ length: parts }, (_, at) => at * RULINGS_IN_MESSAGE_MAX).flatMap((at) =>
      room.step({
        type: "message",
        from: key(BOB),
        rulings: rulings.slice(at, at + RULINGS_IN_MESSAGE_MAX),
      }, nowMs)
    );
  };
  hear(told);
  return { kept, room, hear };
}

Deno.test("KeptRulings: a deputy that rules about thousands keeps nobody else from ruling", () => {
  const { kept, room, hear } = hearing(ANN, ...deputies, ...flood(5_000));
  assertEquals(kept.all.length, deputies.length + DEPUTY_RULINGS_MAX);

  hear([ruling(DON, "remove", MAL)], 60_000);
  assert(kept.isRemoved(key(MAL)));
  for (const subject of [DON, DEB, BOB]) {
    const rule = { type: "rule", kind: "remove", subject: key(subject), name: "X" } as const;
    assertEquals(ruled(room, { ...rule, ref: undefined }), ["persist", "changed"]);
    assert(kept.isRemoved(key(subject)));
  }
});

Deno.test("KeptRulings: the keys that are removed are counted in one pass", () => {
  const { kept } = hearing(BOB!, ...deputies, ...flood(DEPUTY_RULINGS_MAX, "remove"));
  assertEquals(kept.removed.length, DEPUTY_RULINGS_MAX);
});

Deno.test("KeptRulings: no counter of a deputy's makes the founder's last ruling final", () => {
  const { kept, room } = hearing(
    ANN,
    ...deputies,
    ruling(DEB, "remove", MAL, Number.MAX_SAFE_INTEGER),
  );
  for (const kind of ["allow", "remove", "allow"] as const) {
    ruled(room, { type: "rule", kind, subject: key(MAL), name: "Mal", ref: undefined });
    assertEquals(kept.isRemoved(key(MAL)), kind === "remove");
  }
});

Deno.test("KeptRulings: who is shown that it is removed keeps none of it, and believes nothing unsigned", () => {
  const kept = knowing();
  const removal = ruling(DEB, "remove", MAL);
  const proof = [deputies[0]!, removal];
  const unsigned = { ...removal, signature: new Uint8Array(64) };
  assertEquals(kept.showRemoved(key(MAL), [deputies[0]!, unsigned]), null);
  assertEquals(kept.showRemoved(key(MAL), proof), { fresh: proof, by: key(DEB) });
  assertEquals(kept.all, []);
});

Deno.test("KeptRulings: whom a former deputy had let in again is shown why that counts no longer", () => {
  const removal = ruling(DEB, "remove", MAL);
  const allowed = [...deputies, removal, ruling(DON, "allow", MAL, 2)];
  for (const end of [ruling(ANN, "remove", DON), ruling(ANN, "no-deputy", DON, 2)]) {
    const mal = knowing(...allowed);
    assertEquals(mal.isRemoved(key(MAL)), false);
    assertEquals(mal.showRemoved(key(MAL), [deputies[0]!, removal]), null);
    const proof = knowing(...allowed, end).proofOf(key(MAL));
    assertEquals(mal.showRemoved(key(MAL), proof), { fresh: [end], by: key(DEB) });
  }
});

Deno.test("RoomRulings passes on what a former deputy ruled: it counts nowhere, and again in the next term", () => {
  const before = ruling(DEB, "remove", MAL);
  const late = hearing(BOB!, ...deputies, ruling(ANN, "no-deputy", DEB, 2));
  late.room.step({ type: "neighbour-up", peer: key(DON) }, 0);
  const sent = late.hear([before]).flatMap((effect) =>
    effect.type === "send" ? effect.message.rulings : []
  );
  assertEquals([sent, late.kept.isRemoved(key(MAL))], [[before], false]);
  assertEquals(new KeptRulings(PLACE, fakeCrypto, late.kept.snapshot()).all, late.kept.all);

  late.hear([ruling(ANN, "deputy", DEB, 3)]);
  assert(late.kept.isRemoved(key(MAL)));
});

Deno.test("RoomRulings takes over as the founder what a former deputy removed before that was known here, and tells all", () => {
  for (const kind of ["no-deputy", "remove"] as const) {
    const { kept, room, hear } = hearing(ANN, ...deputies, ruling(ANN, kind, DEB, 2));
    for (const peer of [BOB, DON]) room.step({ type: "neighbour-up", peer: key(peer) }, 0);
    const effects = hear([ruling(DEB, "remove", MAL)]);
    const told = effects.flatMap((one) =>
      one.type === "send" ? [[one.to, one.message.rulings]] : []
    );
    const own = ruling(ANN, "remove", MAL);
    const both = [ruling(DEB, "remove", MAL), own];
    assertEquals(told, [[key(BOB), both], [key(DON), both]]);
    assertEquals(kept.removalOf(key(MAL))?.signed, own);
    assertEquals(kept.takenOverFrom(key(DEB)), [key(MAL)]);
    assertEquals(kept.removedBefore(key(MAL)), key(DEB));

    ruled(room, { type: "rule", kind: "allow", subject: key(MAL), name: "Mal", ref: undefined });
    hear([ruling(DEB, "remove", MAL, 9)]);
    assert(!kept.isRemoved(key(MAL)), "the founder has decided on that key since");
  }
});

Deno.test("RoomRulings takes over no former deputy's removal that somebody has ended, or of a deputy, nor ever more than may be", () => {
  const ended = [...deputies, ruling(ANN, "no-deputy", DEB, 2)];
  const over = (...rulings: readonly SignedRuling[]) => {
    const { kept, hear } = hearing(ANN, ...ended);
    hear(rulings);
    return kept.removed.length;
  };
  const removal = ruling(DEB, "remove", MAL);
  assertEquals(over(removal, ruling(DON, "allow", MAL, 2)), 0);
  assertEquals(over(removal, ruling(DEB, "allow", MAL, 2)), 0);
  assertEquals(over(ruling(DEB, "remove", DON)), 0);
  assertEquals(over(ruling(BOB, "remove", MAL)), 0, "who never was a deputy");
  assertEquals(over(...flood(5_000, "remove")), DEPUTY_RULINGS_MAX);
  const others = hearing(BOB!, ...ended);
  others.hear([removal]);
  assertEquals(others.kept.removed, [], "nobody but the founder takes anything over");
});

Deno.test(
  "RoomRulings hears the founder's rulings however many of a deputy's a neighbour passes on",
  SLOW,
  () => {
    const { kept, hear } = hearing(BOB!, ...deputies, ...flood(50_000));
    hear([ruling(ANN, "remove", MAL)]);
    assert(kept.isRemoved(key(MAL)));
  },
);
