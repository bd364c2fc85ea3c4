/**
 * What members say of their users. Each tells it to each, over the channel between the two, so that the coordinator
 * hears nothing of it, and needn't be there. Who joins is told by each member, as soon as it is in the view.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { Timed } from "../../../base/machine/machine.ts";
import { type Presence, presenceOf, shownPresence } from "../../../base/machine/user_presence.ts";
import { Presences } from "../../../base/machine/presences.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Peers } from "../detector/peers.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { Epoch } from "../schema/epoch.ts";
import { ATTENDEES_MAX } from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessageOf } from "../schema/messages.ts";

interface MemberPresencesParts {
  readonly self: { readonly key: PeerKey; readonly name: string };
  readonly out: MemberOutput;
  readonly names: Pick<MemberNames, "of">;
  readonly peers: Pick<Peers, "get">;
}

export class MemberPresences implements Timed {
  readonly #presences = new Presences<PeerKey>({
    tellAll: () => {
      this.#told.clear();
      this.tellThoseUp();
    },
    show: (key, presence) => this.#show(key, presence, undefined),
  });
  /** Members of the view, other than ourselves. */
  #members: readonly PeerKey[] = [];
  /** Those that are told on the channels that they have now. */
  readonly #told = new Set<PeerKey>();
  /** What those said on the channels that they have now whose view hasn't begun here, or is over: peers, which are few. */
  readonly #early = new Map<PeerKey, Presence>();
  /** Whether our user has ever said anything; otherwise nobody is told anything. */
  #hasSaid = false;

  constructor(readonly parts: MemberPresencesParts) {}

  /** What our user says of itself. */
  get own(): Presence {
    return this.#presences.own;
  }

  of(key: PeerKey): Presence {
    return key === this.parts.self.key ? this.own : this.#presences.of(key);
  }

  say(change: Partial<Presence>, ref: string | undefined): void {
    this.#hasSaid = true;
    const presence = this.#presences.say(change, this.parts.out.nowMs);
    this.#show(this.parts.self.key, presence, ref);
  }

  /** The view is shown. */
  epochBegan({ members }: Epoch): void {
    const { self, out } = this.parts;
    const keys = members.flatMap(({ key }) => key === self.key ? [] : [key]);
    for (const key of this.#members) {
      if (keys.includes(key)) continue;
      // It may miss that view, and then says nothing again on the channel that it has.
      this.#keepEarly(key, this.#presences.of(key));
      this.#presences.forget(key);
      this.#told.delete(key);
    }
    this.#members = keys;
    for (const key of keys) {
      const early = this.#early.get(key);
      if (early !== undefined) this.#presences.heard(key, early, out.nowMs);
      this.#early.delete(key);
    }
    this.tellThoseUp();
  }

  /**
   * The channel with the peer has ended, or is another one, perhaps with another process: what each has told the other on
   * it counts no longer. Both tell it again.
   */
  channelEnded(key: PeerKey): void {
    this.#told.delete(key);
    this.#early.delete(key);
    this.#presences.ended(key);
  }

  /** Tells members of the view that haven't been told, as far as they are to be reached now. */
  tellThoseUp(): void {
    if (!this.#hasSaid) return;
    const { peers, out } = this.parts;
    const fresh = this.#members.filter((key) =>
      !this.#told.has(key) && peers.get(key)?.isUp === true && out.mayReceive(key)
    );
    for (const key of fresh) this.#told.add(key);
    out.tell(fresh, { type: "presence", ...this.#presences.told });
  }

  heard(key: PeerKey, message: GroupMessageOf<"presence">): void {
    const presence = presenceOf(message);
    if (this.#members.includes(key)) {
      this.#presences.heard(key, presence, this.parts.out.nowMs);
    } else this.#keepEarly(key, presence);
  }

  #keepEarly(key: PeerKey, presence: Presence): void {
    this.#early.set(key, presence);
    dropOldest(this.#early, ATTENDEES_MAX);
  }

  #show(key: PeerKey, presence: Presence, ref: string | undefined): void {
    const { self, names, out } = this.parts;
    const isSelf = key === self.key;
    const name = isSelf ? self.name : names.of(key);
    const who = { name, key: fingerprintOf(key), self: isSelf };
    out.show({ event: "presence", ...who, ...shownPresence(presence) }, ref);
  }

  nextMs(): number | null {
    return this.#presences.nextMs();
  }

  tick(nowMs: number): void {
    this.#presences.tick(nowMs);
  }
}
