/** `p2pchat log verify`: verifies every digest and signature of a group's log. */

import { resolve } from "node:path";
import { nodeCrypto } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { countText } from "../../base/text/words.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { visibleText } from "../../base/text/text.ts";
import { consentFault } from "../../protocols/group/identity/consents.ts";
import { changeBy, isRequestAuthentic } from "../../protocols/group/schema/edit.ts";
import { EntryPlaces } from "../../protocols/group/schema/entry_places.ts";
import { isViewSignedBy } from "../../protocols/group/schema/epoch.ts";
import {
  accessText,
  type Founding,
  type Rules,
  rulesAt,
  rulesText,
} from "../../protocols/group/schema/founding.ts";
import {
  batchFault,
  COORDINATOR_NAME,
  isAuthentic,
  type SignedBatch,
} from "../../protocols/group/schema/history.ts";
import { COORDINATOR_STATE_LOG, MEMBER_STATE_LOG } from "../../protocols/group/schema/records.ts";
import type { LoggedBatch } from "../../runtime/records/group_log_lines.ts";
import { type Disk, folderOf } from "../../store/disk/disk.ts";
import type { FileFormat } from "../../store/disk/format_header.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import { readLog } from "../../store/log/log_format.ts";
import type { VerifyLogOptions } from "./group_log_arguments.ts";
import { textWidth } from "../rendering/graphemes.ts";
import { showAnswer } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import { openProgressLine } from "../terminal/progress_line.ts";
import { STATE_FILE } from "../../store/disk/paths.ts";
import { faultError, scanLogFile } from "./group_log_file.ts";
import { type LoggedName, LoggedNames, namesText } from "./logged_names.ts";

/** Somebody who has written entries or requested edits in a log. */
interface LogAuthor {
  /** The name used last. */
  name: string;
  readonly key: PeerKey;
  entries: number;
  edits: number;
}

/** The result for a log that is valid. */
interface VerifiedLog {
  readonly group: string;
  readonly entries: number;
  readonly edits: number;
  /** The digest of the history up to the last entry or edit. */
  readonly digest: string;
  /** In the order of each author's first entry or request. */
  readonly authors: readonly Readonly<LogAuthor>[];
  /** Who had which name, from which entry on, in the order in which they came. */
  readonly names: readonly LoggedName[];
  /** The coordinator's key, and the rules, when the group was founded. */
  readonly founded: { readonly by: PeerKey } & Rules & Pick<Founding, "private">;
  /** The rules at the log's end. */
  readonly rules: Rules;
  /** The keys that decided on edits, set rules or signed views; a coordinator that lost its key has a new one. */
  readonly coordinators: readonly Readonly<Coordinating>[];
  /** Whether all of those are known to be the coordinator's: the log itself can't prove whose the first one is. */
  readonly coordinatorsKnown: boolean;
}

/** What was done under one of the coordinator's keys. */
interface Coordinating {
  readonly key: PeerKey;
  /** Edits decided. */
  edits: number;
  /** Views signed that the log records. */
  views: number;
}

interface VerifyOptions {
  /** As in `ScanOptions`, with the number of entries and edits checked so far. */
  readonly between?: (places: number) => Promise<boolean>;
  /** The keys that may decide; null: not known, so that of the log's founding alone, as nothing says which follow it. */
  readonly deciders?: Deciders | null;
}

/**
 * Verifies every digest and signature, and that only permitted keys have decided on edits.
 * @throws {P2pchatError} `store-corrupt` with line, entry and reason; `bad-file` where the file isn't a log;
 *   `disk`.
 */
