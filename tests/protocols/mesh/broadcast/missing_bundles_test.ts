/** When a bundle that was announced is asked for, and of whom. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  MissingBundles,
  type Presence,
} from "../../../../lib/protocols/mesh/broadcast/missing_bundles.ts";
import { streamKey } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { keyOf } from "../overlay_network.ts";

const [ANN, BOB, CEM] = [keyOf(1), keyOf(2), keyOf(3)];
const STREAM = { author: keyOf(9), incarnation: 1 };
const KEY = streamKey(STREAM);

function missing({ streamsMax = 10, asksMax = 2 } = {}) {
  let presence: Presence = "missing";
  const part = new MissingBundles(streamsMax, asksMax, () => presence);
  const announced = (peer: PeerKey, counter: number, nowMs: number, delayMs = 50) =>
    part.announced(KEY, STREAM, { peer, counter, hop: 3 }, delayMs, nowMs);
  /** Who is asked until then, and when, where an answer takes 100 ms. */
  const asked = (untilMs: number, replyMs: number | null = 100) => {
    const questions: [number, PeerKey, number][] = [];
    for (let nowMs; (nowMs = part.nextMs ?? Infinity) <= untilMs;) {
      for (const { peer, counter } of part.due(() => replyMs, nowMs)) {
        questions.push([nowMs, peer, counter]);
      }
    }
    return questions;
  };
  const isNow = (now: Presence) => void (presence = now);
  return { part, announced, asked, isNow };
}

Deno.test("MissingBundles: who announced first is asked after the delay, then the next, each twice as long the second time", () => {
  const { part, announced, asked } = missing();
  announced(ANN, 7, 0);
  announced(BOB, 8, 10);
  assertEquals(part.due(() => 100, 49), []);
  assertEquals(asked(10_000), [
    [50, ANN, 7],
    [150, BOB, 8],
    [250, ANN, 7],
    [450, BOB, 8],
  ]);
  assertEquals(part.nextMs, null);
});

Deno.test("MissingBundles: a later announcement of the same stream stands for all before it, and may be asked for anew", () => {
  const { announced, asked } = missing({ asksMax: 1 });
  announced(ANN, 7, 0);
  assertEquals(asked(100), [[50, ANN, 7]]);
  announced(ANN, 6, 110);
  announced(ANN, 9, 120);
  assertEquals(asked(10_000), [[150, ANN, 9]]);
});

Deno.test("MissingBundles: what came another way is compared with each announcement, and time given for what follows", () => {
  const { part, announced, asked } = missing();
  announced(ANN, 7, 0);
  announced(BOB, 9, 20);
  assertEquals(part.arrived(KEY, 7, () => 200, 30), [
    { peer: ANN, lagMs: 30, hop: 3 },
    { peer: BOB, lagMs: 10, hop: 3 },
  ]);
  assertEquals(part.arrived(KEY, 7, () => 200, 40), [{ peer: BOB, lagMs: 10, hop: 3 }]);
  part.delivered(KEY, 7);
  assertEquals(asked(300), [[240, BOB, 9]]);
  part.delivered(KEY, 9);
  assertEquals([asked(10_000), part.arrived(KEY, 9, () => 0, 400)], [[], []]);
});

Deno.test("MissingBundles: nobody is asked for what is here, waits for its parents, or was announced by who is gone", () => {
  const { part, announced, asked, isNow } = missing();
  isNow("here");
  announced(ANN, 7, 0);
  assertEquals([asked(10_000), part.nextMs], [[], null]);

  isNow("waiting");
  announced(ANN, 7, 0);
  assertEquals([asked(14_000), part.nextMs], [[], 14_050]);
  isNow("missing");
  assertEquals(asked(14_100), [[14_050, ANN, 7]]);

  announced(BOB, 7, 14_100);
  part.neighbourDown(ANN);
  assertEquals(asked(14_200), [[14_150, BOB, 7]]);
  part.neighbourDown(BOB);
  assertEquals(asked(100_000), []);
});

Deno.test("MissingBundles: what waits for its parents is looked at for a quarter of a minute, no longer", () => {
  const { part, announced, asked, isNow } = missing();
  isNow("waiting");
  announced(ANN, 7, 0);
  asked(15_050);
  isNow("missing");
  assertEquals([asked(100_000), part.nextMs], [[], null]);
});

Deno.test("MissingBundles: where our own rate is used up it is tried again soon; of too many streams the last are left", () => {
  const { part, announced, asked } = missing({ streamsMax: 1 });
  announced(CEM, 7, 0);
  assertEquals([asked(199, null), part.nextMs], [[], 200]);
  const other = { author: keyOf(8), incarnation: 1 };
  part.announced(streamKey(other), other, { peer: BOB, counter: 1, hop: 1 }, 0, 199);
  assertEquals(asked(250), [[200, CEM, 7]]);
});
