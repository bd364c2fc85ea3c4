// The machine by itself: what it sends, keeps and refuses. How members agree over links that break is the
// simulator's (`tests/sim/`).

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { claimIdOf, roomIdOf } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import { claimAlone, foundRoom } from "../../../../lib/protocols/mesh/joining/genesis.ts";
import { KeptSecrets } from "../../../../lib/protocols/mesh/authority/kept_secrets.ts";
import {
  EPOCH_MAX,
  EPOCHS_AHEAD_MAX,
  ROTATIONS_BURST,
  ROTATIONS_KEPT_MAX,
  ROTATIONS_PER_EPOCH_MAX,
  STAY_TAG_BYTES,
  STAYS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { RoomSecrets } from "../../../../lib/protocols/mesh/authority/room_secrets.ts";
import type {
  SecretsEffect,
  SecretsInput,
} from "../../../../lib/protocols/mesh/authority/secrets_io.ts";
import type { Fault } from "../../../../lib/protocols/mesh/schema/mesh_io.ts";
import {
  KeptRulings,
  type RulingKind,
  signRuling,
} from "../../../../lib/protocols/mesh/authority/kept_rulings.ts";
import {
  channelSecret,
  type ClaimedRotation,
  signRotation,
} from "../../../../lib/protocols/mesh/schema/rotations.ts";
import type { SignedClaim } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { fakeEnvironment } from "../membership_fixtures.ts";

const FOUNDED_MS = 1_000_000;
let wallMs = FOUNDED_MS;
let drawn = 0;
/** No two secrets are the same. */
const ENV = {
  ...fakeEnvironment(),
  wallMs: () => wallMs,
  randomBytes: (length: number) => new Uint8Array(length).fill(++drawn),
};
const FOUNDED = foundRoom(ENV, fakeSigner("Ann"), { name: "Ann", isPrivate: true });
const ROOM = { id: FOUNDED.room, genesis: FOUNDED.genesis };
const FIRST = FOUNDED.rotation!;
const ANN = fakeSigner("Ann").key;
const BOB = fakeSigner("Bob").key;
const CEM = fakeSigner("Cem").key;
const DAN = fakeSigner("Dan").key;

function claimOf(name: string) {
  const { room, genesis } = FOUNDED;
  return claimAlone(ENV, fakeSigner(name), {
    room,
    name,
    incarnation: 1,
    admitterTime: genesis.genesis.value.time,
    after: null,
  });
}

/** What `name` would sign. */
function rotation(name: string, epoch: number, room = FOUNDED.room): ClaimedRotation {
  const signer = fakeSigner(name);
  return { rotation: signRotation(ENV, signer, { room, epoch }), claim: claimOf(name) };
}

/** The same after a removal, with those who stay. */
function removalOf(
  name: string,
  epoch: number,
  stays: readonly PeerKey[],
  removedId: Uint8Array | null = null,
): ClaimedRotation {
  const place = { room: FOUNDED.room, epoch, stays, removed: 1, removedId };
  return { rotation: signRotation(ENV, fakeSigner(name), place), claim: claimOf(name) };
}

let rulingsMade = 0;

/** What Ann, who has founded the room, decides about these, later than all before. */
function rules(kept: KeptRulings, kind: RulingKind, ...subjects: readonly PeerKey[]): KeptRulings {
  for (const subject of subjects) {
    const place = { room: FOUNDED.room, kind, subject, counter: ++rulingsMade };
    kept.add(kept.known(signRuling(fakeCrypto, fakeSigner("Ann"), place)));
  }
  return kept;
}

/** Bob is a deputy, and these are removed. */
function without(...removed: readonly PeerKey[]): KeptRulings {
  return rules(rules(new KeptRulings(ROOM, fakeCrypto, []), "deputy", BOB), "remove", ...removed);
}

/** Whether no list of those that stay leaves out the member. */
function isStaying(
  kept: KeptSecrets,
  ...of: Parameters<KeptSecrets["leftOutBy"]>
): boolean {
  return kept.leftOutBy(...of) === null;
}

function keptOf(...rotations: readonly ClaimedRotation[]): KeptSecrets {
  return keptWith(without(), ...rotations);
}

function keptWith(rulings: KeptRulings, ...rotations: readonly ClaimedRotation[]) {
  const records = rotations.map((rotation) => ({ kind: "rotation", rotation }) as const);
  return new KeptSecrets(FOUNDED.room, fakeCrypto, records, rulings);
}

/** Rulings that shut nobody out before these do. */
function laterRemoved(...keys: readonly PeerKey[]) {
  const rulings = without();
  return {
    rulings,
    remove: () => void rules(rulings, "remove", ...keys),
    allow: () => void rules(rulings, "allow", ...keys),
  };
}

/** As who makes it may show it to those who know the claim beside it. */
function withUnsignedClaim({ rotation, claim }: ClaimedRotation): ClaimedRotation {
  return { rotation, claim: { ...claim, signature: new Uint8Array(64) } };
}

/** Ann's machine, or somebody else's, with Bob and Cem as neighbours, which knows these claims. */
function machine(
  kept: KeptSecrets | null = keptOf(FIRST),
  known: readonly SignedClaim[] = [],
  name = "Ann",
) {
  const secrets = new RoomSecrets(ROOM, kept, fakeSigner(name), ENV, {
    selfClaim: () => FOUNDED.claim,
    claim: (id) => known.find((claim) => claimIdOf(fakeCrypto, claim) === id) ?? null,
    members: () => [ANN, BOB, CEM],
  }, 0);
  const step = (input: SecretsInput, nowMs = 0) => secrets.step(input, nowMs);
  /** Its deadline comes. */
  const due = () => step({ type: "tick" }, secrets.nextDeadlineMs()!);
  const up = [BOB, CEM].flatMap((peer) => step({ type: "neighbour-up", peer }));
  const hear = (rotations: readonly ClaimedRotation[], nowMs = 0) =>
    step({ type: "message", from: BOB, message: { type: "rotations", rotations } }, nowMs);
  return { kept, secrets, step, due, up, hear };
}

const kinds = (effects: readonly SecretsEffect[]) => effects.map(({ type }) => type);
const sentTo = (effects: readonly SecretsEffect[]) =>
  effects.flatMap((effect) =>
    effect.type === "send" ? [[effect.to, effect.message.rotations.length]] : []
  );
const ROTATE = { type: "invite", rotate: true, ref: "r" } as const;

Deno.test("KeptSecrets keeps the same rotations in whatever order they came", () => {
  const all = [FIRST];
  for (let epoch = 2; epoch <= 80; epoch++) all.push(rotation("Bob", epoch));
  for (let n = 0; n < 6; n++) all.push(rotation(`u${n}`, 70));
  const ids = (kept: KeptSecrets) => kept.rotations.map(({ id }) => id);

  const upwards = keptOf(...all);
  const downwards = keptOf(...all.toReversed());

  assertEquals(ids(upwards), ids(downwards));
  assertEquals(upwards.rotations.length, ROTATIONS_KEPT_MAX);
  assertEquals([upwards.epoch, upwards.rotations.at(-1)?.epoch], [80, 1]);
  const of70 = upwards.rotations.filter(({ epoch }) => epoch === 70).map(({ id }) => id);
  const highest = all.map((one) => upwards.known(one)).filter(({ epoch }) => epoch === 70)
    .map(({ id }) => id).toSorted().toReversed().slice(0, ROTATIONS_PER_EPOCH_MAX);
  assertEquals(of70, highest);
  assertEquals(upwards.opening(70).length, ROTATIONS_PER_EPOCH_MAX);
});

Deno.test("KeptSecrets dials with the current one, the one before and the oldest", () => {
  const epochs = (kept: KeptSecrets) => kept.toDialWith().map(({ epoch }) => epoch);
  const kept = keptOf(FIRST);
  assertEquals(epochs(kept), [1]);
  kept.add(kept.known(rotation("Bob", 2)));
  assertEquals(epochs(kept), [2, 1]);
  for (const epoch of [3, 4]) kept.add(kept.known(rotation("Bob", epoch)));
  assertEquals(epochs(kept), [4, 3, 1]);
});

Deno.test("KeptSecrets takes the invite's word until its rotation is known, and after a restart too", () => {
  const third = rotation("Bob", 3);
  const { value } = third.rotation.rotation;
  const secret = { epoch: 3, secret: value.secret };
  const kept = keptOf(FIRST);

  kept.invitedWith(secret);
  assertEquals([kept.epoch, kept.isCurrent(channelSecret(FOUNDED.room, secret))], [3, true]);
  const again = new KeptSecrets(FOUNDED.room, fakeCrypto, kept.snapshot(), without());
  assertEquals(again.toDialWith().map(({ epoch }) => epoch), [3, 1]);
  again.add(again.known(rotation("Bob", 2)));
  assertEquals(again.epoch, 3);
  again.add(again.known(third));

  assertEquals(again.toDialWith().map(({ epoch }) => epoch), [3, 2, 1]);
  assertEquals(again.snapshot().map(({ kind }) => kind), Array(3).fill("rotation"));
});

Deno.test("a secret opens one room and counts for one epoch alone", () => {
  const { secret } = FIRST.rotation.rotation.value;
  const other = foundRoom(ENV, fakeSigner("Bob"), { name: "Bob", isPrivate: true }).room;
  const keys = [[FOUNDED.room, 1], [FOUNDED.room, 2], [other, 1]] as const;
  const opened = keys.map(([room, epoch]) => channelSecret(room, { epoch, secret }).key.toHex());
  assertEquals(new Set(opened).size, 3);
  assertEquals(roomIdOf(fakeCrypto, FOUNDED.genesis), FOUNDED.room);
});

Deno.test("RoomSecrets tells each new neighbour all that it keeps, and passes on what is new once", () => {
  const { up, hear, kept } = machine();
  assertEquals(sentTo(up), [[BOB, 1], [CEM, 1]]);
  const [second, third] = [rotation("Bob", 2), rotation("Dan", 3)];

  const heard = hear([third, second, FIRST]);

  assertEquals(kinds(heard), ["persist", "send", "changed"]);
  assertEquals(sentTo(heard), [[CEM, 2]]);
  assertEquals(kept?.epoch, 3);
  assertEquals(hear([second, third]), []);
});

Deno.test("RoomSecrets tells a neighbour again whose beacon shows an earlier epoch, or whose queue was full", () => {
  const { step } = machine(keptOf(FIRST, rotation("Bob", 2)));
  assertEquals(sentTo(step({ type: "beacon", peer: BOB, epoch: 1 })), [[BOB, 1]]);
  assertEquals(sentTo(step({ type: "drained", peer: BOB })), [[BOB, 2]]);
  assertEquals(step({ type: "beacon", peer: BOB, epoch: 2 }), []);
  assertEquals(step({ type: "beacon", peer: fakeSigner("Eve").key, epoch: 1 }), []);
  let told = 0;
  for (let n = 0; n < 100; n++) told += step({ type: "beacon", peer: BOB, epoch: 0 }).length;
  assert(told < 10, `${told} sets at once`);
});

Deno.test("RoomSecrets tells a neighbour again that came before any rotation was known", () => {
  const { step, hear } = machine(keptOf());
  assertEquals(sentTo(hear([FIRST, rotation("Bob", 2)])), [[CEM, 2]]);

  assertEquals(sentTo(step({ type: "beacon", peer: CEM, epoch: 1 })), [[CEM, 1]]);
});

Deno.test("RoomSecrets shows a rotation of its own once the disk has it, and sends it then", () => {
  const { step, kept } = machine();
  const before = kept!.current();

  const [asked] = step(ROTATE);
  assert(asked?.type === "persist" && asked.token !== null);
  assertEquals(kept!.current(), before);
  assertEquals(step({ type: "invite", rotate: false, ref: "later" }), []);
  const stored = step({ type: "stored", token: asked.token });

  assertEquals(kinds(stored), ["send", "send", "invite", "invite", "changed"]);
  assertEquals(kept!.epoch, 2);
  assertEquals(kinds(step({ type: "invite", rotate: false, ref: undefined })), ["invite"]);
});

Deno.test("RoomSecrets keeps the secret where the disk refuses another one, and says so to all who asked", () => {
  const { step, kept } = machine();
  const [asked] = step(ROTATE);
  assert(asked?.type === "persist" && asked.token !== null);
  step({ type: "invite", rotate: false, ref: "later" });

  const refused = step({ type: "not-stored", token: asked.token, text: "the disk is full" });

  assertEquals(refused.map((effect) => effect.type === "refused" && [effect.code, effect.ref]), [
    ["disk", "r"],
    ["disk", "later"],
  ]);
  assertEquals(kept!.epoch, 1);
});

Deno.test("RoomSecrets lets the higher of two win that were made at once, and tells who made the other", () => {
  const outcomes = new Set<string>();
  for (let n = 0; n < 20; n++) {
    const { step, hear, kept } = machine();
    const [asked] = step(ROTATE);
    assert(asked?.type === "persist" && asked.token !== null);
    step({ type: "stored", token: asked.token });
    const own = kept!.rotations[0]!.id;
    const other = rotation(`u${n}`, 2);
    const changed = hear([other]).find(({ type }) => type === "changed");
    const isHigher = kept!.known(other).id > own;
    assertEquals(changed?.type === "changed" && changed.overOwn, isHigher);
    assertEquals(kept!.rotations[0]!.id === own, !isHigher);
    outcomes.add(String(isHigher));
  }
  assertEquals(outcomes.size, 2);
});

Deno.test("RoomSecrets has no news for who learns the rotation of the invite that it came in with", () => {
  const kept = keptOf();
  const second = rotation("Bob", 2);
  kept.invitedWith({ epoch: 2, secret: second.rotation.rotation.value.secret });
  const { hear } = machine(kept);

  assertEquals(kinds(hear([FIRST, second])), ["persist", "send"]);
  assertEquals(kinds(hear([rotation("Bob", 3)])), ["persist", "send", "changed"]);
});

Deno.test("RoomSecrets refuses what nobody can have signed, and lets who passed it on pay", () => {
  const second = rotation("Bob", 2);
  const forged = { ...second, rotation: { ...second.rotation, signature: new Uint8Array(64) } };
  const claim = { ...second.claim, signature: new Uint8Array(64) };
  const elsewhere = foundRoom(ENV, fakeSigner("Cem"), { name: "Cem", isPrivate: true }).room;
  const cases: readonly (readonly [string, ClaimedRotation, Fault])[] = [
    ["no signature", forged, "invalid-signature"],
    ["a claim without one", { ...second, claim }, "invalid-signature"],
    ["another's claim", { ...second, claim: claimOf("Cem") }, "protocol"],
    ["another room", rotation("Bob", 2, elsewhere), "protocol"],
    ["epoch 0", rotation("Ann", 0), "protocol"],
    ["a first secret of another member's", rotation("Bob", 1), "protocol"],
  ];
  for (const [what, bad, fault] of cases) {
    const { hear, kept } = machine();
    const good = rotation("Cem", 2);
    const heard = hear([bad, good]);
    const penalty = heard.find(({ type }) => type === "penalise");
    assertEquals(penalty?.type === "penalise" && penalty.fault, fault, what);
    assert(!kept!.has(kept!.known(bad).id), what);
  }
  const open = machine(null).hear([second]);
  assertEquals(kinds(open), ["penalise"]);
});

Deno.test("RoomSecrets keeps and passes on a rotation with the claim as it is known, however it came", () => {
  const second = rotation("Bob", 2);
  const { hear, kept } = machine(keptOf(FIRST), [second.claim]);

  const heard = hear([withUnsignedClaim(second)]);

  assertEquals(kinds(heard), ["persist", "send", "changed"]);
  const stored = heard.flatMap((effect) => effect.type === "persist" ? effect.records : []);
  const sent = heard.flatMap((effect) => effect.type === "send" ? effect.message.rotations : []);
  assertEquals([stored, sent], [[{ kind: "rotation", rotation: second }], [second]]);
  assertEquals(kept!.rotations[0]?.claim, second.claim);
});

Deno.test("KeptSecrets reads no rotation with a claim that isn't signed: it takes the claim that is known, or lets go of it", () => {
  const [second, third] = [rotation("Bob", 2), rotation("Cem", 3)];
  const records: readonly MeshRecord[] = [
    { kind: "rotation", rotation: FIRST },
    ...[second, third].map((one) =>
      ({ kind: "rotation", rotation: withUnsignedClaim(one) }) as const
    ),
    { kind: "claim", claim: second.claim },
  ];

  const kept = new KeptSecrets(FOUNDED.room, fakeCrypto, records, without());

  const claims = kept.rotations.map(({ epoch, claim }) => [epoch, claim]);
  assertEquals(claims, [[2, second.claim], [1, FIRST.claim]]);
});

Deno.test("RoomSecrets takes in no epoch whose time hasn't come, and any one whose has", () => {
  const { hear, kept } = machine();
  const soon = rotation("Cem", EPOCHS_AHEAD_MAX + 1);
  hear([soon, rotation("Cem", EPOCHS_AHEAD_MAX)]);
  assertEquals(kept!.epoch, EPOCHS_AHEAD_MAX);
  wallMs += 1_000;
  hear([soon]);
  assertEquals(kept!.epoch, EPOCHS_AHEAD_MAX + 1);
  // Who may remove others must be able to, whatever others have used up.
  const [next, soonToo] = [0, 1].map((more) => rotation("Bob", 2 * EPOCHS_AHEAD_MAX + 1 + more));
  hear([next!, soonToo!]);
  assertEquals(kept!.epoch, 2 * EPOCHS_AHEAD_MAX + 1);

  // However much was rotated meanwhile: of what there is still, the highest is the same for all.
  wallMs += 86_400_000;
  const away = machine();
  away.hear([rotation("Cem", 86_400), rotation("Cem", 50_000)]);
  assertEquals(away.kept!.epoch, 86_400);
  // A clock that is behind the founder's.
  wallMs = 0;
  const early = machine();
  early.hear([rotation("Cem", EPOCHS_AHEAD_MAX + 1), rotation("Cem", EPOCHS_AHEAD_MAX)]);
  assertEquals(early.kept!.epoch, EPOCHS_AHEAD_MAX);
  wallMs = FOUNDED_MS;
});

Deno.test("RoomSecrets takes in no more than people make, and of a set the highest", () => {
  const flooded = machine();
  for (let epoch = 2; epoch < 2 + 2 * ROTATIONS_BURST; epoch++) {
    flooded.hear([rotation("Bob", epoch)]);
  }
  assertEquals(flooded.kept!.epoch, 1 + ROTATIONS_BURST);
  // One more, ten seconds later.
  const epochs = [300, 301, 299];
  flooded.hear(epochs.map((epoch) => rotation("Bob", epoch)), 10_000);
  assertEquals(flooded.kept!.epoch, 301);
});

Deno.test("RoomSecrets asks again, by telling what it keeps, who told more than it could take in", () => {
  const { hear, step, kept } = machine();
  for (let epoch = 2; epoch < 2 + ROTATIONS_BURST; epoch++) hear([rotation("Bob", epoch)]);
  const two = [rotation("Bob", kept!.epoch), rotation("Bob", kept!.epoch)];
  assertEquals(hear(two), []);
  const beacon = { type: "beacon", peer: BOB as PeerKey, epoch: kept!.epoch } as const;
  assertEquals(sentTo(step(beacon, 10_000)), [[BOB, 1]]);
  assertEquals(step(beacon, 20_000), []);

  // Who hears from somebody who knows a lower one of the same epoch answers with all.
  const [low, high] = two.map((claimed) => kept!.known(claimed))
    .toSorted(({ id: one }, { id: other }) => one < other ? -1 : 1);
  const other = machine(keptOf(FIRST, high!));
  assertEquals(sentTo(other.hear([low!])), [[CEM, 1], [BOB, 1]]);
  // And is silent where it is itself that learns.
  const late = machine(keptOf(FIRST, low!));
  assertEquals(sentTo(late.hear([high!])), [[CEM, 1]]);
});

Deno.test("RoomSecrets rotates neither an open room, nor beyond the last epoch, nor before it knows one", () => {
  const refusal = (kept: KeptSecrets | null) => {
    const [refused] = machine(kept).step(ROTATE);
    return refused?.type === "refused" && refused.code;
  };
  const last = keptOf();
  last.invitedWith({ epoch: EPOCH_MAX, secret: new Uint8Array(16) });
  const none = keptOf();
  const codes = [refusal(null), refusal(last), refusal(none)];
  assertEquals(codes, ["not-allowed", "not-allowed", "offline"]);
  const shown = machine(null).step({ type: "invite", rotate: false, ref: undefined });
  assertEquals(kinds(shown), ["invite"]);
});

Deno.test("RoomSecrets makes no rotation that nobody would take in yet", () => {
  const { hear, step, kept } = machine(keptOf(FIRST), [], "Cem");
  hear([rotation("Dan", EPOCHS_AHEAD_MAX)]);
  const early = step(ROTATE);
  wallMs += 1_000;
  const later = step(ROTATE);
  wallMs = FOUNDED_MS;

  assert(early[0]?.type === "refused" && early[0].code === "busy");
  assertEquals([early.length, kinds(later)], [1, ["persist"]]);
  assertEquals(kept!.epoch, EPOCHS_AHEAD_MAX);
});

Deno.test("RoomSecrets forgets a neighbour that is gone", () => {
  const { step } = machine();
  step({ type: "neighbour-down", peer: CEM as PeerKey });
  const [asked] = step(ROTATE);
  assert(asked?.type === "persist" && asked.token !== null);
  assertEquals(sentTo(step({ type: "stored", token: asked.token })), [[BOB, 1]]);
});

Deno.test("KeptSecrets dials with the invite's secret after a rotation of its own, until it is told of another", () => {
  const { secret } = FIRST.rotation.rotation.value;
  const kept = keptOf();
  kept.invitedWith({ epoch: 1, secret });
  const own = kept.known(rotation("Bob", 2));
  kept.add(own);
  const again = new KeptSecrets(FOUNDED.room, fakeCrypto, kept.snapshot(), without());
  const states = [kept, again].map((secrets) => [
    secrets.toDialWith().map(({ epoch }) => epoch),
    secrets.opening(1).length,
    [secrets.epoch, secrets.current()?.epoch],
    secrets.isCurrent(own.opens),
  ]);
  again.add(again.known(FIRST));

  assertEquals(states, Array(2).fill([[2, 1], 1, [2, 2], true]));
  assertEquals(again.opening(1).length, 1);
  assertEquals(again.snapshot().map(({ kind }) => kind), ["rotation", "rotation"]);
});

Deno.test("after a removal an earlier secret is good for those who stayed, whoever else is known by now", () => {
  const kept = keptOf(FIRST, removalOf("Ann", 2, [ANN, BOB]), rotation("Bob", 3));
  const secretOf = (epoch: number) => ({ epoch, key: kept.opening(epoch)[0]! });
  const stayed = (peer: PeerKey, epoch: number) => isStaying(kept, peer, secretOf(epoch));
  assertEquals([stayed(BOB, 1), stayed(CEM, 1)], [true, false]);
  assertEquals(
    [stayed(CEM, 2), stayed(CEM, 3)],
    [true, true],
    "who joined after it needn't be named",
  );
  for (const other of [removalOf("Cem", 2, [ANN, BOB]), rotation("Bob", 2)]) {
    assertEquals(isStaying(keptOf(FIRST, other), CEM, secretOf(1)), true, "no removal that counts");
  }
});

Deno.test("no list of who stays leaves out the founder or a deputy, however its author came by the secret", () => {
  const rulings = rules(without(), "deputy", DAN);
  const first = { epoch: 1, key: keptOf(FIRST).opening(1)[0]! };
  const kept = keptWith(rulings, FIRST, removalOf("Bob", 2, [BOB]));
  const stayed = () => [ANN, BOB, DAN, CEM].map((peer) => isStaying(kept, peer, first));
  assertEquals(stayed(), [true, true, true, false]);

  const evil = keptWith(rulings, FIRST, rotation("Eve", 2), removalOf("Bob", 3, [BOB]));
  const eves = evil.known(evil.rotations.at(-2)!).opens;
  rules(rulings, "remove", fakeSigner("Eve").key);
  evil.sortAnew();
  assertEquals([ANN, DAN, CEM].map((peer) => isStaying(evil, peer, eves)), [true, true, false]);

  rules(rulings, "no-deputy", BOB);
  kept.sortAnew();
  assertEquals(stayed(), [true, true, true, true], "the founder undoes the list of a deputy");
});

Deno.test("a secret made where a removal wasn't known, of the same epoch, is one from before it", () => {
  const [removal, rival] = [removalOf("Ann", 2, [ANN, BOB]), rotation("Dan", 2)];
  const kept = keptOf(FIRST, removal, rival);
  const stayed = (peer: PeerKey, by: ClaimedRotation) =>
    isStaying(kept, peer, kept.known(by).opens);
  assertEquals([stayed(BOB, rival), stayed(CEM, rival)], [true, false]);
  assertEquals(stayed(CEM, removal), true, "let in after the removal");
});

Deno.test("of two rotations made at once the one after a removal counts, whichever id is higher", () => {
  for (let n = 0; n < 8; n++) {
    const removal = removalOf("Ann", 2, [ANN, BOB, CEM]);
    const other = rotation(`u${n}`, 2);
    for (const order of [[removal, other], [other, removal]]) {
      const current = keptOf(FIRST, ...order).rotations[0];
      assertEquals(current?.rotation, removal.rotation);
    }
  }
});

const OWN_RULING = { type: "ruled", isOwn: true, ref: "r2" } as const;
const OTHERS_RULING = { type: "ruled", isOwn: false, ref: undefined } as const;

/** The token of the rotation that is to be written. */
function tokenOf(effects: readonly SecretsEffect[]): number {
  const own = effects.findLast((effect) => effect.type === "persist");
  assert(own?.type === "persist" && own.token !== null, kinds(effects).join());
  return own.token;
}

Deno.test("a removal's rotation names the members, waits its turn on a slow disk, and survives a refusal", () => {
  for (const answer of ["stored", "not-stored"] as const) {
    const rulings = without();
    const { kept, step } = machine(keptWith(rulings, FIRST));
    const plain = tokenOf(step(ROTATE));
    rules(rulings, "remove", DAN);
    assertEquals(kinds(step(OWN_RULING)), ["stays"], "one is on its way to the disk");
    const after = step(
      answer === "stored"
        ? { type: "stored", token: plain }
        : { type: "not-stored", token: plain, text: "full" },
    );
    step({ type: "stored", token: tokenOf(after) });
    const [current] = kept!.rotations;
    assertEquals(current?.epoch, answer === "stored" ? 3 : 2);
    assertEquals([ANN, BOB, CEM].map((key) => current!.stays?.has(key)), [true, true, true]);
    assertEquals(current!.stays?.has(DAN), false);
  }
});

Deno.test("a removal's rotation that the disk refuses is tried again until it is there, and said once", () => {
  const rulings = without();
  const { kept, secrets, step, due } = machine(keptWith(rulings, FIRST));
  rules(rulings, "remove", DAN);
  let asked = step(OWN_RULING);
  const told: unknown[] = [];
  const pauses: number[] = [];
  let nowMs = 0;
  for (let n = 0; n < 12; n++) {
    const refused = step({ type: "not-stored", token: tokenOf(asked), text: "it is full" }, nowMs);
    for (const effect of refused) if (effect.type === "refused") told.push(effect);
    pauses.push(secrets.nextDeadlineMs()! - nowMs);
    nowMs = secrets.nextDeadlineMs()!;
    asked = due();
  }
  step({ type: "stored", token: tokenOf(asked) }, nowMs);

  const text =
    "Cannot make a new invite yet: it is full; it is tried again until that works, and nobody new comes in before";
  assertEquals(told, [{ type: "refused", code: "disk", text, ref: "r2" }]);
  assertEquals([pauses[0], pauses.at(-1)], [750, 22_500]);
  assertEquals([kept!.epoch, kept!.isRemovalUnknown, secrets.nextDeadlineMs()], [2, false, null]);
});

Deno.test("a removal's rotation comes as soon as its epoch may, where a deputy has used them up", () => {
  const rulings = without();
  const { kept, step, due } = machine(
    keptWith(rulings, FIRST, rotation("Bob", 2 * EPOCHS_AHEAD_MAX)),
  );
  rules(rulings, "remove", BOB);
  const [refused] = step(OWN_RULING);
  assert(refused?.type === "refused" && refused.code === "busy");
  assertEquals(due(), [], "said already");
  wallMs += 1_000;
  step({ type: "stored", token: tokenOf(due()) });
  wallMs = FOUNDED_MS;
  assertEquals(kept!.epoch, 2 * EPOCHS_AHEAD_MAX + 1);
});

Deno.test("a removal without a rotation gets one from who starts again, or hears of it, and may remove others", () => {
  const removed = without(DAN);
  const started = machine(keptWith(removed, FIRST));
  assertEquals(started.secrets.nextDeadlineMs(), 7_500);
  step({ secrets: started, epoch: 2 });
  assertEquals(machine(keptWith(removed, FIRST), [], "Cem").secrets.nextDeadlineMs(), null);

  const rulings = without();
  const deputy = machine(keptWith(rulings, FIRST), [], "Bob");
  assertEquals(deputy.secrets.nextDeadlineMs(), null);
  rules(rulings, "remove", DAN);
  assertEquals(kinds(deputy.step(OTHERS_RULING)), ["stays"], "Ann makes one");
  deputy.hear([removalOf("Ann", 2, [ANN, BOB, CEM], rulings.removedId)]);
  assertEquals(deputy.secrets.nextDeadlineMs(), null);
  rules(rulings, "allow", DAN);
  deputy.step(OTHERS_RULING);
  step({ secrets: deputy, epoch: 3 });

  function step({ secrets: { due, step, kept }, epoch }: {
    readonly secrets: ReturnType<typeof machine>;
    readonly epoch: number;
  }): void {
    step({ type: "stored", token: tokenOf(due()) });
    assertEquals([kept!.epoch, kept!.isRemovalUnknown], [epoch, false]);
  }
});

Deno.test("a secret whose author knew of other removals admits nobody, and /invite makes another one", () => {
  const rulings = without();
  const { kept, step } = machine(keptWith(rulings, FIRST), [], "Cem");
  const first = kept!.currentOpens()!;
  assertEquals([kept!.isCurrent(first), kept!.admits(first)], [true, true]);
  rules(rulings, "remove", DAN);
  assertEquals(kinds(step(OTHERS_RULING)), ["stays"]);
  assertEquals([kept!.isCurrent(first), kept!.admits(first)], [true, false]);

  const asked = step({ type: "invite", rotate: false, ref: "r" });
  const shown = step({ type: "stored", token: tokenOf(asked) });

  assertEquals(kinds(shown).slice(-2), ["invite", "changed"]);
  assertEquals([kept!.epoch, kept!.admits(kept!.currentOpens()!)], [2, true]);
  assertEquals(kinds(step({ type: "invite", rotate: false, ref: "r" })), ["invite"]);
});

/** As many as a rotation may name. */
const CROWD = Array.from(
  { length: STAYS_MAX },
  (_, at) => at.toString(16).padStart(2 * STAY_TAG_BYTES, "0").padEnd(64, "0") as PeerKey,
);

Deno.test("a rotation that says who stays is taken in from who may remove others alone, and costs nobody a penalty", () => {
  const rulings = without();
  const { kept, hear } = machine(keptWith(rulings, FIRST));
  const large = removalOf("Cem", 2, CROWD);
  assertEquals(hear([large, removalOf("Dan", 3, [])]), []);
  assertEquals(kept!.rotations.length, 1);
  rules(rulings, "deputy", CEM);
  assertEquals(kinds(hear([large])), ["persist", "send", "stays", "changed"]);
  assertEquals(kept!.epoch, 2);
  rules(rulings, "no-deputy", CEM);
  kept!.sortAnew();
  assertEquals([kept!.epoch, kept!.rotations.length], [1, 1]);
});

Deno.test("RoomSecrets reads no more bytes of one neighbour than two of the largest sets at once", () => {
  const { hear, kept, step } = machine();
  const large = removalOf("Bob", 2, CROWD);
  hear([large]);
  const isRead = () => {
    const one = rotation("Cem", kept!.epoch + 1);
    return hear([one]).length > 0;
  };
  for (let n = 0; n < 2 * ROTATIONS_KEPT_MAX - 1; n++) hear([large]);
  assertEquals(isRead(), true);
  for (let n = 0; n < ROTATIONS_KEPT_MAX; n++) hear([large]);
  for (let n = 0; n < 20; n++) isRead();
  assertEquals(isRead(), false);
  // What it hasn't read it asks for.
  assertEquals(sentTo(step({ type: "beacon", peer: BOB, epoch: kept!.epoch })), [[BOB, 1]]);
});

Deno.test("RoomSecrets sends no more at once than a link's queue holds, and all in the end", () => {
  const large = Array.from({ length: 40 }, (_, at) => removalOf("Bob", at + 2, CROWD));
  const { step } = machine(keptOf(FIRST, ...large));
  const epochs: number[] = [];
  let nowMs = 0;
  const peer = DAN;
  let told = step({ type: "neighbour-up", peer }, nowMs);
  for (let parts = 0; told.length > 0; parts++) {
    const sent = told.flatMap((effect) => effect.type === "send" ? effect.message.rotations : []);
    const bytes = sent.map(({ rotation }) => rotation.rotation.bytes.length)
      .reduce((sum, length) => sum + length, 0);
    assert(bytes < 524_288, `${bytes} bytes`);
    epochs.push(...sent.map(({ rotation }) => rotation.rotation.value.epoch));
    nowMs += 10_000;
    told = step({ type: "beacon", peer, epoch: 41 }, nowMs);
  }
  assertEquals(epochs, Array.from({ length: 41 }, (_, at) => 41 - at));
});

Deno.test("who may remove makes another secret where the present one's author knew of other removals", () => {
  const [eve, mal] = ["Eve", "Mal"].map((name) => fakeSigner(name).key) as [PeerKey, PeerKey];
  const first = removalOf("Ann", 2, [ANN, BOB, CEM], without(mal).removedId);
  for (
    const [removed, told, times, name = "Ann"] of [
      [[mal], knowing("Bob"), 1],
      [[mal], knowing("Bob", mal), 0],
      [[mal], knowing("Cem", mal), 0],
      [[mal], knowing("Cem"), 1],
      [[mal, eve], knowing("Cem", mal), 1],
      // As many, but not the same: this one's author has seen somebody back who was allowed again, say.
      [[mal], knowing("Bob", eve), 1],
      [[mal], knowing("Cem", eve), 1],
      [[mal], knowing("Cem", mal, eve), 1],
      [[], knowing("Bob", mal), 1],
      // Who says so, but neither may remove anybody nor stayed at the last removal: a removed one's second key, say.
      [[mal], knowing("Dan", mal), 1],
      // It isn't kept at all.
      [[mal], removalOf("Cem", 3, [ANN], without(mal).removedId), 0],
      [[mal], knowing("Bob"), 0, "Cem"],
      [[], knowing("Bob"), 0],
      // Earlier versions say nothing, or no more than how many they know of.
      [[mal], rotation("Bob", 3), 1],
      [[mal], removalOf("Bob", 3, [ANN]), 0],
      [[mal, eve], removalOf("Bob", 3, [ANN]), 1],
      [[], rotation("Bob", 3), 0],
    ] as const
  ) {
    const kept = keptWith(without(...removed), FIRST, first);
    const effects = machine(kept, [], name).hear([told]);
    const own = effects.filter((effect) => effect.type === "persist" && effect.token !== null);
    const { author, removed: count } = told.rotation.rotation.value;
    const by = author === BOB ? "Bob" : author === CEM ? "Cem" : "Dan";
    assertEquals(own.length, times, `${by} knew of ${count}, of ${removed.length}, at ${name}`);
  }
});

Deno.test("an invite by who came in since a removal counts as long as nobody is there who may remove, and no longer", () => {
  const [eve, mal] = ["Eve", "Mal"].map((name) => fakeSigner(name).key) as [PeerKey, PeerKey];
  const first = removalOf("Ann", 2, [ANN, BOB, CEM], without(mal).removedId);
  // Dan, of whom nothing that is signed says whether who let it in knew of the removal, says that it knows of it.
  const dans = knowing("Dan", mal);
  const cems = keptWith(without(mal), FIRST, first);
  const cem = machine(cems, [], "Cem");
  cem.hear([dans]);
  const { opens } = cems.known(dans);
  assertEquals([cems.admits(opens), isStaying(cems, eve, opens)], [true, true]);

  const ann = machine(keptWith(without(mal), FIRST, first));
  const own = ann.hear([dans]).flatMap((effect) =>
    effect.type === "persist" && effect.token !== null ? effect.records : []
  ).flatMap((record) => record.kind === "rotation" ? [record.rotation] : []);
  assertEquals(own.length, 1);
  cem.hear(own);
  assertEquals([cems.admits(opens), cems.admits(cems.known(own[0]!).opens)], [false, true]);
  assertEquals([BOB, DAN, eve].map((one) => isStaying(cems, one, opens)), [true, false, false]);
});

/** What a member makes that knows, or says that it knows, that these are removed. */
function knowing(name: string, ...removed: readonly PeerKey[]): ClaimedRotation {
  const { removedId } = without(...removed);
  const place = { room: FOUNDED.room, epoch: 3, removed: removed.length, removedId };
  return { rotation: signRotation(ENV, fakeSigner(name), place), claim: claimOf(name) };
}

Deno.test("of two rotations made at once one that names who stays counts only where its author may remove others", () => {
  for (let n = 0; n < 8; n++) {
    const removal = removalOf("Ann", 2, [ANN, BOB, CEM]);
    const current = keptOf(FIRST, removalOf(`u${n}`, 2, [ANN]), removal).currentRotation;
    assertEquals(current?.rotation, removal.rotation);
  }
});

Deno.test("a secret made by who was removed is void: it isn't current, and lets in only who has stayed", () => {
  const dans = [rotation("Dan", 2), rotation("Dan", 3), rotation("Dan", 70)];
  const { rulings, remove, allow } = laterRemoved(DAN);
  const kept = keptWith(rulings, FIRST, removalOf("Ann", 2, [ANN, BOB]), ...dans);
  const last = kept.known(dans.at(-1)!).opens;
  assertEquals([kept.epoch, kept.isCurrent(last), isStaying(kept, CEM, last)], [70, true, true]);
  remove();
  kept.sortAnew();
  assertEquals([kept.epoch, kept.current()?.epoch, kept.isCurrent(last)], [2, 2, false]);
  assertEquals([BOB, CEM].map((peer) => isStaying(kept, peer, last)), [true, false]);
  assertEquals(kept.rotations.map(({ epoch }) => epoch), [2, 1, 70, 3, 2]);
  assertEquals(kept.toDialWith().map(({ epoch }) => epoch), [2, 1]);
  assertEquals(kept.opening(70).length, 1, "who stayed is found by it");
  allow();
  kept.sortAnew();
  assertEquals(kept.epoch, 70);
});

Deno.test("of who came in by a void secret nobody is shut out before it is known who stays", () => {
  const { rulings, remove } = laterRemoved(DAN);
  const dans = rotation("Dan", 3);
  // At an earlier removal Dan stayed, and Cem wasn't there yet.
  const kept = keptWith(rulings, FIRST, removalOf("Ann", 2, [ANN, BOB, DAN]), dans);
  const hasStayed = () => isStaying(kept, CEM, kept.known(dans).opens);
  remove();
  kept.sortAnew();
  assertEquals(hasStayed(), true);
  kept.add(kept.known(removalOf("Ann", 4, [ANN, BOB])));
  assertEquals(hasStayed(), false);
  kept.add(kept.known(removalOf("Ann", 5, [ANN, BOB, CEM])));
  assertEquals(hasStayed(), false, "by each removal since that epoch");
});

Deno.test("KeptSecrets keeps void rotations last, and of the lowest epoch one whatever else there is", () => {
  const { rulings, remove } = laterRemoved(DAN);
  remove();
  const dans = Array.from({ length: ROTATIONS_KEPT_MAX }, (_, at) => rotation("Dan", at + 3));
  const kept = keptWith(rulings, rotation("Dan", 2), ...dans, rotation("Bob", 5));
  assertEquals(kept.rotations.length, ROTATIONS_KEPT_MAX);
  assertEquals([kept.rotations[0]?.epoch, kept.rotations.at(-1)?.epoch], [5, 2]);
  assertEquals(kept.toDialWith().at(-1)?.epoch, 2);
  assertEquals(kept.latestEpoch, ROTATIONS_KEPT_MAX + 2);
});

Deno.test("RoomSecrets has no invite while all secrets that it knows are void, and makes the next after all of them", () => {
  const { rulings, remove } = laterRemoved(DAN);
  const { kept, step, hear } = machine(keptWith(rulings, rotation("Dan", 2), rotation("Dan", 70)));
  remove();
  assertEquals(kinds(step(OTHERS_RULING)), ["stays"], "another one is on its way");
  assertEquals([kept!.epoch, kept!.current()], [0, null]);
  const [refused] = step({ type: "invite", rotate: false, ref: "r" });
  assert(refused?.type === "refused" && refused.code === "offline");
  step({ type: "stored", token: tokenOf(step(OWN_RULING)) });
  assertEquals(kept!.epoch, 71);
  const answer = hear([rotation("Dan", 72)]);
  assertEquals(sentTo(answer).filter(([to]) => to === BOB), [[BOB, 1]], "whose highest is void");
  assertEquals(kept!.epoch, 71);
});

Deno.test("RoomSecrets says that another secret is current where a ruling has changed that", () => {
  const { rulings, remove, allow } = laterRemoved(DAN);
  rules(rulings, "remove", CEM);
  const { removedId } = without(CEM, DAN);
  const { kept, step } = machine(
    keptWith(rulings, FIRST, removalOf("Ann", 2, [ANN, BOB], removedId), rotation("Dan", 3)),
  );
  assertEquals(kinds(step(OTHERS_RULING)), ["stays"], "the same is current");
  remove();
  assertEquals(kinds(step(OTHERS_RULING)), ["stays", "changed"]);
  assertEquals(step(OTHERS_RULING), []);
  allow();
  assertEquals(kinds(step(OWN_RULING)), ["persist", "stays"], "Dan knew nothing of who is out");
  assertEquals(kept!.epoch, 3);
});

Deno.test("that somebody stays or not is told also where a later secret is known already", () => {
  const { hear } = machine(keptOf(FIRST, rotation("Bob", 3)));
  assert(hear([removalOf("Ann", 2, [ANN])]).some(({ type }) => type === "stays"));
  assert(!hear([rotation("Cem", 2)]).some(({ type }) => type === "stays"));
});

Deno.test("KeptSecrets takes the word of an invite from another half, too, until it knows which of its epoch wins", () => {
  const [wins, loses] = [rotation("Bob", 2), rotation("Cem", 2)]
    .toSorted((a, b) => keptOf().compare(keptOf().known(a), keptOf().known(b)));
  for (const [known, given] of [[wins!, loses!], [loses!, wins!]] as const) {
    const { secret } = given.rotation.rotation.value;
    const opens = channelSecret(FOUNDED.room, { epoch: 2, secret });
    const kept = keptOf(FIRST, known);

    kept.invitedWith({ epoch: 2, secret });

    const again = new KeptSecrets(FOUNDED.room, fakeCrypto, kept.snapshot(), without());
    assertEquals([again.isCurrent(opens), again.toDialWith()[0]], [true, opens]);
    again.add(again.known(given));
    assertEquals(again.isCurrent(opens), given === wins);
    assertEquals(again.toDialWith().length, 3);
  }
});

Deno.test("of two removals at once the one that lost shuts nobody out who came in later, if both removed the same", () => {
  const [one, other] = [1, 2].map((byte) => new Uint8Array(16).fill(byte));
  const stayed = (anns: Uint8Array | null, bobs: Uint8Array | null) => {
    const removals = [removalOf("Ann", 2, [ANN, BOB], anns), removalOf("Bob", 2, [ANN, BOB], bobs)];
    // Somebody else was removed since.
    const kept = keptOf(FIRST, ...removals, removalOf("Ann", 3, [ANN, BOB, CEM], other));
    const [wins, loses] = kept.rotations.filter(({ epoch }) => epoch === 2);
    return [wins!, loses!, kept.known(FIRST)].map(({ opens }) => isStaying(kept, CEM, opens));
  };
  assertEquals(stayed(one!, one!), [true, false, false]);
  assertEquals(stayed(one!, other!), [false, false, false], "the other may know who let Cem in");
  assertEquals(stayed(null, null), [false, false, false]);
});
