// The level to which all are brought: nothing that anybody may have shown is beyond it.

import { assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import { Agreement, type Holding } from "../../../../lib/protocols/group/views/agreement.ts";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";

const ANN = fakeSigner("ann").key;
const BOB = fakeSigner("bob").key;
const CAROL = fakeSigner("carol").key;

function point(position: number, of = 0) {
  return { position, digest: fakeCrypto.sha256<Hash>(new Uint8Array([position, of])) };
}

/** @param number Of the ballot it was levelled under, and of the epoch that has begun, unless told otherwise. */
function holding(number: number, position: number, of = 0, begunNumber = number): Holding {
  const begun = begunNumber === 0 ? NO_BALLOT : { number: begunNumber, round: 0 };
  const levelled = { number, round: 0 };
  return { begun, levelled, incarnation: "", held: point(position, of), log: point(0) };
}

const THIRD = { number: 9, round: 0 };

Deno.test("Agreement takes the longest history of the last epoch that has begun", () => {
  const agreement = new Agreement(THIRD, [ANN, BOB, CAROL]);
  agreement.reported(ANN, THIRD, holding(2, 4));
  agreement.reported(BOB, THIRD, holding(2, 5));
  agreement.reported(CAROL, THIRD, holding(1, 8));

  assertEquals(agreement.level, {
    best: { number: 2, round: 0 },
    start: point(5),
    source: BOB,
  });
});

// View 2 began at Bob alone, who showed its start and is gone; Carol, new in it, was ready for it.
Deno.test("Agreement takes the history of the highest ballot, whether that is known to have begun or not", () => {
  const agreement = new Agreement(THIRD, [ANN, CAROL]);
  agreement.reported(ANN, THIRD, holding(1, 7, 1));
  agreement.reported(CAROL, THIRD, holding(2, 5, 0, 0));

  assertEquals(agreement.level, {
    best: { number: 2, round: 0 },
    start: point(5),
    source: CAROL,
  });
  assertEquals(agreement.oldMembers, [ANN]);
});

/** All of it in the log. */
function logged(number: number, position: number, of = 0): Holding {
  return { ...holding(number, position, of), log: point(position, of) };
}

function wrongOf(ann: Holding, bob: Holding, carol: Holding, members = [ANN, BOB, CAROL]) {
  const agreement = new Agreement(THIRD, [ANN, BOB, CAROL]);
  agreement.reported(ANN, THIRD, ann);
  agreement.reported(BOB, THIRD, bob);
  agreement.reported(CAROL, THIRD, carol);
  return agreement.wrong((key) => members.includes(key));
}

Deno.test("Agreement finds nobody wrong who may have what it says", () => {
  assertEquals(wrongOf(logged(2, 4), logged(2, 4), holding(1, 9, 1)), []);
  assertEquals(wrongOf(holding(2, 6), logged(2, 4), logged(1, 3)), []);
  assertEquals(wrongOf(holding(2, 6), logged(1, 6), logged(1, 3)), []);
});

Deno.test("Agreement finds out who claims a level below what others have in their logs", () => {
  assertEquals(wrongOf(logged(2, 4), logged(2, 4), logged(8, 0)), [CAROL]);
  // One against one: the longer log is kept.
  assertEquals(wrongOf(logged(2, 4), logged(0, 0), logged(8, 0), [ANN, CAROL]), [CAROL]);
  assertEquals(wrongOf(logged(8, 0), logged(8, 0), logged(2, 4)), [CAROL]);
});

Deno.test("Agreement finds out who has something else in its log, newcomers before members", () => {
  assertEquals(wrongOf(logged(2, 4), logged(2, 4), logged(2, 4, 1)), [CAROL]);
  assertEquals(wrongOf(logged(2, 4, 1), logged(2, 4), logged(2, 4)), [ANN]);
  assertEquals(wrongOf(logged(2, 4), logged(3, 1), logged(3, 1), [ANN]), [BOB, CAROL]);
});

Deno.test("Agreement takes what most hold where two were told two things as one, and blames neither", () => {
  const agreement = new Agreement(THIRD, [ANN, BOB, CAROL]);
  agreement.reported(ANN, THIRD, holding(2, 4, 1));
  agreement.reported(BOB, THIRD, holding(2, 4));
  agreement.reported(CAROL, THIRD, holding(2, 4));

  const { start, source } = agreement.level;
  assertEquals([start, source], [point(4), BOB]);
  assertEquals(agreement.wrong(() => true), []);
});
