/**
 * The secrets of a private room, which decide who may join; members agree on them without anybody in charge. Any
 * member may make a new one, a rotation; it is flooded, and each new neighbour is sent all that are kept
 * (`kept_secrets.ts`). Of two that were made at once the higher one wins everywhere (`KeptSecrets.compare`), and the user
 * that made the other is told.
 *
 * A removal, or the end of one, makes a rotation that names who stays: with an earlier secret nobody else comes in or
 * stays linked (`access.ts`). Until there is one, each member that may remove others tries: its author at once, who
 * hears of it if none comes. That follows from what is on the disk, so that no kill or full disk is in its way for good.
 *
 * A rotation of our own is on disk before it is sent or shown: after a kill this member must not admit again those
 * that its user believes to be kept out.
 *
 * The caller's duties: `rotations` only from member links; after `changed`, close the links of strangers that were
 * accepted with an earlier secret.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import type { ClaimId, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import type { Machine } from "../../../base/machine/machine.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import { RetryPauses } from "../../../base/rates/retry_pauses.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import { claimIdOf, type InRoom, isClaimSigned } from "../schema/credentials.ts";
import type { KeptRotation, KeptSecrets } from "./kept_secrets.ts";
import {
  EPOCH_MAX,
  MAKE_UP_AFTER_MS,
  MAKE_UP_RETRY_MS_MAX,
  MAKE_UP_RETRY_MS_MIN,
  ROTATION_SOURCES_MAX,
  ROTATION_WAITERS_MAX,
  ROTATION_WEIGHT_BYTES,
  ROTATIONS_BURST,
  ROTATIONS_IN_MESSAGE_MAX,
  ROTATIONS_PER_SECOND,
  ROTATIONS_READ_BURST,
  ROTATIONS_READ_PER_SECOND,
  ROTATIONS_TOLD_BURST,
  ROTATIONS_TOLD_BYTES,
  ROTATIONS_TOLD_PER_SECOND,
} from "../schema/limits.ts";
import type { MeshMessage } from "../schema/messages.ts";
import { type MeshRecord, rotationRecord } from "../schema/records.ts";
import type { Fault } from "../schema/mesh_io.ts";
import {
  type ClaimedRotation,
  isRotationSigned,
  latestEpoch,
  rotationFormFault,
  signRotation,
} from "../schema/rotations.ts";
import type { SignedClaim } from "../schema/structures.ts";

type RotationsMessage = Extract<MeshMessage, { readonly type: "rotations" }>;

export type SecretsInput =
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey }
  /** What was sent to the peer may have been dropped. */
  | { readonly type: "drained"; readonly peer: PeerKey }
  /** A neighbour's beacon shows this epoch. */
  | { readonly type: "beacon"; readonly peer: PeerKey; readonly epoch: number }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: RotationsMessage }
  /** From the user. */
  | { readonly type: "invite"; readonly rotate: boolean; readonly ref: string | undefined }
  /** Who may be in the room, or remove others, may have changed. `isOwn`: our user has decided so. */
  | { readonly type: "ruled"; readonly isOwn: boolean; readonly ref: string | undefined }
  | { readonly type: "stored"; readonly token: number }
  | { readonly type: "not-stored"; readonly token: number; readonly text: string }
  | { readonly type: "tick" };

export type SecretsEffect =
  | { readonly type: "send"; readonly to: PeerKey; readonly message: RotationsMessage }
  /** An own rotation waits for `stored` or `not-stored`. */
  | {
    readonly type: "persist";
    readonly records: readonly MeshRecord[];
    readonly token: number | null;
  }
  /** It is known of a removal who stays, or that the secret admits nobody: the links of others end. */
  | { readonly type: "stays" }
  /** Another secret is current: invites given before let no newcomer in any more. */
  | {
    readonly type: "changed";
    readonly rotation: ClaimedRotation;
    /** Whether it voids the invite of our own user, who rotated at the same time. */
    readonly overOwn: boolean;
  }
  /** Show the invite. */
  | { readonly type: "invite"; readonly ref: string | undefined }
  | {
    readonly type: "refused";
    readonly code: ErrorCode;
    readonly text: string;
    readonly ref: string | undefined;
  }
  | {
    readonly type: "penalise";
    readonly peer: PeerKey;
    readonly fault: Fault;
    readonly text: string;
  };

