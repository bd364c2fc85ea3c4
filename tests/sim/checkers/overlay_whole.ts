/** After quiet, active views are symmetric, name members that run, and join them all into one overlay. */

import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { World } from "../mesh/world.ts";

export class OverlayWhole implements MeshChecker {
  readonly name = "overlay";

  atQuiet(world: World): void {
    const views = new Map<string, Set<string>>();
    const labels = new Map<string, string>();
    for (const { member, probe } of world.present()) {
      if (probe === null) return;
      views.set(member.key, new Set(probe.activeView()));
      labels.set(member.key, member.label);
    }
    for (const [key, view] of views) {
      for (const peer of view) {
        const its = views.get(peer);
        if (its === undefined) {
          throw new Violation(this.name, `${labels.get(key)} has a neighbour that doesn't run`);
        }
        if (its.has(key)) continue;
        throw new Violation(
          this.name,
          `${labels.get(key)} has ${labels.get(peer)} as a neighbour, but not the reverse`,
        );
      }
    }
    const [first] = views.keys();
    if (first === undefined) return;
    const reached = new Set([first]);
    for (const key of reached) for (const peer of views.get(key)!) reached.add(peer);
    for (const key of views.keys()) {
      if (reached.has(key)) continue;
      throw new Violation(
        this.name,
        `${labels.get(key)} isn't in one overlay with ${labels.get(first)}`,
      );
    }
  }
}