export async function verifiedLog(
  disk: Disk,
  path: string,
  { between = () => Promise.resolve(true), deciders = null }: VerifyOptions = {},
): Promise<VerifiedLog> {
  const authors = new Map<PeerKey, LogAuthor>();
  const coordinators = new Map<PeerKey, Coordinating>();
  const consents = new Consents();
  const names = new LoggedNames();
  let isForeign = false;
  let [entries, edits] = [0, 0];
  const count = (key: PeerKey, name: string, what: "entries" | "edits", places: number) => {
    const author = authors.get(key) ?? { name, key, entries: 0, edits: 0 };
    authors.set(key, author);
    author.name = name;
    author[what] += places;
  };
  const coordinating = (key: PeerKey): Coordinating => {
    const known = coordinators.get(key) ?? { key, edits: 0, views: 0 };
    coordinators.set(key, known);
    return known;
  };
  const scan = await scanLogFile(disk, path, {
    crypto: nodeCrypto,
    digests: true,
    between: () => between(entries + edits),
    visit({ logged, founding }) {
      const signed = logged.signed();
      const { value } = signed.batch;
      const broken = batchFault(signed, logged.group) ?? signatureFault(signed, logged);
      const foreign = broken ?? deciderFault(signed, deciders, founding);
      isForeign = broken === null && foreign !== null;
      const fault = foreign ?? viewFault(signed) ??
        consents.faultOf(signed, logged, founding);
      if (fault !== null) return fault;
      names.seen(signed, entries + 1);
      entries += value.texts.length;
      edits += value.edits.length;
      if (signed.view !== null) coordinating(signed.view.recorded.value.by).views += 1;
      if (value.kind === "texts") count(value.author, value.name, "entries", value.texts.length);
      else coordinating(value.author).edits += value.edits.length;
      for (const { signed: { request } } of value.edits) {
        count(request.value.requester, request.value.name, "edits", 1);
      }
      return null;
    },
  });
  const { end, first } = scan;
  if (scan.fault !== null || end === null || first?.kind !== "group") {
    throw faultError(
      path,
      scan,
      "trust",
      isForeign ? foreignCause(deciders, end?.group) : undefined,
    );
  }
  const { coordinator: by, edits: foundedEdits, private: isPrivate } = first.founding;
  return {
    group: end.group,
    entries,
    edits,
    digest: end.digest,
    authors: [...authors.values()],
    names: names.all,
    founded: { by, edits: foundedEdits, private: isPrivate },
    rules: rulesAt(first.founding, end),
    coordinators: [...coordinators.values()],
    coordinatorsKnown: isOf(deciders, end.group),
  };
}

/** Checks the consents of one batch after the other. */
class Consents {
  readonly #places = new EntryPlaces();
  #rules: Rules | null = null;

