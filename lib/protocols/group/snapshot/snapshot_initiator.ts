/**
 * The coordinator takes snapshots: it records itself, sends its markers, and puts together what all members have
 * recorded.
 *
 * One snapshot is taken at a time. A request while one is taken is answered by the next one: a process may have
 * recorded itself before the request, and whoever asks wants the present state, not an earlier one. All requests that
 * come meanwhile share that next snapshot.
 *
 * A snapshot belongs to a view that has begun at all its members, and to their present links. If another view is
 * about to begin, a link is lost, or a member says that it can't take part, the attempt is given up and repeated;
 * each attempt has its own markers, so that late ones of another attempt have no effect.
 */

import { namesInWords } from "../../../base/text/names.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { Hash, LinkId, PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import { type Ballot, isSameBallot, type Member } from "../schema/epoch.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import {
  SNAPSHOT_ATTEMPTS_MAX,
  SNAPSHOT_IDS_MAX,
  SNAPSHOT_MS_MAX,
  SNAPSHOTS_ASKED_MAX,
} from "../schema/limits.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { Views } from "../detector/views.ts";
import type {
  Attempt,
  CoordinatorState,
  Cut,
  Decided,
  EntryPoint,
  MemberState,
  Telling,
} from "../schema/cut.ts";
import { verdictOf } from "./cut_check.ts";
import { snapshotEvent } from "./cut_view.ts";
import { Recording } from "./recording.ts";

interface TakingParts {
  readonly group: Hash;
  readonly key: PeerKey;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly out: CoordinatorOutput;
  readonly environment: Environment;
  /** Incarnation of this process. */
  readonly incarnation: Uint8Array;
  /** Interval of `--snapshot-every`; null: snapshots are taken only on request. */
  readonly everyMs: number | null;
  wallMs(): number;
  /** Whether the view stays as it is, as far as is known. */
  isSteady(): boolean;
  /** Whether a member has reported its log's end on its present link: by then it knows that it is welcome there. */
  hasSaid(attendee: Attendee): boolean;
  /** The newest state that all members share, as far as they have reported. */
  consistent(): EntryPoint;
  /** Up to where this process has decided on edits; null where it has decided nothing. */
  decided(): Decided | null;
  /** Numbers of the entries for which an edit is under way. */
  locks(): readonly number[];
}

type Refs = readonly (string | undefined)[];

/** A snapshot that was requested, by the operator or by the clock. */
interface Wanted {
  /** The `ref`s of the requests; the clock's is undefined. */
  readonly refs: Refs;
  readonly isAsked: boolean;
  attempts: number;
  /** Why the last attempt was given up; part of a sentence. */
  because: string;
}

/** One attempt. */
interface Taken {
  readonly wanted: Wanted;
  readonly attempt: Attempt;
  readonly ballot: Ballot;
  readonly members: readonly Member[];
  readonly links: ReadonlyMap<PeerKey, LinkId>;
  readonly recording: Recording<PeerKey, CoordinatorState, Telling>;
  readonly states: Map<PeerKey, MemberState>;
  readonly beganAt: number;
  /** Entries reported by messages in transit, plus one for each message. */
  told: number;
}

interface Written {
  readonly token: number;
  readonly cut: Cut;
  readonly wanted: Wanted;
}

/** @see `snapshot-kept` */
interface Kept {
  readonly file: string | null;
  readonly text: string;
  readonly removed: readonly string[];
}

export class SnapshotInitiator {
  #attempts = 0;
  #wanted: Wanted | null = null;
  #taken: Taken | null = null;
  /** Requests since the present snapshot was begun; at most `SNAPSHOTS_ASKED_MAX`. */
  #asked: (string | undefined)[] = [];
  /** The snapshot that is being written to disk. */
  #written: Written | null = null;
  #nextToken = 1;
  /** By link: how many messages of its member have reported entries. */
  readonly #tellings = new Map<LinkId, number>();
  #isRemovalTold = false;
  readonly deadlines = new Deadlines({
    /** When the snapshot that is wanted isn't waited for any longer. */
    late: () => this.#late(),
    /** When the clock asks for one. */
    every: () => this.#takeByClock(),
  });

  constructor(readonly parts: TakingParts) {}

  // Who wants one.

  /** The operator asks. */
  ask(ref: string | undefined): void {
    if (this.#asked.length >= SNAPSHOTS_ASKED_MAX) {
      const text =
        `Cannot take a snapshot: ${SNAPSHOTS_ASKED_MAX} wait for one; ask again when it is there`;
      return this.parts.out.error("busy", text, ref);
    }
    this.#asked.push(ref);
    this.#next();
  }

  /** Whether the operator waits for an answer. */
  get isAwaited(): boolean {
    return this.#asked.length > 0 || this.#wanted?.isAsked === true ||
      this.#written?.wanted.isAsked === true;
  }

