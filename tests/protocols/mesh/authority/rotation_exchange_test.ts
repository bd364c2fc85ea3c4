/** How rotations are passed on to neighbours, and which are taken in from them. */

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { RotationExchange } from "../../../../lib/protocols/mesh/authority/rotation_exchange.ts";
import type { SecretsEffect } from "../../../../lib/protocols/mesh/authority/secrets_io.ts";
import { foundRoom } from "../../../../lib/protocols/mesh/joining/genesis.ts";
import { claimIdOf } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  EPOCHS_AHEAD_MAX,
  ROTATIONS_BURST,
  ROTATIONS_IN_MESSAGE_MAX,
  ROTATIONS_KEPT_MAX,
  STAY_TAG_BYTES,
  STAYS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Fault } from "../../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { ClaimedRotation } from "../../../../lib/protocols/mesh/schema/rotations.ts";
import type { SignedClaim } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  BOB,
  CEM,
  claimOf,
  clock,
  DAN,
  ENV,
  FIRST,
  FOUNDED_MS,
  keptOf,
  removalOf,
  ROOM,
  rotation,
  sentTo,
  withUnsignedClaim,
} from "./secrets_cases.ts";

/** Ann's, with Bob and Cem as neighbours that were told all; these claims were checked before. */
function exchangeOf(kept = keptOf(FIRST), known: readonly SignedClaim[] = []) {
  const effects: SecretsEffect[] = [];
  const claim = (id: string) => known.find((claim) => claimIdOf(fakeCrypto, claim) === id) ?? null;
  const part = new RotationExchange(
    ROOM,
    kept,
    ENV,
    { claim },
    (effect) => void effects.push(effect),
  );
  for (const peer of [BOB, CEM]) part.neighbourUp(peer, 0);
  effects.splice(0);
  const done = () => effects.splice(0);
  /** What of this is new to it. */
  const hear = (rotations: readonly ClaimedRotation[], nowMs = 0) =>
    part.heard(BOB, { type: "rotations", rotations }, nowMs).fresh.map(({ epoch }) => epoch);
  return { part, kept, done, hear, sent: () => sentTo(done()) };
}

Deno.test("RotationExchange: a neighbour is told again whose beacon shows an earlier epoch, at a rate", () => {
  const { part, sent } = exchangeOf(keptOf(FIRST, rotation("Bob", 2)));
  part.beacon(BOB, 1, 0);
  part.beacon(BOB, 2, 0);
  part.beacon(DAN, 1, 0);
  assertEquals(sent(), [[BOB, 1]]);
  part.tellAll(BOB, 0);
  assertEquals(sent(), [[BOB, 2]]);
  for (let n = 0; n < 100; n++) part.beacon(BOB, 0, 0);
  assert(sent().length < 10);
  part.beacon(BOB, 2, 10_000);
  assertEquals([sent(), part.beacon(BOB, 2, 20_000), sent()], [[[BOB, 1]], undefined, []]);
});

Deno.test("RotationExchange: all neighbours but one are sent what they lack, few rotations in a message", () => {
  const { part, kept, sent } = exchangeOf();
  const fresh = [2, 3, 4, 5].map((epoch) => kept.known(rotation("Dan", epoch)));
  part.flood(fresh, BOB);
  assertEquals(sent(), [[CEM, ROTATIONS_IN_MESSAGE_MAX], [CEM, 1]]);
  part.neighbourDown(CEM);
  part.flood(fresh.slice(0, 1));
  assertEquals(sent(), [[BOB, 1]]);
});

Deno.test("RotationExchange: what nobody can have signed isn't taken in, and who passed it on pays", () => {
  const second = rotation("Bob", 2);
  const forged = { ...second, rotation: { ...second.rotation, signature: new Uint8Array(64) } };
  const elsewhere = foundRoom(ENV, fakeSigner("Cem"), { name: "Cem", isPrivate: true }).room;
  const cases: readonly (readonly [string, ClaimedRotation, Fault])[] = [
    ["no signature", forged, "invalid-signature"],
    ["a claim without one", withUnsignedClaim(second), "invalid-signature"],
    ["another's claim", { ...second, claim: claimOf("Cem") }, "protocol"],
    ["another room", rotation("Bob", 2, elsewhere), "protocol"],
    ["epoch 0", rotation("Ann", 0), "protocol"],
    ["a first secret of another member's", rotation("Bob", 1), "protocol"],
  ];
  for (const [what, bad, fault] of cases) {
    const { hear, kept, done } = exchangeOf();
    hear([bad, rotation("Cem", 2)]);
    const faults = done().map((effect) => effect.type === "penalise" && effect.fault);
    assertEquals([faults, kept.has(kept.known(bad).id)], [[fault], false], what);
  }
});

Deno.test("RotationExchange: a rotation is kept with the claim as it is known, however it came", () => {
  const second = rotation("Bob", 2);
  const { hear, kept } = exchangeOf(keptOf(FIRST), [second.claim]);
  assertEquals(hear([withUnsignedClaim(second)]), [2]);
  assertEquals(kept.rotations[0]?.claim, second.claim);
});