/** What the machine asks of the roster. */
interface SecretsPort {
  selfClaim(): SignedClaim;
  /** The claim of this id whose signatures were checked before; null where none was. */
  claim(id: ClaimId): SignedClaim | null;
  /** The keys that are known as members', present or not, without those that were removed. */
  members(): readonly PeerKey[];
}

/** The current rotation and secret before new ones were learnt. */
interface Before {
  readonly rotation: KeptRotation | null;
  readonly opens: ChannelSecret | null;
}

/** An own rotation on its way to the disk. */
interface Rotating {
  readonly token: number;
  readonly rotation: KeptRotation;
  /** The `ref`s of the commands that wait for it; at most `ROTATION_WAITERS_MAX`. */
  readonly refs: (string | undefined)[];
  /** Whether a removal waits for it. */
  readonly isOfRemoval: boolean;
}

export class RoomSecrets implements Machine<SecretsInput, SecretsEffect> {
  readonly #neighbours = new Set<PeerKey>();
  readonly #read = ratesOf(ROTATIONS_READ_PER_SECOND, ROTATIONS_READ_BURST);
  readonly #fresh = ratesOf(ROTATIONS_PER_SECOND, ROTATIONS_BURST);
  readonly #told = ratesOf(ROTATIONS_TOLD_PER_SECOND, ROTATIONS_TOLD_BURST);
  /**
   * Neighbours that are sent the current rotation when their next beacon comes: either a rate limit forbade it so far,
   * or we couldn't take in what they sent, and their answer repeats it if it is higher.
   */
  readonly #owed = new Set<PeerKey>();
  /** Of the rotations that a neighbour is sent all of, those that wait for its next beacons; never none. */
  readonly #untold = new Map<PeerKey, KeptRotation[]>();
  #rotating: Rotating | null = null;
  #lastToken = 0;
  /** When we make a rotation for which removals wait; null where none do, or one is on its way to the disk. */
  #makeUpAtMs: number | null = null;
  readonly #makeUpPauses = new RetryPauses(MAKE_UP_RETRY_MS_MIN, MAKE_UP_RETRY_MS_MAX);
  /** The `ref` of the command that made removals wait. */
  #makeUpRef: string | undefined;
  #effects: SecretsEffect[] = [];

  /** @param kept Null in an open room. */
  constructor(
    readonly room: InRoom,
    readonly kept: KeptSecrets | null,
    readonly signer: Signer,
    readonly env: Environment,
    readonly port: SecretsPort,
    nowMs: number,
  ) {
    this.#awaitMakeUp(nowMs);
  }

  step(input: SecretsInput, nowMs: number): readonly SecretsEffect[] {
    this.#effects = [];
    this.#handle(input, nowMs);
    return this.#effects;
  }

  nextDeadlineMs(): number | null {
    return this.#makeUpAtMs;
  }

