/**
 * When the messages of a room are shown: to a newcomer after it has caught up, to a returning member from where
 * it left off, to all others as they arrive; and the records on disk that say so. Who is a newcomer, and what is
 * new to it, is decided in `catch_up_gate.ts`.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { BundleId, MessageId, PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { Pending } from "../../../base/machine/pending.ts";
import { bundleId, lastCounter, messageId } from "../log/bundle.ts";
import type { OrderEffect } from "../log/order_io.ts";
import type { Stream } from "../schema/structures.ts";
import { claimIdOf } from "../schema/credentials.ts";
import { KEPT_MESSAGES_MAX } from "../schema/limits.ts";
import type { StreamEntry } from "../schema/messages.ts";
import { arrivalRecords, type MeshRecord, notedBaseline } from "../schema/records.ts";
import type { AntiEntropyEffect } from "../sync/anti_entropy_io.ts";
import {
  type ArrivalState,
  BASELINE_MS_MAX,
  BASELINE_TOTAL_MS_MAX,
  CATCH_UP_MS_MAX,
  CatchUpGate,
  HISTORY_LATE_MS_MAX,
  HISTORY_QUIET_MS,
} from "./catch_up_gate.ts";
import type { DeliveredText, RoomEvents } from "./room_events.ts";
import type { RoomConfig } from "./room_io.ts";
import type { RoomOutput } from "./room_output.ts";

/** guess: two round trips and some more; members still missing then are reported when they become known. */
const ROSTER_MS_MAX = 1_000;
/** As long as a leaving member hands over its messages: what took longer was held up by a split. */
const ON_ITS_WAY_MS_MAX = 10_000;

type Frontiers = Extract<AntiEntropyEffect, { readonly type: "frontiers" }>;
type Delivered = Extract<OrderEffect, { readonly type: "delivered" }>;

