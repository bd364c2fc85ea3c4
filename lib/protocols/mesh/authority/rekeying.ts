/**
 * The rotations that we make ourselves: those for which the user asks, and those that removals wait for. One at a time,
 * each on disk before it is sent or shown. Who may remove others makes one where the current secret's author believed
 * others to be removed: at once where our user has just removed somebody, else a while later, and again until it is there.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { RetryPauses } from "../../../base/rates/retry_pauses.ts";
import type { KeptRotation, KeptSecrets } from "./kept_secrets.ts";
import {
  EPOCH_MAX,
  MAKE_UP_AFTER_MS,
  MAKE_UP_RETRY_MS_MAX,
  MAKE_UP_RETRY_MS_MIN,
  ROTATION_WAITERS_MAX,
} from "../schema/limits.ts";
import { rotationRecord } from "../schema/records.ts";
import { signRotation } from "../schema/rotations.ts";
import type { RotationExchange } from "./rotation_exchange.ts";
import type { AskedInvite, SecretsEffect, SecretsPort } from "./secrets_io.ts";

/** An own rotation on its way to the disk. */
interface Rotating {
  readonly token: number;
  readonly rotation: KeptRotation;
  /** Who waits for it; at most `ROTATION_WAITERS_MAX`. */
  readonly asked: AskedInvite[];
  /** Whether a removal waits for it. */
  readonly isOfRemoval: boolean;
}

export class Rekeying {
  #rotating: Rotating | null = null;
  #lastToken = 0;
  /** When we make a rotation for which removals wait; null where none do, or one is on its way to the disk. */
  #makeUpAtMs: number | null = null;
  readonly #makeUpPauses = new RetryPauses(MAKE_UP_RETRY_MS_MIN, MAKE_UP_RETRY_MS_MAX);
  /** The `ref` of the command that made removals wait. */
  #makeUpRef: string | undefined;

  constructor(
    readonly kept: KeptSecrets,
    readonly signer: Signer,
    readonly env: Environment,
    readonly port: Pick<SecretsPort, "selfClaim" | "members">,
    readonly exchange: Pick<RotationExchange, "flood" | "latestEpoch">,
    private readonly emit: (effect: SecretsEffect) => void,
    nowMs: number,
  ) {
    this.#awaitMakeUp(nowMs);
  }

  nextDeadlineMs(): number | null {
    return this.#makeUpAtMs;
  }

