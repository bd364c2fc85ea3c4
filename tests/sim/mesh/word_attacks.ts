/** Attacks by lies about messages. */

import type { BundleId, Hash } from "../../../lib/base/ids.ts";
import { SYNC_ENTRIES_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage, StreamEntry } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { Head } from "../../../lib/protocols/mesh/schema/structures.ts";
import type { Random } from "../random.ts";
import { Adversary, type MadeUpStream, OTHER_INCARNATION } from "./adversary.ts";
import { madeUpClaim, randomId } from "./made_up.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const BUCKETS = 256;

/** Sends messages that it has received again, to anybody. */
export class Replays extends Adversary {
  protected override act(): void {
    const said = this.heard.filter(({ type }) =>
      ["bundle", "beacons", "claims", "statements", "ihave", "private", "proof"].includes(type)
    );
    for (let count = 5; count > 0 && said.length > 0; count--) {
      this.send(this.random.pick(said), this.random.pick([...this.links]));
    }
  }
}

/**
 * References heads that don't exist in its messages, and in half of the runs claims to have those, too. Otherwise it
 * behaves like a member that has delivered them.
 */
export class InventsHeads extends Adversary {
  readonly #boasts = this.random.chance(0.5);
  readonly #invented = new Map<string, Head>();
  #stream: MadeUpStream | null = null;

