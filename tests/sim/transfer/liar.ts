/** Peers that lie, each in one way. They have no machine: they answer as it suits them. */

import type { OfferId, PeerKey } from "../../../lib/base/ids.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { leafLength } from "../../../lib/protocols/transfer/merkle.ts";
import type {
  LeafMessage,
  Offer,
  TransferMessage,
} from "../../../lib/protocols/transfer/messages.ts";
import { offerId, signedOffer } from "../../../lib/protocols/transfer/offers.ts";
import { fakeSigner } from "../fake_crypto.ts";
import type { Random } from "../random.ts";
import { type Content, contentOf, simCrypto } from "./content.ts";
import type { End } from "./wires.ts";
import { CONTEXT, type World } from "./world.ts";

export const LIES = [
  "wrong-leaf",
  "wrong-proof",
  "wrong-length",
  "stalls",
  "drips",
  "floods-offers",
  "bad-names",
  "lies-of-size",
  "ignores-credit",
  "forges",
  "asks-too-much",
  "wrong-have",
] as const;
export type Lie = typeof LIES[number];

const UNASKED_MAX = 20;
const BAD_NAMES = [
  "../../x",
  "..",
  "/etc/passwd",
  "a\0b",
  "CON",
  "x\u202etxt.exe",
  ".ssh",
  "a\\b",
  "\n",
];

export class Liar implements End {
  readonly signer;
  readonly isUp = true;
  /** The offers that are known to it. */
  readonly known = new Map<OfferId, Offer>();
  /** Own offers, with nothing true behind them. */
  offers = 0;
  /** What is behind them, where something is. */
  readonly own = new Map<OfferId, Content>();

  constructor(
    readonly world: World,
    readonly index: number,
    readonly lie: Lie,
    readonly random: Random,
  ) {
    this.signer = fakeSigner(`liar ${world.seed}/${index}`);
  }

  get key(): PeerKey {
    return this.signer.key;
  }

  linkUp(other: End): void {
    if (this.lie === "floods-offers") this.#flood(other, 40);
    if (this.lie === "bad-names") { for (const name of BAD_NAMES) this.#offer(other, { name }); }
    if (this.lie === "lies-of-size") this.#offerOfWrongSize(other);
    if (this.lie === "forges") this.#forge(other);
  }

  linkDown(): void {}

  drained(): void {}

  receive(from: End, message: TransferMessage): void {
    switch (message.type) {
      case "offer":
        this.known.set(offerId(simCrypto, message.offer), message.offer.offer.value);
        if (this.lie === "ignores-credit") this.#unasked(from);
        if (this.lie === "asks-too-much") this.#askTooMuch(from, offerId(simCrypto, message.offer));
        return;
      case "want":
        return this.#wanted(from, message.file);
      case "request":
        for (let leaf = message.first; leaf < message.first + message.count; leaf++) {
          this.#leaf(from, message.file, leaf);
        }
        return;
    }
  }

  /** From time to time. */
  act(): void {
    const person = this.random.pick(this.world.people);
    if (!person.isUp) return;
    if (this.lie === "floods-offers") this.#flood(person, 100);
    if (this.lie === "ignores-credit") this.#unasked(person);
    if (this.lie === "forges") this.#forge(person);
  }

  #wanted(from: End, file: OfferId): void {
    const bits = this.lie === "wrong-have" ? this.random.bytes(this.random.below(30)) : null;
    this.world.wires.send(this, from, { type: "have", file, leaves: bits });
  }

  #leaf(to: End, file: OfferId, leaf: number): void {
    const truth = this.own.get(file) ?? this.world.offered.get(file)?.content;
    const offer = this.known.get(file);
    const length = leafLength(offer?.size ?? 1, leaf);
    const bytes = truth?.leaves[leaf] ?? new Uint8Array(Math.max(0, length));
    const proof = truth?.tree.proof(leaf) ?? new Uint8Array(0);
    const right: LeafMessage = { type: "leaf", file, leaf, bytes, proof };
    switch (this.lie) {
      case "stalls":
        return;
      case "drips":
        return void this.world.time.after(9_000, () => this.#send(to, right));
      case "wrong-proof":
        return this.#send(to, {
          ...right,
          proof: proof.subarray(0, Math.max(0, proof.length - 32)),
        });
      case "wrong-length":
        return this.#send(to, { ...right, bytes: bytes.subarray(0, bytes.length >> 1) });
      case "lies-of-size":
        return this.#send(to, right);
      default:
        return this.#send(to, { ...right, bytes: this.#spoilt(bytes) });
    }
  }

  #spoilt(bytes: Uint8Array): Uint8Array {
    const spoilt = bytes.slice();
    if (spoilt.length === 0) return Uint8Array.of(1);
    spoilt[this.random.below(spoilt.length)]! ^= 1 + this.random.below(255);
    return spoilt;
  }

  #send(to: End, message: LeafMessage): void {
    this.world.wires.sendBulk(this, to, message);
  }

  /** Leaves that nobody asked for, of the latest offers: where another liar floods with these, of all would be GB. */
  #unasked(to: End): void {
    for (const [file, { size }] of [...this.known].slice(-UNASKED_MAX)) {
      const leaf = this.random.below(3);
      const length = Math.max(0, Math.min(LEAF_BYTES, leafLength(size, leaf)));
      const proof = new Uint8Array(0);
      this.#send(to, { type: "leaf", file, leaf, bytes: new Uint8Array(length), proof });
    }
  }

  #askTooMuch(from: End, file: OfferId): void {
    for (let at = 0; at < 50; at++) {
      this.world.wires.send(this, from, { type: "request", file, first: at % 7, count: 16 });
    }
  }

  #flood(to: End, count: number): void {
    for (let at = 0; at < count; at++) this.#offer(to, {});
  }

  #offer(to: End, more: Partial<Offer>): OfferId {
    const offer = signedOffer(this.signer, simCrypto, this.#value(more));
    this.known.set(offerId(simCrypto, offer), offer.offer.value);
    this.world.wires.send(this, to, { type: "offer", offer });
    return offerId(simCrypto, offer);
  }

  #value(more: Partial<Offer>): Offer {
    return {
      version: 1,
      context: CONTEXT,
      from: this.key,
      to: null,
      at: ++this.offers,
      name: `lie ${this.offers}`,
      size: 1 + this.random.below(9 * LEAF_BYTES),
      digest: simCrypto.sha256(this.random.bytes(8)),
      ...more,
    };
  }

  /** The true digest of another file, with a size that it hasn't. */
  #offerOfWrongSize(to: End): void {
    const content = contentOf(this.random, 5 * LEAF_BYTES);
    const size = content.size + this.random.pick([-1, 1, -LEAF_BYTES, LEAF_BYTES, 3 * LEAF_BYTES]);
    this.own.set(this.#offer(to, { size, digest: content.digest }), content);
  }

  /** In the name of an honest person; what isn't known there is refused. */
  #forge(to: End): void {
    const { key } = this.random.pick(this.world.people);
    const offer = signedOffer(this.signer, simCrypto, this.#value({ from: key }));
    this.world.wires.send(this, to, { type: "offer", offer });
    for (const file of this.world.offered.keys()) {
      const signature = this.random.bytes(64);
      this.world.wires.send(this, to, { type: "withdraw", file, reason: "cancelled", signature });
    }
  }
}
