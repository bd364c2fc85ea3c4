/**
 * What the coordinator keeps, in an engine: its records as lines of a log that only who leads may write, the keys of
 * members among them; the log of a group that it isn't a member of, as the text of its file in pieces.
 *
 * The pieces are `escrow/E/N`, where E rises with each log that is begun, or given up; those count that `escrow/head` names.
 * Each is put only as long as that is so: what a node had held up isn't taken for a log that was given up meanwhile.
 * Whoever leads writes them to a file of its own as well, from which it reads: that file is made anew at the beginning,
 * and removed at the end.
 */

import { Buffer } from "node:buffer";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import { foldName } from "../../base/text/names.ts";
import type { FencedLog } from "../../engine/fenced_log.ts";
import { corruptLog } from "../../engine/fenced_log_keys.ts";
import {
  type Change,
  type Entry,
  isStill,
  type Revision,
  type SharedStore,
} from "../../engine/shared_store.ts";
import {
  COORDINATOR_STATE_LOG,
  type CoordinatorRecord,
  type CoordinatorState,
  type LogRecord,
  type NewLogRecord,
  type PinnedRecord,
} from "../../protocols/group/schema/records.ts";
import { GroupSecrets } from "../../protocols/group/schema/group_secrets.ts";
import type { HistoryEnd } from "../../protocols/group/schema/history.ts";
import type { HistoryRead } from "../../protocols/group/schema/member_io.ts";
import type { EntryLog } from "../../runtime/entry_feed.ts";
import type { RecordStore } from "../../runtime/record_log.ts";
import { batchLines, firstLine } from "../../runtime/records/group_log_lines.ts";
import { type Disk, writeAll } from "../../store/disk/disk.ts";
import { joinCells, splitCells } from "../../store/disk/record_line.ts";
import { GroupLog, type GroupLogPorts } from "../tools/group_log.ts";

interface EngineStorePorts extends GroupLogPorts {
  readonly store: SharedStore;
  /** Ends in `/`. */
  readonly prefix: string;
  readonly fenced: FencedLog;
  /** The path of the file that the kept log is read from. */
  readonly copy: string;
}

/** Below the prefix. */
const ESCROW = "escrow/";
/** Below that, which number counts. */
const HEAD = "head";
/** Of one key, unless a single batch is longer. */
const PIECE_BYTES_MAX = 512 * 1024;
/** Those of an earlier time need an invite anew, also at the leader: it keeps as many. */
const SECRETS_TOLD_MAX = 64;
/** Pieces deleted in one change. */
const DELETES_MAX = 64;

export class EngineGroupStore implements RecordStore<CoordinatorRecord> {
  records: readonly CoordinatorState[];
  /** The keys of members, by folded name. */
  readonly #pins = new Map<string, PinnedRecord>();

  /** As those that stand by have them. */
  #secrets: readonly CoordinatorState[] = [];
  #secretsModified: Revision | null = null;

  private constructor(
    readonly ports: EngineStorePorts,
    readonly fenced: FencedLog,
    readonly log: Escrowed,
  ) {
    const states: CoordinatorState[] = [];
    for (const record of fenced.takeLines().map(parsed)) {
      if (record.kind === "pinned") this.#pins.set(foldName(record.name), record);
      else states.push(record);
    }
    this.records = states;
  }

  /**
   * Reads what those who led before have left.
   * @throws {P2pchatError} `store-corrupt`, `disk`; `unreachable` and others, where the engine can't be used.
   */
  static async open(ports: EngineStorePorts): Promise<EngineGroupStore> {
    const store = new EngineGroupStore(ports, ports.fenced, await Escrowed.open(ports));
    store.#secretsModified = (await ports.store.get(secretsKey(ports.prefix)))?.modified ?? null;
    await store.#tellSecrets(store.records);
    return store;
  }

