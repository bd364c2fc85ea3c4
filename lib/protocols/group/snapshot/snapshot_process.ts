/**
 * A member's part in the coordinator's snapshots: it records itself at the first marker, passes markers on, and sends
 * its record once the last marker has come.
 *
 * A part belongs to an epoch, and to the channels between its processes. When any of them ends, so does the part, and
 * the coordinator is told, which begins again. Markers of a part that is over have no effect any more.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { type Ballot, isSameBallot } from "../schema/epoch.ts";
import type { OrderReport } from "../catch_up/order_report.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { HeldBatches } from "../log/held_batches.ts";
import { placesOf, type SignedBatch } from "../schema/history.ts";
import {
  HEARSAY_BURST,
  HEARSAY_PER_S,
  REMEMBERED_MAX,
  SNAPSHOT_RUNS_MAX,
} from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { SendQueue } from "../log/send_queue.ts";
import type { Sequencing } from "../log/sequencing.ts";
import { type Attempt, type MemberState, type Run, withRun } from "../schema/cut.ts";
import { Recording } from "./recording.ts";

/** What a snapshot records of an epoch's order. */
export type OrderSeen = Pick<Sequencing, "epoch" | "others" | "isFrozen" | "counts">;

interface SnapshotProcessParts {
  readonly out: Pick<MemberOutput, "tell" | "nowMs">;
  readonly held: Pick<HeldBatches, "log" | "logSeq" | "end">;
  /** Null while in no epoch. */
  readonly ordering: () => OrderSeen | null;
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "tell">;
  /** Knows how many texts of this process are entries. */
  readonly saying: Pick<SendQueue, "loggedTexts">;
  /** Knows how many messages reported entries to the coordinator, on the present link. */
  readonly telling: Pick<OrderReport, "messages">;
  /** Entries that wait for an edit to be decided. */
  readonly locks: () => readonly number[];
}

/** A member, or the coordinator (null). */
type From = PeerKey | null;

interface Part {
  readonly attempt: Attempt;
  readonly ordering: OrderSeen;
  readonly recording: Recording<From, MemberState, readonly Run[]>;
}

export class SnapshotProcess {
  #part: Part | null = null;
  /** The last attempt that this member took seriously. */
  #last: Attempt | null = null;
  /** `run`s of the coordinator's processes before that attempt's. */
  readonly #formerRuns = new Set<string>();
  /** The latest attempts that a marker named, taken part in or not. */
  readonly #heard = new Set<string>();
  /**
   * Rate limit for attempts that the coordinator hasn't named yet: one for all members, as several may make some up.
   */
  readonly #hearsay = new TokenBucket(HEARSAY_PER_S, HEARSAY_BURST);

  constructor(readonly parts: SnapshotProcessParts) {}

  /** A marker came, from a member of the epoch or from the coordinator. */
  marker(from: From, { attempt, ballot }: GroupMessageOf<"marker">): void {
    const part = this.#partOf(from, attempt, ballot);
    if (part === null) return;
    part.recording.marker(from);
    if (part.recording.isComplete) this.#complete(part);
  }

