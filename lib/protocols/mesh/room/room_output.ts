/**
 * The effects of one step, in two lanes: what goes out comes first, then what the disk and the user get, so that a bundle
 * is relayed before it is synced here. Only what must be on disk before anybody hears of it goes out among the sends, in
 * its place. Which lane an effect takes, its type says; these methods are the only ways in.
 */

import type { LinkId, PeerKey } from "../../../base/ids.ts";
import { Pending } from "../../../base/machine/pending.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import type { MeshEffect } from "../schema/mesh_io.ts";
import { type MeshMessage, MESSAGE_LANES } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { LaterEffect } from "./room_io.ts";

/** The machines whose records are synced before anything else of the step. */
type Writer = "order" | "privateMessages" | "secrets" | "rulings";

interface Write {
  readonly of: Writer;
  /** The machine's own. */
  readonly token: number;
}

/**
 * Effects that wait until the user is told of being in the room: in one this busy a returning member is ready without
 * waiting longer for the roster, since waiting would cost memory.
 */
const WAITING_MAX = 20_000;

export class RoomOutput {
  /** When the step is. */
  nowMs = 0;
  #first: MeshEffect[] = [];
  #later: LaterEffect[] = [];
  /** What the user gets once told of being in the room; null from then on. At most some more than `WAITING_MAX`. */
  #waiting: LaterEffect[] | null = [];
  /** Whether it is decided that this step is the last: the user is told nothing more of the room. */
  #isOver = false;
  /** The effects of the last step; null before it. */
  #last: readonly MeshEffect[] | null = null;
  /** Writes under way for which a machine waits. */
  readonly #writes = new Pending<Write>();

  /** @param linkOf The link over which to talk to a member; null where there is none. */
  constructor(private readonly linkOf: (peer: PeerKey) => LinkId | null) {}

  /**
   * Whether what is being written isn't in a snapshot yet: a ruling or a secret, which count once they are on disk. These
   * are rare; words are written all the time, and are in the snapshot at once.
   */
  get isWriting(): boolean {
    return [...this.#writes.all()].some(({ of }) => of === "rulings" || of === "secrets");
  }

  /** Whether the user was told of being in the room: what is shown before that waits for it. */
  get isOpen(): boolean {
    return this.#waiting === null;
  }

  /** Whether so much waits that the user is told without waiting any longer for who else is here. */
  get isCrowded(): boolean {
    return this.#waiting !== null && this.#waiting.length > WAITING_MAX;
  }

  /** Takes the effects of this step so far. */
  take(): readonly MeshEffect[] {
    if (this.#last !== null) return this.#last;
    const effects = this.#first;
    for (const effect of this.#later) {
      const isLaterSend = effect.type === "to";
      effects.push(...(isLaterSend ? this.#to(effect.peer, effect.message) : [effect]));
    }
    this.#first = [];
    this.#later = [];
    return effects;
  }

  /** It is decided that this step is the last. */
  ends(): void {
    this.#isOver = true;
  }

  /** Comes after all else, in this order; nothing after `stop`. */
  last(effect: MeshEffect): void {
    this.#later.push(effect);
    if (effect.type === "stop") this.#last = this.take();
  }

  /** What `work` adds to this step; nothing of it is carried out where that isn't put back. */
  during(work: () => void): readonly MeshEffect[] {
    const before = [this.#first, this.#later, this.#isOver] as const;
    [this.#first, this.#later, this.#isOver] = [[], [], false];
    work();
    const effects = this.take();
    [this.#first, this.#later, this.#isOver] = before;
    return effects;
  }

  /** Goes out among the sends, in their order. */
  first(effect: MeshEffect): void {
    this.#first.push(effect);
  }

  /** Comes after all sends of the step. */
  later(effect: LaterEffect): void {
    if (!this.#isOver) this.#later.push(effect);
  }

  /** Reaches the user in its place among what is shown: it may record that what is before it was. */
  screen(effect: LaterEffect): void {
    if (this.#waiting === null) this.later(effect);
    else this.#waiting.push(effect);
  }

  /** As `screen`, but before all that waits. */
  screenFirst(effect: LaterEffect): void {
    if (this.#waiting === null) this.later(effect);
    else this.#waiting.unshift(effect);
  }

  /** Tells the user of being in the room, and then all that waited. */
  open(ready: MeshEffect): void {
    if (this.#isOver || this.#waiting === null) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    for (const effect of [ready, ...waiting]) this.later(effect);
  }

  send(peer: PeerKey, message: MeshMessage, lane?: Queue): void {
    this.#first.push(...this.#to(peer, message, lane));
  }

  #to(
    peer: PeerKey,
    message: MeshMessage,
    lane = MESSAGE_LANES[message.type],
  ): readonly MeshEffect[] {
    const link = this.linkOf(peer);
    return link === null ? [] : [{ type: "send", link, message, lane }];
  }

  /** Writes what others rely on us to remember: it is synced before anything that goes out after it. */
  persistFirst(records: readonly MeshRecord[], sync = true): void {
    this.#first.push({ type: "persist", records, token: null, sync });
  }

  persistLater(records: readonly MeshRecord[], sync: boolean): void {
    this.later({ type: "persist", records, token: null, sync });
  }

  /**
   * Writes a machine's records: synced before anything that goes out after it where the machine waits for them, by its
   * `token`, and otherwise later.
   */
  persistOf(
    of: Writer,
    { records, token }: { readonly records: readonly MeshRecord[]; readonly token: number | null },
  ): void {
    if (token === null) return this.persistLater(records, true);
    const write = this.#writes.add({ of, token });
    this.#first.push({ type: "persist", records, token: write, sync: true });
  }

  /** Who waited for a write that has come to its end; undefined where nobody did. */
  takeWrite(token: number | null): Write | undefined {
    return this.#writes.take(token);
  }
}
