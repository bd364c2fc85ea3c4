/** In the end all running members are in one view with one log, and have shown all of it (G1, G2, G7). */

import { ballotText } from "../../../../lib/protocols/group/schema/epoch.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { MemberParty, World } from "../world.ts";

export class OneGroup implements Checker {
  settled({ history }: World, members: readonly MemberParty[]): void {
    const first = members[0]?.process?.member.epoch?.epoch.value;
    for (const { name, process, disk } of members) {
      if (process === null) throw new Violation(`${name} doesn't run in the end`);
      const epoch = process.member.epoch?.epoch.value;
      if (epoch === undefined) throw new Violation(`${name} is in no view in the end`);
      if (epoch.view !== first!.view) {
        const views = `${ballotText(epoch.ballot)} and ${ballotText(first!.ballot)}`;
        throw new Violation(`${name} is in another view in the end: ${views}`);
      }
      if (epoch.members.length !== members.length) {
        throw new Violation(`The last view has ${epoch.members.length} of ${members.length}`);
      }
      const end = disk.log?.end ?? null;
      // Where a damaged disk or the operator has shortened the history, the first member's log counts.
      const whole = history.forksMax > 0 ? members[0]!.disk.log : null;
      const length = whole?.end.position ?? history.digests.length;
      const digest = whole?.end.digest ?? history.digests.at(-1);
      if (end?.position !== length) {
        throw new Violation(`G2: ${name} has ${end?.position} of ${length} entries in the end`);
      }
      if (length > 0 && end.digest !== digest) {
        throw new Violation(`G1: ${name} has another log in the end`);
      }
      if (process.shownThrough !== end.seq && history.forksMax === 0) {
        throw new Violation(`${name} has shown ${process.shownThrough} of ${end.seq} entries`);
      }
    }
  }
}
