/**
 * What a member of a group, or the coordinator, stores on disk: the log of the group, the same text at all members,
 * and a state file beside it with everything else.
 *
 * A member's batches are synced in the state file (`held`) before the member acknowledges them. When all members
 * have them, they are appended to the log, which needs no sync of its own: what it lacks after a power cut is still
 * held. Only batches that were fetched are nowhere but in the log, which is synced with them. Before the state file
 * is compacted, the log is synced, too. The record `logged` in the state file says up to where it was: a log that
 * has less than that, or something else there, was damaged, removed, or replaced by an old copy. A member with such
 * a log doesn't rejoin with its former state, but joins as a newcomer does.
 */

import { P2pchatError } from "../../base/errors.ts";
import { HistoryEnd, type HistoryPoint } from "../../protocols/group/schema/history.ts";
import { groupIdOf } from "../../protocols/group/schema/founding.ts";
import type { LastSaid } from "../../protocols/group/schema/member_io.ts";
import {
  COORDINATOR_STATE_LOG,
  type CoordinatorRecord,
  type GroupRecord,
  type LoggedRecord,
  type LogRecord,
  MEMBER_STATE_LOG,
  type MemberRecord,
  type MemberState,
  type NewLogRecord,
} from "../../protocols/group/schema/records.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { EntryLog } from "../../runtime/entry_feed.ts";
import type { Snapshots } from "../../runtime/hosts/coordinator_host.ts";
import type { RecordStore } from "../../runtime/record_log.ts";
import { GroupLog, type GroupLogPorts } from "../tools/group_log.ts";
import { decidersIn, GroupLogVerifier } from "../tools/group_log_verifier.ts";
import { STATE_FILE } from "../../store/disk/paths.ts";
import { type OpenedRecords, openRecords } from "../session/record_store.ts";

interface GroupStorePorts extends GroupLogPorts {
  /** Shows a notice about something that occurred after opening. */
  notice(text: string): void;
}

export interface OpenedGroup<Stored> {
  readonly store: RecordStore<Stored>;
  readonly log: GroupLog;
  /** The log's end, from which the machine continues; null where there is no log. */
  readonly history: HistoryEnd | null;
  /** The author of the log's last entry. */
  readonly last: LastSaid | null;
  /** Problems found in the files and repaired, in sentences. */
  readonly notices: readonly string[];
}

/** A group that is open, wherever it is kept. */
export interface ServedGroup {
  readonly store: RecordStore<CoordinatorRecord>;
  readonly log: Pick<EntryLog, "read">;
  /** The end of that log; null where there is none. */
  readonly history: HistoryEnd | null;
  readonly snapshots: Snapshots;
  /** Keys of members that are kept with the group, by folded name; null: they are kept in the profile alone. */
  readonly pins: ReadonlyMap<string, Fingerprint> | null;
  /** Whether nobody can have heard of a group with this key. */
  readonly isNew: boolean;
  /** To be shown when it is served. */
  readonly notices: readonly string[];
  close(): Promise<void>;
}

const LOG_FILE = "log";

/** The records in a state file. */
type Kept<State> = State | LoggedRecord;

/** The path of a member's log unless the user names another one. */
export function defaultLog(folder: string): string {
  return `${folder}/${LOG_FILE}`;
}

/**
 * Opens a member's files.
 * @param folder The group's folder in the profile; created where there is none.
 * @param db The log's path, absolute and without links.
 * @param isKnown Whether the log was at that path before; otherwise the file that the user names may be anything, and
 *   is verified: from the first fault on it is dealt with as a damaged one.
 * @throws {P2pchatError} `in-use` where another process has the log; `bad-file` where `db` isn't a log;
 *   `store-corrupt` with file and line of the state; `disk`.
 */
