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
import type { PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import type { Machine } from "../../../base/machine/machine.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import type { InRoom } from "../schema/credentials.ts";
import type { KeptRotation, KeptSecrets } from "./kept_secrets.ts";
import { Rekeying } from "./rekeying.ts";
import { RotationExchange } from "./rotation_exchange.ts";
import { rotationRecord } from "../schema/records.ts";
import type {
  AskedInvite,
  RotationsMessage,
  SecretsEffect,
  SecretsInput,
  SecretsPort,
} from "./secrets_io.ts";

/** The current rotation and secret before new ones were learnt. */
interface Before {
  readonly rotation: KeptRotation | null;
  readonly opens: ChannelSecret | null;
}

/** In a private room. */
interface Parts {
  readonly kept: KeptSecrets;
  readonly exchange: RotationExchange;
  readonly rekeying: Rekeying;
}

export class RoomSecrets implements Machine<SecretsInput, SecretsEffect> {
  /** Null in an open room. */
  readonly #private: Parts | null;
  #effects: SecretsEffect[] = [];

  /** @param kept Null in an open room. */
  constructor(
    room: InRoom,
    kept: KeptSecrets | null,
    readonly signer: Signer,
    env: Environment,
    port: SecretsPort,
    nowMs: number,
  ) {
    const emit = (effect: SecretsEffect) => void this.#effects.push(effect);
    if (kept === null) {
      this.#private = null;
      return;
    }
    const exchange = new RotationExchange(room, kept, env, port, emit);
    const rekeying = new Rekeying(kept, signer, env, port, exchange, emit, nowMs);
    this.#private = { kept, exchange, rekeying };
  }

  step(input: SecretsInput, nowMs: number): readonly SecretsEffect[] {
    this.#effects = [];
    if (this.#private === null) this.#inOpenRoom(input);
    else this.#handle(this.#private, input, nowMs);
    return this.#effects;
  }

  nextDeadlineMs(): number | null {
    return this.#private?.rekeying.nextDeadlineMs() ?? null;
  }

  #inOpenRoom(input: SecretsInput): void {
    if (input.type === "message") {
      const text = "rotated in an open room";
      this.#effects.push({ type: "penalise", peer: input.from, fault: "protocol", text });
    } else if (input.type === "invite") {
      const { rotate, ref } = input;
      if (!rotate) return void this.#effects.push({ type: "invite", ...askedOf(input) });
      const text = "Cannot rotate the invite: this room is open, anybody may come in; " +
        "found another one with --private";
      this.#effects.push({ type: "refused", code: "not-allowed", text, ref });
    }
  }

  #handle(parts: Parts, input: SecretsInput, nowMs: number): void {
    const { exchange, rekeying } = parts;
    switch (input.type) {
      case "neighbour-up":
        return exchange.neighbourUp(input.peer, nowMs);
      case "neighbour-down":
        return exchange.neighbourDown(input.peer);
      case "drained":
        return exchange.tellAll(input.peer, nowMs);
      case "beacon":
        return exchange.beacon(input.peer, input.epoch, nowMs);
      case "message":
        return this.#heard(parts, input.from, input.message, nowMs);
      case "invite":
        return rekeying.invite(input.rotate, askedOf(input));
      case "ruled":
        return this.#ruled(parts, input, nowMs);
      case "stored":
        return rekeying.stored(input.token, nowMs);
      case "not-stored":
        return rekeying.notStored(input.token, input.text, nowMs);
      case "tick":
        return rekeying.tick(nowMs);
      default:
        return unreachable(input);
    }
  }

  #heard(parts: Parts, from: PeerKey, message: RotationsMessage, nowMs: number): void {
    const { kept, exchange, rekeying } = parts;
    const before = currentOf(kept);
    const { fresh, highest } = exchange.heard(from, message, nowMs);
    if (fresh.length > 0) {
      this.#effects.push({ type: "persist", records: fresh.map(rotationRecord), token: null });
      exchange.flood(fresh, from);
      if (fresh.some(({ stays }) => stays !== null)) this.#effects.push({ type: "stays" });
      rekeying.makeUp(nowMs);
    }
    this.#tellChange(kept, before);
    if (highest !== null) exchange.answer(from, highest, nowMs);
  }

  #tellChange(kept: KeptSecrets, before: Before): void {
    const current = kept.currentRotation;
    // A newcomer learns who made the secret with which it joined: no news to its user.
    if (before.opens === null || kept.isCurrent(before.opens) || current === null) return;
    const overOwn = before.rotation?.epoch === current.epoch &&
      before.rotation.rotation.rotation.value.author === this.signer.key;
    this.#effects.push({ type: "changed", rotation: current, overOwn });
  }

  /** Who was removed, or is allowed again, may have made the current secret, or others. */
  #ruled(
    { kept, rekeying }: Parts,
    { isOwn, ref }: Extract<SecretsInput, { readonly type: "ruled" }>,
    nowMs: number,
  ): void {
    const before = currentOf(kept);
    kept.sortAnew();
    rekeying.ruled(isOwn, ref, nowMs);
    const isSame = before.opens !== null && kept.isCurrent(before.opens);
    if (isSame && !kept.isOfOtherRemovals) return;
    this.#effects.push({ type: "stays" });
    if (!kept.isRemovalUnknown) this.#tellChange(kept, before);
  }
}

function currentOf(kept: KeptSecrets): Before {
  return { rotation: kept.currentRotation, opens: kept.currentOpens() };
}

function askedOf({ as, ref }: AskedInvite): AskedInvite {
  return as === undefined ? { ref } : { as, ref };
}
