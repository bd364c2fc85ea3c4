/**
 * The log that the coordinator keeps while nobody is in the group: taken over from the member that leaves last, and
 * supplied to those that come next. Only then does the coordinator see what is said.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, LinkId, PeerKey } from "../../../base/ids.ts";
import { consentFault } from "../identity/consents.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { deciderFault } from "../schema/former_keys.ts";
import { type OwnKeys } from "../identity/own_keys.ts";
import type { EntryPlace } from "../schema/entry_places.ts";
import type { Founding } from "../schema/founding.ts";
import {
  batchFault,
  HistoryEnd,
  type HistoryPoint,
  isAuthentic,
  viewSignatureFault,
} from "../schema/history.ts";
import type { HistoryRead } from "../schema/member_io.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { LogRecord } from "../schema/records.ts";
import { Reads, Supplier, type Supply } from "./supplying.ts";

interface Fetching {
  readonly from: PeerKey;
  readonly link: LinkId;
  readonly goal: HistoryPoint;
  /** Position where we were when we last asked. */
  askedAt: number;
}

export class Escrow {
  /** The end of what has come; the part that is on disk ends at `#stored`. */
  #end: HistoryEnd;
  #stored: HistoryPoint;
  /** Whether there is a log at all. */
  #isBegun: boolean;
  #fetching: Fetching | null = null;
  readonly #reads: Reads;
  readonly #supplier: Supplier<LinkId>;

  /** @param stored Called when more is on disk. */
  constructor(
    readonly group: Hash,
    readonly founding: Founding,
    readonly keys: OwnKeys,
    readonly crypto: Crypto,
    history: HistoryEnd | null,
    readonly out: CoordinatorOutput,
    readonly stored: () => void,
  ) {
    this.#end = history?.copy() ?? new HistoryEnd(crypto, group);
    this.#stored = this.#end.point;
    this.#isBegun = history !== null;
    this.#reads = new Reads((effect) => out.push(effect));
    this.#supplier = new Supplier<LinkId>(this.#supply(), this.#reads);
  }

  /** Always supplies what is on disk at the time of the request. */
  #supply(): Supply<LinkId> {
    const stored = () => this.#stored;
    return {
      get log() {
        return stored();
      },
      get held() {
        return stored();
      },
      heldAfter: (position) =>
        position === stored().position
          ? { batches: [], digest: stored().digest, seq: this.#end.seq }
          : null,
      isCongested: () => false, // a link that takes nothing is closed
      answer: (link, message) => this.out.send(link, message),
    };
  }

  /** The end of what has come; null where there is no log. */
  get end(): HistoryEnd | null {
    return this.#isBegun ? this.#end.copy() : null;
  }

  /** Where an entry of the kept log comes from; null where that has no such entry. */
  originOf(seq: number): EntryPlace | null {
    return seq < 1 || seq > this.#end.seq ? null : this.#end.places.at(seq);
  }

  /** The end of what is on disk. */
  get log(): HistoryPoint {
    return this.#stored;
  }

  /** The member from which the log is being taken over; null where it isn't. */
  get source(): PeerKey | null {
    return this.#fetching?.from ?? null;
  }

  /** Whether the log is being taken over on that link, which is then limited by its speed alone. */
  fetchesFrom(link: LinkId): boolean {
    return this.#fetching?.link === link;
  }

  isAt({ position, digest }: HistoryPoint): boolean {
    return this.#stored.position === position && this.#stored.digest === digest;
  }

  /** Takes the log over up to `goal`, from the member on that link; `stored` is called as it progresses. */
  take(from: PeerKey, link: LinkId, goal: HistoryPoint): void {
    this.#fetching = { from, link, goal, askedAt: -1 };
    if (this.#end.position === goal.position && this.#end.digest !== goal.digest) this.#beginAnew();
    this.#ask(this.#fetching);
  }

  /** The rest of the log isn't wanted any more. */
  stop(): void {
    this.#fetching = null;
  }

  #ask(fetching: Fetching): void {
    const { link, goal } = fetching;
    if (this.#end.position === goal.position) return;
    fetching.askedAt = this.#end.position;
    this.out.send(link, { type: "fetch", after: this.#end.point, through: goal.position });
  }

  /** @returns What is wrong with it; null where nothing is. */
  history(link: LinkId, message: GroupMessageOf<"history">): string | null {
    const fetching = this.#fetching;
    // The message may be the rest of an answer to an earlier question.
    if (fetching?.link !== link || message.after !== this.#end.position) return null;
    const fault = this.#append(message, fetching.goal);
    if (fault !== null || !message.isLast) return fault;
    if (this.#end.position === fetching.goal.position) return null;
    if (this.#end.position === fetching.askedAt) return "it hasn't the history that it said it had";
    this.#ask(fetching);
    return null;
  }

  #append({ batches }: GroupMessageOf<"history">, goal: HistoryPoint): string | null {
    const records: LogRecord[] = [];
    const end = this.#end.copy();
    const mayDecide = (key: PeerKey) => this.keys.mayDecide(key);
    let wrong: string | null = null;
    for (const batch of batches) {
      const fault = batchFault(batch, this.group) ?? deciderFault(batch, mayDecide) ??
        end.fault(batch) ??
        (isAuthentic(this.crypto, batch) ? null : "its author hasn't signed it") ??
        viewSignatureFault(this.crypto, batch, mayDecide) ??
        consentFault(this.crypto, this.founding, end, batch)?.text ?? null;
      // What comes before it is kept: newcomers go on from there if nobody has the rest.
      wrong = fault === null ? null : `history after ${end.position}: ${fault}`;
      if (wrong !== null) break;
      end.append(batch);
      records.push({ kind: "log", batch, isFetched: true });
    }
    const isBeyond = end.position > goal.position ||
      (end.position === goal.position && end.digest !== goal.digest);
    if (isBeyond) return `history after ${this.#end.position} isn't that which was agreed on`;
    if (records.length === 0) return wrong;
    if (!this.#isBegun) this.#beginAnew();
    this.#end = end;
    this.#store(records);
    return wrong;
  }

  #store(records: Parameters<CoordinatorOutput["storeThen"]>[0]): void {
    const { point } = this.#end;
    this.out.storeThen(records, () => {
      this.#stored = point;
      this.stored();
    });
  }

  /** Our log isn't the beginning of theirs: it would have been given up anyway. */
  unlike(link: LinkId, { after }: GroupMessageOf<"unlike">): string | null {
    const fetching = this.#fetching;
    if (fetching?.link !== link || after.position !== this.#end.position) return null;
    if (after.position === 0) return "it has another beginning of the history";
    this.#beginAnew();
    this.#ask(fetching);
    return null;
  }

  #beginAnew(): void {
    const because = this.#end.position === 0 ? null : "unlike";
    this.#end = new HistoryEnd(this.crypto, this.group);
    this.#isBegun = true;
    this.#store([{ kind: "new-log", founding: this.founding, because }]);
  }

  // For those that come in.

  fetch(link: LinkId, message: GroupMessageOf<"fetch">): void {
    this.#supplier.fetch(link, message);
  }

  read(token: number, read: HistoryRead): void {
    this.#reads.answered(token, read);
  }

  /** The link is gone. */
  forget(link: LinkId): void {
    this.#supplier.forget(link);
    if (this.#fetching?.link === link) this.#fetching = null;
  }
}
