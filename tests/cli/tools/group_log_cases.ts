/** Logs of a group, and the commands that read them. */

import { exportLogCommand, verifyLogCommand } from "../../../lib/cli/tools/group_log_arguments.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { editedEntries, logBytes, sixEntries } from "../group_logs.ts";

export const PATH = "/p/log";

export const SIX = sixEntries();

export const LINES = new TextDecoder().decode(logBytes(SIX)).split("\n").slice(0, -1);

export function diskWith(content: string | Uint8Array): MemoryDisk {
  const disk = new MemoryDisk();
  disk.place(PATH, content);
  return disk;
}

export const EDITED = editedEntries();

export const VERIFY = verifyLogCommand;
export const EXPORT = exportLogCommand;
