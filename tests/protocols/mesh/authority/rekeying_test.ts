/** Which rotations a member makes itself, and when they count. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { Rekeying } from "../../../../lib/protocols/mesh/authority/rekeying.ts";
import type { SecretsEffect } from "../../../../lib/protocols/mesh/authority/secrets_io.ts";
import { EPOCH_MAX, ROTATION_WAITERS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  ANN,
  BOB,
  CEM,
  claimOf,
  DAN,
  ENV,
  FIRST,
  keptOf,
  keptWith,
  removalOf,
  rules,
  without,
} from "./secrets_cases.ts";

function rekeyingOf({ kept = keptOf(FIRST), name = "Ann", latestEpoch = 99 } = {}) {
  const effects: SecretsEffect[] = [];
  const flooded: number[] = [];
  const accepted = { latestEpoch };
  const part = new Rekeying(
    kept,
    fakeSigner(name),
    ENV,
    { selfClaim: () => claimOf(name), members: () => [ANN, BOB, CEM] },
    {
      flood: (rotations) => void flooded.push(...rotations.map(({ epoch }) => epoch)),
      latestEpoch: () => accepted.latestEpoch,
    },
    (effect) => void effects.push(effect),
    0,
  );
  /** What the user is shown: a code where it is refused, and the command that it answers. */
  const done = () =>
    effects.splice(0).map((effect) =>
      effect.type === "persist"
        ? `persist ${effect.token}`
        : effect.type === "refused"
        ? `${effect.code} ${effect.ref}`
        : effect.type === "invite"
        ? `invite ${effect.ref}`
        : effect.type
    );
  return { part, kept, done, flooded: () => flooded.splice(0), accepted };
}

Deno.test("Rekeying: another secret is on disk before it is sent or shown, to all who asked meanwhile", () => {
  const { part, kept, done, flooded } = rekeyingOf();
  part.invite(false, { ref: "a" });
  assertEquals(done(), ["invite a"]);

  part.invite(true, { ref: "b" });
  for (let n = 1; n < ROTATION_WAITERS_MAX; n++) part.invite(n % 2 === 0, { ref: "c" });
  assertEquals([done(), kept.epoch], [["persist 1"], 1]);
  part.invite(false, { ref: "d" });
  assertEquals(done(), ["busy d"]);

  part.stored(7, 0);
  assertEquals([done(), flooded()], [[], []]);
  part.stored(1, 0);
  const shown = [..."b", ..."c".repeat(ROTATION_WAITERS_MAX - 1)].map((ref) => `invite ${ref}`);
  assertEquals([done(), flooded(), kept.epoch], [[...shown, "changed"], [2], 2]);
  part.stored(1, 0);
  assertEquals(done(), []);
});

Deno.test("Rekeying: where the disk refuses another secret, the one before counts, and all who asked are told", () => {
  const { part, kept, done, flooded } = rekeyingOf();
  part.invite(true, { ref: "a" });
  part.invite(false, { ref: "b" });
  part.notStored(1, "it is full", 0);
  assertEquals(done(), ["persist 1", "disk a", "disk b"]);
  assertEquals([kept.epoch, flooded(), part.nextDeadlineMs()], [1, [], null]);
});

Deno.test("Rekeying: no secret is made before one is known, sooner than others accept it, or beyond the last", () => {
  const asked = (of: Parameters<typeof rekeyingOf>[0]) => {
    const { part, done } = rekeyingOf(of);
    part.invite(true, { ref: "a" });
    return done();
  };
  const last = keptOf();
  last.invitedWith({ epoch: EPOCH_MAX, secret: new Uint8Array(16) });
  assertEquals(asked({ kept: keptOf() }), ["offline a"]);
  assertEquals([asked({ latestEpoch: 1 }), asked({ latestEpoch: 2 })], [["busy a"], ["persist 1"]]);
  assertEquals(asked({ kept: last, latestEpoch: Infinity }), ["not-allowed a"]);
});

