/**
 * What a member of a group, or the coordinator, keeps on disk: the log of the group, the same text at all members, and
 * a state file beside it with all else.
 *
 * A member's batches are synced in the state file before it says that it has them (`held`), and the log, which they go
 * to when all have them, needs no sync of its own: what it lacks after a power cut is still held. What was fetched is in
 * the log alone, which is synced with it. Before the state file is compacted the log is synced. How far that goes is a
 * record in the state file, `logged`: a log that has less, or something else there, was damaged, removed, or replaced by
 * a copy of former days. Such a member doesn't come back with what it had: it comes in as a newcomer does.
 */

import { P2pchatError } from "../base/errors.ts";
import { HistoryEnd, type HistoryPoint } from "../protocols/group/history.ts";
import type { LastSaid } from "../protocols/group/member_io.ts";
import type {
  CoordinatorRecord,
  LogRecord,
  MemberRecord,
  NewLogRecord,
} from "../protocols/group/records.ts";
import {
  COORDINATOR_STATE_FORMAT,
  coordinatorLine,
  coordinatorRecord,
  type LoggedRecord,
  MEMBER_STATE_FORMAT,
  memberLine,
  memberRecord,
  type StateOf,
} from "../runtime/group_records.ts";
import type { RecordStore } from "../runtime/record_log.ts";
import { GroupLog, type GroupLogPorts } from "./group_log.ts";
import { type OpenedRecords, openRecords, type RecordFormat } from "./record_store.ts";

export interface GroupStorePorts extends GroupLogPorts {
  /** What the user should know, that came up after the opening. */
  notice(text: string): void;
}

export interface OpenedGroup<Stored> {
  readonly store: RecordStore<Stored>;
  readonly log: GroupLog;
  /** The log's end, for the machine to go on with; null where there is no log. */
  readonly history: HistoryEnd | null;
  /** Who said the log's last entry. */
  readonly last: LastSaid | null;
  /** What was found in the files and mended, in sentences. */
  readonly notices: readonly string[];
}

/** Beside the log, unless the user has that elsewhere. */
export const STATE_FILE = "state";
const LOG_FILE = "log";

type MemberState = StateOf<MemberRecord>;
type CoordinatorState = StateOf<CoordinatorRecord>;
/** What a state file has. */
type Kept<State> = State | LoggedRecord;

const MEMBER_RECORDS: RecordFormat<Kept<MemberState>> = {
  name: MEMBER_STATE_FORMAT,
  line: memberLine,
  record: memberRecord,
};
const COORDINATOR_RECORDS: RecordFormat<Kept<CoordinatorState>> = {
  name: COORDINATOR_STATE_FORMAT,
  line: coordinatorLine,
  record: coordinatorRecord,
};

/** Where a member's log is unless the user names a file. */
export function defaultLog(folder: string): string {
  return `${folder}/${LOG_FILE}`;
}

/**
 * Opens what a member has on disk.
 * @param folder Of the group in the profile; made where there is none.
 * @param db The log's path, absolute and without links.
 * @param isKnown Whether the log was there before; otherwise the user names a file that may be anything.
 * @throws {P2pchatError} `in-use` where another process has the log; `bad-file` where `db` is something else;
 *     `store-corrupt` with file and line of the state; `disk`.
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
  const state = await openRecords(ports.disk, `${folder}/${STATE_FILE}`, MEMBER_RECORDS);
  return await withLog(ports, { path: db, isKnown }, state, async (opened) => {
    const { log } = opened;
    const { records, logged } = takenApart(state.records);
    const lost = await lostOf(log, logged);
    const kept = lost === null ? heldBeyond(log, records) : asNewcomer(records);
    if (lost !== null) await state.rewrite([...loggedRecords(log), ...kept]);
    else if (logged === null) await state.append(loggedRecords(log), true);
    const store = new GroupStore(ports, state, log, kept);
    return { ...opened, store, notices: lost === null ? [] : [lost] };
  });
}

/**
 * Opens what the coordinator has on disk: its state, and the log of a group that nobody is in.
 * @throws {P2pchatError} As `openGroup`.
 */