Deno.test("RotationExchange: no epoch is taken in whose time hasn't come, and any one whose has", () => {
  const { hear, kept } = exchangeOf();
  const soon = rotation("Cem", EPOCHS_AHEAD_MAX + 1);
  assertEquals(hear([soon, rotation("Cem", EPOCHS_AHEAD_MAX)]), [EPOCHS_AHEAD_MAX]);
  clock.wallMs += 1_000;
  assertEquals(hear([soon]), [EPOCHS_AHEAD_MAX + 1]);
  // Who may remove others must be able to, whatever others have used up.
  hear([0, 1].map((more) => rotation("Bob", 2 * EPOCHS_AHEAD_MAX + 1 + more)));
  assertEquals(kept.epoch, 2 * EPOCHS_AHEAD_MAX + 1);

  // However much was rotated meanwhile: of what there is still, the highest is the same for all.
  clock.wallMs += 86_400_000;
  const away = exchangeOf();
  away.hear([rotation("Cem", 86_400), rotation("Cem", 50_000)]);
  assertEquals(away.kept.epoch, 86_400);
  // A clock that is behind the founder's.
  clock.wallMs = 0;
  const early = exchangeOf();
  early.hear([rotation("Cem", EPOCHS_AHEAD_MAX + 1), rotation("Cem", EPOCHS_AHEAD_MAX)]);
  assertEquals(early.kept.epoch, EPOCHS_AHEAD_MAX);
  clock.wallMs = FOUNDED_MS;
});

Deno.test("RotationExchange: no more are taken in than people make, of a set the highest; the rest is asked for", () => {
  const { part, hear, kept, sent } = exchangeOf();
  for (let epoch = 2; epoch < 2 + 2 * ROTATIONS_BURST; epoch++) hear([rotation("Bob", epoch)]);
  assertEquals(kept.epoch, 1 + ROTATIONS_BURST);
  // By a beacon of its own, whatever that shows, it is told what is kept, and answers with what is higher.
  part.beacon(BOB, kept.epoch, 9_999);
  assertEquals(sent(), [[BOB, 1]]);
  // One more, ten seconds later.
  assertEquals(hear([300, 301, 299].map((epoch) => rotation("Bob", epoch)), 10_000), [301]);
});

Deno.test("RotationExchange: who knows a lower one of the same epoch is answered, and who knows a higher one isn't", () => {
  const [low, high] = [rotation("Bob", 2), rotation("Dan", 2)]
    .map((claimed) => keptOf().known(claimed))
    .toSorted(({ id: one }, { id: other }) => one < other ? -1 : 1);
  for (const [ours, theirs, answer] of [[high!, low!, [[BOB, 1]]], [low!, high!, []]] as const) {
    const { part, sent } = exchangeOf(keptOf(FIRST, ours));
    const { highest } = part.heard(BOB, { type: "rotations", rotations: [theirs] }, 0);
    assertEquals(highest?.id, theirs.id);
    part.answer(BOB, highest!, 0);
    assertEquals(sent() as unknown, answer);
  }
});

/** As many as a rotation may name. */
const CROWD = Array.from(
  { length: STAYS_MAX },
  (_, at) => at.toString(16).padStart(2 * STAY_TAG_BYTES, "0").padEnd(64, "0") as PeerKey,
);

Deno.test("RotationExchange: no more bytes of one neighbour are read than two of the largest sets at once", () => {
  const { part, hear, kept, sent } = exchangeOf();
  const large = removalOf("Bob", 2, CROWD);
  hear([large]);
  const isRead = () => hear([rotation("Cem", kept.epoch + 1)]).length > 0;
  for (let n = 0; n < 2 * ROTATIONS_KEPT_MAX - 1; n++) hear([large]);
  assertEquals(isRead(), true);
  for (let n = 0; n < ROTATIONS_KEPT_MAX; n++) hear([large]);
  for (let n = 0; n < 20; n++) isRead();
  assertEquals(isRead(), false);
  // What it hasn't read it asks for.
  part.beacon(BOB, kept.epoch, 0);
  assertEquals(sent(), [[BOB, 1]]);
});

Deno.test("RotationExchange: no more is sent at once than a link's queue holds, and all in the end", () => {
  const large = Array.from({ length: 40 }, (_, at) => removalOf("Bob", at + 2, CROWD));
  const { part, done } = exchangeOf(keptOf(FIRST, ...large));
  const epochs: number[] = [];
  part.neighbourUp(DAN, 0);
  for (let nowMs = 0, told; (told = done()).length > 0; part.beacon(DAN, 41, nowMs += 10_000)) {
    const sent = told.flatMap((effect) => effect.type === "send" ? effect.message.rotations : []);
    const bytes = sent.reduce((sum, { rotation }) => sum + rotation.rotation.bytes.length, 0);
    assert(bytes < 524_288, `${bytes} bytes`);
    epochs.push(...sent.map(({ rotation }) => rotation.rotation.value.epoch));
  }
  assertEquals(epochs, Array.from({ length: 41 }, (_, at) => 41 - at));
});