  override input(input: MeshInput): MeshInput | null {
    if (input.type !== "message" || this.#stream === null) return input;
    const { message, link } = input;
    if (message.type === "sync-summary") {
      this.send(differentBuckets(this.random), link);
      return null;
    }
    if (message.type !== "sync-want") return input;
    const { author, incarnation } = this.#stream.head[0]!;
    const others = message.entries.filter((entry) =>
      entry.author !== author || entry.incarnation !== incarnation
    );
    if (others.length === message.entries.length) return input;
    for (const said of this.#stream.said) this.send({ ...said, reason: "range" }, link);
    if (others.length > 0) return { ...input, message: { ...message, entries: others } };
    this.send({ type: "sync-done" }, link);
    return null;
  }

  protected override act(): void {
    const known = [...this.heads.values()].filter(({ author }) => author !== this.signer.key);
    if (known.length === 0 || !this.random.chance(0.1)) return;
    const named = this.random.pick(known);
    const isOther = this.random.chance(0.5);
    const head: Head = {
      ...named,
      incarnation: isOther ? named.incarnation + 1 : named.incarnation,
      counter: named.counter + 1 + this.random.below(1_000),
      id: randomId<BundleId>(this.random),
    };
    this.#invented.set(`${head.author} ${head.incarnation}`, head);
    this.#stream ??= this.stream();
    const message = this.#stream.next(1, { heads: [...this.#stream.head, head] });
    const to = this.random.chance(0.5) ? null : this.random.pick([...this.links]);
    this.send(message, to);
  }

  protected override instead(message: MeshMessage): MeshMessage {
    if (message.type !== "sync-frontiers" || this.#stream === null) return message;
    const invented = this.#boasts ? this.#invented.values().toArray() : [];
    const entries = [...this.#stream.head, ...invented].map((head) => {
      const { author, incarnation, counter, id } = head;
      return { author, incarnation, counter, id, low: 1, closed: false };
    });
    const isOthers = ({ author, incarnation }: StreamEntry) =>
      !entries.some((entry) => entry.author === author && entry.incarnation === incarnation);
    const others = message.entries.filter(isOthers).slice(0, SYNC_ENTRIES_MAX - entries.length);
    return { ...message, entries: [...others, ...entries], unkept: [] };
  }
}

/** Bucket hashes as of a member that has nothing in common with the other. */
function differentBuckets(random: Random): MeshMessage {
  const hashes = Array.from({ length: BUCKETS }, () => randomId<Hash>(random));
  return { type: "sync-buckets", hashes };
}

/** Sends only every second bundle of its stream. */
export class WithholdsParents extends Adversary {
  #stream: MadeUpStream | null = null;

  protected override act(): void {
    if (!this.random.chance(0.3)) return;
    this.#stream ??= this.stream();
    this.#stream.next();
    this.send(this.#stream.next());
  }
}

/** Claims that it no longer keeps anything of other authors. */
export class SaysNotKept extends Adversary {
  protected override instead(message: MeshMessage): MeshMessage {
    if (message.type !== "sync-frontiers") return message;
    if (this.random.chance(0.5)) {
      return { ...message, unkept: message.entries.map(({ counter }) => counter) };
    }
    const entries = message.entries.map((entry) => ({ ...entry, low: entry.counter + 1 }));
    return { ...message, entries };
  }
}

/**
 * Claims to have more of each stream than anybody, and doesn't send it: now and then it sends a message of its own
 * instead.
 */
export class Boasts extends Adversary {
  #stream: MadeUpStream | null = null;
  #acts = 0;

  override input(input: MeshInput): MeshInput | null {
    if (input.type !== "message") return input;
    if (input.message.type === "sync-want") return null;
    if (input.message.type !== "sync-summary") return input;
    this.send(differentBuckets(this.random), input.link);
    return null;
  }

  protected override act(): void {
    this.#stream ??= this.stream();
    if (++this.#acts % 40 === 0) this.send({ ...this.#stream.next(), reason: "range" });
  }

  protected override instead(message: MeshMessage): MeshMessage {
    if (message.type !== "sync-frontiers") return message;
    const entries = message.entries.map((entry) => {
      const counter = entry.counter + 1_000;
      return { ...entry, low: 1, counter, id: randomId<BundleId>(this.random) };
    });
    return { ...message, entries };
  }
}

/** Sends messages dated far in the future. */
export class RunsAhead extends Adversary {
  readonly #creeps = this.random.chance(0.5);
  #stream: MadeUpStream | null = null;

  protected override act(): void {
    if (!this.random.chance(0.2)) return;
    const stream = this.#stream ??= this.stream();
    if (this.#creeps) {
      const latest = Math.max(...[...this.heads.values(), ...stream.head].map(({ time }) => time));
      const heads = [...this.heads.values(), ...stream.head].slice(-64);
      if (heads.length === 0) return this.send(stream.next());
      if (latest > Number.MAX_SAFE_INTEGER - DAY_MS) return; // there is no later time
      return this.send(stream.next(1, { heads, time: latest + DAY_MS - 1 }));
    }
    const head: Head = {
      author: this.signer.key,
      incarnation: 2 * OTHER_INCARNATION,
      counter: 1,
      time: this.random.pick([2 ** 52, Number.MAX_SAFE_INTEGER]),
      id: randomId<BundleId>(this.random),
    };
    this.send(stream.next(1, { heads: [head], time: head.time }));
  }
}

/** Has a clock ten years ahead; otherwise it is correct. */
export class ClockAhead extends Adversary {}

/** Receives everything, and relays nothing. */
export class Swallows extends Adversary {
  protected override instead(message: MeshMessage): MeshMessage | null {
    switch (message.type) {
      case "bundle":
        return message.bundle.header.value.author === this.signer.key ? message : null;
      case "ihave":
      case "preview":
      case "private":
      case "proof":
      case "claims":
      case "statements":
        return null;
      case "sync-frontiers":
        return { ...message, entries: [] };
      default:
        return message;
    }
  }
}

/** Announces bundles, existing ones and others, that it never sends. */
export class Promises extends Adversary {
  override input(input: MeshInput): MeshInput | null {
    return input.type === "message" && input.message.type === "graft" ? null : input;
  }

  protected override act(): void {
    const entries = [...this.heads.values()].filter(({ author }) => author !== this.signer.key)
      .map(({ author, incarnation, counter }) => {
        const ahead = counter + this.random.below(3);
        return { author, incarnation, counter: ahead, id: randomId<BundleId>(this.random) };
      });
    if (entries.length > 0) this.send({ type: "ihave", entries: entries.slice(0, 64), hop: 0 });
  }

  protected override instead(message: MeshMessage): MeshMessage | null {
    const isOthers = message.type === "bundle" &&
      message.bundle.header.value.author !== this.signer.key;
    return isOthers ? null : message;
  }
}

/** Requests everything that was ever sent, again and again. */
export class Grafts extends Adversary {
  protected override act(): void {
    const streams = [...this.heads.values()];
    for (let count = 30; count > 0 && streams.length > 0; count--) {
      const { author, incarnation } = this.random.pick(streams);
      this.send({ type: "graft", author, incarnation, after: count % 3 });
    }
  }
}

/** Sends validly signed messages, more than anybody reads. */
export class Floods extends Adversary {
  #left = 500;
  #stream: MadeUpStream | null = null;

  protected override act(): void {
    this.#stream ??= this.stream();
    for (let count = 20; count > 0 && this.#left > 0; count--, this.#left--) {
      this.send(this.#stream.next());
    }
  }
}

/**
 * Sends each message as the first of a new stream that references nothing: either all as itself, or each as another
 * invented author.
 */
export class BeginsStreams extends Adversary {
  #left = 2_000;
  readonly #isCrowd = this.random.chance(0.5);

  protected override act(): void {
    for (let count = 300; count > 0 && this.#left > 0; count--) this.send(this.#next().next());
  }

  #next(): MadeUpStream {
    const number = this.#left--;
    if (!this.#isCrowd) return this.stream(number);
    const signer = this.nobody(number);
    const { time } = this.claim!.claim.value;
    return this.stream(0, signer, madeUpClaim(this.room!, signer, signer, `made${number}`, time));
  }
}
