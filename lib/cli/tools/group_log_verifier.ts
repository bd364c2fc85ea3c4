/**
 * Verifies one batch of a group's log after the other: that its authors said it, that who had to be asked has agreed,
 * and that nobody but the coordinator decided edits and signed views. Digests are the scanner's to check.
 */

import type { Crypto } from "../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { consentFault } from "../../protocols/group/identity/consents.ts";
import { changeBy, isRequestAuthentic } from "../../protocols/group/schema/edit.ts";
import { EntryPlaces } from "../../protocols/group/schema/entry_places.ts";
import { isViewSignedBy } from "../../protocols/group/schema/epoch.ts";
import type { Founding, Rules } from "../../protocols/group/schema/founding.ts";
import { batchFault, isAuthentic, type SignedBatch } from "../../protocols/group/schema/history.ts";
import type { LoggedBatch } from "../../runtime/records/group_log_lines.ts";
import type { ScannedBatch } from "./group_log_scan.ts";
import { LoggedNames } from "./logged_names.ts";
import { resolve } from "node:path";
import { P2pchatError } from "../../base/errors.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import {
  COORDINATOR_STATE_LOG,
  MEMBER_STATE_LOG,
  type MemberState,
} from "../../protocols/group/schema/records.ts";
import { type Disk, folderOf } from "../../store/disk/disk.ts";
import type { FileFormat } from "../../store/disk/record_line.ts";
import { STATE_FILE } from "../../store/disk/paths.ts";
import { readLog } from "../../store/log/log_format.ts";
import type { CheckedLogOptions } from "./group_log_arguments.ts";

export interface Deciders {
  /** The group in question; null: any group. */
  readonly group: Hash | null;
  readonly keys: ReadonlySet<Fingerprint>;
}

/** Those that the user has named, or that the user's own files do; null where there are neither. */
export async function decidersFor(
  disk: Disk,
  { keys, file, dataFolder }: CheckedLogOptions,
): Promise<Deciders | null> {
  if (keys !== null) return { group: null, keys: new Set(keys) };
  return await decidersBeside(disk, file, dataFolder);
}

/**
 * The deciders that the state file beside a log names; null where there is no readable state, or the log isn't below the
 * user's data folder: whoever handed it over may have written the state as well. Only reads, so a program may be using
 * the files.
 */
export async function decidersBeside(
  disk: Disk,
  log: string,
  dataFolder: string,
): Promise<Deciders | null> {
  if (!resolve(log).startsWith(`${resolve(dataFolder)}/`)) return null;
  const path = `${folderOf(log)}/${STATE_FILE}`;
  return await readState(disk, path, MEMBER_STATE_LOG.name, new MemberDeciders()) ??
    await readState(disk, path, COORDINATOR_STATE_LOG.name, new CoordinatorDeciders());
}

interface Reader {
  readonly found: { readonly group: Hash; readonly keys: readonly PeerKey[] } | null;
  visit(record: LogRecord): void;
}

/** The deciders that a member's state names, as it was read; null where the member is in no group. */
export function decidersIn(records: Iterable<MemberState>): Deciders | null {
  const reader = new MemberDeciders();
  for (const record of records) reader.add(record);
  return decidersOf(reader);
}

class MemberDeciders implements Reader {
  found: Reader["found"] = null;

  visit(line: LogRecord): void {
    if (line.kind !== "group" && line.kind !== "former") return;
    const record = MEMBER_STATE_LOG.record(line);
    if (record.kind === "group" || record.kind === "former") this.add(record);
  }

  add(record: MemberState): void {
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
    const record = COORDINATOR_STATE_LOG.record(line);
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
  return decidersOf(reader);
}

function decidersOf({ found }: Pick<Reader, "found">): Deciders | null {
  return found && { group: found.group, keys: new Set(found.keys.map(fingerprintOf)) };
}

/** Whether these keys are those of that group. */
export function isOf(deciders: Deciders | null, group: Hash): deciders is Deciders {
  return deciders !== null && (deciders.group === null || deciders.group === group);
}

/** Somebody who has written entries or requested edits in a log. */
export interface LogAuthor {
  /** The name used last. */
  name: string;
  readonly key: PeerKey;
  entries: number;
  edits: number;
}

/** What was done under one of the coordinator's keys. */
export interface Coordinating {
  readonly key: PeerKey;
  /** Edits decided. */
  edits: number;
  /** Views signed that the log records. */
  views: number;
}

export class GroupLogVerifier {
  /** Who had which name so far. */
  readonly names = new LoggedNames();
  readonly #authors = new Map<PeerKey, LogAuthor>();
  readonly #coordinators = new Map<PeerKey, Coordinating>();
  readonly #consents: Consents;
  #entries = 0;
  #edits = 0;
  #cause: string | null = null;

  /**
   * @param deciders The keys that may decide; null: not known, so that of the log's founding alone, as nothing says
   *   which follow it.
   */
  constructor(readonly crypto: Crypto, readonly deciders: Deciders | null) {
    this.#consents = new Consents(crypto);
  }

  /** How many entries were verified. */
  get entries(): number {
    return this.#entries;
  }

  /** How many edits were verified. */
  get edits(): number {
    return this.#edits;
  }

