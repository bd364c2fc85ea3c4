/**
 * What the coordinator knows of all logs: where each ends, when each entry came to each member, and the newest state
 * that all share.
 *
 * All members of the view share a state when each has reported the same digest for one position. Members choose
 * themselves which positions they report; `reporting.ts` has the rule that makes their choices coincide.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, LinkId, PeerKey } from "../../../base/ids.ts";
import { dateText } from "../../../base/text/words.ts";
import { shownName } from "../../../base/text/names.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import type { Views } from "../detector/views.ts";
import { type Ballot, isSameBallot, type Member } from "../schema/epoch.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { CoordinatorEvent, StateView } from "../schema/events.ts";
import { emptyDigest } from "../schema/history.ts";
import { ARRIVALS_KEPT_MAX, HEARTBEAT_MS, POINTS_KEPT_MAX, STATE_MS } from "../schema/limits.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { Arrival, EntryPoint } from "../schema/cut.ts";

/** A member that wasn't heard for this long may lack anything. */
const QUIET_MS = 2 * HEARTBEAT_MS;

interface GlobalStatesParts {
  readonly group: Hash;
  readonly crypto: Crypto;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly out: CoordinatorOutput;
  wallMs(): number;
}

/** What a member has reported. */
interface Known {
  /** The link on which it reported. */
  readonly link: LinkId;
  /** The member's epoch when it reported. */
  readonly ballot: Ballot;
  end: EntryPoint;
  /** When it first reported that its log ends there. */
  endAtMs: number;
  locks: readonly number[];
  /** Digests by position, in the order in which they were reported; at most `POINTS_KEPT_MAX`. */
  readonly points: Map<number, EntryPoint>;
  readonly arrivals: Arrivals;
  /** Members whose history is known to differ from this member's. */
  readonly differing: Set<PeerKey>;
}

type Speaker = readonly [member: Member, known: Known];

type StatesEvent = Extract<CoordinatorEvent, { readonly event: "states" }>;

export class GlobalStates {
  /** Reports of attendees and of members of the view; `Attendance` has the bound. */
  readonly #known = new Map<PeerKey, Known>();
  /** Members, and pairs of them, whose logs were reported to the operator as differing, in the present view. */
  readonly #toldDiffering = new Set<string>();
  #consistent: EntryPoint;
  /** The state that the operator was last told. */
  #told: EntryPoint;
  #toldAtMs = -Infinity;
  /** The number of the view that all this is about. */
  #view = -1;
  /** Time of the first step. */
  #bornMs: number | null = null;

  constructor(readonly parts: GlobalStatesParts) {
    const { crypto, group } = parts;
    this.#consistent = { seq: 0, position: 0, digest: emptyDigest(crypto, group) };
    this.#told = this.#consistent;
  }

  /** The newest state that all members of the view have, as far as they have reported. */
  get consistent(): EntryPoint {
    return this.#consistent;
  }

  /** Whether the attendee has reported anything on its present link. */
  hasSaid({ key, link }: Attendee): boolean {
    return link !== null && this.#known.get(key)?.link === link;
  }

  /** @returns What is wrong with the report; null where nothing is. */
  said(attendee: Attendee, message: GroupMessageOf<"state">): string | null {
    const fault = stateFault(message);
    if (fault !== null) return fault;
    const { monotonicMs } = this.parts.out;
    const { end, points, after, arrivals, locks } = message;
    const known = this.#of(attendee, message);
    if (end.position !== known.end.position) known.endAtMs = monotonicMs;
    known.end = end;
    known.locks = locks;
    known.arrivals.add(after, arrivals, monotonicMs);
    const fresh = [...points, end];
    for (const point of fresh) known.points.set(point.position, point);
    for (const position of known.points.keys()) {
      if (known.points.size <= POINTS_KEPT_MAX) break;
      known.points.delete(position);
    }
    this.#compare(attendee, known, fresh);
    this.#look(known, fresh);
    return null;
  }

