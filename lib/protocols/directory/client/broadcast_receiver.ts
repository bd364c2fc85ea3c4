/**
 * Broadcasts at a client: each is shown once, in the directory's order, and on disk before it is acknowledged to the
 * directory.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import { dateText } from "../../../base/text/words.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { foldName, isSameName, nameFault, shownName } from "../../../base/text/names.ts";
import { type ClientLog, isNamesake, isPlain, isSameSpeaker } from "./client_log.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type {
  ClientRecord,
  Heard,
  HeardPlace,
  Listener,
  Speaker,
} from "../schema/client_records.ts";
import { DIRECTORY_NAME } from "../schema/events.ts";
import {
  DATED_AHEAD_MS_MAX,
  DISK_RETRY_MS,
  NOT_SHOWN_TOLD_MS,
  WINDOW_MAX,
} from "../schema/limits.ts";
import type { KnownKeys } from "../lobby/known_keys.ts";
import type { DirectoryMessageOf } from "../schema/messages.ts";
import { isSaid } from "../schema/signed_broadcast.ts";
import type { DirectorySession } from "./directory_session.ts";

/** How a broadcast came, and how it is acknowledged. */
export type Way = "link" | "datagram";

/** Why a broadcast that can't be told from an earlier one isn't shown: parts of a sentence. */
const FORGOTTEN_TEXT =
  "so many others have spoken since that it can't be told from one that came before";
const AHEAD_TEXT = "that is ahead of this computer's clock; one of the two clocks is wrong";

/** A broadcast that waits for the disk. */
interface Waiting {
  /** `through`: it isn't shown. */
  record: Extract<ClientRecord, { readonly kind: "heard" | "through" }>;
  readonly key: PeerKey;
}

interface BroadcastReceiverParts {
  readonly out: ClientOutput;
  readonly crypto: Crypto;
  /** Whole ms since 1970. */
  readonly wallMs: () => number;
  readonly keys: Pick<KnownKeys, "apart" | "heard" | "expected" | "isExpected">;
  readonly ownKey: PeerKey;
  readonly session: Pick<DirectorySession, "name" | "offends" | "peer">;
  /** Logs that a broadcast isn't shown. */
  readonly dropped: (text: string, from: string) => void;
  /** Tells the directory. */
  readonly acknowledge: (message: DirectoryMessageOf<"got">, way: Way) => void;
}

export class BroadcastReceiver {
  /** Null while we aren't in. */
  #listener: Listener | null = null;
  /** Number of the last broadcast taken from those sent on this link. */
  #last = 0;
  /** Highest number taken from the store, whether it is on disk or not. */
  #taken = 0;
  /** Broadcasts that came before the one they follow, by the number of that. */
  readonly #early = new Map<number, DirectoryMessageOf<"told">>();
  readonly #waiting: Waiting[] = [];
  #writing = 0;
  /** Whether the disk has refused, and the user was told. */
  #isRefused = false;
  readonly #ways = new Set<Way>();
  /** When our user was told last that a broadcast isn't shown, by the reason. */
  readonly #toldAtMs = new Map<"forged" | "dated", number>();
  readonly deadlines = new Deadlines({
    /** When the disk, which has refused, is tried again. */
    write: () => this.#write(),
  });

  /** Up to this number, broadcasts were said before we came in. */
  #kept = 0;

  constructor(readonly log: ClientLog, readonly parts: BroadcastReceiverParts) {}

  /** Whether the disk refuses broadcasts. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The `seen` of an `enter` under this name. */
  seen(name: string): DirectoryMessageOf<"enter">["seen"] {
    const last = this.log.last(foldName(name));
    return last === null ? null : { store: Uint8Array.fromHex(last.store), through: last.number };
  }

  /** Shows broadcasts that an earlier process stored and didn't show. */
  start(): void {
    const unshown = this.log.takeUnshown();
    for (const heard of unshown) this.#show(heard, true);
    this.#shownThrough(unshown.at(-1));
  }

  entered({ store: bytes, name, kept }: DirectoryMessageOf<"entered">): void {
    this.#kept = kept;
    const { store, as } = this.#listener = { store: bytes.toHex(), as: foldName(name) };
    this.#last = 0;
    const waiting = this.#waiting.filter(({ record }) =>
      record.store === store && record.as === as
    );
    const through = this.log.through(this.#listener);
    this.#taken = Math.max(through, ...waiting.map(({ record }) => record.number));
  }

