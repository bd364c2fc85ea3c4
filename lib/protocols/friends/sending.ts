/** What is said to friends: on our disk before it goes out, on theirs before it is taken off ours. */

import type { Environment } from "../../base/machine/environment.ts";
import { tellOfFiles } from "./file_links.ts";
import type { Friend } from "./friend.ts";
import type { FriendLink } from "./friend_links.ts";
import type { FriendTable } from "./friend_table.ts";
import { messageBytes, type OutboxEntry } from "./outbox.ts";
import { RELEASE_RETRY_MS } from "./limits.ts";
import type { FriendsOutput } from "./friends_output.ts";
import type { FriendsFact } from "./friends_words.ts";
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
    if (outbox.isFull(bytes)) return this.out.tell({ fact: "full", friend: friend.name }, ref);
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
    const why = { fact: "contested", friend: friend.name } as const;
    if (!this.queue) return this.giveUp(friend, why);
    this.out.tell(why, ref);
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
      failed: (why) => this.#notQueued(friend, entries, why),
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
      this.out.queued(entry, friend, entry === entries.at(-1));
    }
    this.#storeQueued(friend);
  }

  #notQueued(friend: Friend, entries: readonly OutboxEntry[], why: string): void {
    friend.outbox.storingEnded();
    for (const entry of entries) {
      friend.drop(entry);
      this.out.unsent(friend.name, why, entry.ref);
    }
    this.#storeQueued(friend);
  }

  /** @param start The beginning of the message's id, long enough that no other id begins with it. */
  unsend(start: string, ref: string | undefined): void {
    const found = [...this.table.all()].flatMap((friend) =>
      friend.outbox.find(start).map((entry) => ({ friend, entry }))
    );
    const [first, second] = found;
    if (first === undefined) return this.out.tell({ fact: "no-such-message", start }, ref);
    if (second !== undefined) {
      return this.out.tell({ fact: "several-messages", start, count: found.length }, ref);
    }
    const { friend, entry } = first;
    if (entry.position !== null || entry.state !== "stored") {
      return this.out.tell({ fact: "too-late", start, friend: friend.name }, ref);
    }
    entry.state = "leaving";
    const record = { kind: "unsent", to: friend.name, id: entry.id } as const;
    this.out.write([record], {
      done: () => {
        friend.drop(entry);
        this.out.keep(entry, friend, true);
        this.out.failed(entry, friend, { fact: "taken-back" }, ref);
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
    this.out.tell({ fact: "gone-there", friend: friend.name });
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
        outbox.released();
        // More may have been typed meanwhile.
        if (friend.link !== null) this.#goOn(friend);
      },
      failed: (why) => {
        outbox.notReleased();
        friend.releaseAtMs = this.out.nowMs + RELEASE_RETRY_MS;
        this.out.tell({ fact: "disk-waits", why });
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
    friend.forgive();
    // At worst the friend tells us again.
    const record = { kind: "delivered", to: friend.name, through } as const;
    this.out.note(record, { sync: false });
    const { waits, name } = friend;
    for (const entry of done) {
      // Not kept before: it was in memory alone, or the process to which it was typed may have been killed before.
      if (entry.state === "kept" || entry.isEarlier === true) this.out.keep(entry, friend);
      this.out.delivery(entry.id, friend, "delivered", entry.ref, waits !== null);
    }
    if (waits === null) return;
    friend.deliveredSinceBack += done.length;
    if (friend.outbox.size > 0) return;
    const count = friend.deliveredSinceBack;
    this.out.tell({ fact: waits === "away" ? "back" : "delivered", friend: name, count });
    friend.deliveredSinceBack = 0;
    friend.waits = null;
  }

  /** Gives up messages that are only in memory. */
  giveUp(friend: Friend, why: FriendsFact): void {
    for (const entry of friend.outbox.takeUnstored()) {
      const reason = entry.position === null ? why : { fact: "perhaps-arrived", why } as const;
      this.out.failed(entry, friend, reason, entry.ref);
    }
  }

  /** The friend can't be reached: what waits goes on waiting, or fails. */
  missed(friend: Friend): void {
    friend.failed(this.out.nowMs, this.environment.random(), this.table.busyCount);
    const why = friend.problem ?? { fact: "unreached" };
    if (!this.queue) this.giveUp(friend, why);
    tellOfFiles(friend, this.out);
    if (friend.outbox.size > 0 && this.table.listed.has(friend)) this.out.kept(friend);
  }
}