  /**
   * What the member reported so far of the same log and in the same epoch; before that, it may have set another log
   * aside.
   */
  #of({ key, link }: Attendee, { end, ballot }: GroupMessageOf<"state">): Known {
    const known = this.#known.get(key);
    const isShorter = known === undefined || end.position < known.end.position;
    const isSame = !isShorter && known.link === link && isSameBallot(known.ballot, ballot);
    if (isSame) return known;
    const fresh: Known = {
      link: link!,
      ballot,
      end: isShorter ? end : known.end,
      endAtMs: isShorter ? this.parts.out.monotonicMs : known.endAtMs,
      locks: [],
      points: new Map(),
      arrivals: isShorter ? new Arrivals() : known.arrivals,
      differing: new Set(),
    };
    // A newcomer may report something and leave, again and again.
    if (known === undefined) this.#forgetGone();
    this.#known.set(key, fresh);
    for (const { differing } of this.#known.values()) differing.delete(key);
    return fresh;
  }

  // What all share.

  /** Looks for the last of these points that all other members have reported, too. */
  #look(known: Known, points: readonly EntryPoint[]): void {
    const { members, ballot } = this.parts.views;
    const others: Known[] = [];
    for (const { key } of members) {
      const other = this.#known.get(key);
      if (other === undefined || !isSameBallot(other.ballot, ballot)) return;
      if (other !== known) others.push(other);
    }
    if (others.length === members.length) return; // the reporter isn't a member
    for (const point of points.toReversed()) {
      if (point.position <= this.#consistent.position) return;
      const isShared = ({ points }: Known) => points.get(point.position)?.digest === point.digest;
      if (!others.every(isShared)) continue;
      this.#consistent = point;
      return;
    }
  }

  /** Called after each step: another view has other members, and may have another history. */
  settle(): void {
    const { views, out } = this.parts;
    this.#bornMs ??= out.nowMs;
    if (views.ballot.number === this.#view) return;
    this.#view = views.ballot.number;
    this.#toldDiffering.clear();
    this.#forgetGone();
    const start = views.present?.epoch.value.start ?? null;
    if (start !== null && start.position < this.#consistent.position) {
      // What only some members had was given up.
      const { crypto, group } = this.parts;
      this.#consistent = this.#told = { seq: 0, position: 0, digest: emptyDigest(crypto, group) };
    }
  }

  #forgetGone(): void {
    const { views, attendance } = this.parts;
    for (const key of this.#known.keys()) {
      if (attendance.get(key) === null && views.member(key) === null) this.#known.delete(key);
    }
  }

  // Time.

  nextMs(): number | null {
    return this.#consistent === this.#told ? null : this.#toldAtMs + STATE_MS;
  }

  /** Called after each step: tells the operator the newest shared state, at most once per `STATE_MS`. */
  tell(): void {
    const { out } = this.parts;
    const dueMs = this.nextMs();
    if (dueMs === null || dueMs > out.nowMs) return;
    this.#told = this.#consistent;
    this.#toldAtMs = out.nowMs;
    const { seq, digest } = this.#told;
    out.show({ event: "consistent", seq, digest });
  }

  // Who differs.

