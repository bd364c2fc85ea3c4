/** Messages from friends: on disk before they are shown and acknowledged, and never taken twice. */

import { dropOldest } from "../../base/collections/bounded.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { dateText } from "../../base/text/words.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Friend } from "./friend.ts";
import type { FriendLink } from "./friend_links.ts";
import { indexAfter, type Restored, snapshotFriends } from "./friends_log.ts";
import { type Inbox, placeOf, type Received } from "./inbox.ts";
import { RECEIVED_KEPT_MAX, UNSTORED_BYTES_MAX } from "./limits.ts";
import type { FriendsMessage } from "./messages.ts";
import type { FriendsOutput } from "./friends_output.ts";
import type { Position } from "./positions.ts";
import type { FriendsRecord, ReceivedPlace } from "./records.ts";

type Message<Type extends FriendsMessage["type"]> = Extract<
  FriendsMessage,
  { readonly type: Type }
>;

/** What receiving needs from the other parts. */
interface ReceivingPort {
  /** All links to this key that aren't being closed. */
  linksTo(key: PeerKey): Iterable<FriendLink>;
  /** The other side of the link broke a rule. */
  offends(link: FriendLink, text: string): void;
  /** What this peer sent can't be stored: the peer keeps it, and sends it again. */
  refuseToStore(key: PeerKey): void;
}

/** Our own program, as the receiver of messages to oneself. */
export interface Self {
  readonly name: string;
  readonly key: PeerKey;
  readonly epoch: number;
}

export class Receiving {
  /** The latest received messages, by id and key. */
  readonly #recent = new Map<string, Received>();
  #unshown: readonly Received[];
  /** How many were received after the last one that an earlier process noted as shown. */
  #sinceStart: number;
  #saidToSelf = 0;
  #keeping = 0;
  /** Who wrote last. */
  lastWriter: string | null = null;

  constructor(
    readonly self: Self,
    readonly inbox: Inbox,
    restored: Restored,
    readonly out: FriendsOutput,
    readonly port: ReceivingPort,
  ) {
    for (const received of restored.received) this.#remember(received);
    this.#unshown = restored.unshown;
    this.#sinceStart = restored.unshown.length;
  }

