/**
 * The links of one machine that are up. Converts bytes to checked messages and back, bans offenders, and pauses
 * reading while the disk or the output is behind.
 */

import { dropOldest } from "../base/collections/bounded.ts";
import { RemoteProtocolError } from "../base/errors.ts";
import type { LinkId, PeerKey } from "../base/ids.ts";
import type { Clock } from "../base/machine/clock.ts";
import type { Environment } from "../base/machine/environment.ts";
import { OFFENDER_BAN_MS } from "../base/machine/mode_limits.ts";
import type { LinkInfo, Links, Queue } from "../transport/link.ts";
import type { MessageCodec, UnknownMessage } from "../wire/codec.ts";

interface OpenLinksPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly links: Links;
  /** Describes the other end of a link for the log. */
  whoIs(info: LinkInfo): Readonly<Record<string, unknown>>;
  /** Somebody was shut out; absent: nobody counts. */
  banned?(): void;
}

/** Links remembered after going down: as many as may come and go before the machine finds the offender. */
const ENDED_MAX = 256;

/** Why links aren't read: the disk is behind, or the reader of our output. */
type PauseReason = "disk" | "output";

export class OpenLinks<Message extends { readonly type: string }> {
  readonly #bans = new Bans();
  readonly #up = new Map<LinkId, LinkInfo>();
  /**
   * Links that went down recently, the oldest first: a peer that disconnects before its ban is banned all the same.
   */
  readonly #ended = new Map<LinkId, LinkInfo>();
  /** Links that are up and being closed because of a ban. */
  readonly #banned = new Set<LinkId>();
  readonly #pauses = new Set<PauseReason>();
  /** The message encoded last, as one message is often sent to several links in a row. */
  #encoded: { readonly message: Message; readonly bytes: Uint8Array } | null = null;

  constructor(readonly codec: MessageCodec<Message>, readonly ports: OpenLinksPorts) {}

  /** All links that are up. */
  get all(): ReadonlyMap<LinkId, LinkInfo> {
    return this.#up;
  }

