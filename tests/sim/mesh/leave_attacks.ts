/** Attacks by members that others take for gone, and that stay to listen. */

import type { LinkId } from "../../../lib/base/ids.ts";
import { signBeacon } from "../../../lib/protocols/mesh/schema/credentials.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { type MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { SignedBeacon } from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { ACT_INTERVAL_MS, Adversary } from "./adversary.ts";

/** It has been a member for so long before it is gone. */
const STAYS_MS = 3_000;

/** Shows no beacon of its own any more once it is gone, and ignores everything that would tell its program so. */
abstract class Gone extends Adversary {
  /** Every link, those to members that don't take it for one included. */
  protected readonly all = new Set<LinkId>();
  protected isGone = false;
  protected last: SignedBeacon | null = null;
  #acts = 0;

  /** What it does in the moment in which it goes. */
  protected goes(): void {}

  /** What it does after that, again and again. */
  protected listens(): void {}

  protected override act(): void {
    if (!this.isGone && ++this.#acts * ACT_INTERVAL_MS >= STAYS_MS && this.last !== null) {
      this.isGone = true;
      this.goes();
    } else if (this.isGone) this.listens();
  }

  override input(input: MeshInput): MeshInput | null {
    if (input.type === "link-up") this.all.add(input.link);
    if (input.type === "link-down") this.all.delete(input.link);
    if (!this.isGone || input.type !== "message") return input;
    const { type } = input.message;
    return type === "disconnect" || type === "renew" ? null : input;
  }

  override effects(effects: readonly MeshEffect[]): readonly MeshEffect[] {
    // It closes no link by itself.
    return this.isGone ? effects.filter(({ type }) => type !== "close" && type !== "ban") : effects;
  }

  protected override instead(message: MeshMessage): MeshMessage | null {
    if (message.type === "hello") {
      if (!this.isGone) this.last = message.beacon;
      return this.isGone && this.last !== null ? { ...message, beacon: this.last } : message;
    }
    if (message.type !== "beacons") return message;
    const isOwn = ({ signed }: { readonly signed: SignedBeacon }) =>
      signed.beacon.value.key === this.signer.key;
    if (!this.isGone) {
      this.last = message.beacons.findLast(isOwn)?.signed ?? this.last;
      return message;
    }
    return { ...message, beacons: message.beacons.filter((beacon) => !isOwn(beacon)) };
  }

  /** Says that it has quit: by the number after that of its last beacon. */
  protected quits(): void {
    const { value } = this.last!.beacon;
    const signed = signBeacon(fakeCrypto, this.signer, {
      ...value,
      number: value.number + 1,
      state: "quit",
    });
    this.tell({ type: "beacons", beacons: [{ signed, ageMs: 0 }] });
  }

  /** Sends as it is, on every link. */
  protected tell(message: MeshMessage): void {
    for (const link of this.all) this.send(message, link);
  }
}

/** Says that it has quit, and stays. */
export class LeavesAndStays extends Gone {
  protected override goes(): void {
    this.quits();
  }
}

/** Shows no further beacon, and stays. */
export class FallsSilentAndStays extends Gone {}

/** Says that it has quit, and asks for a place and for everything, again and again. */
export class AsksAgain extends LeavesAndStays {
  protected override listens(): void {
    if (!this.random.chance(0.2)) return; // once a second
    const messages: readonly MeshMessage[] = [
      { type: "neighbor", priority: "high" },
      { type: "overlay-join" },
      { type: "neighbor-reply", accepted: true },
      { type: "sync-summary", root: "00".repeat(32) as never },
      { type: "sync-want", entries: [], windowBytes: 65_536 },
      { type: "graft", author: this.signer.key, incarnation: 1, after: 0 },
    ];
    for (const message of messages) this.tell(message);
  }
}

/** Comes back as the member that it was, and quits in the moment in which it is in again. */
export class ComesBackAndQuits extends Gone {
  #number = 0;

  protected override goes(): void {
    this.#number = this.last!.beacon.value.number + 1;
    this.quits();
  }

  protected override listens(): void {
    if (this.random.chance(0.1)) this.#say("quit");
  }

  /** It is let in with a later beacon, if one is wanted. */
  override input(input: MeshInput): MeshInput | null {
    if (this.isGone && input.type === "message" && input.message.type === "renew") {
      this.#number = Math.max(this.#number, input.message.number);
      const hello = this.#hello(input.link);
      if (hello !== null) this.send(hello, input.link);
    }
    return super.input(input);
  }

  #hello(link: LinkId): MeshMessage | null {
    const { room, claim, last } = this;
    if (room === null || claim === null || last === null || !this.all.has(link)) return null;
    return { type: "hello", room, beacon: this.#beacon("alive"), claim };
  }

  #say(state: "alive" | "quit"): void {
    const message = {
      type: "beacons",
      beacons: [{ signed: this.#beacon(state), ageMs: 0 }],
    } as const;
    this.tell(message);
  }

  #beacon(state: "alive" | "quit"): SignedBeacon {
    const { value } = this.last!.beacon;
    return signBeacon(fakeCrypto, this.signer, { ...value, number: ++this.#number, state });
  }
}
