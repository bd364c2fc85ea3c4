// What the users of a whole room do for each other in the simulator once all faults are over (`mesh/driver.ts`).

import { assertEquals } from "@std/assert";
import { OverlayWhole } from "./checkers/overlay_whole.ts";
import { PrivateRooms } from "./checkers/private_rooms.ts";
import { fakeSigner } from "./fake_crypto.ts";
import { type MeshChecker, Violation } from "./mesh/checker.ts";
import { plainMember } from "./mesh/even_world.ts";
import type { Member } from "./mesh/member.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { runMesh } from "./mesh/run.ts";
import type { World } from "./mesh/world.ts";

const SECOND_MS = 1_000;

/**
 * A scene in a private room. Bob, cut off, makes invites while the founder removes Mal; then the founder leaves for good,
 * if it does, and Bob hears of the removal from Cem. The invite that counts is Bob's, and admits nobody. Dan comes, who
 * was never there.
 */
class VoidInvite implements MeshChecker {
  readonly name = "scene";
  dan: Member | null = null;
  #hasEnded = false;

  constructor(readonly founderStays: boolean) {}

  /** Nothing is right before the scene has ended. */
  atQuiet(world: World): void {
    if (this.dan === null) this.#begin(world);
    if (!this.#hasEnded) throw new Violation(this.name, "it goes on");
  }

  #begin(world: World): void {
    const { network, members, time } = world;
    const after = (seconds: number, act: () => void) => time.after(seconds * SECOND_MS, act);
    const add = (name: string) => world.addMember(plainMember(fakeSigner(name), name));
    const [founder] = members as [Member];
    const [bob, mal, dan] = [add("bob"), add("mal"), add("dan")];
    add("cem");
    this.dan = dan;
    dan.over = true; // for now
    after(20, () => network.setCuts((from, to) => (from === bob.index) !== (to === bob.index)));
    after(30, () => {
      world.removals.add(mal.key);
      founder.process!.command({ command: "remove", name: "mal" });
    });
    for (const seconds of [31, 32, 33]) {
      after(seconds, () => bob.process!.command({ command: "invite", rotate: true }));
    }
    after(40, () => {
      if (this.founderStays) return;
      founder.over = true;
      founder.process!.command({ command: "quit" });
    });
    after(60, () => network.setCuts(() => false));
    after(100, () => {
      const { probe } = bob.process!;
      assertEquals([probe!.isRemoved(mal.key), probe!.isInviteVoid()], [true, !this.founderStays]);
      dan.over = false;
      this.#hasEnded = true;
    });
  }
}

for (const founderStays of [true, false]) {
  const by = founderStays ? "from its founder's program" : "from a user who is asked for it";
  Deno.test(`a room whose invite admits nobody has another ${by}, and who comes is let in`, () => {
    const scene = new VoidInvite(founderStays);
    const checkers = () => [scene, new OverlayWhole(), new PrivateRooms()];
    const scenario = { isPrivate: true, troubles: new Set<never>() };

    const { failure } = runMesh(meshSubject(), { seed: 1, nodes: 1, steps: 0, scenario, checkers });

    assertEquals([failure?.message ?? null, scene.dan?.present !== null], [null, true]);
  });
}

/**
 * A scene: while the founder and Bob are off, who know nobody else, all addresses are handed out anew. At theirs are two
 * newcomers then.
 */
class StrangersThere implements MeshChecker {
  readonly name = "scene";
  #isBegun = false;
  #hasEnded = false;

  atQuiet(world: World): void {
    if (!this.#isBegun) this.#begin(world);
    if (!this.#hasEnded) throw new Violation(this.name, "it goes on");
  }

  #begin(world: World): void {
    this.#isBegun = true;
    const add = (name: string) => world.addMember(plainMember(fakeSigner(name), name));
    const [founder] = world.members as [Member];
    const [bob, cem, dan] = [add("bob"), add("cem"), add("dan")];
    cem.over = dan.over = true; // for now
    world.time.after(20 * SECOND_MS, () => {
      for (const { process } of [founder, bob]) world.end(process!, false, 0);
      world.handOut([founder, cem, bob, dan]);
      cem.over = dan.over = false;
      this.#hasEnded = true;
    });
  }
}

Deno.test("members at whose addresses there are strangers to each other meet by their users' help", () => {
  const checkers = () => [new StrangersThere(), new OverlayWhole()];
  const scenario = { troubles: new Set(["permute"] as const) };

  const { failure } = runMesh(meshSubject(), { seed: 1, nodes: 1, steps: 0, scenario, checkers });

  assertEquals(failure?.message ?? null, null);
});
