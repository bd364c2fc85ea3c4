/**
 * When the room is quiet, active views are symmetric, contain only running members, and connect all of them into
 * one overlay, in which honest members are connected through honest ones.
 */

import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

export class OverlayWhole implements MeshChecker {
  readonly name = "overlay";

  atQuiet(world: World): void {
    // By process, not by key: a copied profile is another process with the same key.
    const views = new Map<MemberProcess, Set<MemberProcess>>();
    for (const process of world.judged()) {
      if (process.probe === null) return;
      views.set(process, this.#neighbours(process, process.probe.activeView()));
    }
    for (const [process, view] of views) {
      for (const peer of view) {
        const its = views.get(peer);
        if (its === undefined) {
          throw new Violation(
            this.name,
            `${process.label} has ${peer.label}, who isn't in the room`,
          );
        }
        if (its.has(process)) continue;
        throw new Violation(
          this.name,
          `${process.label} has ${peer.label} as a neighbour, but not the reverse`,
        );
      }
    }
    const [first] = views.keys();
    if (first === undefined) return;
    const reached = new Set([first]);
    for (const process of reached) for (const peer of views.get(process)!) reached.add(peer);
    for (const process of views.keys()) {
      if (reached.has(process)) continue;
      throw new Violation(this.name, `${process.label} isn't in one overlay with ${first.label}`);
    }
  }

  /** The processes at the other ends of the links to the members of an active view. */
  #neighbours(process: MemberProcess, keys: Iterable<string>): Set<MemberProcess> {
    const others = new Map<string, MemberProcess[]>();
    for (const { other: { owner } } of process.links.values()) {
      const other = owner as MemberProcess;
      others.set(other.member.key, [...others.get(other.member.key) ?? [], other]);
    }
    const found = new Set<MemberProcess>();
    for (const key of keys) {
      const there = others.get(key);
      if (there === undefined) {
        throw new Violation(this.name, `${process.label} has a neighbour without a link`);
      }
      for (const other of there) if (other.member.isJudged) found.add(other);
    }
    return found;
  }
}