export async function openCoordinator(
  ports: GroupStorePorts,
  { folder }: { readonly folder: string },
): Promise<OpenedGroup<CoordinatorRecord>> {
  await ports.disk.makeFolder(folder);
  const state = await openRecords(ports.disk, `${folder}/${STATE_FILE}`, COORDINATOR_RECORDS);
  return await withLog(
    ports,
    { path: defaultLog(folder), isKnown: true },
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
  { path, isKnown }: { readonly path: string; readonly isKnown: boolean },
  state: OpenedRecords<Kept<State>>,
  finish: (
    opened: Omit<OpenedGroup<Stored>, "store">,
  ) => Promise<OpenedGroup<Stored>>,
): Promise<OpenedGroup<Stored>> {
  let log: GroupLog | null = null;
  try {
    const { logged } = takenApart(state.records);
    const wasLog = isKnown && logged !== null;
    const opened = await GroupLog.open(ports, path, logged?.position ?? null, wasLog);
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

/** The machine's records, and how far the log is on the device for certain. */
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

/** What the user should know of a log that lacks what it had; null where it has it. */
async function lostOf(log: GroupLog, logged: HistoryPoint | null): Promise<string | null> {
  if (logged === null || logged.position === 0) return null;
  const { digest } = await log.read(logged.position, 0);
  if (digest === logged.digest) return null;
  await log.secure(0); // wherever it comes from
  const has = log.end?.position ?? 0;
  if (has < logged.position) {
    return `${log.path} has ${has} of the ${logged.position} entries and edits that it had: the ` +
      "group is asked for the others";
  }
  return `${log.path} isn't the log that was kept there: the group decides what of it holds`;
}

/** Without the batches that the log has. */
function heldBeyond(log: GroupLog, records: readonly MemberState[]): readonly MemberState[] {
  const end = log.end?.position ?? 0;
  return records.filter((record) => record.kind !== "held" || record.after >= end);
}

/** Records that say what was held. */
const VOID_KINDS: ReadonlySet<MemberState["kind"]> = new Set([
  "held",
  "levelling",
  "levelled",
]);

/** Of a member that lost a part of what it said it had: nobody counts on it for that any more. */
function asNewcomer(records: readonly MemberState[]): readonly MemberState[] {
  const isVoid = ({ kind }: MemberState) => VOID_KINDS.has(kind);
  const kept = records.filter((record) => !isVoid(record));
  const groups = kept.filter(({ kind }) => kind === "group");
  return [...kept, ...groups.slice(-1)];
}

/** None where there is no log. */
function loggedRecords(log: GroupLog): readonly LoggedRecord[] {
  return log.end === null ? [] : [{ kind: "logged", point: log.end.point }];
}

/** The one store of both files. */
class GroupStore<State extends { readonly kind: string }>
  implements RecordStore<State | LogRecord | NewLogRecord> {
  /** Of the log, that must come before what is written to it now. */
  #logWork: Promise<void> | null = null;
  #failure: unknown = null;
  #closed: Promise<void> | null = null;

  constructor(
    readonly ports: GroupStorePorts,
    readonly state: OpenedRecords<Kept<State>>,
    readonly log: GroupLog,
    readonly records: readonly State[],
  ) {}

  /** Of the state: the log isn't compacted. */
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
    // They leave out what is in the log by now, and what goes into it in this turn.
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
    // The log must not go on behind a gap, nor the state without what the log should have had.
    if (this.#failure !== null) throw this.#failure;
  }

  #toState(records: readonly State[], sync: boolean): Promise<void> {
    if (records.length === 0 && !sync) return Promise.resolve();
    return this.state.append(records, sync);
  }

  /** @param isAsked Whether what is nowhere else is to be synced. */
  #toLog(records: readonly LogRecord[], isAsked: boolean): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    const sync = isAsked && records.some(({ isFetched }) => isFetched);
    return this.#onLog(sync, () => {
      this.log.append(
        records.map(({ batch }) => batch),
        records.map(({ placed }) => placed),
      );
      return sync ? this.log.sync() : null;
    });
  }

  /** What is stored counts on the log being there. One that isn't is put back, for whoever asks next. */
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

  /** A log that can't be put back is none that failed: whoever asks next has it tried again. */
  async #putBack(): Promise<void> {
    let refused: P2pchatError | null = null;
    await this.#onLog(true, () =>
      this.log.putBack().catch((failure) => {
        if (!(failure instanceof P2pchatError)) throw failure;
        refused = failure;
      }));
    if (refused !== null) throw refused;
  }

  /** The state says first that it relies on nothing of the log that goes. */
  async #anew({ group, because }: NewLogRecord): Promise<void> {
    const point = new HistoryEnd(this.ports.crypto, group).point;
    const noted = this.state.append([{ kind: "logged", point }], true);
    const begun = this.#onLog(true, async () => {
      await noted;
      const notice = await this.log.startAnew(group, because);
      if (notice !== null) this.ports.notice(notice);
    });
    await settled([noted, begun]);
  }

  /** Syncs all that was appended before the call, in a log that is there. @returns The record that says so. */
  async #syncLog(): Promise<readonly LoggedRecord[]> {
    await this.#putBack();
    let logged: readonly LoggedRecord[] = [];
    await this.#onLog(true, () => {
      logged = loggedRecords(this.log);
      return this.log.sync();
    });
    return logged;
  }

  /** Does something with the log in its turn, at once where nothing `waits` and nobody does. */
  async #onLog(waits: boolean, work: () => Promise<void> | null): Promise<void> {
    const before = this.#logWork;
    const done = before === null ? this.#tried(work) : before.then(() => this.#tried(work));
    if (!waits && before === null) return await done;
    const turn = done.catch(() => {}).then(() => { // who asked for it is told
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

/** Resolves when all have ended, rejects with what went wrong first. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
