/** The command line of `p2pchat snapshot`. */

import { type CommandOf, fileOptions } from "../args/arguments.ts";
import type { FileOptions } from "../args/options.ts";

export const verifySnapshotCommand: CommandOf<FileOptions> = {
  name: "snapshot verify",
  form: "FILE",
  example: "p2pchat snapshot verify 20261120-204827-123-1f3a9c.txt",
  fileUse: "read",
  help:
    "check a group's snapshot, a file that /snapshots names: that no member in it has received what wasn't sent, and that nothing is missing",
  flags: [],
  options: (line) => fileOptions(line, verifySnapshotCommand),
};