  tick(nowMs: number): void {
    if ((this.#makeUpAtMs ?? Infinity) <= nowMs) this.makeUp(nowMs);
  }

  /** Shows the invite once it is on disk, after another secret was made where one is wanted. */
  invite(rotate: boolean, asked: AskedInvite): void {
    const { kept } = this;
    const { ref } = asked;
    // A rotation is being stored: the user shouldn't be shown an invite that is void in a moment.
    if (this.#rotating !== null) return this.#wait(this.#rotating, asked);
    if (kept.epoch === 0) {
      const text =
        "Cannot show the invite: no neighbour has told this member of it yet; wait for one";
      return this.#refuse("offline", text, ref);
    }
    if (!rotate && !kept.isOfOtherRemovals) return this.emit({ type: "invite", ...asked });
    // Where the present one admits nobody, only another one is of use.
    const delay = this.#rotate([asked], this.#owesMakeUp() ? this.port.members() : null);
    if (delay === null) return;
    if (kept.latestEpoch === EPOCH_MAX) {
      const text = "Cannot rotate the invite: no numbers are left; create another room";
      return this.#refuse("not-allowed", text, ref);
    }
    this.#refuse("busy", `Cannot rotate the invite yet: ${delay}; try again in a moment`, ref);
  }

  /** Who was removed may have changed. `isOwn`: our user has decided so, by the command of this `ref`. */
  ruled(isOwn: boolean, ref: string | undefined, nowMs: number): void {
    if (!isOwn) return this.#awaitMakeUp(nowMs);
    this.#makeUpRef = ref;
    this.makeUp(nowMs);
  }

  /** Whether we are to make a rotation since the current secret's author believed others to be removed. */
  #owesMakeUp(): boolean {
    return this.kept.isRemovalUnknown && this.kept.rulings.mayRemove(this.signer.key);
  }

  /** Whose turn it is to make a rotation is on it, or is gone: then it is ours. */
  #awaitMakeUp(nowMs: number): void {
    if (this.#makeUpAtMs !== null || !this.#owesMakeUp()) return;
    this.#makeUpAtMs = nowMs + MAKE_UP_AFTER_MS * (0.5 + this.env.random() / 2);
  }

  /** Makes a secret of which only those who are members now are told, where one is wanted. */
  makeUp(nowMs: number): void {
    this.#makeUpAtMs = null;
    // One that is on its way to the disk is sent to nobody before.
    if (this.#rotating !== null) return;
    if (!this.#owesMakeUp()) {
      this.#makeUpPauses.reset();
      this.#makeUpRef = undefined;
      return;
    }
    const delay = this.#rotate(null, this.port.members());
    if (delay !== null) this.#makeUpLater("busy", delay, nowMs);
  }

  #makeUpLater(code: ErrorCode, text: string, nowMs: number): void {
    if (!this.#makeUpPauses.hasFailed) {
      const rest = "; trying again until that works, and nobody new comes in before";
      this.#refuse(code, `Cannot make a new invite yet: ${text}${rest}`, this.#makeUpRef);
    }
    this.#makeUpAtMs = nowMs + this.#makeUpPauses.failed(this.env.random());
  }

  /**
   * @param shownTo Who has asked for the new invite; null where it is of a removal.
   * @returns Why it can't be made yet; null where it is on its way to the disk.
   */
  #rotate(
    shownTo: AskedInvite[] | null,
    stays: readonly PeerKey[] | null = null,
  ): string | null {
    const { kept } = this;
    const epoch = kept.latestEpoch + 1;
    if (epoch > Math.min(EPOCH_MAX, this.exchange.latestEpoch(this.signer.key))) {
      return "it has been changed too often";
    }
    const { removedCount: removed, removedId } = kept.rulings;
    const place = { room: this.kept.room, epoch, stays, removed, removedId };
    const rotation = kept.known({
      rotation: signRotation(this.env, this.signer, place),
      claim: this.port.selfClaim(),
    });
    const isOfRemoval = shownTo === null;
    this.#rotating = { token: ++this.#lastToken, rotation, asked: shownTo ?? [], isOfRemoval };
    this.emit({ type: "persist", records: [rotationRecord(rotation)], token: this.#lastToken });
    return null;
  }

  #wait({ asked }: Rotating, another: AskedInvite): void {
    if (asked.length < ROTATION_WAITERS_MAX) return void asked.push(another);
    const text = "Cannot show the invite yet: the disk is still writing it";
    this.#refuse("busy", text, another.ref);
  }

  stored(token: number, nowMs: number): void {
    const rotating = this.#rotating;
    const { kept } = this;
    if (rotating?.token !== token) return;
    this.#rotating = null;
    const { rotation, asked } = rotating;
    kept.add(rotation);
    this.exchange.flood([rotation]);
    for (const each of asked) this.emit({ type: "invite", ...each });
    const current = kept.currentRotation;
    // Where a higher one came meanwhile, the invite shown is that one's, and its notice was shown already.
    if (current?.id === rotation.id) {
      this.emit({ type: "changed", rotation, overOwn: false });
    }
    this.makeUp(nowMs);
  }

  notStored(token: number, text: string, nowMs: number): void {
    const rotating = this.#rotating;
    if (rotating?.token !== token) return;
    this.#rotating = null;
    const refusal = `Cannot rotate the invite: ${text}; the one before still counts`;
    for (const { ref } of rotating.asked) this.#refuse("disk", refusal, ref);
    if (rotating.isOfRemoval) this.#makeUpLater("disk", text, nowMs);
    else this.makeUp(nowMs);
  }

  #refuse(code: ErrorCode, text: string, ref: string | undefined): void {
    this.emit({ type: "refused", code, text, ref });
  }
}
