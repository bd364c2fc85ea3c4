/**
 * Who is listed is who receives: what was said in the group goes only to members of a view that the coordinator has
 * signed, and to newcomers that our user is shown as joining. `/list` shows the same two, and nothing is sent to
 * anybody else, whatever the coordinator asks for.
 *
 * etcd calls such a newcomer a learner, Ongaro a non-voting server (Consensus: Bridging Theory and Practice, 2014,
 * section 4.2.1): it is sent the log before it has a say. Departure: it is told to everybody before the first byte goes
 * to it, and sent the log for a bounded time.
 */

import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { isSameProcess } from "../detector/attendance.ts";
import type { Member } from "../schema/epoch.ts";
import { COORDINATOR_NAME } from "../schema/history.ts";
import type { LeftReason } from "../schema/events.ts";
import { JOINED_MS, joiningMs } from "../schema/limits.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { MemberOutput } from "../schema/member_output.ts";

interface ListedParts {
  readonly selfKey: PeerKey;
  readonly out: Pick<MemberOutput, "show" | "nowMs">;
  readonly names: Pick<MemberNames, "of">;
  /** Members of the view that counts here. */
  readonly viewed: () => readonly Member[];
  /** The end of our log: what a newcomer is sent. */
  readonly position: () => number;
  /** What our user is shown has changed: the coordinator is told. */
  readonly changed: () => void;
  /** This newcomer, which may still be here, wasn't in in time: our user is shown that it has gone. */
  readonly isLate: (key: PeerKey) => void;
}

interface Joining {
  readonly name: string;
  /** Since when our user is shown it. */
  readonly sinceMs: number;
  /** As long as it is sent the log. */
  untilMs: number;
}

export class Listed {
  /** Whom the coordinator has named: at most `ATTENDEES_MAX`, as in its message. */
  #named = new Map<PeerKey, Member>();
  /** Those of them that it said last are joining, in the view that we know or not. */
  #told: readonly PeerKey[] = [];
  /** Those of them that aren't in the view, and the coordinator itself where it asks: shown as joining. */
  readonly #joining = new Map<PeerKey, Joining>();

  constructor(readonly parts: ListedParts) {}

  /** The newcomers that are shown as joining. */
  get joining(): readonly PeerKey[] {
    return [...this.#joining.keys()];
  }

  /** The names of others among them, as they are shown. */
  get joiningNames(): readonly string[] {
    return [...this.#joining].flatMap(([key, { name }]) => this.#isSelf(key) ? [] : [name]);
  }

  /** Our user knows that this program is joining; the coordinator is told that it is shown, like any other. */
  #isSelf(key: PeerKey): boolean {
    return key === this.parts.selfKey;
  }

  /**
   * The coordinator names those that are here. Its word alone makes a newcomer one that joins, as all others hear it,
   * too: whoever asks us by itself would otherwise be shown here alone.
   * @param joining Those of them that are about to be sent the log.
   */
  areHere(members: readonly Member[], joining: readonly PeerKey[]): void {
    // We are out: what becomes of the others isn't ours to show.
    if (members.length === 0) this.#joining.clear();
    const before = this.#named;
    this.#named = new Map(members.map((member) => [member.key, member]));
    for (const [key, member] of before) {
      const now = this.#named.get(key);
      if (now === undefined || !isSameProcess(now, member)) this.#ends(key, "lost");
    }
    this.#told = joining;
    this.#joinTold();
    this.#endSoon();
  }

  /** Nobody tells us any more who is joining: the others may be shown that it has gone. */
  coordinatorLost(): void {
    this.#told = [];
    this.#endSoon();
  }

  #joinTold(): void {
    const { names } = this.parts;
    for (const key of this.#told) {
      if (!this.#named.has(key) || this.#isViewed(key)) continue;
      const joining = this.#joining.get(key);
      if (joining === undefined) this.#show(key, names.of(key), fingerprintOf(key));
      else joining.untilMs = Math.min(this.#untilMs, this.#lastMs(joining));
    }
  }

  /**
   * The coordinator can't keep a newcomer reading under one line that our user saw long ago, however often it says that
   * it joins: by then it is shown to have gone, is sent nothing, and is shown anew where the coordinator says so again.
   * An honest one parts it by half of that (`Arriving.partLate`), where no change of the view takes its time, and says
   * so again only after `JOIN_AGAIN_MS`. Whoever begins anew, as another process, is shown anew each time.
   */
  #lastMs({ sinceMs }: Joining): number {
    return sinceMs + 2 * joiningMs(this.parts.position());
  }

  #isViewed(key: PeerKey): boolean {
    return this.parts.viewed().some((member) => member.key === key);
  }

  /** Those that the coordinator doesn't say are joining: they are in the view that begins in a moment, or they go. */
  #endSoon(): void {
    const soonMs = this.parts.out.nowMs + JOINED_MS;
    for (const [key, joining] of this.#joining) {
      if (!this.#named.has(key) || this.#told.includes(key)) continue;
      joining.untilMs = Math.min(joining.untilMs, soonMs);
    }
  }

  /** @param reason Null where it is in a view now, which is shown itself. */
  #ends(key: PeerKey, reason: LeftReason | null): void {
    const joining = this.#joining.get(key);
    if (joining === undefined) return;
    this.#joining.delete(key);
    const { name } = joining;
    if (reason !== null && !this.#isSelf(key)) {
      this.parts.out.show({ event: "left", name, reason, joining: true });
    }
    this.parts.changed();
  }

  /** A view begins: its members are shown, and are newcomers no longer. */
  viewBegan(members: readonly Member[]): void {
    for (const { key } of members) this.#ends(key, null);
    // Who was started anew joins while it is still in the view before.
    this.#joinTold();
  }

  /** Whether what was said in the group may be sent to the owner of this key. */
  mayReceive(key: PeerKey): boolean {
    return this.#joining.has(key) || this.#isViewed(key);
  }

  /** The coordinator asks for what it isn't owed: it is shown as joining, like anybody. */
  coordinatorAsks(key: PeerKey): void {
    if (!this.#joining.has(key)) this.#show(key, COORDINATOR_NAME, fingerprintOf(key));
  }

  #show(key: PeerKey, name: string, fingerprint: Fingerprint): void {
    const { out } = this.parts;
    this.#joining.set(key, { name, sinceMs: out.nowMs, untilMs: this.#untilMs });
    if (!this.#isSelf(key)) out.show({ event: "joining", name, key: fingerprint });
    this.parts.changed();
  }

  get #untilMs(): number {
    const { out, position } = this.parts;
    return out.nowMs + joiningMs(position());
  }

  // Time.

  nextMs(): number | null {
    let nextMs: number | null = null;
    for (const { untilMs } of this.#joining.values()) {
      nextMs = Math.min(nextMs ?? Infinity, untilMs);
    }
    return nextMs;
  }

  tick(nowMs: number): void {
    for (const [key, { untilMs }] of [...this.#joining]) {
      if (untilMs > nowMs) continue;
      this.#ends(key, "lost");
      this.parts.isLate(key);
    }
  }
}
