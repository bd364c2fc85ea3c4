/** What is said to friends: on our disk before it goes out, on theirs before it is taken off ours. */

import { countText, numberText } from "../../base/text/words.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { unsentEvent } from "../../base/machine/mode_output.ts";
import { TAKEN_BACK } from "./events.ts";
import { tellOfFiles } from "./file_links.ts";
import type { Friend } from "./friend.ts";
import type { FriendLink } from "./friend_links.ts";
import type { FriendTable } from "./friend_table.ts";
import { messageBytes, type OutboxEntry } from "./outbox.ts";
import { RELEASE_RETRY_MS, STRANGE_TOLD_MS } from "./limits.ts";
import type { FriendsOutput } from "./friends_output.ts";
import { type Position, Positions } from "./positions.ts";

/** What sending asks of its owner. */
interface SendingPort {
  /** The link in use with this friend; null where there is none. */
  linkOf(friend: Friend): FriendLink | null;
  /** Makes a link, unless that is under way. */
  reach(friend: Friend, isUrgent?: boolean): void;
}

export class Sending {
  /** Messages typed in this process, to any friend: a friend that was out of the table may come back. */
  #said = 0;
  /** The disk doesn't record what is to go out, and the user was told. */
  #isRefusing = false;

  /** @param epoch Of this process. @param queue False: a message that can't be delivered now fails. */
  constructor(
    readonly epoch: number,
    readonly queue: boolean,
    readonly environment: Pick<Environment, "random">,
    readonly table: FriendTable,
    readonly out: FriendsOutput,
    readonly port: SendingPort,
  ) {}

  /** Queues a message: it goes out when it is on disk. */
  say(
    friend: Friend,
    { id, text, sentAt }: Pick<OutboxEntry, "id" | "text" | "sentAt">,
    ref: string | undefined,
  ): void {
    const bytes = messageBytes(text);
    const { outbox } = friend;
    const full = outbox.fullness(bytes);
    if (full !== null) {
      const advice = "send it again when some are out, or take some back with /unsend";
      return this.out.error(
        "full",
        `Cannot keep more for ${friend.shown}: ${full}; ${advice}`,
        ref,
      );
    }
    const isNext = friend.link !== null && !friend.isHeld && outbox.isReleased;
    const position = isNext ? this.#nextPosition() : null;
    outbox.add({ position, id, text, bytes, sentAt, ref, state: this.queue ? "new" : "kept" });
    this.table.markBusy(friend);
    this.#storeQueued(friend);
    if (friend.isContested) this.#contested(friend, ref);
    if (friend.link !== null) this.pump(friend);
    else if (!this.queue || friend.hurry(this.out.nowMs)) this.port.reach(friend, true);
  }