  /** A message of a channel came. To be called before it changes anything. */
  received(from: From, { batch: { value } }: SignedBatch): void {
    if (this.#part === null) return;
    const { author, incarnation, counter: first } = value;
    const run = { author, incarnation, first, through: first + placesOf(value) - 1 };
    this.#part.recording.received(from, [run]);
  }

  /** The coordinator has given up the attempt. */
  over(attempt: Attempt): void {
    if (this.#part !== null && isSame(this.#part.attempt, attempt)) this.#part = null;
  }

  /** The part can't go on: the epoch, a member's process, or a channel between us is over. */
  lost(): void {
    if (this.#part === null) return;
    const { attempt } = this.#part;
    this.#part = null;
    this.#tell({ type: "snapshot-over", attempt });
  }

  #partOf(from: From, attempt: Attempt, ballot: Ballot): Part | null {
    if (this.#part !== null && isSame(this.#part.attempt, attempt)) return this.#part;
    const isNew = this.#isNew(from, attempt);
    this.#heard.add(idOf(attempt));
    dropOldest(this.#heard, REMEMBERED_MAX);
    if (!isNew) {
      // The coordinator names each attempt once. Here it comes after members' markers that were ignored and won't
      // come again.
      if (from === null) this.#tell({ type: "snapshot-over", attempt });
      return null;
    }
    // All members pass on an attempt that one makes up: with too many of those they would ban each other.
    if (from !== null && !this.#hearsay.take(this.parts.out.nowMs)) return null;
    this.#succeeds(attempt);
    this.#part = null; // the coordinator takes one at a time
    const ordering = this.parts.ordering();
    const isHere = ordering !== null && !ordering.isFrozen &&
      isSameBallot(ordering.epoch.ballot, ballot);
    if (!isHere || !this.parts.coordinator.isUp) {
      this.#tell({ type: "snapshot-over", attempt });
      return null;
    }
    return this.#part = this.#begin(this.#last!, ordering);
  }

  /** A member may make attempts up: the coordinator's own marker counts, whatever members sent before. */
  #isNew(from: From, attempt: Attempt): boolean {
    if (this.#heard.has(idOf(attempt))) return false;
    if (from === null || this.#last === null) return true;
    const id = attempt.run.toHex();
    const isLate = this.#last.run.toHex() === id && attempt.number <= this.#last.number;
    return !isLate && !this.#formerRuns.has(id);
  }

  /** This attempt is the last one from now on. */
  #succeeds({ run, number }: Attempt): void {
    const id = run.toHex();
    const lastId = this.#last?.run.toHex() ?? id;
    this.#formerRuns.delete(id);
    if (lastId !== id) this.#formerRuns.add(lastId);
    dropOldest(this.#formerRuns, REMEMBERED_MAX);
    this.#last = { run: run.slice(), number };
  }

  #begin(attempt: Attempt, ordering: OrderSeen): Part {
    const marker = { type: "marker" as const, attempt, ballot: ordering.epoch.ballot };
    const ports = {
      record: () => this.#record(ordering),
      sendMarkers: () => {
        this.parts.out.tell(ordering.others, marker);
        this.#tell(marker);
      },
    };
    const channels: readonly From[] = [...ordering.others, null];
    const joined = (last: readonly Run[], next: readonly Run[]) =>
      next.reduce((runs, run) => withRun(runs, run), last);
    return { attempt, ordering, recording: new Recording(channels, ports, joined) };
  }

  /** Records everything but the channels. */
  #record(ordering: OrderSeen): MemberState {
    const { held, saying, telling, locks } = this.parts;
    const { sent, acked, decided, peers } = ordering.counts();
    return {
      seq: held.logSeq,
      log: held.log,
      placed: held.end,
      acked,
      sent,
      logged: Math.min(saying.loggedTexts, sent),
      decided,
      tellings: telling.messages,
      locks: locks(),
      peers,
      channels: [],
      fromCoordinator: [],
    };
  }

  #complete({ attempt, ordering, recording }: Part): void {
    this.#part = null;
    const runsOf = (from: From) => recording.messages(from)[0] ?? [];
    const channels = ordering.epoch.members.map(({ key }) => runsOf(key));
    const fromCoordinator = runsOf(null);
    // Happens only if the coordinator was restarted again and again meanwhile.
    if ([...channels, fromCoordinator].some(({ length }) => length > SNAPSHOT_RUNS_MAX)) {
      return this.#tell({ type: "snapshot-over", attempt });
    }
    const state = { ...recording.state!, channels, fromCoordinator };
    this.#tell({ type: "recorded", attempt, state });
  }

  #tell(message: GroupMessage): void {
    const { coordinator } = this.parts;
    if (coordinator.isUp) coordinator.tell(message);
  }
}

function isSame(a: Attempt, b: Attempt): boolean {
  return a.number === b.number && a.run.toHex() === b.run.toHex();
}

function idOf({ run, number }: Attempt): string {
  return `${run.toHex()} ${number}`;
}
