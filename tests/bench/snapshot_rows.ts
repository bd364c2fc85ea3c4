/** What snapshots cost: a group of which one is taken each second, beside the same group without. */

import { Group, isEvent, measureFlood } from "./group_rows.ts";
import { atLeast, type Row } from "./row.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 5;
const MEMBERS = 3;
/** Some seconds of all that the group can, so that some snapshots fall into it. */
const FLOOD_ENTRIES = 45_000;

export async function measureSnapshots(): Promise<readonly Row[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  return [await measureThroughput(folder)];
}

async function measureThroughput(folder: string): Promise<Row> {
  await using busy = await Group.open(folder, MEMBERS, "--snapshot-every", "1s");
  await using plain = await Group.open(folder, MEMBERS);
  let snapshots = 0;
  busy.coordinator.onLine((line) => {
    if (isEvent("snapshot")(line)) snapshots++;
  });
  const [ours, theirs]: [number[], number[]] = [[], []];
  let taken = 0;
  for (let round = -1; round < ROUNDS; round++) {
    const before = snapshots;
    const withSnapshots = await measureFlood(busy.crowd, FLOOD_ENTRIES);
    const during = snapshots - before;
    const without = await measureFlood(plain.crowd, FLOOD_ENTRIES);
    if (round < 0) continue; // it warms both
    ours.push(withSnapshots.perSecond);
    theirs.push(without.perSecond);
    taken += during;
  }
  return {
    group: `group chat, ${MEMBERS} members`,
    what: `all send while a snapshot is taken each second (${taken} in ${ROUNDS} rounds)`,
    unit: "entries/s",
    ours,
    baseline: { name: "no snapshots", samples: theirs },
    target: atLeast(0.9),
  };
}
