/**
 * A snapshot as one text file: a record on each line, cells separated by tabs, comments after `#`, and in the last
 * line the SHA-256 of everything before it.
 *
 * The file contains everything from which its verdict follows. Programs that read it compute the verdict anew: the
 * verdict in the file is only shown to people, never relied on.
 */

import { type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import { MalformedError, P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { COORDINATOR_NAME, type HistoryPoint } from "../../protocols/group/schema/history.ts";
import { MEMBERS_MAX, SNAPSHOT_RUNS_MAX } from "../../protocols/group/schema/limits.ts";
import {
  type CoordinatorState,
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
import { countOf, hexOf, isoTime, timeOf } from "../../base/schema/cells.ts";

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

/** The text of a snapshot. @param verdict The present verdict on it. */
export function snapshotText(crypto: Crypto, cut: Cut, verdict: Verdict): string {
  const lines = [
    ...headLines(cut),
    ...COMMENTS,
    coordinatorLine(cut.coordinatorKey, cut.coordinator),
    ...cut.members.map(memberLine),
    ...receivedLines(cut),
    ...channelLines(cut),
    ...idLines(crypto, cut),
    joinCells(["verdict", verdict.isConsistent ? CONSISTENT : INCONSISTENT, verdict.why]),
  ];
  const text = `${lines.join("\n")}\n`;
  return `${text}${joinCells(["sum", sumOf(crypto, text)])}\n`;
}

function sumOf(crypto: Crypto, text: string): string {
  return crypto.sha256<Hash>(utf8(text));
}

function headLines({ id, group, ballot, beganAt, endedAt }: Cut): readonly string[] {
  return [
    joinCells([MAGIC, String(SNAPSHOT_VERSION)]),
    joinCells(["snapshot", id]),
    joinCells(["group", group]),
    joinCells(["view", String(ballot.number), String(ballot.round)]),
    joinCells(["time", isoTime(beganAt), isoTime(endedAt)]),
  ];
}

function coordinatorLine(key: PeerKey, { consistent, decided, locks }: CoordinatorState): string {
  return joinCells([
    "coordinator",
    key,
    String(consistent.seq),
    ...pointCells(consistent),
    decidedCell(decided),
    numbersCell(locks),
  ]);
}

function memberLine({ name, key, incarnation, state }: CutMember): string {
  const { seq, log, acked, placed, sent, logged, decided, tellings, locks } = state;
  return joinCells([
    "member",
    name,
    key,
    incarnation.toHex(),
    String(seq),
    ...pointCells(log),
    ...pointCells(acked),
    ...pointCells(placed),
    String(sent),
    String(logged),
    decidedCell(decided),
    String(tellings),
    numbersCell(locks),
  ]);
}

function pointCells({ position, digest }: HistoryPoint): readonly string[] {
  return [String(position), digest];
}

function decidedCell(decided: Decided | null): string {
  return decided === null ? NONE : `${decided.incarnation.toHex()}:${decided.through}`;
}

function numbersCell(numbers: readonly number[]): string {
  return numbers.length === 0 ? NONE : numbers.join(",");
}

function receivedLines({ members, coordinator }: Cut): readonly string[] {
  const received = members.flatMap(({ name: by, state }) =>
    members.map(({ name: from }, of) => {
      const { texts, acked } = state.peers[of]!;
      return joinCells(["received", by, from, String(texts), String(acked)]);
    })
  );
  const told = members.map(({ name }, of) =>
    joinCells(["told", name, String(coordinator.tellings[of] ?? 0)])
  );
  return [...received, ...told];
}

function channelLines({ members }: Cut): readonly string[] {
  const lines = (from: string, to: string, runs: readonly Run[]) => [
    joinCells(["channel", from, to, String(runsLength(runs))]),
    ...runs.map(({ author, incarnation, first, through }) =>
      joinCells(["run", from, to, author, incarnation.toHex(), String(first), String(through)])
    ),
  ];
  return members.flatMap(({ name, state, tellings }, at) => [
    ...members.flatMap(({ name: from }, of) =>
      of === at ? [] : lines(from, name, state.channels[of]!)
    ),
    ...lines(COORDINATOR_NAME, name, state.fromCoordinator),
    joinCells(["channel", name, COORDINATOR_NAME, String(entriesOf(tellings))]),
    ...tellings.map(({ after, through, seq, ids }) =>
      joinCells(["telling", name, ...[after, through, seq, ids.length].map(String)])
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
        lines.add(joinCells(["text", author, incarnation.toHex(), String(first + index), id]))
      );
    }
  }
  const entries = members.flatMap(({ name, tellings }) =>
    tellings.flatMap(({ seq, ids }) =>
      ids.map((id, index) => joinCells(["entry", name, String(seq + index), id]))
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
  readonly #heads = new Map<string, readonly string[]>();
  readonly #members = new Map<string, ReadMember>();
  readonly #told: number[] = [];

  /** Parses a line. @throws {P2pchatError} `store-corrupt`. */
  take(number: number, line: string): void {
    const cells = splitCells(line);
    try {
      if (cells === null) throw new MalformedError("nobody wrote it so");
      this.#take(new Cells(cells));
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      throw corrupt(`line ${number}: ${cause.message}`, cause);
    }
  }

  #take(cells: Cells): void {
    const kind = cells.text(0);
    switch (kind) {
      case "snapshot":
      case "group":
      case "view":
      case "time":
      case "coordinator":
      case "verdict":
        this.#heads.set(kind, cells.cells);
        return;
      case "member":
        this.#members.set(cells.text(1), readMember(cells));
        if (this.#members.size <= MEMBERS_MAX) return;
        throw new MalformedError(`no group has more than ${MEMBERS_MAX} members`);
      case "received":
        this.#member(cells, 1).peers.push({ texts: cells.count(3), acked: cells.count(4) });
        return;
      case "told":
        this.#told.push(cells.count(2));
        return;
      case "channel":
        return;
      case "run": {
        const { channels } = this.#member(cells, 2);
        const from = cells.text(1);
        const runs = channels.get(from) ?? [];
        if (runs.length === SNAPSHOT_RUNS_MAX) {
          throw new MalformedError(`no channel has more than ${SNAPSHOT_RUNS_MAX} runs`);
        }
        runs.push(readRun(cells));
        channels.set(from, runs);
        return;
      }
      case "telling": {
        const [after, through, seq] = [cells.count(2), cells.count(3), cells.count(4)];
        const entries = cells.count(5);
        this.#member(cells, 1).tellings.push({ after, through, seq, entries, ids: [] });
        return;
      }
      case "entry":
        return this.#entry(cells);
      case "text":
        return;
      default:
        throw new MalformedError(`no line is of kind ${quotedStart(kind)}`);
    }
  }

  #member(cells: Cells, index: number): ReadMember {
    const name = cells.text(index);
    const member = this.#members.get(name);
    if (member === undefined) throw new MalformedError(`no member is called ${quotedStart(name)}`);
    return member;
  }

  /** Entries are in the order of the tellings that contain them; an entry can be in two tellings. */
  #entry(cells: Cells): void {
    const member = this.#member(cells, 1);
    const { tellings } = member;
    const isTold = ({ entries, ids }: ReadTelling) => ids.length >= entries;
    while (tellings[member.toldTellings] !== undefined && isTold(tellings[member.toldTellings]!)) {
      member.toldTellings++;
    }
    const telling = tellings[member.toldTellings];
    const seq = cells.count(2);
    if (telling === undefined || telling.seq + telling.ids.length !== seq) {
      throw new MalformedError(`entry ${seq} wasn't told of`);
    }
    telling.ids.push(hexOf<Hash>(cells.text(3)));
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

  #head(kind: string): Cells {
    const cells = this.#heads.get(kind);
    if (cells === undefined) throw new MalformedError(`its line "${kind}" is missing`);
    return new Cells(cells);
  }

  #done(): SnapshotFile {
    const [view, time, verdict] = [this.#head("view"), this.#head("time"), this.#head("verdict")];
    const coordinator = this.#head("coordinator");
    const names = [...this.#members.keys()];
    if (this.#told.length !== names.length) throw new MalformedError('a line "told" is missing');
    const cut: Cut = {
      id: this.#head("snapshot").text(1),
      group: hexOf<Hash>(this.#head("group").text(1)),
      ballot: { number: view.count(1), round: view.count(2) },
      beganAt: timeOf(time.text(1)),
      endedAt: timeOf(time.text(2)),
      coordinatorKey: hexOf<PeerKey>(coordinator.text(1)),
      coordinator: {
        consistent: { seq: coordinator.count(2), ...coordinator.point(3) },
        decided: coordinator.decided(5),
        locks: coordinator.numbers(6),
        tellings: this.#told,
      },
      members: Array.from(this.#members.values(), (member) => cutMember(member, names)),
    };
    const why = verdict.text(2);
    return { cut, written: { isConsistent: verdict.text(1) === CONSISTENT, why } };
  }
}

function readMember(cells: Cells): ReadMember {
  return {
    name: cells.text(1),
    key: hexOf<PeerKey>(cells.text(2)),
    incarnation: cells.process(3),
    state: {
      seq: cells.count(4),
      log: cells.point(5),
      acked: cells.point(7),
      placed: cells.point(9),
      sent: cells.count(11),
      logged: cells.count(12),
      decided: cells.decided(13),
      tellings: cells.count(14),
      locks: cells.numbers(15),
    },
    peers: [],
    channels: new Map(),
    tellings: [],
    toldTellings: 0,
  };
}

function readRun(cells: Cells): Run {
  if (cells.count(6) < cells.count(5)) throw new MalformedError("a run ends before it begins");
  return {
    author: hexOf<PeerKey>(cells.text(3)),
    incarnation: cells.process(4),
    first: cells.count(5),
    through: cells.count(6),
  };
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

/** The cells of a line. Each method throws a `MalformedError` if the cell isn't of its kind. */
class Cells {
  constructor(readonly cells: readonly string[]) {}

  text(index: number): string {
    const cell = this.cells[index];
    if (cell === undefined) throw new MalformedError(`its cell ${index + 1} is missing`);
    return cell;
  }

  count(index: number): number {
    return countOf(this.text(index));
  }

  point(index: number): HistoryPoint {
    return { position: this.count(index), digest: hexOf<Hash>(this.text(index + 1)) };
  }

  process(index: number): Uint8Array {
    const text = this.text(index);
    if (!/^[0-9a-f]{16}$/.test(text)) {
      throw new MalformedError(`no process is ${quotedStart(text)}`);
    }
    return Uint8Array.fromHex(text);
  }

  decided(index: number): Decided | null {
    const text = this.text(index);
    if (text === NONE) return null;
    const [, incarnation, through] = /^([0-9a-f]{16}):(\d+)$/.exec(text) ?? [];
    if (incarnation === undefined) throw new MalformedError(`no decision is ${quotedStart(text)}`);
    return { incarnation: Uint8Array.fromHex(incarnation), through: countOf(through!) };
  }

  numbers(index: number): readonly number[] {
    const text = this.text(index);
    return text === NONE ? [] : text.split(",").map(countOf);
  }
}