  #handle(input: SecretsInput, nowMs: number): void {
    switch (input.type) {
      case "neighbour-up":
        this.#neighbours.add(input.peer);
        return this.#tellAll(input.peer, nowMs);
      case "neighbour-down":
        this.#neighbours.delete(input.peer);
        this.#owed.delete(input.peer);
        this.#untold.delete(input.peer);
        return;
      case "drained":
        return this.#tellAll(input.peer, nowMs);
      case "beacon":
        if (this.kept === null) return;
        if (this.#untold.has(input.peer)) return this.#tellOn(input.peer, nowMs);
        if (input.epoch < this.kept.epoch || this.#owed.has(input.peer)) {
          this.#tellCurrent(input.peer, nowMs);
        }
        return;
      case "message":
        return this.#rotations(input.from, input.message, nowMs);
      case "invite":
        return this.#invite(input.rotate, input.ref);
      case "ruled":
        if (this.kept !== null) this.#ruled(this.kept, input, nowMs);
        return;
      case "stored":
        return this.#stored(input.token, nowMs);
      case "not-stored":
        return this.#notStored(input.token, input.text, nowMs);
      case "tick":
        if ((this.#makeUpAtMs ?? Infinity) <= nowMs) this.#makeUp(nowMs);
        return;
      default:
        return unreachable(input);
    }
  }

  // Others' rotations.

  /** Sends the kept rotations, the highest first: as many as fit a link's queue with ease, the others later. */
  #tellAll(peer: PeerKey, nowMs: number): void {
    const { rotations = [] } = this.kept ?? {};
    if (rotations.length === 0 || !this.#neighbours.has(peer)) return;
    this.#untold.set(peer, [...rotations]);
    this.#tellOn(peer, nowMs);
  }

  #tellOn(peer: PeerKey, nowMs: number): void {
    const untold = this.#untold.get(peer)!;
    if (!this.#mayTell(peer, nowMs)) return;
    const part: KeptRotation[] = [];
    let bytes = 0;
    while (untold.length > 0 && bytes < ROTATIONS_TOLD_BYTES) {
      const next = untold.shift()!;
      bytes += next.rotation.rotation.bytes.length;
      part.push(next);
    }
    if (untold.length === 0) this.#untold.delete(peer);
    this.#send(peer, part);
  }

  #tellCurrent(peer: PeerKey, nowMs: number): void {
    const [current] = this.kept?.rotations ?? [];
    if (current === undefined || !this.#neighbours.has(peer)) return;
    if (this.#mayTell(peer, nowMs)) this.#send(peer, [current]);
  }

  /** Whether the neighbour may be told something now; otherwise it is owed that. */
  #mayTell(peer: PeerKey, nowMs: number): boolean {
    if (!this.#told.take(peer, nowMs)) {
      this.#owe(peer);
      return false;
    }
    this.#owed.delete(peer);
    return true;
  }

  #owe(peer: PeerKey): void {
    if (this.#neighbours.has(peer)) this.#owed.add(peer);
  }

  #send(to: PeerKey, rotations: readonly KeptRotation[]): void {
    for (let at = 0; at < rotations.length; at += ROTATIONS_IN_MESSAGE_MAX) {
      const part = rotations.slice(at, at + ROTATIONS_IN_MESSAGE_MAX)
        .map(({ rotation, claim }) => ({ rotation, claim }));
      this.#effects.push({ type: "send", to, message: { type: "rotations", rotations: part } });
    }
  }

  #rotations(from: PeerKey, { rotations }: RotationsMessage, nowMs: number): void {
    const { kept } = this;
    if (kept === null) return this.#penalise(from, "protocol", "rotated in an open room");
    if (!this.#read.take(from, nowMs, weightOf(rotations))) return this.#owe(from);
    const before = currentOf(kept);
    const fresh: KeptRotation[] = [];
    // The highest first: where there are more than may be taken in, the highest one counts.
    const told = rotations.map((claimed) => kept.known(claimed))
      .sort((a, b) => kept.compare(a, b));
    for (const heard of told) {
      if (!kept.wants(heard)) continue;
      // It is sent to us again, once it may be taken in.
      if (heard.epoch > this.#latestEpoch(heard.rotation.rotation.value.author)) {
        this.#owe(from);
        continue;
      }
      if (!this.#fresh.take(from, nowMs)) {
        this.#owe(from);
        break;
      }
      const rotation = this.#checked(from, heard);
      if (rotation === null) break;
      kept.add(rotation);
      fresh.push(rotation);
    }
    if (fresh.length > 0) this.#learnt(fresh, from, before, nowMs);
    if (told[0] !== undefined) this.#answer(from, told[0], nowMs);
  }

  /**
   * Answers a neighbour whose highest rotation loses to ours in the same epoch, or is void: beacons don't show the
   * difference.
   */
  #answer(peer: PeerKey, highest: KeptRotation, nowMs: number): void {
    const kept = this.kept!;
    const current = kept.currentRotation;
    if (current === null || (current.epoch !== highest.epoch && !kept.isVoid(highest))) return;
    if (kept.compare(current, highest) < 0) this.#tellCurrent(peer, nowMs);
  }