  /** The consents that a batch lacks, or that aren't those of whom it names, as part of a sentence; null: none. */
  faultOf(
    signed: SignedBatch,
    { position, seq }: LoggedBatch,
    founding: Founding,
  ): string | null {
    const { author, incarnation: bytes, counter, texts, edits, rules } = signed.batch.value;
    const end = { places: this.#places, seq, rules: this.#rules };
    const fault = consentFault(nodeCrypto, founding, end, signed);
    if (fault !== null) return fault.text;
    if (texts.length > 0) {
      this.#places.said(seq + 1, { author, incarnation: bytes.toHex(), counter });
    }
    for (const [index, { signed: { request: { value } } }] of edits.entries()) {
      this.#places.edited(position + index + 1, changeBy(nodeCrypto, value));
    }
    this.#rules = rules ?? this.#rules;
    return null;
  }
}

function isOf(deciders: Deciders | null, group: Hash): deciders is Deciders {
  return deciders !== null && (deciders.group === null || deciders.group === group);
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

/** The cause where somebody decided who isn't known to be allowed; undefined: as for any fault. */
function foreignCause(deciders: Deciders | null, group: Hash | undefined): string | undefined {
  if (group === undefined || !isOf(deciders, group)) return KEYS_MAY_FOLLOW;
  return deciders.group === null ? KEYS_MAY_BE_WRONG : undefined;
}

/** Where the user named the keys. */
const KEYS_MAY_BE_WRONG =
  "the keys given by --keys may be wrong: a coordinator shows its key with /status";
/** Where only the key of the founding is known. */
const KEYS_MAY_FOLLOW =
  "somebody who isn't the coordinator added it, or the coordinator has had another key since, as its /status " +
  "shows: name all of its keys by --keys then";

/** The invalid signature of a view, as part of a sentence; null where there is no such fault. */
function viewFault(signed: SignedBatch): string | null {
  if (signed.view === null) return null;
  const { by, view } = signed.view.recorded.value;
  return isViewSignedBy(nodeCrypto, by, signed.view)
    ? null
    : `the coordinator's signature (key ${fingerprintOf(by)}) doesn't fit view ${view}`;
}

/** The invalid signature of a batch, as part of a sentence; null where all are valid. */
function signatureFault(signed: SignedBatch, { seq, count }: LoggedBatch): string | null {
  if (isAuthentic(nodeCrypto, signed)) return null;
  const { kind, author, name, edits } = signed.batch.value;
  const misfit = (who: string, key: PeerKey, what: string) =>
    `${shownName(who)}'s signature (key ${fingerprintOf(key)}) doesn't fit ${what}`;
  if (kind === "texts") {
    const what = count === 1 ? `entry ${seq + 1}` : `entries ${seq + 1} to ${seq + count}`;
    return misfit(name, author, what);
  }
  for (const { edit, signed } of edits) {
    const { requester, name } = signed.request.value;
    if (!isRequestAuthentic(nodeCrypto, signed)) return misfit(name, requester, `edit ${edit}`);
  }
  if (kind === "rules") return misfit("the coordinator", author, "the rules");
  const numbers = edits.map(({ edit }) => edit).join(", ");
  return misfit("the coordinator", author, `${count === 1 ? "edit" : "edits"} ${numbers}`);
}

/** `p2pchat log verify`. @throws {P2pchatError} As `verifiedLog`. */
export async function verifyLog(options: VerifyLogOptions): Promise<void> {
  await openLog(options);
  const { file } = options;
  const progress = openProgressLine(options);
  const between = async (places: number) => {
    await progress?.tell(() => `Checked ${places} entries and edits`);
    return true;
  };
  const disk = new RealDisk();
  const deciders = options.keys === null
    ? await decidersBeside(disk, file, options.dataFolder)
    : { group: null, keys: new Set(options.keys) };
  let verified: VerifiedLog;
  try {
    verified = await verifiedLog(disk, file, { between, deciders });
  } finally {
    await progress?.clear();
  }
  const [authors, names, coordinators] = [
    verified.authors.map((one) => ({ ...one, key: fingerprintOf(one.key) })),
    verified.names.map((one) => ({ ...one, key: fingerprintOf(one.key) })),
    verified.coordinators.map((one) => ({ ...one, key: fingerprintOf(one.key) })),
  ];
  const founded = { ...verified.founded, by: fingerprintOf(verified.founded.by) };
  const event = { event: "log-verified", file, ...verified, authors, names, coordinators, founded };
  await showAnswer(options, event, verifiedText(file, verified));
}

/** Advice where the permitted keys aren't known. */
const COMPARE_KEYS =
  `who may decide on edits, and on who has which name, isn't known here: compare the key of ` +
  `${COORDINATOR_NAME} with that of its /status, or name its keys by --keys\n`;

function verifiedText(file: string, verified: VerifiedLog): string {
  const {
    entries,
    edits,
    digest,
    authors,
    names,
    founded,
    rules,
    coordinators,
    coordinatorsKnown,
  } = verified;
  const rows = [
    ...authors.map((author): readonly [string, PeerKey, string] => {
      const counts = [
        ...(author.entries > 0 ? [countText(author.entries, "entry", "entries")] : []),
        ...(author.edits > 0 ? [`${countText(author.edits, "edit", "edits")} asked for`] : []),
      ];
      return [shownName(author.name), author.key, counts.join(", ")];
    }),
    ...coordinators.map((one): readonly [string, PeerKey, string] => {
      return [COORDINATOR_NAME, one.key, coordinatingText(one)];
    }),
  ];
  const width = Math.max(0, ...rows.map(([name]) => textWidth(name)));
  const lines = rows.map(([name, key, counts]) =>
    `  ${name}${" ".repeat(width - textWidth(name))}  ${fingerprintOf(key)}  ${counts}\n`
  );
  const speakers = authors.filter((author) => author.entries > 0).length;
  const changes = edits === 0 ? "" : ` and ${countText(edits, "edit", "edits")}`;
  return `${visibleText(file)}: ${countText(entries, "entry", "entries")} of ` +
    `${countText(speakers, "author", "authors")}${changes}, every digest and signature fits\n` +
    `${lines.join("")}${namesText(names)}founded under the key ${fingerprintOf(founded.by)}: ` +
    `${rulesText(founded)}${rules.edits === founded.edits ? "" : `; now ${rulesText(rules)}`}\n` +
    `${accessText(founded)}\ndigest ${digest}\n${coordinatorsKnown ? "" : COMPARE_KEYS}`;
}

function coordinatingText({ edits, views }: Coordinating): string {
  const done = [
    ...(edits > 0 ? [`${countText(edits, "edit", "edits")} decided`] : []),
    ...(views > 0 ? [`${countText(views, "view", "views")} signed`] : []),
  ];
  return done.length === 0 ? "rules set" : done.join(", ");
}

// The keys that may decide on edits of a group, as far as the files of a member, or of the coordinator, tell.

interface Deciders {
  /** The group in question; null: any group. */
  readonly group: Hash | null;
  readonly keys: ReadonlySet<Fingerprint>;
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

class MemberDeciders implements Reader {
  found: Reader["found"] = null;

  visit(line: LogRecord): void {
    if (line.kind !== "group" && line.kind !== "former") return;
    const record = MEMBER_STATE_LOG.record(line);
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
  const { found } = reader;
  return found && { group: found.group, keys: new Set(found.keys.map(fingerprintOf)) };
}