  #contested(friend: Friend, ref: string | undefined): void {
    const { shown } = friend;
    const why = `two programs use ${shown}'s key`;
    if (!this.queue) return this.giveUp(friend, why);
    this.out.notice(`Kept, not sent: ${why}; /trust ${shown} sends it`, ref);
  }

  #nextPosition(): Position {
    return { epoch: this.epoch, number: ++this.#said };
  }

  /** One write at a time for each friend: messages typed meanwhile share the next write, and a frame. */
  #storeQueued(friend: Friend): void {
    const { outbox, name: to } = friend;
    const entries = outbox.nextToStore();
    if (entries.length === 0) return;
    const records = entries.map(({ position, id, sentAt, text }) =>
      ({ kind: "queued", to, position, id, sentAt, text }) as const
    );
    this.out.write(records, {
      done: () => this.#queued(friend, entries),
      failed: (text) => this.#notQueued(friend, entries, text),
    });
  }

  #queued(friend: Friend, entries: readonly OutboxEntry[]): void {
    friend.outbox.storingEnded();
    for (const entry of entries) entry.state = "stored";
    // First send: that waits neither for what is shown, nor for the next write. Where the friend is away, this plans
    // the next try.
    if (friend.link !== null) this.#goOn(friend);
    for (const entry of entries) {
      this.out.keep(entry, friend);
      this.out.queued(entry, friend);
    }
    this.#storeQueued(friend);
  }

  #notQueued(friend: Friend, entries: readonly OutboxEntry[], text: string): void {
    friend.outbox.storingEnded();
    for (const entry of entries) {
      friend.drop(entry);
      this.out.show(unsentEvent(text), entry.ref);
    }
    this.#storeQueued(friend);
  }

  /** @param start The beginning of the message's id, long enough that no other id begins with it. */
  unsend(start: string, ref: string | undefined): void {
    const found = [...this.table.all()].flatMap((friend) =>
      friend.outbox.find(start).map((entry) => ({ friend, entry }))
    );
    const [first, second] = found;
    if (first === undefined) {
      const text =
        `Cannot take message ${start} back: no such message waits; /outbox shows those that do`;
      return this.out.error("no-such-entry", text, ref);
    }
    if (second !== undefined) {
      const text = `Cannot take message ${start} back: ${
        numberText(found.length)
      } messages begin so; write more of the id`;
      return this.out.error("usage", text, ref);
    }
    const { friend, entry } = first;
    if (entry.position !== null || entry.state !== "stored") {
      const text =
        `Cannot take message ${start} back: too late, ${friend.shown} may have it already`;
      return this.out.error("not-allowed", text, ref);
    }
    entry.state = "leaving";
    const record = { kind: "unsent", to: friend.name, id: entry.id } as const;
    this.out.write([record], {
      done: () => {
        friend.drop(entry);
        this.out.keep(entry, friend, true);
        this.out.failed(entry, friend, TAKEN_BACK, ref);
        this.#goOn(friend);
      },
      failed: (text) => {
        entry.state = "stored";
        this.out.error("disk", text, ref);
        this.#goOn(friend);
      },
    });
  }

  /** A link may have come up while a message was being taken back. */
  #goOn(friend: Friend): void {
    if (friend.link !== null) this.#release(friend);
    this.pump(friend);
  }

  /** Reconciles what the friend has stored of what we said with what we know of it. */
  met(link: FriendLink, friend: Friend, stored: readonly Position[]): void {
    const { outbox } = friend;
    const positions = new Positions(stored);
    this.#release(friend);
    const before = outbox.delivered;
    const done = outbox.takeStored((position) => positions.has(position));
    this.#delivered(friend, done);
    if (done.length > 0) friend.storedBy = link.process;
    // A process has what it acknowledged: its hello was on its way on another link meanwhile.
    if (before === null || positions.has(before) || friend.storedBy === link.process) return;
    this.out.send(link, { type: "skip", position: before });
    if (this.out.nowMs < friend.gapAtMs) return;
    friend.gapAtMs = this.out.nowMs + STRANGE_TOLD_MS;
    const { shown } = friend;
    const text =
      `Earlier messages that were delivered to ${shown} aren't where ${shown} is now: that is a new machine or ` +
      `profile, or older files were put back there, or another program had ${shown}'s key, or one that you ` +
      `accepted. They aren't sent again: if ${shown} hasn't read them, write them anew`;
    this.out.tellOf(friend, { event: "notice", text });
  }

  /**
   * From here on all that waits may go out, once that is on disk: otherwise a later process might have taken it back,
   * or moved it.
   */
  #release(friend: Friend): void {
    const { outbox, name: to } = friend;
    friend.releaseAtMs = null;
    if (friend.isHeld) return; // which ends with `releaseAgain`
    const from = outbox.release(() => this.#nextPosition());
    if (from === null) return;
    if (outbox.isReleasingKept) return outbox.released();
    this.out.write([{ kind: "released", to, from }], {
      done: () => {
        this.#isRefusing = false;
        outbox.released();
        // More may have been typed meanwhile.
        if (friend.link !== null) this.#goOn(friend);
      },
      failed: (text) => {
        outbox.notReleased();
        friend.releaseAtMs = this.out.nowMs + RELEASE_RETRY_MS;
        if (!this.#isRefusing) {
          this.out.error("disk", `${text}; what waits for friends goes out when that is possible`);
        }
        this.#isRefusing = true;
      },
    });
  }

  /** Tries again what the disk refused before, or sends what was held. */
  releaseAgain(friend: Friend): void {
    this.#goOn(friend);
  }

  /** Sends what waits, as much as may be under way. */
  pump(friend: Friend): void {
    const link = this.port.linkOf(friend);
    if (link === null) {
      if (friend.outbox.size > 0) this.port.reach(friend);
      return;
    }
    if (friend.isHeld) return;
    for (;;) {
      const batch = friend.outbox.nextBatch();
      const [first] = batch;
      if (first === undefined) return;
      friend.lastTrafficMs = this.out.nowMs;
      friend.awaitedSinceMs ??= this.out.nowMs;
      link.isUsed = true;
      this.out.send(link, {
        type: "texts",
        epoch: first.position.epoch,
        entries: batch.map(({ position, id, sentAt, text }) => ({
          number: position.number,
          id: Uint8Array.fromHex(id),
          sentAt,
          text,
        })),
      });
    }
  }

  acknowledged(link: FriendLink, friend: Friend, through: Position): void {
    const done = friend.outbox.acknowledge(through);
    if (done.length === 0) return; // told before, or nothing that we said
    friend.storedBy = link.process;
    friend.awaitedSinceMs = friend.outbox.isUnderWay ? this.out.nowMs : null;
    this.#delivered(friend, done);
    this.pump(friend);
  }

  #delivered(friend: Friend, done: readonly OutboxEntry[]): void {
    const through = done.at(-1)?.position ?? null;
    if (through === null) return;
    const was = friend.isRefusing ? "takes messages again" : "is back";
    friend.served();
    // At worst the friend tells us again.
    const record = { kind: "delivered", to: friend.name, through } as const;
    this.out.note(record, { sync: false });
    const wasAway = friend.toldWaiting > 0;
    const waited = wasAway || friend.waitsFromBefore;
    for (const entry of done) {
      // Not kept before: it was in memory alone, or the process to which it was typed may have been killed before.
      if (entry.state === "kept" || entry.isEarlier === true) this.out.keep(entry, friend);
      this.out.delivery(entry.id, friend, "delivered", entry.ref, waited);
    }
    if (!waited) return;
    friend.deliveredSinceBack += done.length;
    friend.toldWaiting = Math.min(friend.toldWaiting, Math.max(1, friend.outbox.size));
    if (friend.outbox.size > 0) return;
    const count = friend.deliveredSinceBack;
    const delivered = `${countText(count, "message")} delivered`;
    const text = friend.toldHeld || !wasAway
      ? `${delivered} to ${friend.shown}`
      : `${friend.shown} ${was}; ${delivered}`;
    this.out.tellOf(friend, { event: "notice", text });
    friend.toldWaiting = 0;
    friend.deliveredSinceBack = 0;
    friend.waitsFromBefore = false;
  }

  /** Gives up messages that are only in memory. @param isTold Whether an error has just said why. */
  giveUp(friend: Friend, why: string, isTold = false): void {
    for (const entry of friend.outbox.takeUnstored()) {
      if (entry.position === null) this.out.failed(entry, friend, why, entry.ref, isTold);
      else {
        const reason = `${why}; it may have arrived all the same`;
        this.out.failed(entry, friend, reason, entry.ref);
      }
    }
  }

  /** The friend can't be reached: what waits goes on waiting, or fails. */
  missed(friend: Friend): void {
    const { outbox, shown, sentWhen } = friend;
    friend.failed(this.out.nowMs, this.environment.random(), this.table.busyCount);
    const problem = friend.problem ?? "no address of the friend could be reached";
    const isTold = friend.toldProblem === problem;
    if (!this.queue) this.giveUp(friend, problem, isTold);
    friend.toldProblem = null;
    tellOfFiles(friend, this.out);
    if (outbox.size <= friend.toldWaiting || !this.table.listed.has(friend)) return;
    friend.tellWaiting();
    const waiting = `(${numberText(outbox.size)} ${
      this.queue ? "waiting" : "from before waiting"
    })`;
    const text = friend.isRefusing || friend.refusedHere === "trust" || isTold
      ? `Kept for ${shown}, and sent ${sentWhen} ${waiting}`
      : `${shown} isn't there: ${problem}; kept, and sent ${sentWhen} ${waiting}`;
    this.out.tellOf(friend, { event: "notice", text, warning: true });
  }
}