export async function openGroup(
  ports: GroupStorePorts,
  { folder, db, isKnown }: {
    readonly folder: string;
    readonly db: string;
    readonly isKnown: boolean;
  },
): Promise<OpenedGroup<MemberRecord>> {
  await ports.disk.makeFolder(folder);
  const state = await openRecords(ports.disk, `${folder}/${STATE_FILE}`, MEMBER_STATE_LOG);
  const check = isKnown
    ? null
    : new GroupLogVerifier(ports.crypto, decidersIn(takenApart(state.records).records));
  return await withLog(ports, { path: db, isKnown, check }, state, async (opened) => {
    const { log } = opened;
    const { records, logged } = takenApart(state.records);
    const group = groupOf(records);
    if (group !== null && log.end !== null && log.end.group !== group.group) {
      return await withoutForeign(ports, group, state, opened);
    }
    const lost = await lostOf(log, logged);
    const kept = lost === null ? heldBeyond(log, records) : asNewcomer(records);
    if (lost !== null) await state.rewrite([...loggedRecords(log), ...kept]);
    else if (logged === null) await state.append(loggedRecords(log), true);
    const store = new GroupStore(ports, state, log, kept);
    return { ...opened, store, notices: lost === null ? [] : [lost] };
  });
}

/** The group that a member's state belongs to; null where it is in none yet. */
function groupOf(records: readonly MemberState[]): GroupRecord | null {
  return records.findLast((record) => record.kind === "group") ?? null;
}

/**
 * Sets the log of another group aside before anything of it is shown. The state is told first that it relies on
 * nothing in a log.
 */
async function withoutForeign(
  ports: GroupStorePorts,
  { group, founding }: GroupRecord,
  state: OpenedRecords<Kept<MemberState>>,
  { log }: Omit<OpenedGroup<MemberRecord>, "store">,
): Promise<OpenedGroup<MemberRecord>> {
  const { records, logged } = takenApart(state.records);
  const hadEntries = logged !== null && logged.position > 0;
  const kept = hadEntries ? asNewcomer(records) : records;
  const history = new HistoryEnd(ports.crypto, group);
  await state.rewrite([{ kind: "logged", point: history.point }, ...kept]);
  const notice = await log.startAnew(founding, "foreign");
  const store = new GroupStore(ports, state, log, kept);
  return { store, log, history, last: null, notices: notice === null ? [] : [notice] };
}

/**
 * Opens the coordinator's files: its state, and the log of a group, which it isn't a member of.
 * @throws {P2pchatError} As `openGroup`.
 */
export async function openCoordinator(
  ports: GroupStorePorts,
  { folder }: { readonly folder: string },
): Promise<OpenedGroup<CoordinatorRecord>> {
  await ports.disk.makeFolder(folder);
  const state = await openRecords(ports.disk, `${folder}/${STATE_FILE}`, COORDINATOR_STATE_LOG);
  return await withLog(
    ports,
    { path: defaultLog(folder), isKnown: true, check: null },
    state,
    async (opened) => {
      const { log } = opened;
      const { records, logged } = takenApart(state.records);
      const lost = await lostOf(log, logged);
      if (lost !== null || logged === null) await state.append(loggedRecords(log), true);
      const store = new GroupStore(ports, state, log, records);
      return { ...opened, store, notices: lost === null ? [] : [lost] };
    },
  );
}

/** Opens the log beside a state that is open. */
async function withLog<State extends { readonly kind: string }, Stored>(
  ports: GroupStorePorts,
  { path, isKnown, check }: {
    readonly path: string;
    readonly isKnown: boolean;
    readonly check: GroupLogVerifier | null;
  },
  state: OpenedRecords<Kept<State>>,
  finish: (
    opened: Omit<OpenedGroup<Stored>, "store">,
  ) => Promise<OpenedGroup<Stored>>,
): Promise<OpenedGroup<Stored>> {
  let log: GroupLog | null = null;
  try {
    const { logged } = takenApart(state.records);
    const wasLog = isKnown && logged !== null;
    const certain = logged?.position ?? null;
    const opened = await GroupLog.open(ports, path, certain, wasLog, check?.visit);
    log = opened.log;
    await log.secure(logged?.position ?? 0);
    const history = log.end?.copy() ?? null;
    const group = await finish({ log, history, last: opened.last, notices: [] });
    return { ...group, notices: [...state.notices, ...opened.notices, ...group.notices] };
  } catch (error) {
    log?.close();
    await state.close();
    throw error;
  }
}