  /**
   * Tells the operator where a member reports another digest for a position than others of its epoch. A member may
   * have set its log aside since it reported, or may be about to: so reports from before the present view and its
   * rounds are compared with nothing.
   */
  #compare({ key }: Attendee, known: Known, points: readonly EntryPoint[]): void {
    const { views } = this.parts;
    const self = views.member(key);
    if (self === null || !isOfView(known.ballot, views.ballot)) return;
    for (const member of views.members) {
      const other = this.#known.get(member.key);
      if (other === undefined || other === known || !isSameBallot(other.ballot, known.ballot)) {
        continue;
      }
      if (known.differing.has(member.key)) continue;
      const at = points.find(({ position, digest }) => {
        const said = other.points.get(position);
        return said !== undefined && said.digest !== digest;
      });
      if (at === undefined) continue;
      known.differing.add(member.key);
      other.differing.add(key);
      this.#tellDiffers([self, known], [member, other], at);
    }
  }

  /**
   * Warns once per view, as a member may take back a report and repeat it. Blames the member whose digest fewer
   * report.
   */
  #tellDiffers(one: Speaker, other: Speaker, { seq, position }: EntryPoint): void {
    const keys = [one[0].key, other[0].key];
    const pair = keys.toSorted().join(" ");
    if ([...keys, pair].some((told) => this.#toldDiffering.has(told))) return;
    const many = this.#sharing(one, position);
    const otherMany = this.#sharing(other, position);
    const where = `at entry ${seq} or before`;
    if (many === otherMany) {
      this.#toldDiffering.add(pair);
      const names = [one, other].map(([{ name }]) => shownName(name)).join(" and ");
      const text = `The logs of ${names} differ ${where}`;
      return this.parts.out.warn(
        `${text}: /recover NAME makes the member with the damaged log fetch it again`,
      );
    }
    const [{ key, name }] = many < otherMany ? one : other;
    this.#toldDiffering.add(key);
    const others = Math.max(many, otherMany);
    const text = `The log of ${shownName(name)} differs from those of ${others} others ${where}`;
    this.parts.out.warn(`${text}: /recover ${shownName(name)} makes that member fetch it again`);
  }

  /** How many members report the same digest for that position, in the same epoch. */
  #sharing([, { ballot, points }]: Speaker, position: number): number {
    const digest = points.get(position)?.digest;
    return this.#ofMembers().filter((known) =>
      isSameBallot(known.ballot, ballot) && known.points.get(position)?.digest === digest
    ).length;
  }

  // What the operator sees.

  /** @param seq The entry whose arrivals are asked for; null where none is. */
  view(seq: number | null): StatesEvent {
    const { members } = this.parts.views;
    const consistent = { seq: this.#consistent.seq, digest: this.#consistent.digest };
    const arrivals = seq === null ? {} : { arrivals: this.#arrivalsOf(seq) };
    return {
      event: "states",
      members: members.map((member) => this.#stateOf(member)),
      consistent,
      ...arrivals,
    };
  }

  #stateOf({ key, name }: Member): StateView {
    const { attendance, views } = this.parts;
    const known = this.#known.get(key);
    const attendee = attendance.get(key);
    const end = known?.end ?? attendee?.end ?? null;
    const differing = views.members.filter((other) => known?.differing.has(other.key) === true);
    return {
      name,
      seq: end === null ? null : known?.end.seq ?? attendee!.seq,
      digest: end?.digest ?? null,
      locks: known?.locks ?? [],
      lagMs: end === null ? null : Math.round(this.#lagMs(known, attendee)),
      ...(differing.length === 0 ? {} : { differs: differing.map(({ name }) => name) }),
    };
  }

  /**
   * How long the member has lacked an entry that another has. If it has all: how much later the last entry came to it
   * than to the first member. A member that is quiet may lack anything: then at least the time since it was last
   * heard.
   */
  #lagMs(known: Known | undefined, attendee: Attendee | null): number {
    const { nowMs, monotonicMs } = this.parts.out;
    const quietMs = nowMs - Math.max(attendee?.heardAtMs ?? 0, this.#bornMs ?? nowMs);
    const isQuiet = known === undefined || attendee === null || attendee.link === null ||
      quietMs > QUIET_MS;
    const lagMs = known === undefined ? 0 : this.#behindMs(known, monotonicMs);
    return isQuiet ? Math.max(quietMs, lagMs) : lagMs;
  }

  #behindMs({ end, arrivals }: Known, monotonicMs: number): number {
    const newest = this.#newest();
    if (newest !== null && end.position < newest.end.position) {
      const sinceMs = this.#firstAtMs(end.seq + 1) ?? newest.endAtMs;
      return monotonicMs - sinceMs;
    }
    const cameAtMs = arrivals.at(end.seq);
    const firstAtMs = this.#firstAtMs(end.seq);
    return cameAtMs === null || firstAtMs === null ? 0 : cameAtMs - firstAtMs;
  }

  /** What members of the view have reported: a newcomer may have any log. */
  #ofMembers(): readonly Known[] {
    return this.parts.views.members.flatMap(({ key }) => this.#known.get(key) ?? []);
  }

  /** The report of the member with the longest log; null where nobody has reported. */
  #newest(): Known | null {
    let newest: Known | null = null;
    for (const known of this.#ofMembers()) {
      if (newest === null || known.end.position > newest.end.position) newest = known;
    }
    return newest;
  }

  /** When an entry came to the first member that had it; null where that isn't known. */
  #firstAtMs(seq: number): number | null {
    let firstMs: number | null = null;
    for (const { arrivals } of this.#ofMembers()) {
      const atMs = arrivals.at(seq);
      if (atMs !== null && (firstMs === null || atMs < firstMs)) firstMs = atMs;
    }
    return firstMs;
  }

  #arrivalsOf(seq: number): NonNullable<StatesEvent["arrivals"]> {
    const { views, out, wallMs } = this.parts;
    const firstMs = this.#firstAtMs(seq);
    const wallOffsetMs = wallMs() - out.monotonicMs;
    return {
      seq,
      first: firstMs === null ? null : dateText(Math.round(firstMs + wallOffsetMs)),
      members: views.members.map(({ key, name }) => {
        const known = this.#known.get(key);
        const atMs = known?.arrivals.at(seq) ?? null;
        const isThere = known === undefined ? null : known.end.seq >= seq;
        const afterMs = atMs === null || firstMs === null ? null : Math.round(atMs - firstMs);
        return { name, has: isThere, afterMs };
      }),
    };
  }
}

