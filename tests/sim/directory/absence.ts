/** Checks that a dead process leaves the list in time, and that the other side of its call is told in time. */

import type { ClientProcess } from "./client_process.ts";
import type { Talk } from "./sight.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

const LISTED_MS_MAX = 15_000;
const TALKS_MS_MAX = 10_000;

/** A process has ended: checks later that those concerned know. */
export function watchAbsence(world: World, process: ClientProcess): void {
  const { time, directory, talks } = world;
  const endedMs = time.nowMs;
  if (directory !== null && !world.isLying) {
    const ends = [...directory.links.values()].filter(({ other }) => other.owner === process);
    const links = new Set(ends.map(({ id }) => id));
    time.after(LISTED_MS_MAX, () => {
      if (directory.gone || directory.stalledUntilMs > endedMs) return;
      if (!world.roster.all.some(({ link }) => links.has(link))) return;
      throw new Violation(`${process.label} is dead, and still in the list`);
    });
  }
  const { talk } = process.sight;
  const other = talk === null ? null : talks.other(talk);
  if (other === null || other.process.person.isSlow) return;
  time.after(TALKS_MS_MAX, () => checkTalk(other, process, endedMs));
}

function checkTalk({ end, process: other }: Talk, process: ClientProcess, endedMs: number): void {
  const wasAwake = !other.gone && other.stalledUntilMs <= endedMs && !other.person.isSlow;
  if (end === null && wasAwake) {
    throw new Violation(`${other.label} isn't told that ${process.label} is dead`);
  }
}
