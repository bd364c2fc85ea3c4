/** In the end each member knows of each other whether it is away, and why. */

import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";

export class AwayTold implements Checker {
  settled(world: World): void {
    for (const { name, member } of world.running()) {
      for (const other of world.running()) {
        const { away } = member.presences.of(other.member.self.key);
        const { own } = other.member.presences;
        if (away === own.away) continue;
        throw new Violation(`${name} takes ${other.name} for away: ${away}, not ${own.away}`);
      }
    }
  }
}
