/**
 * A snapshot as one text file: a record on each line, cells separated by tabs, comments after `#`, and in the last
 * line the SHA-256 of everything before it.
 *
 * The file contains everything from which its verdict follows. Programs that read it compute the verdict anew: the
 * verdict in the file is only shown to people, never relied on.
 */

import { type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import { MalformedError, P2pchatError } from "../../base/errors.ts";
import { nameFault } from "../../base/text/names.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { COORDINATOR_NAME } from "../../protocols/group/schema/history.ts";
import { MEMBERS_MAX, SNAPSHOT_RUNS_MAX } from "../../protocols/group/schema/limits.ts";
import {
  type Cut,
  type CutMember,
  type Decided,
  type MemberState,
  type Run,
  runsLength,
  type Telling,
} from "../../protocols/group/schema/cut.ts";
import type { Verdict } from "../../protocols/group/snapshot/cut_check.ts";
import { EntryIds, namesMessages } from "../../protocols/group/snapshot/cut_view.ts";
import { joinCells, splitCells } from "../../store/disk/record_line.ts";
import { cell, type Column, count, countOf, hex, text, time } from "../../base/schema/cells.ts";
import { cellsOf, columns, type Infer } from "../../base/schema/log_records.ts";

const SNAPSHOT_VERSION = 1;

const MAGIC = "p2pchat-snapshot";
const NONE = "-";
const CONSISTENT = "consistent";
const INCONSISTENT = "inconsistent";

/** Explains the lines to people; parsing skips comments. */
const COMMENTS = [
  "# coordinator KEY ENTRIES PLACES DIGEST DECISIONS LOCKS: the newest state that it knew all to share",
  "# member NAME KEY PROCESS ENTRIES, PLACES and DIGEST of its log, then on its disk, then in order here, SENT LOGGED DECISIONS TELLINGS LOCKS",
  "# received BY FROM TEXTS ACKNOWLEDGED; told FROM MESSAGES: what had come when the receiver was recorded",
  "# channel FROM TO MESSAGES; run FROM TO KEY PROCESS FIRST LAST; telling FROM AFTER THROUGH ENTRY COUNT: under way",
  "# text KEY PROCESS NUMBER ID; entry FROM ENTRY ID: the ids of what was under way",
] as const;

const process = cell<Uint8Array>("process", (bytes) => bytes.toHex(), (text) => {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new MalformedError(`no process is ${quotedStart(text)}`);
  return Uint8Array.fromHex(text);
});

const decided = cell<Decided | null>(
  "decided",
  (decided) => decided === null ? NONE : `${decided.incarnation.toHex()}:${decided.through}`,
  (text) => {
    if (text === NONE) return null;
    const [, incarnation, through] = /^([0-9a-f]{16}):(\d+)$/.exec(text) ?? [];
    if (incarnation === undefined) throw new MalformedError(`no decision is ${quotedStart(text)}`);
    return { incarnation: Uint8Array.fromHex(incarnation), through: countOf(through!) };
  },
);

const numbers = cell<readonly number[]>(
  "numbers",
  (numbers) => numbers.length === 0 ? NONE : numbers.join(","),
  (text) => text === NONE ? [] : text.split(",").map(countOf),
);

const point = columns({ position: count(), digest: hex<Hash>() });

/** The cells of each kind of line, after the kind. */
const LINES = {
  snapshot: columns({ id: text() }),
  group: columns({ group: hex<Hash>() }),
  view: columns({ number: count(), round: count() }),
  time: columns({ beganAt: time(), endedAt: time() }),
  coordinator: columns({
    key: hex<PeerKey>(),
    consistent: columns({ seq: count(), position: count(), digest: hex<Hash>() }),
    decided,
    locks: numbers,
  }),
  member: columns({
    name: text(),
    key: hex<PeerKey>(),
    incarnation: process,
    state: columns({
      seq: count(),
      log: point,
      acked: point,
      placed: point,
      sent: count(),
      logged: count(),
      decided,
      tellings: count(),
      locks: numbers,
    }),
  }),
  received: columns({ by: text(), from: text(), texts: count(), acked: count() }),
  told: columns({ name: text(), messages: count() }),
  channel: columns({ from: text(), to: text(), messages: count() }),
  run: columns({
    from: text(),
    to: text(),
    author: hex<PeerKey>(),
    incarnation: process,
    first: count(),
    through: count(),
  }),
  telling: columns({
    from: text(),
    after: count(),
    through: count(),
    seq: count(),
    entries: count(),
  }),
  text: columns({ author: hex<PeerKey>(), incarnation: process, number: count(), id: text() }),
  entry: columns({ from: text(), seq: count(), id: hex<Hash>() as Column<string> }),
  verdict: columns({ word: text(), why: text() }),
} as const;
type Kind = keyof typeof LINES;
type Said<K extends Kind> = Infer<(typeof LINES)[K]>;

function lineOf<K extends Kind>(kind: K, said: Said<K>): string {
  return joinCells([kind, ...cellsOf<unknown>(LINES[kind], said)]);
}

/** What a line says; its first cell is the kind. @throws {MalformedError} If it doesn't say that. */
function saidIn<K extends Kind>(kind: K, cells: readonly string[]): Said<K> {
  const column = LINES[kind];
  if (cells.length <= column.width!) {
    throw new MalformedError(`its cell ${cells.length + 1} is missing`);
  }
  return column.read(cells, 1, cells.length) as Said<K>;
}

/** The text of a snapshot. @param verdict The present verdict on it. */
export function snapshotText(crypto: Crypto, cut: Cut, verdict: Verdict): string {
  const word = verdict.isConsistent ? CONSISTENT : INCONSISTENT;
  const lines = [
    joinCells([MAGIC, String(SNAPSHOT_VERSION)]),
    lineOf("snapshot", cut),
    lineOf("group", cut),
    lineOf("view", cut.ballot),
    lineOf("time", cut),
    ...COMMENTS,
    lineOf("coordinator", { key: cut.coordinatorKey, ...cut.coordinator }),
    ...cut.members.map((member) => lineOf("member", member)),
    ...receivedLines(cut),
    ...channelLines(cut),
    ...idLines(crypto, cut),
    lineOf("verdict", { word, why: verdict.why }),
  ];
  const text = `${lines.join("\n")}\n`;
  return `${text}${joinCells(["sum", sumOf(crypto, text)])}\n`;
}

function sumOf(crypto: Crypto, text: string): string {
  return crypto.sha256<Hash>(utf8(text));
}

function receivedLines({ members, coordinator }: Cut): readonly string[] {
  const received = members.flatMap(({ name: by, state }) =>
    members.map(({ name: from }, of) => {
      const { texts, acked } = state.peers[of]!;
      return lineOf("received", { by, from, texts, acked });
    })
  );
  const told = members.map(({ name }, of) =>
    lineOf("told", { name, messages: coordinator.tellings[of] ?? 0 })
  );
  return [...received, ...told];
}

function channelLines({ members }: Cut): readonly string[] {
  const lines = (from: string, to: string, runs: readonly Run[]) => [
    lineOf("channel", { from, to, messages: runsLength(runs) }),
    ...runs.map((run) => lineOf("run", { from, to, ...run })),
  ];
  return members.flatMap(({ name, state, tellings }, at) => [
    ...members.flatMap(({ name: from }, of) =>
      of === at ? [] : lines(from, name, state.channels[of]!)
    ),
    ...lines(COORDINATOR_NAME, name, state.fromCoordinator),
    lineOf("channel", { from: name, to: COORDINATOR_NAME, messages: entriesOf(tellings) }),
    ...tellings.map(({ ids, ...told }) =>
      lineOf("telling", { from: name, ...told, entries: ids.length })
    ),
  ]);
}

function entriesOf(tellings: readonly Telling[]): number {
  return tellings.reduce((sum, { ids }) => sum + ids.length, 0);
}

/** A text may be in transit to several members: its id is written only once. */
function idLines(crypto: Crypto, cut: Cut): readonly string[] {
  const { members } = cut;
  const ids = new EntryIds(crypto);
  const lines = new Set<string>();
  for (const { state } of namesMessages(cut) ? members : []) {
    for (const run of [...state.channels, state.fromCoordinator].flat()) {
      const { author, incarnation, first } = run;
      ids.of(run).forEach((id, index) =>
        lines.add(lineOf("text", { author, incarnation, number: first + index, id }))
      );
    }
  }
  const entries = members.flatMap(({ name, tellings }) =>
    tellings.flatMap(({ seq, ids }) =>
      ids.map((id, index) => lineOf("entry", { from: name, seq: seq + index, id }))
    )
  );
  return [...lines, ...entries];
}

/** The content of a file. */
interface SnapshotFile {
  readonly cut: Cut;
  /** The verdict written in the file, which is not to be relied on. */
  readonly written: Verdict;
}

/**
 * Parses what `snapshotText` wrote, checking its checksum and all ids, but not whether the cut is consistent.
 * @throws {P2pchatError} `bad-file` if it isn't a snapshot of this version; `store-corrupt`. Each text is part of a
 *   sentence.
 */
export function parseSnapshot(crypto: Crypto, text: string): SnapshotFile {
  checkVersion(text);
  checkSum(crypto, text);
  const reading = new Reading();
  text.trimEnd().split("\n").slice(1, -1).forEach((line, index) => {
    if (line.startsWith("#")) return;
    reading.take(index + 2, line);
  });
  const file = reading.done();
  // A cut has exactly one text, so comparing it with the file checks everything that is derived, such as ids and
  // counts.
  const isSame = snapshotText(crypto, file.cut, file.written) === text;
  if (!isSame) throw corrupt("its ids, its counts or their order aren't those of what it says");
  return file;
}

function corrupt(why: string, cause?: unknown): P2pchatError {
  return new P2pchatError("store-corrupt", why, { cause });
}

function checkVersion(text: string): void {
  const [magic, version] = text.slice(0, text.indexOf("\n")).split("\t");
  if (magic !== MAGIC) throw new P2pchatError("bad-file", "it is no snapshot");
  if (version === String(SNAPSHOT_VERSION)) return;
  throw new P2pchatError(
    "bad-file",
    `its version is ${
      quotedStart(version ?? "")
    }, this program reads ${SNAPSHOT_VERSION}; use the program that wrote it`,
  );
}

function checkSum(crypto: Crypto, text: string): void {
  const at = text.lastIndexOf("\n", text.length - 2) + 1;
  const [kind, sum] = text.slice(at, -1).split("\t");
  if (kind !== "sum" || !text.endsWith("\n")) throw corrupt("its end is missing");
  if (sum === sumOf(crypto, text.slice(0, at))) return;
  throw corrupt("its checksum doesn't fit: somebody changed it, or the disk is damaged");
}

interface ReadMember {
  readonly name: string;
  readonly key: PeerKey;
  readonly incarnation: Uint8Array;
  readonly state: Omit<MemberState, "peers" | "channels" | "fromCoordinator">;
  readonly peers: MemberState["peers"][number][];
  readonly channels: Map<string, Run[]>;
  readonly tellings: ReadTelling[];
  /** The number of tellings, from the first, that have all their entries. */
  toldTellings: number;
}

interface ReadTelling extends Omit<Telling, "ids"> {
  readonly entries: number;
  readonly ids: string[];
}

/** The lines parsed so far. */
class Reading {
  readonly #heads = new Map<Kind, readonly string[]>();
  readonly #members = new Map<string, ReadMember>();
  readonly #told: number[] = [];

  /** Parses a line. @throws {P2pchatError} `store-corrupt`. */
  take(number: number, line: string): void {
    const cells = splitCells(line);
    try {
      if (cells === null) throw new MalformedError("nobody wrote it so");
      this.#take(cells);
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      throw corrupt(`line ${number}: ${cause.message}`, cause);
    }
  }

  #take(cells: readonly string[]): void {
    const kind = cells[0]!;
    switch (kind) {
      case "snapshot":
      case "group":
      case "view":
      case "time":
      case "coordinator":
      case "verdict":
        this.#heads.set(kind, cells);
        return;
      case "member": {
        const member = saidIn(kind, cells);
        if (nameFault(member.name) !== null) {
          throw new MalformedError(`no member can be called ${quotedStart(member.name)}`);
        }
        this.#members.set(member.name, {
          ...member,
          peers: [],
          channels: new Map(),
          tellings: [],
          toldTellings: 0,
        });
        if (this.#members.size <= MEMBERS_MAX) return;
        throw new MalformedError(`no group has more than ${MEMBERS_MAX} members`);
      }
      case "received": {
        const { by, texts, acked } = saidIn(kind, cells);
        this.#member(by).peers.push({ texts, acked });
        return;
      }
      case "told":
        this.#told.push(saidIn(kind, cells).messages);
        return;
      case "run":
        return this.#run(saidIn(kind, cells));
      case "telling": {
        const { from, ...told } = saidIn(kind, cells);
        this.#member(from).tellings.push({ ...told, ids: [] });
        return;
      }
      case "entry":
        return this.#entry(saidIn(kind, cells));
      case "channel": // derived from the others
      case "text":
        return;
      default:
        throw new MalformedError(`no line is of kind ${quotedStart(kind)}`);
    }
  }

  #member(name: string): ReadMember {
    const member = this.#members.get(name);
    if (member === undefined) throw new MalformedError(`no member is called ${quotedStart(name)}`);
    return member;
  }

  #run({ from, to, ...run }: Said<"run">): void {
    const { channels } = this.#member(to);
    const runs = channels.get(from) ?? [];
    if (runs.length === SNAPSHOT_RUNS_MAX) {
      throw new MalformedError(`no channel has more than ${SNAPSHOT_RUNS_MAX} runs`);
    }
    if (run.through < run.first) throw new MalformedError("a run ends before it begins");
    runs.push(run);
    channels.set(from, runs);
  }

  /** Entries are in the order of the tellings that contain them; an entry can be in two tellings. */
  #entry({ from, seq, id }: Said<"entry">): void {
    const member = this.#member(from);
    const { tellings } = member;
    const isTold = ({ entries, ids }: ReadTelling) => ids.length >= entries;
    while (tellings[member.toldTellings] !== undefined && isTold(tellings[member.toldTellings]!)) {
      member.toldTellings++;
    }
    const telling = tellings[member.toldTellings];
    if (telling === undefined || telling.seq + telling.ids.length !== seq) {
      throw new MalformedError(`entry ${seq} wasn't told of`);
    }
    telling.ids.push(id);
  }

  /** The complete file. @throws {P2pchatError} `store-corrupt` where something is missing. */
  done(): SnapshotFile {
    try {
      return this.#done();
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      throw corrupt(cause.message, cause);
    }
  }

  #head<K extends Kind>(kind: K): Said<K> {
    const cells = this.#heads.get(kind);
    if (cells === undefined) throw new MalformedError(`its line "${kind}" is missing`);
    return saidIn(kind, cells);
  }

  #done(): SnapshotFile {
    const [ballot, time, verdict] = [this.#head("view"), this.#head("time"), this.#head("verdict")];
    const { key: coordinatorKey, ...coordinator } = this.#head("coordinator");
    const names = [...this.#members.keys()];
    if (this.#told.length !== names.length) throw new MalformedError('a line "told" is missing');
    const cut: Cut = {
      ...this.#head("snapshot"),
      ...this.#head("group"),
      ballot,
      ...time,
      coordinatorKey,
      coordinator: { ...coordinator, tellings: this.#told },
      members: Array.from(this.#members.values(), (member) => cutMember(member, names)),
    };
    return { cut, written: { isConsistent: verdict.word === CONSISTENT, why: verdict.why } };
  }
}

function cutMember(member: ReadMember, names: readonly string[]): CutMember {
  const { name, key, incarnation, state, peers, channels, tellings } = member;
  if (peers.length !== names.length) {
    throw new MalformedError(
      `${name} has ${peers.length} lines "received" for ${names.length} members`,
    );
  }
  const fromCoordinator = channels.get(COORDINATOR_NAME) ?? [];
  const fromMembers = names.map((from) => channels.get(from) ?? []);
  return {
    name,
    key,
    incarnation,
    state: { ...state, peers, channels: fromMembers, fromCoordinator },
    tellings: tellings.map(({ after, through, seq, ids }) => ({ after, through, seq, ids })),
  };
}