/** Separates the machine's records from the point up to which the log is certainly on the device. */
function takenApart<State extends { readonly kind: string }>(
  all: readonly Kept<State>[],
): { readonly records: readonly State[]; readonly logged: HistoryPoint | null } {
  let logged: HistoryPoint | null = null;
  const records: State[] = [];
  for (const record of all) {
    if (isLogged(record)) logged = record.point;
    else records.push(record);
  }
  return { records, logged };
}

function isLogged<State extends { readonly kind: string }>(
  record: Kept<State>,
): record is LoggedRecord {
  return record.kind === "logged";
}

/** The notice about a log that lacks entries it had, or has others; null where it is complete. */
async function lostOf(log: GroupLog, logged: HistoryPoint | null): Promise<string | null> {
  if (logged === null || logged.position === 0) return null;
  const { digest } = await log.read(logged.position, 0);
  if (digest === logged.digest) return null;
  await log.secure(0); // the device must have it, whatever its origin
  const has = log.end?.position ?? 0;
  if (has < logged.position) {
    return `${log.path} has ${has} of the ${logged.position} entries and edits that it had: the ` +
      "group is asked for the others";
  }
  return `${log.path} isn't the log that was kept there: the group decides what of it holds`;
}

/** The records without held batches that are in the log already. */
function heldBeyond(log: GroupLog, records: readonly MemberState[]): readonly MemberState[] {
  const end = log.end?.position ?? 0;
  return records.filter((record) => record.kind !== "held" || record.after >= end);
}

/** Kinds of records about held batches. */
const VOID_KINDS: ReadonlySet<MemberState["kind"]> = new Set([
  "held",
  "levelling",
  "levelled",
]);

/**
 * The records of a member that lost part of what it had acknowledged: it makes no more claims about batches it
 * holds.
 */
function asNewcomer(records: readonly MemberState[]): readonly MemberState[] {
  const isVoid = ({ kind }: MemberState) => VOID_KINDS.has(kind);
  const kept = records.filter((record) => !isVoid(record));
  const groups = kept.filter(({ kind }) => kind === "group");
  return [...kept, ...groups.slice(-1)];
}

/** An empty list where there is no log. */
function loggedRecords(log: GroupLog): readonly LoggedRecord[] {
  return log.end === null ? [] : [{ kind: "logged", point: log.end.point }];
}

