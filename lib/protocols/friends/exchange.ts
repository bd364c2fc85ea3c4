/**
 * What friends say to each other: on our disk before it goes out, on theirs before it is taken off ours; what
 * comes is on disk before it is shown and acknowledged, and never taken in twice.
 */

import { dateText } from "../../base/dates.ts";
import type { Environment } from "../../base/environment.ts";
import type { PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { utf8Length } from "../../base/text.ts";
import type { Friend } from "./friend.ts";
import type { FriendLink } from "./friend_links.ts";
import type { FriendTable } from "./friend_table.ts";
import type { FriendsConfig } from "./friends_io.ts";
import { restoreFriends, snapshotFriends } from "./friends_log.ts";
import { Inbox, type Received } from "./inbox.ts";
import { RECEIVED_KEPT_MAX, TEXT_BYTES_MAX } from "./limits.ts";
import type { FriendsMessage } from "./messages.ts";
import type { OutboxEntry } from "./outbox.ts";
import type { Output } from "./output.ts";
import { freshEpoch, type Position, Positions } from "./position.ts";
import type { FriendsRecord } from "./records.ts";

type Message<Type extends FriendsMessage["type"]> = Extract<
  FriendsMessage,
  { readonly type: Type }
>;

/** What a write that is under way was for. */
type Writing =
  | { readonly kind: "queue"; readonly friend: Friend; readonly entries: readonly OutboxEntry[] }
  | {
    readonly kind: "unsend";
    readonly friend: Friend;
    readonly entry: OutboxEntry;
    readonly ref: string | undefined;
  }
  | { readonly kind: "receive"; readonly peer: PeerKey }
  | { readonly kind: "self"; readonly received: Received; readonly ref: string | undefined };

/** What the exchange asks of the rest. */
export interface ExchangePort {
  /** The friend's link that is used; null where there is none. */
  linkOf(friend: Friend): FriendLink | null;
  /** All links to this key that aren't being closed. */
  linksTo(key: PeerKey): Iterable<FriendLink>;
  /** Makes a link, unless that is under way. */
  reach(friend: Friend): void;
  /** What this peer sent can't be stored: it keeps it, and sends it again. */
  refuseToStore(key: PeerKey): void;
}

export class Exchange {
  readonly epoch: number;
  readonly #inbox = new Inbox();
  readonly #writing = new Map<number, Writing>();
  #received: readonly Received[];
  #unshown: readonly Received[];
  /** Messages so far in this process, whoever they are to: a friend who was gone from the table may come back. */
  #said = 0;
  #nextToken = 1;
  /** The disk takes nothing of what comes, and the user was told. */
  #refusing = false;
  /** Why the last write failed; null where it didn't. */
  diskProblem: string | null = null;
  /** Who wrote last. */
  lastWriter: string | null = null;

  constructor(
    readonly config: FriendsConfig,
    readonly self: PeerKey,
    readonly environment: Environment,
    readonly table: FriendTable,
    readonly out: Output,
    readonly port: ExchangePort,
  ) {
    const restored = restoreFriends(config.records, (name) => table.kept(name), this.#inbox);
    this.epoch = freshEpoch(environment);
    this.#received = restored.received;
    this.#unshown = restored.unshown;
  }

  /** For a compacted log; valid when all that was received has been shown. */
  snapshot(): readonly FriendsRecord[] {
    return snapshotFriends(this.table.all(), this.#inbox, this.#received);
  }

  /** Whether something waits for the disk. */
  get isWriting(): boolean {
    return this.#writing.size > 0;
  }

  isReceiving(key: PeerKey): boolean {
    return this.#inbox.isBusy(key);
  }

  stored(key: PeerKey): readonly Position[] {
    return this.#inbox.stored(key);
  }

  /** Shows what an earlier process stored, and perhaps didn't show. */
  start(): void {
    for (const received of this.#unshown) this.#showReceived(received, true);
    const last = this.#unshown.at(-1);
    if (last !== undefined) this.out.push({ type: "shown", through: last.id });
    this.#unshown = [];
  }

  // Sending.

  say(friend: Friend | "self", text: string, ref: string | undefined): void {
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) {
      const sizes = `it may have ${TEXT_BYTES_MAX}; send it in parts`;
      return this.out.error("too-long", `Cannot send a message of ${bytes} bytes: ${sizes}`, ref);
    }
    const id = this.environment.randomBytes(16).toHex();
    const sentAt = Math.max(0, Math.floor(this.environment.wallMs()));
    if (friend === "self") return this.#sayToSelf(id, text, sentAt, ref);
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
    const position = { epoch: this.epoch, number: ++this.#said };
    const state = this.config.queue ? "new" : "kept";
    outbox.add({ position, id, text, bytes, sentAt, ref, state, wentOut: false });
    this.table.markBusy(friend);
    this.#storeQueued(friend);
    if (friend.link !== null) this.pump(friend);
    else if (!this.config.queue || friend.hurry(this.out.nowMs)) this.port.reach(friend);
  }

  /** One write at a time for each friend: what is typed meanwhile shares the next one, and a frame. */
  #storeQueued(friend: Friend): void {
    const { outbox, name: to } = friend;
    const entries = outbox.nextToStore();
    if (entries.length === 0) return;
    const linked = friend.link !== null;
    const records = entries.map(({ position, id, sentAt, text }) =>
      ({ kind: "queued", to, position, id, sentAt, text, linked }) as const
    );
    this.#persist(records, { kind: "queue", friend, entries });
  }

  #sayToSelf(id: string, text: string, sentAt: number, ref: string | undefined): void {
    const position = { epoch: this.epoch, number: ++this.#said };
    const { name: from } = this.config;
    const received = {
      kind: "received",
      from,
      key: this.self,
      position,
      id,
      sentAt,
      text,
    } as const;
    this.#inbox.restore(received);
    this.#persist([received], { kind: "self", received, ref });
  }

  /** @param start Of the message's id, so many letters that no other begins so. */
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
      const text =
        `Cannot take message ${start} back: ${found.length} messages begin so; write more of the id`;
      return this.out.error("usage", text, ref);
    }
    const { friend, entry } = first;
    if (entry.wentOut || entry.state !== "stored") {
      const text =
        `Cannot take message ${start} back: too late, ${friend.shown} may have it already`;
      return this.out.error("not-allowed", text, ref);
    }
    entry.state = "leaving";
    const record = { kind: "unsent", to: friend.name, position: entry.position } as const;
    this.#persist([record], { kind: "unsend", friend, entry, ref });
  }

  /** What the friend has stored of what we said, and what we know of it, are made one. */
  met(link: FriendLink, friend: Friend, stored: readonly Position[]): void {
    const { outbox, name: to } = friend;
    const positions = new Positions(stored);
    const released = outbox.release();
    if (released !== null) {
      const record = { kind: "released", to, through: released } as const;
      // Synced: after a loss of power it must not seem that what went out could be taken back.
      this.#persist([record], null);
    }
    const before = outbox.delivered;
    const done = outbox.takeStored((position) => positions.has(position));
    this.#delivered(friend, done);
    if (before === null || positions.has(before)) return;
    this.out.send(link, { type: "skip", position: before });
    const what = "messages that you had delivered are gone there, and aren't kept here any more";
    this.out.notice(`${friend.shown}'s files are new, or were put back to an older state: ${what}`);
  }

  /** Sends what waits, as much as may be under way. */
  pump(friend: Friend): void {
    const link = this.port.linkOf(friend);
    if (link === null) {
      if (friend.outbox.size > 0) this.port.reach(friend);
      return;
    }
    for (;;) {
      const batch = friend.outbox.nextBatch();
      const [first] = batch;
      if (first === undefined) return;
      friend.lastTrafficMs = this.out.nowMs;
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

  acknowledged(friend: Friend, through: Position): void {
    const done = friend.outbox.acknowledge(through);
    if (done.length === 0) return; // told before, or no word of ours
    this.#delivered(friend, done);
    this.pump(friend);
  }

  #delivered(friend: Friend, done: readonly OutboxEntry[]): void {
    const last = done.at(-1);
    if (last === undefined) return;
    friend.served();
    // At worst the friend tells it again.
    const record = { kind: "delivered", to: friend.name, through: last.position } as const;
    this.out.push({ type: "persist", records: [record], token: null, sync: false });
    for (const { id, ref } of done) this.out.delivery(id, friend, "delivered", { ref });
    if (!friend.toldAway) return;
    friend.deliveredSinceBack += done.length;
    if (friend.outbox.size > 0) return;
    const count = friend.deliveredSinceBack;
    const messages = count === 1 ? "1 message" : `${count} messages`;
    this.out.notice(`${friend.shown} is back; ${messages} delivered`);
    friend.toldAway = false;
    friend.deliveredSinceBack = 0;
  }

  /** The friend can't be reached: what waits goes on waiting, or has failed. */
  missed(friend: Friend): void {
    const { outbox, shown } = friend;
    friend.failed(this.out.nowMs, this.environment.random(), this.table.busyCount);
    const problem = friend.problem ?? "no way there was found";
    if (!this.config.queue) {
      for (const { id, ref, wentOut } of outbox.takeUnstored()) {
        const reason = wentOut ? `${problem}; it may have arrived all the same` : problem;
        this.out.delivery(id, friend, "failed", { reason, ref });
      }
    }
    if (outbox.size === 0 || friend.toldAway || !this.table.listed.has(friend)) return;
    friend.toldAway = true;
    const waiting = `(${outbox.size} waiting)`;
    this.out.warn(
      friend.isRefusing
        ? `Kept for ${shown}, and sent when ${shown} takes it ${waiting}`
        : `${shown} isn't there: ${problem}; kept, and sent when ${shown} is back ${waiting}`,
    );
  }

  // Receiving.

  texts(link: FriendLink, friend: Friend, { epoch, entries }: Message<"texts">): void {
    link.isUsed = true;
    let fresh = false;
    for (const { number, id, sentAt, text } of entries) {
      const position = { epoch, number };
      const record = { kind: "received", from: friend.name, key: link.peer, position } as const;
      if (this.#inbox.take({ ...record, id: id.toHex(), sentAt, text })) fresh = true;
    }
    if (fresh) return this.#store(link.peer);
    const last = { epoch, number: entries.at(-1)?.number ?? 0 };
    if (this.#inbox.hasStored(link.peer, last)) this.#confirm(link.peer, last);
  }

  skip(link: FriendLink, friend: Friend, through: Position): void {
    if (!this.#inbox.take({ kind: "skipped", key: link.peer, through })) return;
    const what = `messages from ${friend.shown} that had come before are gone, there as well`;
    this.out.notice(`Your files are new, or were put back to an older state: ${what}`);
    this.#store(link.peer);
  }

  #store(peer: PeerKey): void {
    const records = this.#inbox.next(peer);
    if (records.length > 0) this.#persist(records, { kind: "receive", peer });
  }

  #stored(peer: PeerKey): void {
    this.#refusing = false;
    const received = this.#inbox.written(peer).filter((record) => record.kind === "received");
    this.#showStored(received);
    const last = received.at(-1);
    if (last !== undefined) this.#confirm(peer, last.position);
    this.#store(peer);
  }

  /** Tells the sender up to where everything is safe here. */
  #confirm(peer: PeerKey, position: Position): void {
    for (const link of this.port.linksTo(peer)) {
      if (link.phase === "open") this.out.send(link, { type: "stored", position });
    }
  }

  #showStored(received: readonly Received[]): void {
    for (const message of received) this.#showReceived(message, false);
    this.#received = [...this.#received, ...received].slice(-RECEIVED_KEPT_MAX);
    const last = received.at(-1);
    if (last !== undefined) this.out.push({ type: "shown", through: last.id });
  }

  #showReceived({ id, from, text, sentAt, key }: Received, history: boolean): void {
    const self = key === this.self;
    if (!self) this.lastWriter = from;
    this.out.show({ event: "message", id, from, text, self, history, sentAt: dateText(sentAt) });
  }

  // The disk.

  #persist(records: readonly FriendsRecord[], writing: Writing | null): void {
    const token = writing === null ? null : this.#nextToken++;
    if (writing !== null) this.#writing.set(token!, writing);
    this.out.push({ type: "persist", records, token, sync: true });
  }

  persisted(token: number): void {
    const writing = this.#writing.get(token);
    this.#writing.delete(token);
    this.diskProblem = null;
    switch (writing?.kind) {
      case undefined:
        return;
      case "queue": {
        const { friend, entries } = writing;
        friend.outbox.storingEnded();
        for (const entry of entries) entry.state = "stored";
        // First what goes out: it waits neither for what is shown, nor for the next write. Where the friend isn't
        // there, the next try is planned.
        if (friend.link !== null) this.pump(friend);
        for (const entry of entries) this.out.queued(entry, friend);
        return this.#storeQueued(friend);
      }
      case "unsend": {
        const { friend, entry, ref } = writing;
        friend.outbox.remove(entry);
        this.out.delivery(entry.id, friend, "failed", { reason: "taken back", ref });
        return this.pump(friend);
      }
      case "receive":
        return this.#stored(writing.peer);
      case "self": {
        const { received, ref } = writing;
        const { id, from: name } = received;
        this.out.delivery(id, { name }, "queued", { ref });
        this.#showStored([received]);
        return this.out.delivery(id, { name }, "delivered", { ref });
      }
      default:
        return unreachable(writing);
    }
  }

  persistFailed(token: number | null, text: string): void {
    const writing = token === null ? undefined : this.#writing.get(token);
    if (token !== null) this.#writing.delete(token);
    this.diskProblem = text;
    switch (writing?.kind) {
      case undefined:
        return this.out.error("disk", text);
      case "queue": {
        const { friend, entries } = writing;
        friend.outbox.storingEnded();
        for (const entry of entries) {
          friend.outbox.remove(entry);
          this.out.error("disk", text, entry.ref);
        }
        return this.#storeQueued(friend);
      }
      case "unsend":
        writing.entry.state = "stored";
        this.out.error("disk", text, writing.ref);
        return this.pump(writing.friend);
      case "self":
        return this.out.error("disk", text, writing.ref);
      case "receive":
        this.#inbox.refused(writing.peer);
        if (!this.#refusing) {
          this.out.error("disk", `${text}; what friends send is kept by them, and sent again`);
        }
        this.#refusing = true;
        return this.port.refuseToStore(writing.peer);
      default:
        return unreachable(writing);
    }
  }
}
