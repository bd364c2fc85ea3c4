import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { Neighbourhood } from "../../../../lib/protocols/mesh/room/neighbourhood.ts";

const [ANN, BOB] = ["a", "b"].map((digit) => digit.repeat(64)) as [PeerKey, PeerKey];

/** Of a room of three, and when its user is told of a separation. */
function neighbourhood() {
  const told: [number, boolean][] = [];
  let nowMs = 0;
  const view = {
    ready: true,
    isIsolated: false,
    isolated(): void {
      told.push([nowMs, true]);
      view.isIsolated = true;
    },
    linked(): void {
      if (view.isIsolated) told.push([nowMs, false]);
      view.isIsolated = false;
    },
  };
  const part = new Neighbourhood(view);
  part.liveMembers = 3;
  const stepsAt = (...times: readonly number[]) => {
    for (nowMs of times) part.stepEnds(nowMs);
  };
  return { part, view, told, stepsAt };
}

Deno.test("Neighbourhood: the user is told of a separation that has lasted for 1.5 s, and of its end at once", () => {
  const { part, told, stepsAt } = neighbourhood();
  part.up(ANN);
  part.up(BOB);
  stepsAt(0);
  part.down(ANN);
  assertEquals([part.peers, part.has(BOB), part.nextMs()], [[BOB], true, null]);
  part.down(BOB);
  stepsAt(100);
  assertEquals(part.nextMs(), 1_600);
  stepsAt(1_599, 1_600);
  assertEquals(part.nextMs(), null);
  part.up(ANN);
  stepsAt(1_700);
  assertEquals(told, [[1_600, true], [1_700, false]]);
});

Deno.test("Neighbourhood: a new link may bring a neighbour, but not for ever", () => {
  const { part, stepsAt, told } = neighbourhood();
  stepsAt(0);
  part.linked(1_400);
  assertEquals(part.nextMs(), 2_900);
  part.linked(4_000);
  assertEquals(part.nextMs(), 5_000);
  stepsAt(4_999, 5_000);
  assertEquals([told, part.isCutOff], [[[5_000, true]], true]);
});

Deno.test("Neighbourhood: nobody is told where nobody else is, or before being in the room", () => {
  const { part, view, told, stepsAt } = neighbourhood();
  part.liveMembers = 1;
  stepsAt(0, 10_000);
  assertEquals([part.isAlone, part.isCutOff, part.nextMs()], [true, false, null]);

  part.liveMembers = 2;
  view.ready = false;
  stepsAt(10_000, 20_000);
  assertEquals([part.nextMs(), told], [null, []]);
  view.ready = true;
  stepsAt(20_001);
  assertEquals(told, [[20_001, true]]);
});

Deno.test("Neighbourhood: a full link is known until it has drained, be it a neighbour's or not", () => {
  const { part } = neighbourhood();
  part.congested(ANN);
  assertEquals([part.isCongested(ANN), part.isCongested(BOB)], [true, false]);
  part.drained(ANN);
  assertEquals(part.isCongested(ANN), false);
});
