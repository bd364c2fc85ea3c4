/** The command line of `p2pchat snapshot`. */

import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import type { VerifySnapshotOptions } from "../args/options.ts";

const verifyWords = {
  name: "snapshot verify",
  form: "FILE",
  example: "p2pchat snapshot verify 20261120-204827-123-1f3a9c.txt",
};

export const snapshotProgramCommands: readonly ProgramCommand[] = [
  {
    ...verifyWords,
    fileUse: "read",
    help:
      "check a group's snapshot, a file that /snapshots names: that no member in it has received what wasn't sent, and that nothing is missing",
    flags: [],
    prepare(line) {
      const options = verifySnapshotOptions(line);
      return async () => await (await import("./snapshot_verify.ts")).verifySnapshot(options);
    },
  },
];

/** @throws {P2pchatError} `usage` unless exactly one file is given. */
export function verifySnapshotOptions({ words, common }: CommandLine): VerifySnapshotOptions {
  const [file = "", ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(verifyWords, rest[0]);
  return { ...common, file };
}