  /** The latest received messages, for a compacted log. */
  get received(): readonly Received[] {
    return [...this.#recent.values()];
  }

  /** Shows messages that an earlier process stored, and perhaps didn't show. */
  start(): void {
    for (const received of this.#unshown) this.#showReceived(received, true);
    const last = this.#unshown.at(-1);
    if (last !== undefined) this.#shownThrough(last);
    this.#unshown = [];
  }

  /**
   * The records of a compacted log, if everything up to `through` was shown; null: nothing of this process was.
   * @returns Null where more waits to be shown than is held here.
   */
  snapshot(
    friends: Iterable<Friend>,
    through: ReceivedPlace | null,
  ): readonly FriendsRecord[] | null {
    const shown = this.shownOf(through);
    return shown === null ? null : snapshotFriends(friends, this.inbox, this.received, shown);
  }

  /** How many of `received` were shown; null where `received` lacks some that weren't. */
  shownOf(through: ReceivedPlace | null): number | null {
    const { received } = this;
    if (through !== null) return indexAfter(received, through) || null;
    const shown = received.length - this.#sinceStart;
    return shown < 0 ? null : shown;
  }

  /** A message to oneself. */
  keep(
    { id, text, sentAt }: Pick<Received, "id" | "text" | "sentAt">,
    ref: string | undefined,
  ): void {
    const { name, key, epoch } = this.self;
    const position = { epoch, number: ++this.#saidToSelf };
    const received = { kind: "received", from: name, key, position, id, sentAt, text } as const;
    this.inbox.restore(received);
    this.#keeping += 1;
    this.out.write([received], {
      done: () => {
        this.#keeping -= 1;
        this.out.delivery(id, { name }, "queued", ref);
        this.#showStored([received]);
        this.out.delivery(id, { name }, "delivered", ref);
      },
      failed: (why) => {
        this.#keeping -= 1;
        this.out.unsent(name, why, ref);
      },
    });
  }

  /** Whether a message to oneself is being written. */
  get isKeeping(): boolean {
    return this.#keeping > 0;
  }

  texts(link: FriendLink, friend: Friend, { epoch, entries }: Message<"texts">): void {
    link.isUsed = true;
    let fresh = false;
    const { peer: key } = link;
    for (const { number, id: bytes, sentAt, text } of entries) {
      const [position, id] = [{ epoch, number }, bytes.toHex()];
      const record = this.#isKnown(key, id)
        ? { kind: "skipped", key, through: position } as const
        : { kind: "received", from: friend.name, key, position, id, sentAt, text } as const;
      if (this.inbox.take(record)) fresh = true;
    }
    if (this.#isTooMuch(link)) return;
    if (fresh) return this.#store(link.peer);
    const last = { epoch, number: entries.at(-1)?.number ?? 0 };
    if (this.inbox.hasStored(link.peer, last)) this.#confirm(link.peer, last);
  }

  /** Whether more from this peer waits for the disk than is allowed; then its link is closed. */
  #isTooMuch(link: FriendLink): boolean {
    if (this.inbox.unstoredBytes(link.peer) <= UNSTORED_BYTES_MAX) return false;
    this.port.offends(link, "more was sent than may be under way");
    return true;
  }

  /**
   * Whether the message came before, in another position: its author's disk was restored to a state in which it
   * hadn't gone out. That is known only for the latest messages.
   */
  #isKnown(key: PeerKey, id: string): boolean {
    return this.#recent.has(id + key);
  }

  skip(link: FriendLink, friend: Friend, through: Position): void {
    if (!this.inbox.take({ kind: "skipped", key: link.peer, through })) return;
    if (this.#isTooMuch(link)) return;
    this.#store(link.peer);
    this.out.tell({ fact: "gone-here", friend: friend.name });
  }

  #store(peer: PeerKey): void {
    const records = this.inbox.next(peer);
    if (records.length === 0) return;
    this.out.write(records, {
      done: () => this.#stored(peer),
      failed: (why) => this.#refused(peer, why),
    });
  }

  #stored(peer: PeerKey): void {
    const written = this.inbox.written(peer);
    this.#showStored(written.filter((record) => record.kind === "received"));
    const last = written.at(-1);
    if (last !== undefined) this.#confirm(peer, placeOf(last));
    this.#store(peer);
  }

  #refused(peer: PeerKey, why: string): void {
    this.inbox.refused(peer);
    this.out.tell({ fact: "disk-waits", why });
    this.port.refuseToStore(peer);
  }

  /** Tells the sender up to which position everything is stored here. */
  #confirm(peer: PeerKey, position: Position): void {
    for (const link of this.port.linksTo(peer)) {
      if (link.phase === "open") this.out.send(link, { type: "stored", position });
    }
  }

  #showStored(received: readonly Received[]): void {
    for (const message of received) {
      this.#showReceived(message, false);
      this.#remember(message);
    }
    this.#sinceStart += received.length;
    const last = received.at(-1);
    if (last !== undefined) this.#shownThrough(last);
  }

  #shownThrough({ key, position }: Received): void {
    this.out.push({ type: "shown", through: { key, position } });
  }

  #remember(received: Received): void {
    this.#recent.set(received.id + received.key, received);
    dropOldest(this.#recent, RECEIVED_KEPT_MAX);
  }

  #showReceived({ id, from, text, sentAt, key }: Received, history: boolean): void {
    const self = key === this.self.key;
    const words = { id, key, name: from, self, text, sentAt };
    this.out.push({ type: "keep", words, ...(history ? { isEarlier: true } : {}) });
    if (!self) this.lastWriter = from;
    const said = { id, from, key: fingerprintOf(key), text, self, history };
    this.out.show({ event: "message", ...said, sentAt: dateText(sentAt) });
  }
}