  left(): void {
    this.#listener = null;
    // Broadcasts that aren't being written come again, here or to another device of the account.
    this.#waiting.splice(this.#writing);
    this.#early.clear();
    this.#ways.clear();
  }

  told(message: DirectoryMessageOf<"told">, way: Way): void {
    const { number, after, from } = message;
    if (this.#listener === null) return;
    if (number <= after || (nameFault(from) !== null && from !== DIRECTORY_NAME)) {
      return this.parts.session.offends("a broadcast that can't be");
    }
    this.#ways.add(way);
    if (after > this.#last) {
      if (this.#early.size < WINDOW_MAX) this.#early.set(after, message);
      return;
    }
    for (
      let next: typeof message | undefined = message;
      next !== undefined;
      next = this.#early.get(this.#last)
    ) {
      this.#early.delete(next.after);
      // A repetition: our acknowledgement was lost.
      if (next.number <= this.#last) break;
      this.#take(next);
    }
    if (this.#waiting.length > 2 * WINDOW_MAX) {
      return this.parts.session.offends("more than may be unacknowledged");
    }
    if (this.#waiting.length === 0) this.#acknowledge();
    else this.#write();
  }

  #take(message: DirectoryMessageOf<"told">): void {
    const { number, sentAt, text, own, guest } = message;
    this.#last = number;
    if (number <= this.#taken) return; // it came on an earlier link
    this.#taken = number;
    const place = { ...this.#listener!, number };
    const directory = fingerprintOf(this.parts.session.peer!);
    const speaker = {
      directory,
      as: place.as,
      key: fingerprintOf(message.key),
      from: message.from,
    };
    const shown = this.#shownFrom(message, speaker);
    const isGuest = guest ? { guest } as const : {};
    const record: Waiting["record"] = shown === null
      ? { kind: "through", ...place }
      : { kind: "heard", ...place, ...speaker, ...shown, own, sentAt, text, ...isGuest };
    this.#waiting.push({ record, key: message.key });
  }

  /**
   * The name under which the broadcast is shown, and whether its speaker is never forgotten; null where it isn't its
   * sender's, comes again, or couldn't be known if it came again.
   */
  #shownFrom(
    { number, from, key, own, sentAt, text, signature }: DirectoryMessageOf<"told">,
    speaker: Speaker,
  ): Pick<Heard, "from" | "isLasting"> | null {
    const { crypto, keys, ownKey, session } = this.parts;
    const directory = session.peer!;
    const isDirectory = key === directory;
    const isSigned = isDirectory === (from === DIRECTORY_NAME) &&
      isSaid(crypto, { directory, key, from, own, sentAt, text }, signature);
    if (!isSigned) return this.#forged(from);
    const isOurName = isSameName(from, session.name);
    if (isOurName && key === ownKey) return this.#dropped("we said it ourselves", from);
    if (own <= this.#ownOf(speaker)) return this.#dropped("it came before", from);
    if (sentAt <= this.log.forgottenTo(speaker)) return this.#dated(FORGOTTEN_TEXT, from, sentAt);
    if (isDirectory) return { from, isLasting: this.log.mayLast(speaker, true) };
    const apart = this.apart(from, key);
    const isNames = !isOurName &&
      keys.heard(from, key, apart, number <= this.#kept, this.#spokeAs(speaker));
    const isPinned = isNames && keys.expected(from) === speaker.key;
    const isAhead = sentAt > this.parts.wallMs() + DATED_AHEAD_MS_MAX;
    const isLasting = (isPinned || isAhead) && this.log.mayLast(speaker, isPinned);
    if (isAhead && !isLasting) return this.#dated(AHEAD_TEXT, from, sentAt);
    return { from: isNames ? from : apart, isLasting };
  }

  /** The key of whoever was shown by this speaker's name; undefined where nobody was, as far as is known. */
  #spokeAs(speaker: Speaker): Fingerprint | undefined {
    const before = this.log.spokeAs(speaker);
    if (before !== undefined) return before;
    for (const { record } of this.#waiting) {
      const isHeard = record.kind === "heard" && isNamesake(record, speaker);
      if (isHeard && isPlain(record)) return record.key;
    }
    return undefined;
  }

  /**
   * The name by which this key is shown where the name itself is another's: in a list, too, as whoever spoke may be in
   * it.
   */
  apart(name: string, key: PeerKey): string {
    const { keys, ownKey, session } = this.parts;
    const speaker = {
      directory: fingerprintOf(session.peer!),
      as: this.#listener?.as ?? foldName(session.name),
      key: fingerprintOf(key),
      from: name,
    };
    const namesakes = new Set(this.log.namesakes(speaker));
    if (isSameName(name, session.name)) namesakes.add(fingerprintOf(ownKey));
    for (const { record } of this.#waiting) {
      if (record.kind === "heard" && isNamesake(record, speaker)) namesakes.add(record.key);
    }
    return keys.apart(name, key, namesakes, this.log.startOf(speaker));
  }

  /** The highest own number of this speaker that was taken. */
  #ownOf(speaker: Speaker): number {
    let highest = this.log.ownOf(speaker);
    for (const { record } of this.#waiting) {
      if (record.kind === "heard" && isSameSpeaker(record, speaker)) {
        highest = Math.max(highest, record.own);
      }
    }
    return highest;
  }

  /** Tells our user, now and then: the directory, or whoever changed its files, has made it up. */
  #forged(from: string): null {
    const { out } = this.parts;
    this.#dropped("its sender hasn't signed it", from);
    if (!this.#mayTell("forged")) return null;
    out.error(
      "protocol",
      `The directory passes on a broadcast in the name of ${shownName(from)} that ` +
        "isn't signed with the sender's key; it isn't shown; tell the directory's operator",
    );
    return null;
  }

  /** Tells our user, now and then, that the broadcast is dated so that it could come again. @param why Of its date. */
  #dated(why: string, from: string, sentAt: number): null {
    this.#dropped(why, from);
    if (!this.#mayTell("dated")) return null;
    this.parts.out.notice(
      `A broadcast of ${shownName(from)}, dated ${dateText(sentAt)}, isn't shown: ${why}`,
    );
    return null;
  }

  #mayTell(reason: "forged" | "dated"): boolean {
    const { nowMs } = this.parts.out;
    if (nowMs < (this.#toldAtMs.get(reason) ?? -Infinity) + NOT_SHOWN_TOLD_MS) return false;
    this.#toldAtMs.set(reason, nowMs);
    return true;
  }

  #dropped(text: string, from: string): null {
    this.parts.dropped(text, from);
    return null;
  }

  #write(): void {
    if (this.#writing > 0 || this.#waiting.length === 0) return;
    if (this.deadlines.get("write") !== null) return;
    for (const waiting of this.#waiting) waiting.record = this.#named(waiting);
    this.#writing = this.#waiting.length;
    this.parts.out.write(this.#waiting.map(({ record }) => record), {
      done: () => this.#stored(),
      failed: (text) => this.#refused(text),
    });
  }

  /** While it waited, for a disk that refuses perhaps, our user may have come to expect another key under that name. */
  #named({ record, key }: Waiting): Waiting["record"] {
    if (record.kind === "through" || !isPlain(record)) return record;
    if (this.parts.keys.isExpected(record.from, key)) return record;
    return { ...record, from: this.apart(record.from, key) };
  }

  #stored(): void {
    const stored = this.#waiting.splice(0, this.#writing).map(({ record }) => record);
    this.#writing = 0;
    this.#isRefused = false;
    for (const each of stored) {
      if (each.kind === "through") {
        this.log.passed(each);
        continue;
      }
      this.log.stored(each);
      this.#show(each, false);
    }
    this.#shownThrough(stored.findLast(({ kind }) => kind === "heard"));
    this.#acknowledge();
    this.#write();
  }

  #refused(text: string): void {
    this.#writing = 0;
    if (this.#listener === null) this.#waiting.length = 0;
    this.deadlines.set("write", this.parts.out.nowMs + DISK_RETRY_MS);
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.parts.out.error("disk", `${text}; broadcasts are shown once they can be stored`);
  }

  /** Tells the directory up to which number all broadcasts sent on this link are on disk. */
  #acknowledge(): void {
    if (this.#listener === null) return;
    const through = Math.min(this.#last, this.log.through(this.#listener));
    if (through === 0) return;
    for (const way of this.#ways) this.parts.acknowledge({ type: "got", through }, way);
    // What still waits may have come either way.
    if (this.#waiting.length === 0) this.#ways.clear();
  }

  #shownThrough(last: HeardPlace | undefined): void {
    if (last === undefined) return;
    const { store, as, number } = last;
    this.parts.out.push({ type: "shown", through: { store, as, number } });
  }

  #show({ number, from, key, sentAt, text, guest }: Heard, history: boolean): void {
    const id = String(number);
    this.parts.out.show({
      event: "broadcast",
      id,
      from,
      key,
      ...(guest === undefined ? {} : { guest }),
      text,
      sentAt: dateText(sentAt),
      history,
    });
  }
}
