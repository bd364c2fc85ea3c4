/** The form of a checker: one promise, looked at from outside, after every step or when the room is quiet. */

import type { BundleId, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/events.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/mesh_io.ts";
import type { ChannelSecret } from "../../../lib/protocols/noise/channel_handshake.ts";
import type { KeptSecrets } from "../../../lib/protocols/mesh/kept_secrets.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/records.ts";
import type { Stream, StreamKey } from "../../../lib/protocols/mesh/stream.ts";
import type { Bundle } from "../../../lib/protocols/mesh/structures.ts";
import type { MessageEvent, Said } from "./ledger.ts";
import type { Member, MemberProcess } from "./member.ts";
import type { World } from "./world.ts";

/** A promise that was broken: the run ends, and says how to repeat it. */
export class Violation extends Error {
  override readonly name = "Violation";
  constructor(readonly checker: string, text: string) {
    super(`${checker}: ${text}`);
  }
}

/** Something a machine keeps, and the most it may keep. */
export interface Held {
  readonly what: string;
  readonly size: number;
  readonly max: number;
}

/** The questions that a checker may ask of a machine; none changes anything. */
export interface MeshProbe {
  /** The neighbours in the overlay. */
  activeView(): Iterable<PeerKey>;
  /** The highest counter delivered in a row, of every stream; null before it took in what is stored. */
  frontiers(): Iterable<readonly [StreamKey, number]> | null;
  /** The same of one stream; 0 where nothing of it was delivered. */
  frontier(stream: Stream): number;
  /** Tables, queues and caches with their bounds. */
  held(): Iterable<Held>;
  /** A private room's secrets; null in an open one. */
  secrets(): Pick<KeptSecrets, "opening" | "current" | "isCurrent"> | null;
  /** Whether a proven dialler is let in that knew this secret. */
  admit(peer: PeerKey, secret: ChannelSecret): string | null;
  /** What a compacted disk would hold, all through that bundle having been shown; null where none is known now. */
  snapshot(shownThrough: BundleId | null): readonly MeshRecord[] | null;
}

/** Every hook may throw a `Violation`. Those that a checker doesn't have cost nothing. */
export interface MeshChecker {
  readonly name: string;
  /** A process begins, with `records` on its disk. */
  started?(process: MemberProcess, records: readonly MeshRecord[]): void;
  /** A step was made; its effects aren't carried out yet. */
  stepped?(process: MemberProcess, input: MeshInput): void;
  /** Records were written; `from` is the place of the first one. */
  wrote?(process: MemberProcess, records: readonly MeshRecord[], from: number): void;
  /** The disk holds `records` now, as compact as can be, and synced. */
  compacted?(process: MemberProcess, records: readonly MeshRecord[]): void;
  /** A message of any type goes out. */
  sent?(process: MemberProcess, link: LinkId, message: MeshMessage): void;
  /** A bundle goes out. */
  bundleSent?(process: MemberProcess, bundle: Bundle): void;
  /** An effect that is neither for the disk nor a message is carried out. */
  effect?(process: MemberProcess, effect: MeshEffect): void;
  /** An event is shown, after `message` where it is one; `ref` of the command that it answers. */
  shown?(process: MemberProcess, event: MeshEvent, ref: string | undefined): void;
  /** A message is shown; `again` where this profile has been shown it before. */
  message?(process: MemberProcess, said: Said, event: MessageEvent, again: boolean): void;
  /** A listener lets a dialler through that knew this secret; null for none. */
  letThrough?(listener: MemberProcess, dialler: MemberProcess, secret: ChannelSecret | null): void;
  /** A process ended: killed, or by its own `stop`. */
  ended?(process: MemberProcess): void;
  /** The member's profile, its log of shown messages included, was put back to what it once was. */
  restored?(member: Member): void;
  /**
   * The room is quiet: no faults, nothing typed, every process that should run does. Throws while what
   * must hold in the end doesn't hold yet; the run fails if it still doesn't much later.
   */
  atQuiet?(world: World): void;
  /** The same, after every process was asked for `/peers` and its whole `/history`. */
  atAnswers?(world: World): void;
}