  /** The latest epoch of this author's that others accept by now. */
  #latestEpoch(author: PeerKey): number {
    const foundedMs = this.room.genesis.genesis.value.time;
    return latestEpoch(foundedMs, this.env.wallMs(), this.kept!.rulings.mayRemove(author));
  }

  /**
   * The rotation with a claim whose signatures hold; null where either is invalid. An id doesn't tell claims apart by
   * their signatures: of a known claim the copy checked before is kept and passed on, not the received one.
   */
  #checked(from: PeerKey, rotation: KeptRotation): KeptRotation | null {
    const fault = rotationFormFault(rotation, this.room);
    if (fault !== null) {
      this.#penalise(from, "protocol", `passed on a rotation that can't be right: ${fault}`);
      return null;
    }
    const { crypto } = this.env;
    const id = claimIdOf(crypto, rotation.claim);
    const known = this.port.claim(id);
    const isSigned = isRotationSigned(crypto, rotation.rotation, rotation.id) &&
      (known !== null || isClaimSigned(crypto, rotation.claim, id));
    if (isSigned) return known === null ? rotation : { ...rotation, claim: known };
    this.#penalise(from, "invalid-signature", "passed on a rotation without valid signatures");
    return null;
  }

  #learnt(
    fresh: readonly KeptRotation[],
    from: PeerKey,
    before: Before,
    nowMs: number,
  ): void {
    this.#persist(fresh, null);
    for (const peer of this.#neighbours) if (peer !== from) this.#send(peer, fresh);
    if (fresh.some(({ stays }) => stays !== null)) this.#effects.push({ type: "stays" });
    this.#makeUp(nowMs);
    this.#tellChange(before);
  }

  #tellChange(before: Before): void {
    const kept = this.kept!;
    const current = kept.currentRotation;
    // A newcomer learns who made the secret with which it joined: no news to its user.
    if (before.opens === null || kept.isCurrent(before.opens) || current === null) return;
    const overOwn = before.rotation?.epoch === current.epoch &&
      before.rotation.rotation.rotation.value.author === this.signer.key;
    this.#effects.push({ type: "changed", rotation: current, overOwn });
  }

  /** Who was removed, or is allowed again, may have made the current secret, or others. */
  #ruled(
    kept: KeptSecrets,
    { isOwn, ref }: Extract<SecretsInput, { readonly type: "ruled" }>,
    nowMs: number,
  ): void {
    const before = currentOf(kept);
    kept.sortAnew();
    if (isOwn) {
      this.#makeUpRef = ref;
      this.#makeUp(nowMs);
    } else this.#awaitMakeUp(nowMs);
    const isSame = before.opens !== null && kept.isCurrent(before.opens);
    if (isSame && !kept.isOfOtherRemovals) return;
    this.#effects.push({ type: "stays" });
    if (!kept.isRemovalUnknown) this.#tellChange(before);
  }

  #penalise(peer: PeerKey, fault: Fault, text: string): void {
    this.#effects.push({ type: "penalise", peer, fault, text });
  }

  // Our own.

  #invite(rotate: boolean, ref: string | undefined): void {
    const { kept } = this;
    if (kept === null && rotate) {
      const text = "Cannot rotate the invite: this room is open, anybody may come in; " +
        "found another one with --private";
      return this.#refuse("not-allowed", text, ref);
    }
    // A rotation is being stored: the user shouldn't be shown an invite that is void in a moment.
    if (this.#rotating !== null) return this.#wait(this.#rotating, ref);
    if (kept?.epoch === 0) {
      const text =
        "Cannot show the invite: no neighbour has told this member of it yet; wait for one";
      return this.#refuse("offline", text, ref);
    }
    if (kept === null || (!rotate && !kept.isOfOtherRemovals)) {
      this.#effects.push({ type: "invite", ref });
      return;
    }
    // Where the present one admits nobody, only another one is of use.
    const delay = this.#rotate(kept, [ref], this.#owesMakeUp() ? this.port.members() : null);
    if (delay === null) return;
    if (kept.latestEpoch === EPOCH_MAX) {
      const text = "Cannot rotate the invite: no numbers are left; create another room";
      return this.#refuse("not-allowed", text, ref);
    }
    this.#refuse("busy", `Cannot rotate the invite yet: ${delay}; try again in a moment`, ref);
  }

  /** Whether we are to make a rotation since the current secret's author believed others to be removed. */
  #owesMakeUp(): boolean {
    const { kept } = this;
    return kept !== null && kept.isRemovalUnknown && kept.rulings.mayRemove(this.signer.key);
  }

  /** Whose turn it is to make a rotation is on it, or is gone: then it is ours. */
  #awaitMakeUp(nowMs: number): void {
    if (this.#makeUpAtMs !== null || !this.#owesMakeUp()) return;
    this.#makeUpAtMs = nowMs + MAKE_UP_AFTER_MS * (0.5 + this.env.random() / 2);
  }

  /** Makes a secret of which only those who are members now are told, where one is wanted. */
  #makeUp(nowMs: number): void {
    this.#makeUpAtMs = null;
    // One that is on its way to the disk is sent to nobody before.
    if (this.#rotating !== null) return;
    if (!this.#owesMakeUp()) {
      this.#makeUpPauses.reset();
      this.#makeUpRef = undefined;
      return;
    }
    const delay = this.#rotate(this.kept!, null, this.port.members());
    if (delay !== null) this.#makeUpLater("busy", delay, nowMs);
  }

  #makeUpLater(code: ErrorCode, text: string, nowMs: number): void {
    if (!this.#makeUpPauses.hasFailed) {
      const rest = "; it is tried again until that works, and nobody new comes in before";
      this.#refuse(code, `Cannot make a new invite yet: ${text}${rest}`, this.#makeUpRef);
    }
    this.#makeUpAtMs = nowMs + this.#makeUpPauses.failed(this.env.random());
  }

  /**
   * @param shownTo The `ref`s of commands that the new invite answers; null where it is of a removal.
   * @returns Why it can't be made yet; null where it is on its way to the disk.
   */
  #rotate(
    kept: KeptSecrets,
    shownTo: (string | undefined)[] | null,
    stays: readonly PeerKey[] | null = null,
  ): string | null {
    const epoch = kept.latestEpoch + 1;
    if (epoch > Math.min(EPOCH_MAX, this.#latestEpoch(this.signer.key))) {
      return "it has been changed too often";
    }
    const { removedCount: removed, removedId } = kept.rulings;
    const place = { room: this.room.id, epoch, stays, removed, removedId };
    const rotation = kept.known({
      rotation: signRotation(this.env, this.signer, place),
      claim: this.port.selfClaim(),
    });
    const isOfRemoval = shownTo === null;
    this.#rotating = { token: ++this.#lastToken, rotation, refs: shownTo ?? [], isOfRemoval };
    this.#persist([rotation], this.#lastToken);
    return null;
  }

  #wait({ refs }: Rotating, ref: string | undefined): void {
    if (refs.length < ROTATION_WAITERS_MAX) refs.push(ref);
    else this.#refuse("busy", "Cannot show the invite yet: the disk is still writing it", ref);
  }

  #stored(token: number, nowMs: number): void {
    const rotating = this.#rotating;
    const { kept } = this;
    if (rotating?.token !== token || kept === null) return;
    this.#rotating = null;
    const { rotation, refs } = rotating;
    kept.add(rotation);
    for (const peer of this.#neighbours) this.#send(peer, [rotation]);
    for (const ref of refs) this.#effects.push({ type: "invite", ref });
    const current = kept.currentRotation;
    // Where a higher one came meanwhile, the invite shown is that one's, and its notice was shown already.
    if (current?.id === rotation.id) {
      this.#effects.push({ type: "changed", rotation, overOwn: false });
    }
    this.#makeUp(nowMs);
  }

  #notStored(token: number, text: string, nowMs: number): void {
    const rotating = this.#rotating;
    if (rotating?.token !== token) return;
    this.#rotating = null;
    const refusal = `Cannot rotate the invite: ${text}; the one before still counts`;
    for (const ref of rotating.refs) this.#refuse("disk", refusal, ref);
    if (rotating.isOfRemoval) this.#makeUpLater("disk", text, nowMs);
    else this.#makeUp(nowMs);
  }

  #persist(rotations: readonly ClaimedRotation[], token: number | null): void {
    this.#effects.push({ type: "persist", records: rotations.map(rotationRecord), token });
  }

  #refuse(code: ErrorCode, text: string, ref: string | undefined): void {
    this.#effects.push({ type: "refused", code, text, ref });
  }
}

function currentOf(kept: KeptSecrets): Before {
  return { rotation: kept.currentRotation, opens: kept.currentOpens() };
}

/** What reading them costs: each at least as much as one that names nobody. */
function weightOf(rotations: readonly ClaimedRotation[]): number {
  let weight = 0;
  for (const { rotation } of rotations) {
    weight += 1 + rotation.rotation.bytes.length / ROTATION_WEIGHT_BYTES;
  }
  return weight;
}

/** Rate limits for each neighbour, which outlive its links. */
function ratesOf(perSecond: number, burst: number): Rates<PeerKey> {
  return new Rates(perSecond, burst, ROTATION_SOURCES_MAX);
}