/** A member that starts, or hears, when Dan was removed and the secret is from before. */
function afterRemoval(name: string) {
  const rulings = without();
  const parts = rekeyingOf({ kept: keptWith(rulings, FIRST), name });
  rules(rulings, "remove", DAN);
  return { ...parts, rulings };
}

Deno.test("Rekeying: who has removed somebody makes a secret that names who stays, at once", () => {
  const { part, kept, done, flooded } = afterRemoval("Ann");
  part.ruled(true, "r", 0);
  assertEquals([done(), part.nextDeadlineMs()], [["persist 1"], null]);
  part.stored(1, 0);
  assertEquals([done(), flooded(), kept.isRemovalUnknown], [["changed"], [2], false]);
  const { stays } = kept.currentRotation!;
  assertEquals([ANN, BOB, CEM, DAN].map((key) => stays?.has(key)), [true, true, true, false]);
});

Deno.test("Rekeying: another who may remove waits for that secret, and makes it where it doesn't come", () => {
  const deputy = afterRemoval("Bob");
  deputy.part.ruled(false, undefined, 1_000);
  assertEquals([deputy.done(), deputy.part.nextDeadlineMs()], [[], 8_500]);
  deputy.part.ruled(false, undefined, 5_000);
  deputy.part.tick(8_499);
  assertEquals([deputy.done(), deputy.part.nextDeadlineMs()], [[], 8_500]);
  deputy.part.tick(8_500);
  assertEquals(deputy.done(), ["persist 1"]);

  const told = afterRemoval("Bob");
  told.part.ruled(false, undefined, 0);
  const { removedId } = told.rulings;
  told.kept.add(told.kept.known(removalOf("Ann", 2, [ANN, BOB, CEM], removedId)));
  told.part.tick(7_500);
  assertEquals([told.done(), told.part.nextDeadlineMs()], [[], null]);

  const nobody = afterRemoval("Cem");
  nobody.part.ruled(false, undefined, 0);
  assertEquals(nobody.part.nextDeadlineMs(), null);
  assertEquals(rekeyingOf({ kept: nobody.kept, name: "Bob" }).part.nextDeadlineMs(), 7_500);
});

Deno.test("Rekeying: a removal's secret that can't be made is tried again, more and more seldom, and told once", () => {
  const { part, kept, done, accepted } = afterRemoval("Ann");
  accepted.latestEpoch = 1;
  part.ruled(true, "r", 0);
  assertEquals(done(), ["busy r"]);
  const pauses: number[] = [];
  let nowMs = 0;
  for (let n = 0; n < 12; n++) {
    pauses.push(part.nextDeadlineMs()! - nowMs);
    part.tick(nowMs = part.nextDeadlineMs()!);
    if (n === 0) accepted.latestEpoch = 2;
    else part.notStored(n, "it is full", nowMs);
  }
  const texts = done();
  assertEquals([pauses[0], pauses[1], pauses.at(-1)], [750, 1_125, 22_500]);
  assertEquals(new Set(texts.map((text) => text.split(" ")[0])), new Set(["persist"]));

  part.tick(nowMs = part.nextDeadlineMs()!);
  part.stored(12, nowMs);
  assertEquals([kept.isRemovalUnknown, part.nextDeadlineMs()], [false, null]);
});

Deno.test("Rekeying: of a secret whose author knew of other removals /invite makes another one", () => {
  const { part, kept, done } = afterRemoval("Cem");
  part.invite(false, { ref: "a" });
  assertEquals(done(), ["persist 1"]);
  part.stored(1, 0);
  assertEquals([done(), kept.currentRotation!.stays], [["invite a", "changed"], null]);
  part.invite(false, { ref: "b" });
  assertEquals(done(), ["invite b"]);
});

Deno.test("Rekeying: an invite's secret that a higher one has overtaken by then isn't told as the current one", () => {
  const { part, kept, done } = rekeyingOf();
  part.invite(true, { ref: "a" });
  kept.add(kept.known(removalOf("Ann", 5, [ANN, BOB] as readonly PeerKey[])));
  part.stored(1, 0);
  assertEquals(done(), ["persist 1", "invite a"]);
});