  /** The keys of members, by folded name. */
  get pins(): ReadonlyMap<string, Fingerprint> {
    return new Map([...this.#pins].map(([folded, { key }]) => [folded, key]));
  }

  get bytes(): number {
    return this.fenced.bytes;
  }

  async append(records: readonly CoordinatorRecord[], sync: boolean): Promise<void> {
    const lines: string[] = [];
    const logged: OfLog[] = [];
    for (const record of records) {
      if (record.kind === "log" || record.kind === "new-log") logged.push(record);
      else lines.push(lineOf(record));
    }
    if (!sync) this.fenced.note(lines);
    await Promise.all([
      sync ? this.fenced.append(lines) : null,
      logged.length > 0 ? this.log.write(logged) : null,
    ]);
    await this.#tellSecrets(records);
  }

  /** Whoever dials an instance that stands by proves an invite to that one, too. */
  async #tellSecrets(records: readonly CoordinatorRecord[]): Promise<void> {
    const fresh = records.filter((record): record is CoordinatorState => record.kind === "secret");
    if (fresh.length === 0) return;
    this.#secrets = [...this.#secrets, ...fresh].slice(-SECRETS_TOLD_MAX);
    const key = secretsKey(this.ports.prefix);
    const value = this.#secrets.map((record) => `${lineOf(record)}\n`).join("");
    const when = [isStill(key, this.#secretsModified)];
    this.#secretsModified = await this.fenced.change({ puts: [{ key, value }], when });
  }

  /** Remembers a member's key, durably. */
  async pin(name: string, peer: PeerKey): Promise<void> {
    const record = { kind: "pinned", name, key: fingerprintOf(peer) } as const;
    if (this.#pins.get(foldName(name))?.key === record.key) return;
    this.#pins.set(foldName(name), record);
    await this.fenced.append([lineOf(record)]);
  }

  async rewrite(records: Iterable<CoordinatorRecord>): Promise<void> {
    const states = [...records].filter((record): record is CoordinatorState =>
      record.kind !== "log" && record.kind !== "new-log"
    );
    await this.fenced.rewrite([...this.#pins.values(), ...states].map(lineOf));
  }

  /** Gives up all that is known of the group. */
  async clear(): Promise<void> {
    await this.log.clear();
    await this.fenced.rewrite([]);
    this.#pins.clear();
    this.records = [];
  }

  async close(): Promise<void> {
    await this.log.close();
    await this.fenced.close();
  }
}

type OfLog = LogRecord | NewLogRecord;

/** The key from which those that stand by have the secrets of a private group. */
export const SECRETS_NAME = "secrets";

function secretsKey(prefix: string): string {
  return prefix + SECRETS_NAME;
}

/** The secrets of a private group as the leader has told them. @throws {P2pchatError} `store-corrupt`. */
export function secretsIn(value: string): GroupSecrets {
  return new GroupSecrets(value.split("\n").slice(0, -1).map(parsed));
}

function lineOf(record: CoordinatorState): string {
  const { kind, fields } = COORDINATOR_STATE_LOG.line(record);
  return joinCells([kind, ...fields]);
}

/** @throws {P2pchatError} `store-corrupt`. */
function parsed(line: string, index: number): CoordinatorState {
  const corrupt = (why: string) =>
    new P2pchatError(
      "store-corrupt",
      `Cannot use what the engine has of this group: record ${index + 1}: ${why}`,
    );
  const [kind, ...fields] = splitCells(line) ?? [];
  if (kind === undefined) throw corrupt("it can't be read");
  try {
    const record = COORDINATOR_STATE_LOG.record({ kind, fields });
    if (record.kind !== "logged") return record;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    throw corrupt(error.message);
  }
  throw corrupt("it belongs to a file");
}

/** The log of a group in pieces. */
class Escrowed implements Pick<EntryLog, "read"> {
  /** The present log's number; 0: there never was one. */
  #number = 0;
  #headModified: Revision | null = null;
  /** Its pieces; 0: there is none. */
  #count = 0;
  /** The keys of earlier ones, which are to be deleted. */
  #old: string[] = [];
  #writing: Promise<void> = Promise.resolve();

  private constructor(readonly ports: EngineStorePorts, public file: GroupLog) {}

  /** Writes the log to the file that it is read from. */
  static async open(ports: EngineStorePorts): Promise<Escrowed> {
    const { disk, copy, store, prefix } = ports;
    const below = prefix + ESCROW;
    const { entries } = await store.read(below);
    const head = entries.find(({ key }) => key === below + HEAD) ?? null;
    const pieces = entries.filter((entry) => entry !== head);
    const number = numberIn(head, below);
    const isPresent = ({ key }: Entry) => key.startsWith(`${below}${number}/`);
    const present = pieces.filter(isPresent);
    if (present.some(({ key }, at) => key !== below + pieceName(number, at))) {
      throw corruptLog(below, "a piece is missing");
    }
    await removed(disk, copy);
    if (present.length > 0) await written(disk, copy, present.map(({ value }) => value));
    const { log } = await GroupLog.open(ports, copy, null, true);
    const escrowed = new Escrowed(ports, log);
    escrowed.#number = number;
    escrowed.#headModified = head?.modified ?? null;
    escrowed.#count = present.length;
    escrowed.#old = pieces.filter((piece) => !isPresent(piece)).map(({ key }) => key);
    return escrowed;
  }

  /** The end of the kept log; null where there is none. */
  get end(): HistoryEnd | null {
    return this.file.end?.copy() ?? null;
  }

  read(after: number, bytesMax: number): Promise<HistoryRead> {
    return this.file.read(after, bytesMax);
  }

  /** Writes records to the engine, then to the file; after all that were handed over before. */
  write(records: readonly OfLog[]): Promise<void> {
    const written = this.#writing.then(() => this.#writeAll(records));
    this.#writing = written.catch(() => {}); // the caller gets the error
    return written;
  }

  /** What others said stays nowhere but in the engine. */
  async close(): Promise<void> {
    await this.#writing;
    this.file.close();
    await removed(this.ports.disk, this.ports.copy);
  }

  async #writeAll(records: readonly OfLog[]): Promise<void> {
    let logs: LogRecord[] = [];
    for (const record of records) {
      if (record.kind === "log") logs.push(record);
      else {
        await this.#append(logs);
        logs = [];
        await this.#anew(record);
      }
    }
    await this.#append(logs);
  }

  async #anew({ founding }: NewLogRecord): Promise<void> {
    const head = this.#next();
    this.#headModified = await this.#put(firstLine(this.ports.crypto, founding), [head]);
    await this.#deleteOld();
    await this.#emptyFile();
    await this.file.startAnew(founding, null);
  }

  /** From now on there is no log. */
  async clear(): Promise<void> {
    if (this.#count > 0) {
      const when = [isStill(this.#headKey, this.#headModified)];
      this.#headModified = await this.ports.fenced.change({ puts: [this.#next()], when });
    }
    await this.#deleteOld();
    await this.#emptyFile();
  }

  /** The pieces up to now are old. @returns The head that names the next ones. */
  #next(): Change["puts"][number] {
    for (let at = 0; at < this.#count; at++) this.#old.push(this.#key(at));
    this.#number++;
    this.#count = 0;
    return { key: this.#headKey, value: String(this.#number) };
  }

  async #deleteOld(): Promise<void> {
    while (this.#old.length > 0) {
      await this.ports.fenced.change({ puts: [], deletes: this.#old.slice(0, DELETES_MAX) });
      this.#old.splice(0, DELETES_MAX);
    }
  }

  async #emptyFile(): Promise<void> {
    this.file.close();
    await removed(this.ports.disk, this.ports.copy);
    this.file = (await GroupLog.open(this.ports, this.ports.copy, null, true)).log;
  }

  async #append(records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return;
    const end = this.file.end!.copy();
    const batches = records.map(({ batch }) => batch);
    const places = batches.map((batch) => end.append(batch));
    for (const piece of piecesOf(batches.map((batch, at) => batchLines(batch, places[at]!)))) {
      await this.#put(piece);
    }
    this.file.append(batches, places);
  }

  /** Puts the next piece. @param beside What is put together with it. */
  async #put(value: string, beside: Change["puts"] = []): Promise<Revision> {
    const key = this.#key(this.#count);
    const when = [{ key, is: "absent" } as const, isStill(this.#headKey, this.#headModified)];
    const revision = await this.ports.fenced.change({ puts: [{ key, value }, ...beside], when });
    this.#count++;
    return revision;
  }

  get #headKey(): string {
    return `${this.ports.prefix}${ESCROW}${HEAD}`;
  }

  #key(at: number): string {
    return `${this.ports.prefix}${ESCROW}${pieceName(this.#number, at)}`;
  }
}

function pieceName(number: number, at: number): string {
  return `${number}/${String(at).padStart(8, "0")}`;
}

/** @throws {P2pchatError} `store-corrupt`. */
function numberIn(head: Entry | null, below: string): number {
  if (head === null) return 0;
  if (!/^[0-9]{1,15}$/.test(head.value)) throw corruptLog(below, "its head can't be read");
  return Number(head.value);
}

/** Whole batches, in as few texts as their length allows: a piece is there or isn't. */
function piecesOf(batches: readonly Uint8Array[]): readonly string[] {
  const pieces: string[] = [];
  let piece: Uint8Array[] = [];
  let bytes = 0;
  const end = () => {
    if (piece.length > 0) pieces.push(new TextDecoder().decode(Buffer.concat(piece)));
    [piece, bytes] = [[], 0];
  };
  for (const batch of batches) {
    if (bytes + batch.length > PIECE_BYTES_MAX) end();
    piece.push(batch);
    bytes += batch.length;
  }
  end();
  return pieces;
}

async function removed(disk: Disk, path: string): Promise<void> {
  if (await disk.stat(path) !== null) await disk.remove(path);
}

async function written(disk: Disk, path: string, texts: readonly string[]): Promise<void> {
  const file = await disk.openAppend(path, { empty: true });
  try {
    for (const text of texts) writeAll(file, utf8(text));
  } finally {
    file.close();
  }
}
