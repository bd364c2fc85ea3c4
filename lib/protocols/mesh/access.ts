/**
 * Who may join a private room: anybody with its current secret, if its author knew who is removed; and otherwise those
 * that were members before, and were known as such to whoever has removed somebody since. In an open room everybody
 * may. A key that was removed may join neither.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { ChannelSecret } from "../noise/channel_handshake.ts";
import type { KeptSecrets } from "./authority/kept_secrets.ts";
import type { KeptRulings } from "./authority/kept_rulings.ts";
import type { MeshLink } from "./links/link_table.ts";

export class Access {
  /** Null in an open room, and before it is known which it is. */
  secrets: KeptSecrets | null = null;
  /** Null before the room is known. */
  rulings: KeptRulings | null = null;

  /** @param isMember Whether this key has ever been a member of the room, as far as is known here. */
  constructor(private readonly isMember: (peer: PeerKey) => boolean) {}

  /** Whether a proven dialler that knew this secret may connect: null if it may. */
  admit(peer: PeerKey, secret: ChannelSecret | null): "bad-credentials" | null {
    if (secret === null || this.secrets === null) return null; // `isUninvited` turns away those that needed one
    if (this.secrets.admits(secret) || this.#mayReturn(peer, secret)) return null;
    // A member that was removed is let through as far as to be told so, with the proof.
    return this.isRemoved(peer) ? null : "bad-credentials";
  }

  /** Whether the founder, or a deputy, has shut this key out: no link to it is kept, whoever dialled. */
  isRemoved(peer: PeerKey): boolean {
    return this.rulings?.isRemoved(peer) === true;
  }

  /**
   * Whether a link was let through before it was known that an invite is needed, or which one.
   * @param secret The one that both ends know; null where none was needed.
   */
  isUninvited(peer: PeerKey, secret: ChannelSecret | null): boolean {
    if (this.secrets === null) return false;
    return secret === null ||
      (!this.secrets.admits(secret) && !this.#mayReturn(peer, secret));
  }

  /**
   * Whether an earlier secret is good for this key: it was a member, and whoever has removed somebody since knew it as
   * one. So nobody comes back under a key that was let in, by the old invite, where the removal wasn't known yet.
   */
  #mayReturn(peer: PeerKey, secret: ChannelSecret): boolean {
    return this.isMember(peer) && this.#hasStayed(peer, secret);
  }

  #hasStayed(peer: PeerKey, secret: ChannelSecret): boolean {
    return this.#leftOutBy(peer, secret) === null;
  }

  /** Whoever came by the current secret stays as long as it is that: the next dial by it would be let in, too. */
  #leftOutBy(peer: PeerKey, secret: ChannelSecret): PeerKey | null {
    if (this.secrets === null || this.secrets.isCurrent(secret)) return null;
    return this.secrets.leftOutBy(peer, secret);
  }

  /**
   * Whose list of those that stay ends a member's link: it came by an invite from before that removal, and isn't named.
   * One that is only read to its end would take that one's place. Null where the link stays.
   */
  leftOutBy({ peer, secret, state }: MeshLink): PeerKey | null {
    return state === "admitting" || secret === null ? null : this.#leftOutBy(peer, secret);
  }

  /**
   * Whether the link came up by a secret that isn't current any more, before the peer was let in, and isn't good for it:
   * it is too late.
   */
  isTooLate({ peer, dialled, state, secret }: MeshLink): boolean {
    if (state !== "admitting") return false;
    if (secret !== null && !this.#hasStayed(peer, secret)) return true;
    return !dialled && !this.isMember(peer);
  }
}