  /** In the order of each author's first entry or request. */
  get authors(): readonly Readonly<LogAuthor>[] {
    return [...this.#authors.values()];
  }

  /** The keys that decided on edits, set rules or signed views. */
  get coordinators(): readonly Readonly<Coordinating>[] {
    return [...this.#coordinators.values()];
  }

  /** What may be the cause of the fault found last; null: nothing else than of any fault. */
  get cause(): string | null {
    return this.#cause;
  }

  /** @returns The fault of the next batch, as part of a sentence; null where there is none. */
  readonly visit = ({ logged, founding }: ScannedBatch): string | null => {
    const signed = logged.signed();
    const broken = batchFault(signed, logged.group) ?? signatureFault(this.crypto, signed, logged);
    const foreign = broken ?? deciderFault(signed, this.deciders, founding);
    if (broken === null && foreign !== null) {
      this.#cause = foreignCause(this.deciders, logged.group);
    }
    const fault = foreign ?? viewFault(this.crypto, signed) ??
      this.#consents.faultOf(signed, logged, founding);
    if (fault === null) this.#count(signed);
    return fault;
  };

  #count(signed: SignedBatch): void {
    const { value } = signed.batch;
    this.names.seen(signed, this.#entries + 1);
    this.#entries += value.texts.length;
    this.#edits += value.edits.length;
    if (signed.view !== null) this.#coordinating(signed.view.recorded.value.by).views += 1;
    if (value.kind === "texts") {
      this.#author(value.author, value.name).entries += value.texts.length;
    } else this.#coordinating(value.author).edits += value.edits.length;
    for (const { signed: { request } } of value.edits) {
      this.#author(request.value.requester, request.value.name).edits += 1;
    }
  }

  #author(key: PeerKey, name: string): LogAuthor {
    const author = this.#authors.get(key) ?? { name, key, entries: 0, edits: 0 };
    this.#authors.set(key, author);
    author.name = name;
    return author;
  }

  #coordinating(key: PeerKey): Coordinating {
    const known = this.#coordinators.get(key) ?? { key, edits: 0, views: 0 };
    this.#coordinators.set(key, known);
    return known;
  }
}

/** Checks the consents of one batch after the other. */
class Consents {
  readonly #places = new EntryPlaces();
  #rules: Rules | null = null;

  constructor(readonly crypto: Crypto) {}

  /** The consents that a batch lacks, or that aren't those of whom it names, as part of a sentence; null: none. */
  faultOf(
    signed: SignedBatch,
    { position, seq }: LoggedBatch,
    founding: Founding,
  ): string | null {
    const { author, incarnation: bytes, counter, texts, edits, rules } = signed.batch.value;
    const end = { places: this.#places, seq, rules: this.#rules };
    const fault = consentFault(this.crypto, founding, end, signed);
    if (fault !== null) return fault.text;
    if (texts.length > 0) {
      this.#places.said(seq + 1, { author, incarnation: bytes.toHex(), counter });
    }
    for (const [index, { signed: { request: { value } } }] of edits.entries()) {
      this.#places.edited(position + index + 1, changeBy(this.crypto, value));
    }
    this.#rules = rules ?? this.#rules;
    return null;
  }
}

/** The key that decided without permission, as part of a sentence; null where there is no such fault. */
function deciderFault(
  { batch: { value: { kind, author, group } }, view }: SignedBatch,
  deciders: Deciders | null,
  founding: Founding,
): string | null {
  const known = isOf(deciders, group) ? deciders : null;
  const whose = known === null
    ? "that of the group's founding"
    : known.group === null
    ? "among the keys given"
    : "the coordinator's";
  const isForeign = (key: PeerKey) =>
    known === null ? key !== founding.coordinator : !known.keys.has(fingerprintOf(key));
  const under = (key: PeerKey) =>
    `was decided under the key ${fingerprintOf(key)}, which isn't ${whose}`;
  if (kind !== "texts" && isForeign(author)) return `it ${under(author)}`;
  if (view === null || !isForeign(view.recorded.value.by)) return null;
  return `view ${view.recorded.value.view} ${under(view.recorded.value.by)}`;
}

/** The cause where somebody decided who isn't known to be allowed; null: as for any fault. */
function foreignCause(deciders: Deciders | null, group: Hash): string | null {
  if (!isOf(deciders, group)) return KEYS_MAY_FOLLOW;
  return deciders.group === null ? KEYS_MAY_BE_WRONG : null;
}

/** Where the user named the keys. */
const KEYS_MAY_BE_WRONG = "the keys given may be wrong: a coordinator shows its key with /status";
/** Where only the key of the founding is known. */
const KEYS_MAY_FOLLOW =
  "somebody who isn't the coordinator added it, or the coordinator has had another key since, as its /status " +
  "shows: name all of its keys by --keys then";

/** The invalid signature of a view, as part of a sentence; null where there is no such fault. */
function viewFault(crypto: Crypto, signed: SignedBatch): string | null {
  if (signed.view === null) return null;
  const { by, view } = signed.view.recorded.value;
  return isViewSignedBy(crypto, by, signed.view)
    ? null
    : `the coordinator's signature (key ${fingerprintOf(by)}) doesn't fit view ${view}`;
}

/** The invalid signature of a batch, as part of a sentence; null where all are valid. */
function signatureFault(
  crypto: Crypto,
  signed: SignedBatch,
  { seq, count }: LoggedBatch,
): string | null {
  if (isAuthentic(crypto, signed)) return null;
  const { kind, author, name, edits } = signed.batch.value;
  const misfit = (who: string, key: PeerKey, what: string) =>
    `${shownName(who)}'s signature (key ${fingerprintOf(key)}) doesn't fit ${what}`;
  if (kind === "texts") {
    const what = count === 1 ? `entry ${seq + 1}` : `entries ${seq + 1} to ${seq + count}`;
    return misfit(name, author, what);
  }
  for (const { edit, signed } of edits) {
    const { requester, name } = signed.request.value;
    if (!isRequestAuthentic(crypto, signed)) return misfit(name, requester, `edit ${edit}`);
  }
  if (kind === "rules") return misfit("the coordinator", author, "the rules");
  const numbers = edits.map(({ edit }) => edit).join(", ");
  return misfit("the coordinator", author, `${count === 1 ? "edit" : "edits"} ${numbers}`);
}
