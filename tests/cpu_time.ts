/** What something costs, however busy the machine is. */

import process from "node:process";

/** Milliseconds of processor time that `run` takes this thread, in steps of 10 on some systems. */
export function cpuMs(run: () => unknown): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
