// The machine by itself: what it sends, keeps and refuses. How members agree over links that break is the
// simulator's (`tests/sim/`).

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { KeptSecrets } from "../../../../lib/protocols/mesh/authority/kept_secrets.ts";
import type { SecretsEffect } from "../../../../lib/protocols/mesh/authority/secrets_io.ts";
import {
  EPOCH_MAX,
  STAY_TAG_BYTES,
  STAYS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import {
  type ClaimedRotation,
  signRotation,
} from "../../../../lib/protocols/mesh/schema/rotations.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  ANN,
  BOB,
  CEM,
  claimOf,
  DAN,
  ENV,
  FIRST,
  FOUNDED,
  isStaying,
  keptOf,
  keptWith,
  kinds,
  laterRemoved,
  machine,
  removalOf,
  ROTATE,
  rotation,
  rules,
  sentTo,
  without,
} from "./secrets_cases.ts";

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

Deno.test("RoomSecrets tells a neighbour again that came before any rotation was known", () => {
  const { step, hear } = machine(keptOf());
  assertEquals(sentTo(hear([FIRST, rotation("Bob", 2)])), [[CEM, 2]]);

  assertEquals(sentTo(step({ type: "beacon", peer: CEM, epoch: 1 })), [[CEM, 1]]);
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

Deno.test("RoomSecrets forgets an invite of which the first member that it meets knows nothing", () => {
  const kept = keptOf(FIRST);
  kept.invitedWith({ epoch: 2, secret: new Uint8Array(16) });
  const { hear } = machine(kept);

  assertEquals([kinds(hear([FIRST])), kept.current()?.epoch], [["changed"], 1]);
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