/** The single store for both files. */
class GroupStore<State extends { readonly kind: string }>
  implements RecordStore<State | LogRecord | NewLogRecord> {
  /** Work on the log that has to end before the next write to it. */
  #logWork: Promise<void> | null = null;
  #failure: unknown = null;
  /** How many new logs were begun. */
  #renewals = 0;
  #closed: Promise<void> | null = null;

  constructor(
    readonly ports: GroupStorePorts,
    readonly state: OpenedRecords<Kept<State>>,
    readonly log: GroupLog,
    readonly records: readonly State[],
  ) {}

  /** Length of the state file; the log isn't compacted. */
  get bytes(): number {
    return this.state.bytes;
  }

  async append(
    records: readonly (State | LogRecord | NewLogRecord)[],
    sync: boolean,
  ): Promise<void> {
    this.#checkWhole();
    const work: Promise<void>[] = [];
    let states: State[] = [];
    let logs: LogRecord[] = [];
    for (const record of records) {
      if (isLog(record)) logs.push(record);
      else if (isNewLog(record)) {
        work.push(this.#toState(states, false), this.#toLog(logs, false), this.#anew(record));
        [states, logs] = [[], []];
      } else states.push(record);
    }
    work.push(this.#toState(states, sync), this.#toLog(logs, sync));
    if (sync) work.push(this.#checkPlace());
    await settled(work);
  }

  async rewrite(records: Iterable<State | LogRecord | NewLogRecord>): Promise<void> {
    this.#checkWhole();
    const states = [...records].filter((record): record is State =>
      !isLog(record) && !isNewLog(record)
    );
    // The new state leaves out what is in the log by now, or is written to it in this turn.
    await this.state.rewrite(async () => [...await this.#syncLog(), ...states]);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    try {
      if (this.#failure === null) await this.state.append(await this.#syncLog(), true);
    } finally {
      this.log.close();
      await this.state.close();
    }
  }

  #checkWhole(): void {
    // After a failure, the log must not continue after a gap, nor the state without what the log should have.
    if (this.#failure !== null) throw this.#failure;
  }

  #toState(records: readonly Kept<State>[], sync: boolean): Promise<void> {
    if (records.length === 0 && !sync) return Promise.resolve();
    return this.state.append(records, sync);
  }

  /** @param isAsked Whether fetched batches, which are stored nowhere else, are to be synced. */
  async #toLog(records: readonly LogRecord[], isAsked: boolean): Promise<void> {
    if (records.length === 0) return;
    const sync = isAsked && records.some(({ isFetched }) => isFetched);
    const renewals = this.#renewals;
    let logged: readonly LoggedRecord[] = [];
    await this.#onLog(sync, () => {
      this.log.append(
        records.map(({ batch }) => batch),
        records.map(({ placed }) => placed),
      );
      if (!sync) return null;
      logged = loggedRecords(this.log);
      return this.log.sync();
    });
    // What is promised from now on may rely on it. Of a log that another one takes the place of nothing is said any more.
    if (renewals === this.#renewals) await this.#toState(logged, false);
  }

  /**
   * What is acknowledged relies on the log being in place. If it isn't, restores it for the next attempt, and
   * fails.
   */
  async #checkPlace(): Promise<void> {
    try {
      this.log.checkPlace();
    } catch (error) {
      await this.#putBack().catch((failure) => {
        if (!(failure instanceof P2pchatError)) throw failure;
      });
      throw error;
    }
  }

  /** Restores a missing log. A failure doesn't make the log unusable: the next request tries again. */
  async #putBack(): Promise<void> {
    let refused: P2pchatError | null = null;
    await this.#onLog(true, () =>
      this.log.putBack().catch((failure) => {
        if (!(failure instanceof P2pchatError)) throw failure;
        refused = failure;
      }));
    if (refused !== null) throw refused;
  }

  /** Begins a new log. The state is told first that it relies on nothing in the old log. */
  async #anew({ founding, because }: NewLogRecord): Promise<void> {
    this.#renewals++;
    const { crypto } = this.ports;
    const { point } = new HistoryEnd(crypto, groupIdOf(crypto, founding));
    const noted = this.state.append([{ kind: "logged", point }], true);
    const begun = this.#onLog(true, async () => {
      await noted;
      const notice = await this.log.startAnew(founding, because);
      if (notice !== null) this.ports.notice(notice);
    });
    await settled([noted, begun]);
  }

  /**
   * Syncs everything appended before the call, restoring the log if it is missing. @returns The record that says
   * so.
   */
  async #syncLog(): Promise<readonly LoggedRecord[]> {
    await this.#putBack();
    let logged: readonly LoggedRecord[] = [];
    await this.#onLog(true, () => {
      logged = loggedRecords(this.log);
      return this.log.sync();
    });
    return logged;
  }

  /** Works on the log in turn; at once if no work is queued and this work needn't be waited for by others. */
  async #onLog(waits: boolean, work: () => Promise<void> | null): Promise<void> {
    const before = this.#logWork;
    const done = before === null ? this.#tried(work) : before.then(() => this.#tried(work));
    if (!waits && before === null) return await done;
    const turn = done.catch(() => {}).then(() => { // the caller gets the error
      if (this.#logWork === turn) this.#logWork = null;
    });
    this.#logWork = turn;
    await done;
  }

  async #tried(work: () => Promise<void> | null): Promise<void> {
    this.#checkWhole();
    try {
      await work();
    } catch (error) {
      if (error instanceof P2pchatError) this.#failure ??= error;
      throw error;
    }
  }
}

function isLog(record: { readonly kind: string }): record is LogRecord {
  return record.kind === "log";
}

function isNewLog(record: { readonly kind: string }): record is NewLogRecord {
  return record.kind === "new-log";
}

/** Resolves when all have ended; rejects with the first error. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
