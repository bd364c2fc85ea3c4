// The level to which all are brought: nothing that anybody may have shown is beyond it.

import { assertEquals } from "@std/assert";
import type { Hash } from "../../../lib/base/ids.ts";
import { Agreement, type Holding } from "../../../lib/protocols/group/agreement.ts";
import { NO_BALLOT } from "../../../lib/protocols/group/ballot.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";

const ANN = fakeSigner("ann").key;
const BOB = fakeSigner("bob").key;
const CAROL = fakeSigner("carol").key;

function point(position: number, of = 0) {
  return { position, digest: fakeCrypto.sha256<Hash>(new Uint8Array([position, of])) };
}

function holding(number: number, position: number, of = 0): Holding {
  const begun = number === 0 ? NO_BALLOT : { number, round: 0 };
  return { begun, incarnation: "", held: point(position, of), log: point(0) };
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

// View 2 began at Bob alone, who showed its start and is gone; Carol, new in it, has that start on disk.
Deno.test("Agreement never goes below the start of a view that was decided", () => {
  const decided = {
    ballot: { number: 2, round: 0 },
    start: point(5),
    members: [{ key: BOB }, { key: CAROL }],
  };
  const agreement = new Agreement(THIRD, [ANN, CAROL], null, [decided]);
  agreement.reported(ANN, THIRD, holding(1, 5, 1));
  agreement.reported(CAROL, THIRD, holding(0, 5));

  assertEquals(agreement.level, { best: decided.ballot, start: point(5), source: CAROL });
});