  /** Adds a link that is up. @returns False if it is closed at once because its peer is banned. */
  add(link: LinkId, info: LinkInfo): boolean {
    const { peer, dialled } = info;
    const { links, clock, environment: { log } } = this.ports;
    if (this.#bans.isBanned(peer, clock.nowMs())) {
      links.close(link, "refused for a while after breaking the rules");
      const reason = "broke the rules a moment ago";
      log.info("link refused", { ...this.ports.whoIs(info), reason });
      return false;
    }
    this.#up.set(link, info);
    log.info("link up", { link, ...this.ports.whoIs(info), dialled });
    if (this.#pauses.size > 0) links.pauseReading(link);
    return true;
  }

  /** Removes a link that is down. @returns Null for an unknown link; `isBanned`: it was closed because of a ban. */
  remove(link: LinkId): { readonly info: LinkInfo; readonly isBanned: boolean } | null {
    const info = this.#up.get(link);
    this.#up.delete(link);
    const isBanned = this.#banned.delete(link);
    if (info === undefined) return null;
    this.#ended.set(link, info);
    dropOldest(this.#ended, ENDED_MAX);
    return { info, isBanned };
  }

  /**
   * The message in a frame; null where the frame is invalid, for which the peer is banned, or the link isn't up any
   * more.
   */
  decode(link: LinkId, body: Uint8Array): Message | UnknownMessage | null {
    if (!this.#up.has(link)) return null;
    try {
      return this.codec.decode(body);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.ban(link, error.message, OFFENDER_BAN_MS);
      return null;
    }
  }

  send(link: LinkId, message: Message, lane: Queue | "bulk"): void {
    this.ports.links.send(link, this.encoded(message), lane);
  }

  /** The encoding of a message, which must not be modified. */
  encoded(message: Message): Uint8Array {
    if (this.#encoded?.message !== message) {
      this.#encoded = { message, bytes: this.codec.encode(message) };
    }
    return this.#encoded.bytes;
  }

  /** Bans the link's key for `durationMs`, and closes the link unless it is down already. */
  ban(link: LinkId, reason: string, durationMs: number): void {
    const info = this.#up.get(link) ?? this.#ended.get(link);
    if (info === undefined) return;
    const { links, clock, environment: { log } } = this.ports;
    this.ports.banned?.();
    log.warn("peer banned", { link, ...this.ports.whoIs(info), reason, durationMs });
    this.#bans.ban(info.peer, clock.nowMs() + durationMs);
    if (!this.#up.has(link)) return;
    this.#banned.add(link);
    links.close(link, reason);
  }

  /** Adds or removes a reason to pause; reading is paused while there is any. */
  pause(reason: PauseReason, pause: boolean): void {
    const { links } = this.ports;
    const before = this.#pauses.size > 0;
    if (pause) this.#pauses.add(reason);
    else this.#pauses.delete(reason);
    const after = this.#pauses.size > 0;
    if (before === after) return;
    for (const link of this.#up.keys()) {
      if (after) links.pauseReading(link);
      else links.resumeReading(link);
    }
  }

  /** Pauses reading until `ready` resolves; null means that the output is being read. */
  pauseUntil(ready: () => Promise<void> | null): void {
    if (this.#pauses.has("output")) return;
    const waiting = ready();
    if (waiting === null) return;
    this.pause("output", true);
    waiting.then(() => this.pause("output", false));
  }
}

// Temporary bans of peers that violated the protocol, by key. Addresses aren't banned: others, members among them,
// may share one. How often new keys may connect from an address is limited by the links, for everybody.

/** More offenders than that are an attack with fresh keys, which bans can't stop anyway. */
const BANS_MAX = 4_096;

export class Bans {
  /** End of each ban, monotonic ms. When there are too many, the oldest ban is dropped. */
  readonly #untilMs = new Map<PeerKey, number>();

  ban(peer: PeerKey, untilMs: number): void {
    this.#untilMs.delete(peer);
    this.#untilMs.set(peer, untilMs);
    dropOldest(this.#untilMs, BANS_MAX);
  }

  isBanned(peer: PeerKey, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(peer);
    if (untilMs === undefined) return false;
    if (untilMs > nowMs) return true;
    this.#untilMs.delete(peer);
    return false;
  }
}

/** As much as may wait for a peer over datagrams: a slower peer can't be in a group. */
export const BACKLOG_BYTES_MAX = 16 * 1_024 * 1_024;

/** A message in memory costs at least as much, however short it is: 200 bytes were measured. */
const MESSAGE_BYTES_MIN = 256;

interface Backlog {
  readonly messages: Uint8Array[];
  bytes: number;
  whenEmpty: () => void;
}

/**
 * Backlogs of links whose send queue is full. Links drop data then, and a history has more than fits in a queue:
 * the rest waits here, in order, until the link has room.
 */
export class LinkBacklog {
  readonly #full = new Map<LinkId, Backlog>();

  /** @param bytesMax As much may wait for one link. */
  constructor(
    readonly links: Pick<Links, "send" | "close">,
    readonly bytesMax: number = BACKLOG_BYTES_MAX,
  ) {}

  /** What waits for all links. */
  get bytes(): number {
    let bytes = 0;
    for (const backlog of this.#full.values()) bytes += backlog.bytes;
    return bytes;
  }

  /** Sends now, or when the link has room. If too much waits, the link is closed. */
  send(link: LinkId, bytes: Uint8Array): void {
    const backlog = this.#full.get(link);
    if (backlog === undefined) return this.links.send(link, bytes, "data");
    backlog.messages.push(bytes);
    backlog.bytes += Math.max(bytes.length, MESSAGE_BYTES_MIN);
    if (backlog.bytes <= this.bytesMax) return;
    this.links.close(link, `too slow: over ${this.bytesMax / 1_024 / 1_024} MiB wait for you`);
    backlog.messages.length = 0;
    backlog.bytes = 0;
  }

  /** The link's queue is full: it accepted the last frame, and would drop further ones. */
  congested(link: LinkId): void {
    if (!this.#full.has(link)) {
      this.#full.set(link, { messages: [], bytes: 0, whenEmpty: () => {} });
    }
  }

  /** Calls `task` when nothing waits for the link: now or later, but never if the link is lost before. */
  whenEmpty(link: LinkId, task: () => void): void {
    const backlog = this.#full.get(link);
    if (backlog === undefined || backlog.messages.length === 0) task();
    else backlog.whenEmpty = task;
  }

  drained(link: LinkId): void {
    const backlog = this.#full.get(link);
    if (backlog === undefined) return;
    this.#full.delete(link);
    for (const bytes of backlog.messages) this.send(link, bytes);
    this.whenEmpty(link, backlog.whenEmpty);
  }

  /** The link is down: drops its backlog. */
  remove(link: LinkId): void {
    this.#full.delete(link);
  }
}
