/** Which secrets a member keeps, which of them is current, and whom each lets in. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { KeptSecrets } from "../../../../lib/protocols/mesh/authority/kept_secrets.ts";
import { foundRoom } from "../../../../lib/protocols/mesh/joining/genesis.ts";
import { roomIdOf } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  ROTATIONS_KEPT_MAX,
  ROTATIONS_PER_EPOCH_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import {
  channelSecret,
  type ClaimedRotation,
} from "../../../../lib/protocols/mesh/schema/rotations.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  ANN,
  BOB,
  CEM,
  DAN,
  ENV,
  FIRST,
  FOUNDED,
  isStaying,
  keptOf,
  keptWith,
  laterRemoved,
  removalOf,
  rotation,
  rules,
  without,
  withUnsignedClaim,
} from "./secrets_cases.ts";

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

Deno.test("KeptSecrets takes the invite's word until a member tells of rotations, and after a restart too", () => {
  const third = rotation("Bob", 3);
  const { value } = third.rotation.rotation;
  const secret = { epoch: 3, secret: value.secret };
  const kept = keptOf(FIRST);

  kept.invitedWith(secret);
  assertEquals([kept.epoch, kept.isCurrent(channelSecret(FOUNDED.room, secret))], [3, true]);
  const again = new KeptSecrets(FOUNDED.room, fakeCrypto, kept.snapshot(), without());
  assertEquals(again.toDialWith().map(({ epoch }) => epoch), [3, 1]);
  again.add(again.known(rotation("Bob", 2)));
  assertEquals(again.epoch, 2, "whoever made the third may be gone with it, or be removed");
  again.add(again.known(third));

  assertEquals(again.epoch, 3);
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
