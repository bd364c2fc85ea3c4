/** Attacks by lies about the room's members. */

import type { BundleId, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { makeBundle } from "../../../lib/protocols/mesh/log/bundle.ts";
import { claimIdOf, signStatement } from "../../../lib/protocols/mesh/schema/credentials.ts";
import { HEADS_MAX, ROSTER_NEWS_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { Contact, MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import {
  FIRST_EPOCH,
  latestEpoch,
  signRotation,
} from "../../../lib/protocols/mesh/schema/rotations.ts";
import type {
  Beacon,
  SignedBeacon,
  SignedClaim,
  SignedGenesis,
} from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../fake_crypto.ts";
import { Adversary, OTHER_INCARNATION } from "./adversary.ts";
import { deadContact, madeUpBeacon, madeUpClaim } from "./made_up.ts";

/** The size of one crowd: enough to fill a link for seconds. */
const CROWD_MAX = 800;
/** The most contacts in a shuffle. */
const WALK_CONTACTS = 16;

/** Invents members, with new names or those of others, at addresses where nobody listens. */
export class MakesMembersUp extends Adversary {
  #count = 0;

  protected override act(): void {
    const time = this.claim!.claim.value.time;
    for (let count = 2; count > 0; count--) {
      const signer = this.nobody(this.#count);
      const name = this.random.chance(0.2) ? this.#othersName() : `made${this.#count}`;
      this.#count++;
      const claim = madeUpClaim(
        this.room!,
        signer,
        this.signer,
        name,
        time + this.random.below(1_000),
      );
      const { endpoint } = deadContact(this.random);
      const signed = madeUpBeacon(this.room!, signer, claim, { endpoint });
      this.send({ type: "claims", claims: [claim] });
      this.send({ type: "beacons", beacons: [{ signed, ageMs: 0 }] });
    }
  }

  #othersName(): string {
    return `u${this.random.below(12)}`;
  }
}

/**
 * Invents more members at a time than a slow link carries, and sends shuffles with them, for honest members to
 * relay.
 */
export class Crowds extends Adversary {
  readonly #contacts: Contact[] = [];

  protected override act(): void {
    if (this.#contacts.length < CROWD_MAX) this.#makeUp();
    const contacts = this.random.shuffled(this.#contacts).slice(0, WALK_CONTACTS);
    const [origin] = contacts;
    for (let count = 4; count > 0; count--) {
      this.send({ type: "shuffle", origin: origin!, ttl: 6, contacts });
    }
  }

  #makeUp(): void {
    const claims: SignedClaim[] = [];
    const beacons: { signed: SignedBeacon; ageMs: number }[] = [];
    for (let count = ROSTER_NEWS_MAX; count > 0; count--) {
      const signer = this.nobody(this.#contacts.length);
      const time = this.claim!.claim.value.time + this.#contacts.length;
      const name = `crowd${this.#contacts.length}`;
      const claim = madeUpClaim(this.room!, signer, this.signer, name, time);
      const { endpoint } = deadContact(this.random);
      this.#contacts.push({ key: signer.key, endpoint });
      claims.push(claim);
      beacons.push({ signed: madeUpBeacon(this.room!, signer, claim, { endpoint }), ageMs: 0 });
    }
    this.send({ type: "claims", claims });
    this.send({ type: "beacons", beacons });
  }
}

/** Claims others' names for invented members, with claims dated before theirs. */
export class BackDates extends Adversary {
  #count = 0;

  protected override act(): void {
    if (!this.random.chance(0.05)) return;
    const signer = this.nobody(this.#count++);
    const time = this.claim!.claim.value.time - this.random.below(20_000);
    const claim = madeUpClaim(this.room!, signer, this.signer, `u${this.random.below(6)}`, time);
    const signed = madeUpBeacon(this.room!, signer, claim, {});
    this.send({ type: "claims", claims: [claim] });
    this.send({ type: "beacons", beacons: [{ signed, ageMs: 0 }] });
  }
}

/**
 * Rotates a private room's secret without end, each time as another invented member, and differently to each
 * neighbour.
 */
export class Rotates extends Adversary {
  #count = 0;

  protected override act(): void {
    const room = this.room!;
    const { time } = this.claim!.claim.value;
    const epochMax = latestEpoch(time, this.environment.wallMs(), false);
    for (const link of this.links) {
      const signer = this.nobody(this.#count++);
      const claim = madeUpClaim(room, signer, this.signer, `made${this.#count}`, time);
      const epoch = epochMax - this.random.pick([0, 0, 0, 1, 500]);
      const rotation = signRotation(this.environment, signer, { room, epoch });
      this.send({ type: "rotations", rotations: [{ rotation, claim }] }, link);
    }
  }
}

/** Uses up the epochs that are accepted by now, as an invented member. */
export class UsesEpochsUp extends Adversary {
  #last = 0;
  #foundedMs: number | null = null;

  override input(input: MeshInput): MeshInput {
    if (input.type === "message" && input.message.type === "welcome") {
      this.#foundedMs = input.message.genesis.genesis.value.time;
    }
    return input;
  }

  protected override act(): void {
    if (this.#foundedMs === null) return;
    const room = this.room!;
    const epoch = latestEpoch(this.#foundedMs, this.environment.wallMs(), false);
    // Others take in only so many.
    if (epoch === this.#last) return;
    this.#last = epoch;
    const signer = this.nobody(0);
    const { time } = this.claim!.claim.value;
    const claim = madeUpClaim(room, signer, this.signer, "made", time);
    const rotation = signRotation(this.environment, signer, { room, epoch });
    this.send({ type: "rotations", rotations: [{ rotation, claim }] });
  }
}

/**
 * Rotates a private room's secret under its own claim, whose signature it removes: members that know the claim
 * needn't check it, and newcomers don't know it.
 */
export class StripsClaims extends Adversary {
  #epoch = FIRST_EPOCH;

  protected override act(): void {
    if (!this.random.chance(0.05)) return;
    const place = { room: this.room!, epoch: ++this.#epoch };
    const rotation = signRotation(this.environment, this.signer, place);
    const claim = { ...this.claim!, signature: new Uint8Array(64) };
    this.send({ type: "rotations", rotations: [{ rotation, claim }] });
  }
}

/** Invents authors, each with one message. */
export class MakesAuthorsUp extends Adversary {
  #count = 0;

  protected override act(): void {
    const time = this.claim!.claim.value.time;
    const signer = this.nobody(this.#count);
    const claim = madeUpClaim(this.room!, signer, signer, `made${this.#count++}`, time);
    this.send(this.stream(0, signer, claim).next());
  }
}

/** Accuses all other members of being lost. */
export class Accuses extends Adversary {
  readonly #beacons = new Map<PeerKey, Beacon>();

  override input(input: MeshInput): MeshInput {
    if (input.type === "message" && input.message.type === "beacons") {
      for (const { signed: { beacon: { value } } } of input.message.beacons) {
        if (value.key !== this.signer.key) this.#beacons.set(value.key, value);
      }
    }
    return input;
  }

  protected override act(): void {
    if (!this.random.chance(0.3)) return;
    const statements = this.#beacons.values().take(16).map(({ key, incarnation, number }) =>
      signStatement(fakeCrypto, this.signer, {
        version: 1,
        room: this.room!,
        by: this.signer.key,
        verdict: "accuse",
        accused: key,
        incarnation,
        number,
      })
    ).toArray();
    if (statements.length > 0) this.send({ type: "statements", statements });
  }

  protected override instead(message: MeshMessage): MeshMessage {
    switch (message.type) {
      case "roster-part":
        return { ...message, entries: message.entries.map((entry) => ({ ...entry, lost: true })) };
      case "beacons":
        return {
          ...message,
          beacons: message.beacons.map(({ signed }) => ({ signed, ageMs: 60_000 })),
        };
      default:
        return message;
    }
  }
}

/** Sends contacts that don't exist, at addresses where nobody listens. */
export class NamesTheDead extends Adversary {
  protected override act(): void {
    if (!this.random.chance(0.3)) return;
    const contacts = () => Array.from({ length: 16 }, () => deadContact(this.random));
    this.send({ type: "shuffle", origin: deadContact(this.random), ttl: 1, contacts: contacts() });
    this.send({ type: "shuffle-reply", contacts: contacts() });
    for (const ttl of [0, 1, 3]) {
      this.send({ type: "forward-join", contact: deadContact(this.random), ttl });
    }
  }
}

/** Sends bundles and beacons in others' names, with its own signature. */
export class Forges extends Adversary {
  protected override act(nowMs: number): void {
    const others = this.others();
    if (others.length === 0 || !this.random.chance(0.1)) return;
    const author = this.random.pick(others);
    const [link] = this.random.shuffled([...this.links]);
    this.send(this.random.pick([this.#bundle(author), this.#beacon(author)])(nowMs), link);
  }

  #bundle(author: PeerKey): (nowMs: number) => MeshMessage {
    const time = Math.floor(this.environment.wallMs());
    const claim = this.claims.get(author) ?? claimIdOf(fakeCrypto, this.claim!);
    return (nowMs) => {
      const { bundle } = makeBundle(fakeCrypto, this.signer, {
        room: this.room!,
        author,
        incarnation: OTHER_INCARNATION,
        kind: "texts",
        counter: 1,
        claim,
        previous: null,
        heads: [],
        time,
        sentAt: time,
        texts: [`forged at ${nowMs}`],
      });
      return { type: "bundle", bundle, claim: null, hop: 0, reason: "push" };
    };
  }

  #beacon(key: PeerKey): () => MeshMessage {
    return () => {
      const change = { key, incarnation: OTHER_INCARNATION, state: "quit" } as const;
      const signed = madeUpBeacon(this.room!, this.signer, this.claim!, change);
      return { type: "beacons", beacons: [{ signed, ageMs: 0 }] };
    };
  }
}

/** Passes no ruling on, but tells each neighbour of it before others do, as if that neighbour were the one removed. */
export class TellsRemoved extends Adversary {
  #genesis: SignedGenesis | null = null;
  readonly #told = new Set<LinkId>();

  override input(input: MeshInput): MeshInput {
    if (input.type !== "message") return input;
    const { link, message } = input;
    if ("genesis" in message) this.#genesis = message.genesis;
    if (message.type !== "rulings" || this.#genesis === null) return input;
    this.#told.add(link);
    for (const other of this.links) {
      if (this.#told.has(other)) continue;
      this.#told.add(other);
      this.send({
        type: "removed",
        genesis: this.#genesis,
        rulings: [...message.rulings.slice(0, 2)],
      }, other);
    }
    return input;
  }

  protected override instead(message: MeshMessage): MeshMessage | null {
    return message.type === "rulings" ? null : message;
  }
}

/** Admits a key of its own, Pip's, of which nobody sees anything: all that comes of it is a bundle that shows no text. */
export class VouchesUnseen extends Adversary {
  #isDone = false;

  protected override act(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const [room, pip] = [this.room!, fakeSigner("Pip")];
    const time = Math.floor(this.environment.wallMs()) + 1;
    const claim = madeUpClaim(room, pip, this.signer, "Pip", this.claim!.claim.value.time + 1);
    // More than fit beside texts.
    const heads = Array.from({ length: HEADS_MAX + 1 }, (_, at) => ({
      author: this.nobody(at).key,
      incarnation: 1,
      counter: 1,
      time,
      id: at.toString(16).padStart(64, "0") as BundleId,
    }));
    const { bundle } = makeBundle(fakeCrypto, pip, {
      ...{ room, author: pip.key, incarnation: 1, kind: "heads", counter: 1, previous: null },
      ...{ claim: claimIdOf(fakeCrypto, claim), heads, time, sentAt: time, texts: [] },
    });
    this.send({ type: "bundle", bundle, claim, hop: 0, reason: "push" });
  }
}
