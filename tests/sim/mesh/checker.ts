/** The interface of checkers: each checks one promise from outside, after every step or when the room is quiet. */

import type { BundleId, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { ChannelSecret } from "../../../lib/protocols/noise/channel_handshake.ts";
import type { KeptSecrets } from "../../../lib/protocols/mesh/authority/kept_secrets.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle, Stream, StreamKey } from "../../../lib/protocols/mesh/schema/structures.ts";
import type { MessageEvent, Said } from "./ledger.ts";
import type { Member, MemberProcess } from "./member.ts";
import type { World } from "./world.ts";

/** A broken promise: it ends the run, and the report shows how to repeat it. */
export class Violation extends Error {
  override readonly name = "Violation";
  constructor(readonly checker: string, text: string) {
    super(`${checker}: ${text}`);
  }
}

/** Something that a machine keeps, its size and its limit. */
export interface Held {
  readonly what: string;
  readonly size: number;
  readonly max: number;
}

/** What a checker may ask of a machine; none of these calls changes anything. */
export interface MeshProbe {
  /** The neighbours in the overlay. */
  activeView(): Iterable<PeerKey>;
  /** Whether `/peers` would list this key now; null where it doesn't decide who gets what. */
  lists(key: PeerKey): boolean | null;
  /** The highest contiguous counter delivered, of every stream; null before the machine has read its records. */
  frontiers(): Iterable<readonly [StreamKey, number]> | null;
  /** The highest contiguous counter delivered of one stream; 0 where nothing was delivered. */
  frontier(stream: Stream): number;
  /** How many messages were delivered that a proof of equivocation has excluded, at most. */
  excluded(): number;
  /** Tables, queues and caches with their limits. */
  held(): Iterable<Held>;
  /** Whether this key may answer a dial by which it looks for that one. */
  mayAnswer(wanted: PeerKey, key: PeerKey): boolean;
  /** A private room's secrets; null in an open one. */
  secrets():
    | Pick<KeptSecrets, "opening" | "current" | "currentRotation" | "isCurrent" | "compare">
    | null;
  /** Whether this key may not be in the room, as far as is known there. */
  isRemoved(key: PeerKey): boolean;
  /** Whether a removal known there leaves out this key, which came by a secret from before it; null: by none. */
  isLeftOut(key: PeerKey, secret: ChannelSecret | null): boolean;
  /** Whether this key may remove others, as far as is known there. */
  mayRemove(key: PeerKey): boolean;
  /** Whether the present invite admits nobody there, since its maker believed others to be removed. */
  isInviteVoid(): boolean;
  /** Admits a dialler with a proven key that knew this secret. @returns Null, or why it is refused. */
  admit(peer: PeerKey, secret: ChannelSecret): string | null;
  /** The records of a compacted disk if everything up to that bundle was shown; null where they aren't known now. */
  snapshot(shownThrough: BundleId | null): readonly MeshRecord[] | null;
}

/** Every hook may throw a `Violation`. Hooks that no checker has cost nothing. */
export interface MeshChecker {
  readonly name: string;
  /** A process begins, with `records` on its disk. */
  started?(process: MemberProcess, records: readonly MeshRecord[]): void;
  /** A step was made; its effects haven't been performed yet. */
  stepped?(process: MemberProcess, input: MeshInput, effects: readonly MeshEffect[]): void;
  /** Records were written; `from` is the index of the first one. */
  wrote?(process: MemberProcess, records: readonly MeshRecord[], from: number): void;
  /** The disk was compacted to `records`, and synced. */
  compacted?(process: MemberProcess, records: readonly MeshRecord[]): void;
  /** A message of any type is sent. */
  sent?(process: MemberProcess, link: LinkId, message: MeshMessage): void;
  /** A bundle is sent. */
  bundleSent?(process: MemberProcess, bundle: Bundle): void;
  /** An effect that is neither a `persist` nor a `send` is performed. */
  effect?(process: MemberProcess, effect: MeshEffect): void;
  /** An event is shown, after `message` if it is one; `ref` is that of the command that it answers. */
  shown?(process: MemberProcess, event: MeshEvent, ref: string | undefined): void;
  /** A message is shown; `again` where this profile has been shown it before. */
  message?(process: MemberProcess, said: Said, event: MessageEvent, again: boolean): void;
  /** A listener admits a dialler that knew this secret; null for none. */
  letThrough?(listener: MemberProcess, dialler: MemberProcess, secret: ChannelSecret | null): void;
  /** A process has ended: it was killed, or stopped by itself. */
  ended?(process: MemberProcess): void;
  /** The member's profile, with the log of shown messages, was restored to an earlier state. */
  restored?(member: Member): void;
  /**
   * The room is quiet: no faults, nothing is typed, and every process that should run does. Throws as long as
   * something that must hold in the end doesn't; the run fails if it still throws much later.
   */
  atQuiet?(world: World): void;
  /** As `atQuiet`, after every process was asked for `/peers` and its whole `/history`. */
  atAnswers?(world: World): void;
}
