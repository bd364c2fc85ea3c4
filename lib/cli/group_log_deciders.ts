/** The keys that may decide on edits of a group, as far as the files of a member, or of the coordinator, tell. */

import { P2pchatError } from "../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../base/fingerprint.ts";
import type { Hash, PeerKey } from "../base/ids.ts";
import {
  COORDINATOR_STATE_FORMAT,
  coordinatorRecord,
  MEMBER_STATE_FORMAT,
  memberRecord,
} from "../runtime/group_records.ts";
import { type Disk, folderOf } from "../store/disk.ts";
import type { FileFormat } from "../store/format_header.ts";
import { type LogRecord, readLog } from "../store/log_format.ts";
import { STATE_FILE } from "./group_log_file.ts";

export interface Deciders {
  /** The group in question; null: any group. */
  readonly group: Hash | null;
  readonly keys: ReadonlySet<Fingerprint>;
}

/**
 * The deciders that the state file beside a log names; null where there is no readable state. Only reads, so a
 * program may be using the files.
 */
export async function decidersBeside(disk: Disk, log: string): Promise<Deciders | null> {
  const path = `${folderOf(log)}/${STATE_FILE}`;
  return await readState(disk, path, MEMBER_STATE_FORMAT, new MemberDeciders()) ??
    await readState(disk, path, COORDINATOR_STATE_FORMAT, new CoordinatorDeciders());
}

interface Reader {
  readonly found: { readonly group: Hash; readonly keys: readonly PeerKey[] } | null;
  visit(record: LogRecord): void;
}

class MemberDeciders implements Reader {
  found: Reader["found"] = null;

  visit(line: LogRecord): void {
    if (line.kind !== "group" && line.kind !== "former") return;
    const record = memberRecord(line);
    if (record.kind === "group") {
      const { group, coordinator } = record;
      const isSame = this.found?.group === group && this.found.keys[0] === coordinator;
      if (!isSame) this.found = { group, keys: [coordinator] };
    } else if (record.kind === "former" && this.found !== null) {
      const { group, keys: [coordinator] } = this.found;
      this.found = { group, keys: [coordinator!, ...record.signed.former.value.keys] };
    }
  }
}

class CoordinatorDeciders implements Reader {
  #group: Hash | null = null;
  readonly #keys: PeerKey[] = [];

  /** Null for a state from before keys were recorded. */
  get found(): Reader["found"] {
    const [group, keys] = [this.#group, this.#keys];
    return group === null || keys.length === 0 ? null : { group, keys };
  }

  visit(line: LogRecord): void {
    if (line.kind !== "group" && line.kind !== "key") return;
    const record = coordinatorRecord(line);
    if (record.kind === "group") this.#group = record.group;
    else if (record.kind === "key") this.#keys.push(record.key);
  }
}

async function readState(
  disk: Disk,
  path: string,
  format: FileFormat,
  reader: Reader,
): Promise<Deciders | null> {
  try {
    await readLog(disk, path, format, (record) => reader.visit(record));
  } catch (error) {
    if (error instanceof P2pchatError) return null; // there is none, or a different or damaged file
    throw error;
  }
  const { found } = reader;
  return found && { group: found.group, keys: new Set(found.keys.map(fingerprintOf)) };
}