  /** No more snapshots are taken: all who wait get an error. @param because Part of a sentence. */
  end(because: string): void {
    const { out } = this.parts;
    const wanted = [this.#written?.wanted, this.#wanted];
    const refs = wanted.flatMap((each) => each?.isAsked ? each.refs : []);
    const text = `Cannot take a snapshot: ${because}`;
    for (const ref of [...refs, ...this.#asked]) out.error("timeout", text, ref);
    this.#written = this.#wanted = null;
    this.#asked = [];
  }

  start(): void {
    const { everyMs, out } = this.parts;
    if (everyMs !== null) this.deadlines.set("every", out.nowMs + everyMs);
  }

  /**
   * Busy also while a snapshot is written: a group without members has its state at once, and snapshots would pile
   * up.
   */
  get #isBusy(): boolean {
    return this.#wanted !== null || this.#written !== null;
  }

  #next(): void {
    if (this.#isBusy || this.#asked.length === 0) return;
    this.#want(this.#asked, true);
    this.#asked = [];
  }

  #want(refs: Refs, isAsked: boolean): void {
    this.#wanted = { refs, isAsked, attempts: 0, because: "" };
    this.#wait();
  }

  #wait(): void {
    this.deadlines.set("late", this.parts.out.nowMs + SNAPSHOT_MS_MAX);
  }

  // Time.

  /** The clock takes none of an empty group, or while another one is taken. */
  #takeByClock(): void {
    const { everyMs, views, out } = this.parts;
    this.deadlines.set("every", out.nowMs + everyMs!);
    if (!this.#isBusy && views.members.length > 0) this.#want([undefined], false);
  }

