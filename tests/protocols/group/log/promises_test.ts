import { assertEquals } from "@std/assert";
import { Promises } from "../../../../lib/protocols/group/log/promises.ts";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import { groupIdOf } from "../../../../lib/protocols/group/schema/founding.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { viewOf } from "../coordinator/coordinator_parts.ts";
import { FOUNDING, GROUP, keyOf, OWN } from "../coordinator_program.ts";

const SECOND = { number: 2, round: 0 };

/** In the second view of the group. */
function inView(): Promises {
  const promises = new Promises();
  promises.enter(GROUP, FOUNDING, OWN.key);
  promises.promise(SECOND, false);
  promises.begin(viewOf(2, "ann"));
  return promises;
}

Deno.test("Promises: what was promised to a group stays under another key of its coordinator, and says nothing in another", () => {
  const promises = inView();
  promises.enter(GROUP, FOUNDING, keyOf("other key"));
  assertEquals([promises.promised, promises.begunBallot], [SECOND, SECOND]);

  const founding = { ...FOUNDING, nonce: new Uint8Array(32).fill(9) };
  promises.enter(groupIdOf(fakeCrypto, founding), founding, OWN.key);
  const { promised, begunBallot, flushed, mayHaveHeld, mayFollow } = promises;
  assertEquals({ promised, begunBallot, flushed, mayHaveHeld }, {
    promised: NO_BALLOT,
    begunBallot: NO_BALLOT,
    flushed: 0,
    mayHaveHeld: false,
  });
  assertEquals(mayFollow.call(promises, 2), false);
});

Deno.test("Promises: what is lost counts as never begun, but as promised, until an epoch begins", () => {
  const promises = inView();
  promises.recover();
  assertEquals([promises.begunBallot, promises.lastEpoch, promises.promised], [
    NO_BALLOT,
    null,
    SECOND,
  ]);
  promises.begin(viewOf(3, "ann"));
  assertEquals([promises.isLost, promises.isRecovering], [false, false]);
  assertEquals(promises.lastEpoch?.ballot.number, 3);
});

Deno.test("Promises: who promised the coordinator more follows no round of the view before", () => {
  const promises = inView();
  promises.promise({ number: 3, round: 1 }, false);
  assertEquals(promises.mayFollow(2), true);
  promises.promise({ number: 3, round: 0 }, true);
  assertEquals([promises.mayFollow(2), promises.isLeaving], [false, true]);
});

Deno.test("Promises: who has lost what it held follows no round until it is brought up again", () => {
  const promises = inView();
  promises.lose();
  assertEquals([promises.hasLog, promises.mayFollow(2)], [false, false]);
  promises.levelled = SECOND;
  assertEquals([promises.hasLog, promises.mayFollow(2)], [true, true]);
});
