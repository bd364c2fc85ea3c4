import { assertEquals } from "@std/assert";
import {
  WITHHELD_EXCUSED_MS_MAX,
  WITHHELD_LOOK_MS,
  WITHHELD_MS,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Standing } from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import { OverlayWithheld } from "../../../../lib/protocols/mesh/membership/overlay_rare_dials.ts";
import { contactOf, keyOf } from "../overlay_network.ts";

const ann = keyOf(1);

/** What one member sees: `here` are the room times of what it has. */
class Scene {
  readonly here = new Set<number>([0]);
  standings: Standing[] = [];
  own = 0;
  catchingUp = false;
  nowMs = 0;
  readonly withheld = new OverlayWithheld({
    standings: () => this.standings,
    isHere: (time) => this.here.has(time),
    lastOwn: () => this.own,
    isCatchingUp: () => this.catchingUp,
  });

  /** Looks until `untilMs`. @returns When somebody was due, in seconds. */
  lookUntil(untilMs: number): readonly number[] {
    const due: number[] = [];
    for (; this.nowMs <= untilMs; this.nowMs += WITHHELD_LOOK_MS) {
      if (this.withheld.look(this.nowMs).length > 0) due.push(this.nowMs / 1_000);
    }
    return due;
  }
}

/** A beacon by which a member has this, and of what we say all until `reach`. */
function standing(index: number, latest: number, more: Partial<Standing> = {}): Standing {
  const contact = contactOf(keyOf(index));
  return { contact, madeMs: 0, latest, reach: Infinity, isEqual: false, ...more };
}

Deno.test("look() names who has had for 30 s what isn't here, and no sooner", () => {
  const scene = new Scene();
  scene.standings = [standing(1, 7)];
  assertEquals(scene.lookUntil(50_000), [30, 40, 50]);
  scene.here.add(7);
  assertEquals(scene.lookUntil(200_000), []);
});

Deno.test("look() isn't deceived by what comes instead, or by later words that do come", () => {
  const scene = new Scene();
  scene.standings = [standing(1, 7)];
  scene.lookUntil(0);
  scene.here.add(8).add(9_000);
  scene.standings = [standing(1, 8)];
  assertEquals(scene.lookUntil(40_000), [30, 40]);
});

Deno.test("look() names nobody while each word comes, however many are under way", () => {
  const scene = new Scene();
  for (let word = 1; word < 60; word++) {
    scene.standings = [standing(1, word)];
    assertEquals(scene.lookUntil(scene.nowMs), []);
    scene.here.add(word);
  }
});

Deno.test("look() doesn't count the time in which something comes, up to two minutes", () => {
  const scene = new Scene();
  scene.standings = [standing(1, 7)];
  scene.catchingUp = true;
  const [first] = scene.lookUntil(400_000);
  assertEquals(first, (WITHHELD_EXCUSED_MS_MAX + WITHHELD_MS) / 1_000);
});

Deno.test("look() names one who was dialled in vain again after pauses, and others meanwhile", () => {
  const scene = new Scene();
  scene.standings = [standing(1, 7)];
  scene.lookUntil(30_000);
  scene.withheld.dialled(ann, 30_000);
  const [again] = scene.lookUntil(100_000);
  assertEquals(again, 90);
  scene.withheld.dialled(ann, 100_000);
  scene.standings = [standing(1, 7), standing(2, 7)];
  assertEquals(scene.lookUntil(200_000), [140, 150, 160, 170, 180, 190, 200]);
});

Deno.test("look() forgets what never came where the member that was dialled is level otherwise", () => {
  const scene = new Scene();
  scene.standings = [standing(1, 7)];
  scene.lookUntil(30_000);
  scene.withheld.dialled(ann, 30_000);
  scene.standings = [standing(1, 0)];
  assertEquals(scene.lookUntil(3_600_000), []);
});

Deno.test("look() names who lacks what we said, where most do, by beacons that were made long after", () => {
  const scene = new Scene();
  scene.own = 5;
  scene.standings = [standing(1, 0, { reach: 4 }), standing(2, 0, { reach: 4 }), standing(3, 0)];
  assertEquals(scene.lookUntil(60_000), []);
  scene.standings = scene.standings.map((each) => ({ ...each, madeMs: WITHHELD_MS }));
  assertEquals(scene.withheld.look(70_000), [contactOf(keyOf(1)), contactOf(keyOf(2))]);
});

Deno.test("look() lets one member lack what we said, and who has just what we have lack nothing", () => {
  const scene = new Scene();
  scene.own = 5;
  const madeMs = WITHHELD_MS;
  const behind = standing(1, 0, { reach: 4, madeMs });
  scene.standings = [behind, standing(2, 0, { madeMs }), standing(3, 0, { madeMs })];
  assertEquals(scene.lookUntil(60_000), []);
  scene.own = 6;
  scene.standings = [{ ...behind, latest: 9, madeMs: 1e6, isEqual: true }];
  assertEquals(scene.lookUntil(200_000), []);
});