export class DeliveryGate {
  readonly #arrival: CatchUpGate<DeliveredText>;
  readonly deadlines = new Deadlines({
    /** When a newcomer no longer waits for the baseline of the neighbour that let it in: any other's will do. */
    baseline: () => {
      this.deadlines.set("catchUp", this.#welcomedMs + CATCH_UP_MS_MAX);
    },
    /** When a newcomer waits no longer for earlier messages. */
    catchUp: (nowMs) => this.caughtUp(nowMs),
    /** When what comes is no longer taken for history that comes late. */
    history: () => this.#arrival.forgetBaseline(),
    /** When the answer of one who is back to what was said before no longer waits for what was said meanwhile. */
    missed: () => {},
    /** When the user waits no longer for the roster. */
    roster: () => this.#becomeReady(),
  });
  /** Refs of the user's lines that wait for the disk, by token; bounded by the order's own bound. */
  readonly #lines = new Pending<string | undefined>();
  /** Refs of own messages that are about to be shown. */
  readonly #refs = new Map<MessageId, string>();
  /** The neighbour that admitted us, whose frontiers are the baseline. */
  #via: PeerKey | null = null;
  #welcomedMs = 0;
  /** When a newcomer was shown the history. */
  #arrivedMs = 0;
  #lastDelivered: BundleId | null = null;
  /** The last bundle shown and not noted so: in the log an own one, which isn't shown yet, may precede it. */
  #unnoted: BundleId | null = null;
  #storedIsShown = false;
  /** Whether we have returned and may still lack what was written while we were away. */
  #isBehind: boolean;
  /**
   * Messages that an earlier process stored and perhaps didn't show; empty once they were taken. Without those that are
   * history, which it delivered and was never to show.
   */
  #stored: readonly StoredText[];
  readonly #unshown: Unshown;
  /** A newcomer's baseline, until something was shown to it: a process killed before that begins anew with it. */
  #baseline: readonly StreamEntry[] | null = null;
  /** Wall clock at the start. */
  readonly #enteredMs: number;
  /** Room time at which this process was let in; Infinity where an earlier one had been. */
  readonly #admittedTime: number;

  /** @param isStoring Whether an own bundle is on its way to the disk. */
  constructor(
    readonly config: RoomConfig,
    readonly crypto: Crypto,
    readonly wallMs: () => number,
    readonly view: RoomEvents,
    readonly isStoring: () => boolean,
    readonly out: Pick<RoomOutput, "later" | "screen">,
  ) {
    this.#enteredMs = wallMs();
    const { records, founded } = config;
    const newcomer = !founded && !records.some(({ kind }) => kind === "shown");
    const { firstTime, ownTime } = admissionOf(config, crypto);
    this.#admittedTime = ownTime;
    const baseline = notedBaseline(records);
    this.#arrival = new CatchUpGate(newcomer, baseline, firstTime);
    this.#isBehind = !founded && !newcomer;
    const stored = unshownMessages(records, crypto);
    this.#stored = newcomer || baseline === null
      ? stored
      : withoutHistory(stored, baseline, firstTime);
    this.#unshown = new Unshown(this.#stored.map(({ through }) => through));
    if (newcomer) this.#takeStored();
  }

  get state(): ArrivalState {
    return this.#arrival.state;
  }

  /** Whether a newcomer waits for the neighbour that let it in to say how far it is. */
  get awaitsBaseline(): boolean {
    return this.deadlines.get("baseline") !== null;
  }

  /** Whether we are back, and what was said meanwhile is about to come. */
  get awaitsMissed(): boolean {
    return this.deadlines.get("missed") !== null;
  }

  /**
   * A compacted log's `records`, and those that say how much was shown: all through the bundle `shownThrough`; nothing
   * by this process where that is null. Null where the bundles still to be shown aren't known any more, or not kept.
   */
  snapshot(
    records: readonly MeshRecord[],
    shownThrough: BundleId | null,
  ): readonly MeshRecord[] | null {
    const isHere = this.#arrival.state === "here";
    const baseline = isHere ? this.#baseline : this.#arrival.baseline;
    const unshown = this.#unshown.after(shownThrough);
    const waiting = new Map<BundleId, MeshRecord | null>(unshown?.map((id) => [id, null]));
    const end = records.findLastIndex(({ kind }) => kind === "bundle") + 1;
    const before = records.slice(0, end).filter((record) => {
      if (waiting.size === 0 || record.kind !== "bundle") return true;
      const id = bundleId(this.crypto, record.bundle.header.bytes);
      if (!waiting.has(id)) return true;
      waiting.set(id, record);
      return false;
    });
    const after = [...waiting.values()].filter((record) => record !== null);
    const rest = [...after, ...records.slice(end)];
    // Nothing may be shown yet: but once something is, all that is before it here counts as shown.
    if (shownThrough === null && baseline !== null) {
      return [...before, ...rest, ...arrivalRecords(baseline)];
    }
    if (!isHere) return [...before, ...rest];
    if (unshown === null || after.length < waiting.size) return null;
    return [...before, { kind: "shown", through: null }, ...rest];
  }

  /** `by` has admitted us. */
  welcomed(by: PeerKey, nowMs: number): void {
    this.#via = by;
    this.#welcomedMs = nowMs;
    switch (this.#arrival.state) {
      case "joining":
        this.deadlines.set("baseline", nowMs + BASELINE_MS_MAX);
        this.deadlines.set("roster", nowMs + BASELINE_MS_MAX);
        return;
      case "catching-up":
        this.deadlines.set("roster", nowMs + BASELINE_MS_MAX);
        return this.#catchUp(nowMs);
      case "here":
        if (this.#isBehind) this.deadlines.set("missed", nowMs + BASELINE_MS_MAX);
        return this.#awaitRoster(nowMs);
    }
  }

  /** A neighbour's roster has arrived: a user that asks who is here gets the right answer. */
  rosterKnown(): void {
    if (this.deadlines.get("roster") === null) return;
    this.deadlines.clear("roster");
    this.#becomeReady();
  }

  /** A neighbour goes on comparing its frontiers with ours: the one that admitted us gets more time for it. */
  compares(from: PeerKey, nowMs: number): void {
    if (from !== this.#via) return;
    const untilMs = Math.min(nowMs + BASELINE_MS_MAX, this.#welcomedMs + BASELINE_TOTAL_MS_MAX);
    for (const name of ["baseline", "missed"] as const) {
      if (this.deadlines.get(name) !== null) this.deadlines.set(name, untilMs);
    }
  }

  /** The user leaves: what is asked is answered with what there is. */
  leaves(): void {
    this.deadlines.clear("missed");
  }

  /**
   * A neighbour has sent its frontiers: the baseline, if it is the one that admitted us, or if we have waited long
   * enough for that one's.
   */
  frontiers({ from, entries, floor }: Frontiers, nowMs: number): void {
    const isOver = this.#via !== null && this.deadlines.get("baseline") === null;
    if (this.#arrival.state !== "joining" || !(from === this.#via || isOver)) return;
    this.#arrival.setBaseline(entries, floor);
    this.#note(arrivalRecords(entries));
    this.#catchUp(nowMs);
  }

  /** Ends catching up: nothing is missing any more, nobody is there that could have it, or it took too long. */
  caughtUp(nowMs: number): void {
    this.deadlines.clear("baseline");
    this.deadlines.clear("catchUp");
    this.deadlines.clear("missed");
    this.#isBehind = false;
    if (this.#arrival.state === "here") return this.#becomeReady();
    const hasBaseline = this.#arrival.state !== "joining";
    this.#baseline = this.#arrival.baseline;
    const held = this.#arrival.finish();
    this.#arrivedMs = nowMs;
    this.deadlines.set("history", nowMs + HISTORY_QUIET_MS);
    if (!hasBaseline && held.length === 0) {
      this.#unshown.beginAfter(this.#lastDelivered);
      this.#noteArrived();
    }
    this.#becomeReady();
    this.view.arrival(this.config.historyShown, held, (id) => this.#takeRef(id));
    if (this.#lastDelivered !== null) this.#noteShown(this.#lastDelivered, false);
    else if (!this.isStoring()) this.#noteArrived();
  }

  /** Shows a delivered bundle's messages, or holds them until the newcomer has caught up. */
  delivered({ bundle, id, reason, messages, own }: Delivered, nowMs: number): void {
    const header = bundle.header.value;
    const { author, claim, sentAt, time } = header;
    // What is pushed to a returning member names bundles that it lacks: it grafts them before a range brings them.
    const isLate = reason === "range" || (reason === "graft" && this.#isBehind);
    const isNew = this.#arrival.state !== "here" && time > this.#admittedTime;
    const history = isLate && !isNew && !this.#isJustSaid(sentAt);
    this.#lastDelivered = id;
    this.#unshown.add(id, own ? this.#unnoted : null);
    for (const { id: message, text } of messages) {
      const shown = { id: message, text, author, claim, sentAt, history, through: id };
      if (this.#arrival.take(header, lastCounter(header), time, shown)) {
        this.view.message(shown, this.#takeRef(message));
      } else if (this.#arrival.state === "here") {
        const untilMs = this.#arrivedMs + HISTORY_LATE_MS_MAX;
        this.deadlines.set("history", Math.min(nowMs + HISTORY_QUIET_MS, untilMs));
      }
    }
    if (this.#arrival.state === "here") this.#noteShown(id, own);
  }

  /** Whether so many messages wait to be shown that we can't wait any longer for what is missing. */
  get isFull(): boolean {
    return this.#arrival.full;
  }

  /**
   * Whether a message of a range is recent all the same: its author may have left before it had spread. With a clock
   * ahead of ours all of an author's messages would be recent; so both bounds.
   */
  #isJustSaid(sentAt: number): boolean {
    const awayMs = Math.abs(this.wallMs() - sentAt);
    return sentAt >= this.#enteredMs && awayMs <= ON_ITS_WAY_MS_MAX;
  }

  /** Registers a line of the user's; returns the token by which the order refers to it. */
  lineTyped(ref: string | undefined): number {
    return this.#lines.add(ref);
  }

  /** These lines have become messages, which are about to be delivered. */
  linesSaid({ tokens, messages }: Extract<OrderEffect, { readonly type: "said" }>): void {
    tokens.forEach((token, index) => {
      const ref = this.#lines.take(token);
      const message = messages[index];
      if (ref !== undefined && message !== undefined) this.#refs.set(message, ref);
    });
  }

  linesRefused({ tokens, code, text }: Extract<OrderEffect, { readonly type: "refused" }>): void {
    for (const token of tokens) {
      const ref = this.#lines.take(token);
      if (code === "disk") this.view.unsent(text, ref);
      else this.view.error(code, text, ref);
    }
    // What was shown meanwhile can be noted: it needn't wait for an own bundle any more.
    if (this.#unnoted !== null) this.#noteShown(this.#unnoted, false);
  }

  #takeRef(id: MessageId): string | undefined {
    if (this.#refs.size === 0) return undefined; // most scripts give none, and a look-up hashes the id
    const ref = this.#refs.get(id);
    this.#refs.delete(id);
    return ref;
  }

  #catchUp(nowMs: number): void {
    this.deadlines.clear("baseline");
    this.deadlines.set("catchUp", nowMs + CATCH_UP_MS_MAX);
    this.#becomeReady();
  }

  /**
   * Unless something is still waited for that the user is to have by then. Without a baseline what is said from then on
   * couldn't be told from history: time doesn't tell, as clocks differ.
   */
  #becomeReady(): void {
    if (this.#arrival.state === "joining" || this.deadlines.get("roster") !== null) return;
    if (!this.view.ready) this.#showStored();
    this.view.becomeReady();
  }

  /** Back in a room that this profile knows. New events are held back in the view, behind the stored messages. */
  #awaitRoster(nowMs: number): void {
    if (this.view.ready) return;
    this.#showStored();
    this.deadlines.set("roster", nowMs + ROSTER_MS_MAX);
  }

  /** Shows the messages that an earlier process stored and perhaps didn't show. */
  #showStored(): void {
    if (this.#storedIsShown) return;
    this.#storedIsShown = true;
    const stored = this.#stored;
    this.#stored = [];
    const { founded, historyAgain } = this.config;
    if (!founded && historyAgain > 0) {
      this.view.shownAgain(historyAgain, new Set(stored.map(({ id }) => id)));
    }
    for (const message of stored) this.view.message(message, undefined);
    const last = stored.at(-1);
    if (last !== undefined) this.out.screen({ type: "shown", through: last.through });
    else this.#noteArrived();
  }

  /** Takes the messages that an earlier process received while joining, and couldn't show before it was killed. */
  #takeStored(): void {
    for (const message of this.#stored) {
      this.#arrival.take(message.stream, message.counter, message.time, message);
      this.#lastDelivered = message.through;
    }
    this.#stored = [];
    this.#storedIsShown = true;
  }

  /**
   * Notes that all up to this bundle was shown, in the order of the log. The record of an own bundle was written when
   * it was made; bundles delivered until the disk had it follow it in the log, though they were shown before it.
   */
  #noteShown(id: BundleId, own: boolean): void {
    if (!own && this.isStoring()) {
      this.#unnoted = id;
      return;
    }
    this.out.screen({ type: "shown", through: own ? this.#unnoted ?? id : id });
    this.#unnoted = null;
  }

  /** Notes that all that arrives from now on is new to this profile. */
  #noteArrived(): void {
    if (this.config.records.some(({ kind }) => kind === "shown")) return;
    this.#baseline = null;
    this.#note([{ kind: "shown", through: null }]);
  }

  /** Synced before the user reads `ready`: what is written from then on is new to the next process too. */
  #note(records: readonly MeshRecord[]): void {
    this.out.later({ type: "persist", records, token: null, sync: true });
  }
}

/** A text on disk, and where it ends in its author's stream. */
interface StoredText extends DeliveredText {
  readonly stream: Stream;
  readonly counter: number;
  /** Room time. */
  readonly time: number;
}

/** Since when a member has been in the room for the others, by room time; Infinity for never. */
interface Admission {
  /** Since its first process that they may have taken for a member. */
  readonly firstTime: number;
  /** Since this process, where that wasn't let in as a member that they knew. */
  readonly ownTime: number;
}

/**
 * An earlier process's claim is on disk before anybody may hear of it: unless that process turned back on its way in,
 * what is said from then on is said to this member, too.
 */
function admissionOf({ records, claim }: RoomConfig, crypto: Crypto): Admission {
  const { key, time } = claim.claim.value;
  const claims = records.flatMap((record) =>
    record.kind === "claim" && record.claim.claim.value.key === key ? [record.claim] : []
  );
  const own = claimIdOf(crypto, claim);
  const isKnown = claims.some((earlier) => claimIdOf(crypto, earlier) === own);
  const ownTime = isKnown ? Infinity : time;
  const hasTurnedBack = records.some(({ kind }) => kind === "left") &&
    !records.some(({ kind }) => kind === "arrival" || kind === "bundle");
  const earlier = hasTurnedBack ? [] : claims.map(({ claim: { value } }) => value.time);
  return { firstTime: Math.min(ownTime, ...earlier), ownTime };
}

/** The stored messages that no `shown` record covers, in the order of delivery. */
function unshownMessages(records: readonly MeshRecord[], crypto: Crypto): readonly StoredText[] {
  const bundles = new Map<BundleId, readonly StoredText[]>();
  for (const record of records) {
    if (record.kind === "bundle") {
      const through = bundleId(crypto, record.bundle.header.bytes);
      // A compacted log has all that was delivered; what still waited to be written comes once more behind that.
      if (bundles.has(through)) continue;
      const header = record.bundle.header.value;
      const { author, claim, sentAt } = header;
      const place = { stream: header, counter: lastCounter(header), time: header.time };
      bundles.set(
        through,
        record.bundle.texts.value.map((text, index) => {
          const id = messageId(through, index);
          return { ...place, id, author, claim, text, sentAt, history: true, through };
        }),
      );
    } else if (record.kind === "shown") {
      const { through } = record;
      if (through === null) bundles.clear();
      else if (bundles.has(through)) dropThrough(bundles, through);
    }
  }
  return [...bundles.values()].flat();
}

/** Without the messages that the baseline covers, unless they were said to this member. */
function withoutHistory(
  messages: readonly StoredText[],
  baseline: readonly StreamEntry[],
  firstTime: number,
): readonly StoredText[] {
  const arrival = new CatchUpGate<StoredText>(true, baseline, firstTime);
  for (const message of messages) {
    arrival.take(message.stream, message.counter, message.time, message);
  }
  return arrival.finish();
}

/** Deletes the entries up to and including `last`. */
function dropThrough<Key>(entries: Map<Key, unknown>, last: Key): void {
  for (const key of entries.keys()) {
    entries.delete(key);
    if (key === last) return;
  }
}

/**
 * Which of the delivered bundles wait to be shown: the room knows their order, and the caller that carries out its
 * effects knows how far its user has come.
 */
class Unshown {
  /** The last bundles that may wait, in the order of their records on disk. */
  #ids: BundleId[];
  #lacksOld = false;
  /** The last bundle that is never to be shown; null where all of `#ids` waits. */
  #begin: BundleId | null = null;

  /** @param stored The bundles that an earlier process stored, and perhaps didn't show. */
  constructor(stored: Iterable<BundleId>) {
    this.#ids = [...new Set(stored)];
  }

  /** @param before The bundle whose record follows this one's on disk; null where none does. */
  add(id: BundleId, before: BundleId | null): void {
    const index = before === null ? -1 : this.#ids.lastIndexOf(before);
    if (index < 0) this.#ids.push(id);
    else this.#ids.splice(index, 0, id);
    if (this.#ids.length <= 2 * KEPT_MESSAGES_MAX) return;
    this.#ids = this.#ids.slice(-KEPT_MESSAGES_MAX);
    this.#lacksOld = true;
  }

  /** Nothing through `last` is ever to be shown; null where there was nothing. */
  beginAfter(last: BundleId | null): void {
    this.#ids = last === null ? [] : [last];
    this.#begin = last;
  }

  /**
   * The bundles after `through`, in the order of the records on disk; all of this process where it is null. Null where
   * they aren't all known any more.
   */
  after(through: BundleId | null): readonly BundleId[] | null {
    const last = through ?? this.#begin;
    if (last === null) return this.#lacksOld ? null : this.#ids;
    const index = this.#ids.lastIndexOf(last);
    return index < 0 ? null : this.#ids.slice(index + 1);
  }
}
