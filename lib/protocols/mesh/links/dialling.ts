/**
 * Our dials: the purpose of each and the peer that it must reach, from the attempt until its link is a member's. A
 * private room is dialled with the latest of its secrets that we know, and with earlier ones where the peer lacks that.
 */

import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../../base/ids.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import type { KeptSecrets } from "../authority/kept_secrets.ts";
import type { DialFailureReason, MeshConfig, MeshEffect } from "../schema/mesh_io.ts";
import { channelSecret } from "../schema/rotations.ts";

export interface Dial {
  readonly purpose: "join" | "resume" | "overlay" | "dial-back";
  /** Whom we look for: another member that answers there will do, but for a `dial-back`. Null where anybody may answer. */
  readonly peer: PeerKey | null;
  /** The key that must answer, where the user named one and `peer` is null. */
  readonly fingerprint?: Fingerprint;
  readonly endpoint: Endpoint;
  /** Null where any room will do. */
  readonly room: RoomId | null;
}

interface Attempt {
  readonly dial: Dial;
  /** The secrets to dial with next, where the peer doesn't know the one of this attempt. */
  readonly otherSecrets: readonly ChannelSecret[];
}

export class Dialling {
  /** Attempts that aren't answered yet; each is within some 10 s. */
  readonly #attempts = new Map<number, Attempt>();
  /** The dial that each link answers, until it is a member link. */
  readonly #links = new Map<LinkId, Dial>();
  #nextAttempt = 1;

  /** @param secrets The secrets of our room; null in an open one, and before it is known. */
  constructor(
    private readonly begin: MeshConfig["begin"],
    private readonly secrets: () => Pick<KeptSecrets, "toDialWith"> | null,
    private readonly emit: (effect: Extract<MeshEffect, { readonly type: "dial" }>) => void,
  ) {}

  /** How many dials for this purpose aren't answered yet. */
  underWay(purpose: Dial["purpose"]): number {
    return [...this.#attempts.values()].filter(({ dial }) => dial.purpose === purpose).length;
  }

  dial(dial: Dial): void {
    const [secret = null, ...otherSecrets] = this.#secretsToDialWith();
    this.#attempt({ dial, otherSecrets }, secret);
  }

  /** A link is up. @returns The dial that it answers; null for an inbound one. */
  linkUp(link: LinkId, attempt: number | null): Dial | null {
    if (attempt === null) return null;
    const dial = this.#attempts.get(attempt)?.dial ?? null;
    this.#attempts.delete(attempt);
    if (dial !== null) this.#links.set(link, dial);
    return dial;
  }

  /** An attempt has failed. @returns The dial that has failed with it; null where another secret is tried. */
  attemptFailed(attempt: number, reason: DialFailureReason): Dial | null {
    const failed = this.#attempts.get(attempt);
    this.#attempts.delete(attempt);
    if (failed === undefined) return null;
    const { dial, otherSecrets: [secret, ...otherSecrets] } = failed;
    if (reason !== "bad-credentials" || secret === undefined) return dial;
    this.#attempt({ dial, otherSecrets }, secret);
    return null;
  }

  /** A link is a member link now, or down. @returns The dial that it answered; null where it was no such link. */
  linkDone(link: LinkId): Dial | null {
    const dial = this.#links.get(link) ?? null;
    this.#links.delete(link);
    return dial;
  }

  #attempt(attempt: Attempt, secret: ChannelSecret | null): void {
    const number = this.#nextAttempt++;
    this.#attempts.set(number, attempt);
    const { endpoint, peer, purpose, room } = attempt.dial;
    const isCertain = purpose === "dial-back" && peer !== null;
    const expect = isCertain ? null : peer;
    const fingerprint = isCertain ? fingerprintOf(peer) : attempt.dial.fingerprint;
    const key = fingerprint === undefined ? {} : { fingerprint };
    this.emit({ type: "dial", attempt: number, endpoint, expect, ...key, room, secret });
  }

  #secretsToDialWith(): readonly ChannelSecret[] {
    const secrets = this.secrets();
    if (secrets !== null) return secrets.toDialWith();
    const invite = this.begin.kind === "join" ? this.begin.invite : undefined;
    return invite === undefined || invite.secret === null
      ? []
      : [channelSecret(invite.room, invite.secret)];
  }
}