  #late(): void {
    const seconds = SNAPSHOT_MS_MAX / 1_000;
    if (this.#taken !== null) {
      const awaited = this.#awaited(this.#taken);
      return this.#giveUp(`${namesInWords(awaited)} didn't answer for ${seconds} s`);
    }
    this.#fail(this.#wanted?.because || `no view has begun at all its members for ${seconds} s`);
  }

  /** Members whose marker, or whose record, hasn't come. */
  #awaited({ members, recording, states }: Taken): readonly Member[] {
    return members.filter(({ key }) => recording.awaited.has(key) || !states.has(key));
  }

  // Beginning and giving up.

  /** Called after each step. */
  settle(): void {
    for (const link of this.#tellings.keys()) {
      if (this.parts.attendance.link(link) === null) this.#tellings.delete(link);
    }
    if (this.#taken !== null && !this.#isWhole(this.#taken)) {
      this.#giveUp("the view changed, or a link was lost");
    }
    if (this.#taken === null && this.#wanted !== null && this.#mayBegin) this.#begin(this.#wanted);
  }

  #isWhole({ ballot, links }: Taken): boolean {
    const { views, attendance } = this.parts;
    if (!this.parts.isSteady() || !isSameBallot(views.ballot, ballot)) return false;
    for (const [key, link] of links) if (attendance.get(key)?.link !== link) return false;
    return true;
  }

  get #mayBegin(): boolean {
    const { views, attendance } = this.parts;
    return this.parts.isSteady() && views.members.every(({ key }) => {
      const attendee = attendance.get(key);
      return attendee !== null && attendee.link !== null &&
        isSameBallot(attendee.begun, views.ballot) && this.parts.hasSaid(attendee);
    });
  }

  #begin(wanted: Wanted): void {
    const { views, attendance } = this.parts;
    const { members, ballot } = views;
    const attempt = { run: this.parts.incarnation, number: ++this.#attempts };
    const links = new Map(members.map(({ key }) => [key, attendance.get(key)!.link!]));
    wanted.attempts++;
    const ports = {
      record: () => this.#record(members, links),
      sendMarkers: () => this.#tell(links, { type: "marker", attempt, ballot }),
    };
    const recording = new Recording<PeerKey, CoordinatorState, Telling>(links.keys(), ports);
    const beganAt = this.parts.wallMs();
    const states = new Map<PeerKey, MemberState>();
    this.#taken = { wanted, attempt, ballot, members, links, recording, states, beganAt, told: 0 };
    this.#wait();
    recording.begin();
    this.#completed(this.#taken);
  }

  #record(members: readonly Member[], links: ReadonlyMap<PeerKey, LinkId>): CoordinatorState {
    const { consistent, decided, locks } = this.parts;
    return {
      consistent: consistent(),
      decided: decided(),
      locks: [...locks()],
      tellings: members.map(({ key }) => this.#tellings.get(links.get(key)!) ?? 0),
    };
  }

  #tell(links: ReadonlyMap<PeerKey, LinkId>, message: GroupMessage): void {
    const { attendance, out } = this.parts;
    for (const link of links.values()) if (attendance.link(link) !== null) out.send(link, message);
  }

  #giveUp(because: string): void {
    const { links, attempt, wanted } = this.#taken!;
    this.#taken = null;
    wanted.because = because;
    this.#tell(links, { type: "snapshot-over", attempt });
    if (wanted.attempts >= SNAPSHOT_ATTEMPTS_MAX) return this.#fail(because);
    this.#wait();
  }

  #fail(because: string): void {
    const { refs, attempts } = this.#wanted!;
    this.#wanted = null;
    this.deadlines.clear("late");
    const times = attempts < 2 ? "" : `, ${attempts} times`;
    const text = `Cannot take a snapshot: ${because}${times}; /status shows what is awaited`;
    for (const ref of refs) this.parts.out.error("timeout", text, ref);
    this.#next();
  }

  // What members say.

  /** A member reports entries. To be called before the report takes effect. */
  entries(attendee: Attendee, message: GroupMessageOf<"entries">): void {
    const { link } = attendee;
    if (link !== null) this.#tellings.set(link, (this.#tellings.get(link) ?? 0) + 1);
    if (this.#taken?.recording.awaited.has(attendee.key)) {
      this.#underWay(this.#taken, attendee, message);
    }
  }

  /**
   * Keeps a report in transit. Only the sequencer reports entries, and few until it hears from the coordinator again.
   */
  #underWay(
    taken: Taken,
    attendee: Attendee,
    { after, through, seq, entries }: GroupMessageOf<"entries">,
  ): void {
    const { key } = attendee;
    taken.told += entries.length + 1;
    if (key !== taken.members[0]!.key || taken.told > SNAPSHOT_IDS_MAX) {
      return this.#giveUp(`${namesInWords([attendee])} told of more entries than can be under way`);
    }
    const ids = entries.map(({ id }) => id.toHex());
    taken.recording.received(key, { after, through, seq, ids });
  }

  marker(attendee: Attendee, { attempt }: GroupMessageOf<"marker">): void {
    const taken = this.#takenBy(attendee, attempt);
    taken?.recording.marker(attendee.key);
    if (taken !== null) this.#completed(taken);
  }

  /** @returns What is wrong with the record; null where nothing is. */
  recorded(attendee: Attendee, { attempt, state }: GroupMessageOf<"recorded">): string | null {
    const taken = this.#takenBy(attendee, attempt);
    if (taken === null) return null;
    const { length } = taken.members;
    if (state.peers.length !== length || state.channels.length !== length) {
      return "it recorded other channels than the view has";
    }
    if ([...state.channels, state.fromCoordinator].flat().some((run) => run.through < run.first)) {
      return "it recorded what ends before it begins";
    }
    if (taken.recording.awaited.has(attendee.key)) return "it recorded before its marker";
    taken.states.set(attendee.key, state);
    this.#completed(taken);
    return null;
  }

  over(attendee: Attendee, { attempt }: GroupMessageOf<"snapshot-over">): void {
    if (this.#takenBy(attendee, attempt) === null) return;
    this.#giveUp(`${namesInWords([attendee])} couldn't go on with it`);
  }

  #takenBy({ key, link }: Attendee, { run, number }: Attempt): Taken | null {
    const taken = this.#taken;
    if (taken === null || number !== taken.attempt.number) return null;
    const isOurs = run.toHex() === this.parts.incarnation.toHex();
    return isOurs && taken.links.get(key) === link ? taken : null;
  }

  // The cut.

  #completed(taken: Taken): void {
    const { recording, states, members, wanted, ballot, beganAt } = taken;
    if (!recording.isComplete || states.size < members.length) return;
    this.#taken = this.#wanted = null;
    this.deadlines.clear("late");
    const { group, key: coordinatorKey, environment, out } = this.parts;
    const endedAt = Math.max(beganAt, this.parts.wallMs());
    const cut: Cut = {
      id: snapshotId(beganAt, environment.randomBytes(3)),
      group,
      ballot,
      beganAt,
      endedAt,
      coordinatorKey,
      coordinator: recording.state!,
      members: members.map(({ key, name, incarnation }) => ({
        key,
        name,
        incarnation,
        state: states.get(key)!,
        tellings: recording.messages(key),
      })),
    };
    const token = this.#nextToken++;
    this.#written = { token, cut, wanted };
    out.push({ type: "keep-snapshot", token, cut });
  }

  /** The snapshot is on disk, or the disk refused it. */
  kept(token: number, kept: Kept): void {
    const written = this.#written;
    if (written?.token !== token) return;
    this.#written = null;
    this.#tellKept(written, kept);
    this.#next();
  }

  #tellKept({ cut, wanted: { refs, isAsked } }: Written, { file, text, removed }: Kept): void {
    const { out, environment: { crypto } } = this.parts;
    if (file === null) {
      for (const ref of refs) out.error("disk", text, ref);
      return;
    }
    const verdict = verdictOf(cut);
    const event = snapshotEvent(crypto, cut, verdict, file);
    for (const ref of refs) out.show(isAsked ? event : { ...event, scheduled: true }, ref);
    if (removed.length === 0 || this.#isRemovalTold) return;
    this.#isRemovalTold = true;
    out.notice(
      `Removed the oldest snapshot, ${removed.join(", ")}: from now on each new one takes the ` +
        "place of the oldest",
    );
  }
}

/** Sorts by time: `20261120-204827-123-1f3a9c`, UTC. */
function snapshotId(beganAt: number, random: Uint8Array): string {
  const digits = new Date(Math.min(beganAt, 8.64e15)).toISOString().replaceAll(/[-:.TZ]/g, "");
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}-${digits.slice(14)}-${random.toHex()}`;
}
