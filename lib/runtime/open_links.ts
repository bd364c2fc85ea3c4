/**
 * The links of one machine that are up: bytes to checked messages and back, offenders banned, and reading paused
 * while something inside is behind.
 */

import type { Clock } from "../base/clock.ts";
import type { Environment } from "../base/environment.ts";
import { RemoteProtocolError } from "../base/errors.ts";
import { dropOldest } from "../base/bounded.ts";
import { OFFENDER_BAN_MS } from "../base/mode_limits.ts";
import type { LinkId } from "../base/ids.ts";
import type { LinkInfo, Links, Queue } from "../transport/link.ts";
import type { MessageCodec, UnknownMessage } from "../wire/codec.ts";
import { Bans } from "./bans.ts";

export interface OpenLinksPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly links: Links;
  /** Who is at the other end, for the log. */
  whoIs(info: LinkInfo): Readonly<Record<string, unknown>>;
}

/** As many links as may come and go until the step that finds an offender is over. */
const ENDED_MAX = 256;

/** Why links aren't read: the disk is behind, or whoever reads our output. */
export type PauseReason = "disk" | "output";

export class OpenLinks<Message extends { readonly type: string }> {
  readonly #bans = new Bans();
  readonly #up = new Map<LinkId, LinkInfo>();
  /** Those that went down a moment ago, the oldest first: who hangs up before its ban is banned all the same. */
  readonly #ended = new Map<LinkId, LinkInfo>();
  /** Those that are up and being closed for good reason. */
  readonly #banned = new Set<LinkId>();
  readonly #pauses = new Set<PauseReason>();
  /** The last message that was encoded: one message goes to several links in a row. */
  #encoded: { readonly message: Message; readonly bytes: Uint8Array } | null = null;

  constructor(readonly codec: MessageCodec<Message>, readonly ports: OpenLinksPorts) {}

  /** All that are up. */
  get all(): ReadonlyMap<LinkId, LinkInfo> {
    return this.#up;
  }

  /** A link is up. @returns False where it is closed at once: its other side broke the rules. */
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

  /** A link is down. @returns Null where nothing was known of it; `isBanned`: its other side broke the rules. */
  remove(link: LinkId): { readonly info: LinkInfo; readonly isBanned: boolean } | null {
    const info = this.#up.get(link);
    this.#up.delete(link);
    const isBanned = this.#banned.delete(link);
    if (info === undefined) return null;
    this.#ended.set(link, info);
    dropOldest(this.#ended, ENDED_MAX);
    return { info, isBanned };
  }

  /** The message in a frame; null where it is none, and who sent it is banned, or its link was let go of. */
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

  send(link: LinkId, message: Message, lane: Queue): void {
    this.ports.links.send(link, this.encoded(message), lane);
  }

  /** The bytes of a message, which must not be changed. */
  encoded(message: Message): Uint8Array {
    if (this.#encoded?.message !== message) {
      this.#encoded = { message, bytes: this.codec.encode(message) };
    }
    return this.#encoded.bytes;
  }

  /** Closes the link, or knows it down, and takes none from its key for so long. */
  ban(link: LinkId, reason: string, durationMs: number): void {
    const info = this.#up.get(link) ?? this.#ended.get(link);
    if (info === undefined) return;
    const { links, clock, environment: { log } } = this.ports;
    log.warn("peer banned", { link, ...this.ports.whoIs(info), reason, durationMs });
    this.#bans.ban(info.peer, clock.nowMs() + durationMs);
    if (!this.#up.has(link)) return;
    this.#banned.add(link);
    links.close(link, reason);
  }

  /** Takes nothing more from the network while there is a reason not to. */
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

  /** Pauses until `ready` resolves; null: output is taken. */
  pauseUntil(ready: () => Promise<void> | null): void {
    if (this.#pauses.has("output")) return;
    const waiting = ready();
    if (waiting === null) return;
    this.pause("output", true);
    waiting.then(() => this.pause("output", false));
  }
}