/** Whether a ballot is that view's, or one of its rounds'. */
function isOfView({ number, round }: Ballot, view: Ballot): boolean {
  return number === view.number && round >= view.round;
}

/** What is wrong with a report by itself; null where nothing is. */
function stateFault({ end, points, after, arrivals }: GroupMessageOf<"state">): string | null {
  let position = 0;
  for (const point of [...points, end]) {
    if (point.position < position || point.seq > point.position) {
      return "it says of its log what can't be";
    }
    position = point.position;
  }
  let seq = after;
  for (const { through } of arrivals) {
    if (through < seq) return "it says that entries came in another order";
    seq = through;
  }
  return seq > end.seq ? "it says that entries came which it doesn't have" : null;
}

/** When entries came to one member, by the coordinator's monotonic clock: the latest ones, in a ring. */
export class Arrivals {
  /** Allocated when the first entry comes. */
  #atMs: Float64Array | null = null;
  /** Number of the last entry that was reported. */
  #through = 0;

  /** When the entry came; null where it hasn't come, or the time isn't known. */
  at(seq: number): number | null {
    const isKept = seq <= this.#through && seq > this.#through - ARRIVALS_KEPT_MAX && seq > 0;
    const atMs = isKept ? this.#atMs?.[seq % ARRIVALS_KEPT_MAX] : undefined;
    return atMs === undefined || Number.isNaN(atMs) ? null : atMs;
  }

  /** Takes a member's report on the entries after a number. */
  add(after: number, arrivals: readonly Arrival[], monotonicMs: number): void {
    let from = after;
    // Times that the ring wouldn't keep aren't written in the first place: a report may have many, with any numbers.
    const keptAfter = (arrivals.at(-1)?.through ?? 0) - ARRIVALS_KEPT_MAX;
    for (const { through, agoMs } of arrivals) {
      if (through > keptAfter) this.#fill(from, through, monotonicMs - agoMs);
      from = through;
    }
  }

  #fill(after: number, through: number, atMs: number): void {
    this.#atMs ??= new Float64Array(ARRIVALS_KEPT_MAX).fill(NaN);
    // When the entries between came wasn't reported.
    this.#write(Math.max(this.#through, after - ARRIVALS_KEPT_MAX), after, NaN);
    this.#write(Math.max(this.#through, after, through - ARRIVALS_KEPT_MAX), through, atMs);
    this.#through = Math.max(this.#through, through);
  }

  #write(after: number, through: number, atMs: number): void {
    for (let seq = after + 1; seq <= through; seq++) this.#atMs![seq % ARRIVALS_KEPT_MAX] = atMs;
  }
}
