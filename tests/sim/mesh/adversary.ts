/**
 * A malicious member: the real machine, so that it stays in the room, inside a wrapper that drops, changes and adds
 * messages as it likes. It can sign as itself and as members that it invents, and as nobody else; it knows what its
 * links have received. Its kinds are in `attacks.ts`.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Environment } from "../../../lib/base/machine/environment.ts";
import type { BundleId, ClaimId, LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import {
  bundleId,
  lastCounter,
  makeBundle,
  roomTime,
} from "../../../lib/protocols/mesh/log/bundle.ts";
import { claimIdOf } from "../../../lib/protocols/mesh/schema/credentials.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { type MeshMessage, MESSAGE_LANES } from "../../../lib/protocols/mesh/schema/messages.ts";
import type {
  Bundle,
  Head,
  Header,
  SignedClaim,
  Stream,
} from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../fake_crypto.ts";
import type { Random } from "../random.ts";
import type { MeshMachine } from "./member.ts";
import { Wrapped } from "./wrapped.ts";

/** The prefix of the texts that adversaries invent: nobody typed them. */
const MADE_UP = "made up ";
/** The interval of its actions. */
export const ACT_INTERVAL_MS = 200;
/** Added to the incarnations of its extra streams: far above those that its program uses. */
export const OTHER_INCARNATION = 2 ** 45;
const HEARD_MAX = 256;
/** The most actions; then it is quiet. If the room settles by itself then, the attack has broken nothing for good. */
const ACTS_MAX = 300;

/** Messages that are only sent to members. */
const AMONG_MEMBERS: ReadonlySet<MeshMessage["type"]> = new Set(
  ["beacons", "roster-summary", "sync-summary", "bundle", "ihave", "neighbor-reply"],
);

export function isMadeUp(text: string): boolean {
  return text.startsWith(MADE_UP);
}

/** The stream (as a word) and counter of an invented text; null for any other text. */
export function madeUpPlace(
  text: string,
): { readonly stream: string; readonly counter: number } | null {
  if (!isMadeUp(text)) return null;
  const end = text.lastIndexOf("/");
  return { stream: text.slice(MADE_UP.length, end), counter: Number(text.slice(end + 1)) };
}

/** The word for a stream in invented texts. */
export function madeUpStream({ author, incarnation }: Stream): string {
  return `${author.slice(0, 8)}/${incarnation}`;
}

type BundleMessage = Extract<MeshMessage, { readonly type: "bundle" }>;

export abstract class Adversary extends Wrapped {
  /** Links to members. */
  readonly links = new Set<LinkId>();
  /** The latest messages from these links. */
  readonly heard: MeshMessage[] = [];
  /** The latest head of each author that it has received. */
  readonly heads = new Map<PeerKey, Head>();
  /** The claim of each of these authors. */
  readonly claims = new Map<PeerKey, ClaimId>();
  room: RoomId | null = null;
  claim: SignedClaim | null = null;
  readonly #start: number;
  #acts = 0;
  #actAtMs = Infinity;
  #out: MeshEffect[] = [];

  constructor(
    inner: MeshMachine,
    readonly signer: Signer,
    readonly environment: Environment,
    readonly random: Random,
  ) {
    super(inner);
    this.#start = random.bits();
  }

  /** Its attack, called every `ACT_INTERVAL_MS`; sends with `send`. */
  protected act(_nowMs: number): void {}

  /** What it sends instead of `message`; null for nothing. */
  protected instead(message: MeshMessage, _link: LinkId): MeshMessage | null {
    return message;
  }

  override step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    this.#listen(input);
    const effects = super.step(input, nowMs);
    for (const effect of effects) this.#watch(effect, nowMs);
    const sent = effects.flatMap((effect): readonly MeshEffect[] => {
      if (effect.type !== "send") return [effect];
      const message = this.instead(effect.message, effect.link);
      return message === null ? [] : [{ ...effect, message }];
    });
    if (nowMs >= this.#actAtMs) {
      this.#actAtMs = ++this.#acts < ACTS_MAX ? nowMs + ACT_INTERVAL_MS : Infinity;
      if (this.links.size > 0 && this.claim !== null) this.act(nowMs);
    }
    return [...sent, ...this.#out.splice(0)];
  }

  override nextDeadlineMs(): number | null {
    const innerMs = super.nextDeadlineMs();
    return innerMs === null && this.#actAtMs === Infinity
      ? null
      : Math.min(innerMs ?? Infinity, this.#actAtMs);
  }

  #listen(input: MeshInput): void {
    if (input.type === "link-down") this.links.delete(input.link);
    if (input.type !== "message") return;
    const { link, message } = input;
    if (AMONG_MEMBERS.has(message.type)) this.links.add(link);
    this.heard.push(message);
    if (this.heard.length > HEARD_MAX) this.heard.shift();
    if (message.type === "bundle") this.#noteHead(message.bundle);
  }

  #watch(effect: MeshEffect, nowMs: number): void {
    if (effect.type === "open-room") {
      this.room = effect.room;
      this.#actAtMs = nowMs + ACT_INTERVAL_MS;
    }
    if (effect.type !== "persist") return;
    for (const record of effect.records) {
      if (record.kind === "claim" && record.claim.claim.value.key === this.signer.key) {
        this.claim = record.claim;
      }
    }
  }

  #noteHead(bundle: Bundle): void {
    const { author, incarnation, time, claim } = bundle.header.value;
    this.claims.set(author, claim);
    const before = this.heads.get(author);
    if (before !== undefined && before.time >= time) return;
    const id = bundleId(fakeCrypto, bundle.header.bytes);
    const counter = lastCounter(bundle.header.value);
    this.heads.set(author, { author, incarnation, counter, time, id });
  }

  /** Sends on one link, or (null) on all links. */
  protected send(message: MeshMessage, link: LinkId | null = null): void {
    for (const to of link === null ? this.links : [link]) {
      this.#out.push({ type: "send", link: to, message, lane: MESSAGE_LANES[message.type] });
    }
  }

  /** Members from whom it has received beacons or bundles, except itself. */
  protected others(): readonly PeerKey[] {
    const keys = new Set<PeerKey>(this.heads.keys());
    for (const message of this.heard) {
      if (message.type !== "beacons") continue;
      for (const { signed } of message.beacons) keys.add(signed.beacon.value.key);
    }
    keys.delete(this.signer.key);
    return [...keys];
  }

  /** An identity that doesn't exist; each process of this member has its own set of them. */
  protected nobody(number: number): Signer {
    return fakeSigner(`${this.signer.key}/${this.#start}/${number}`);
  }

  /** Another stream of its own, the `number`th besides that of its program. */
  protected stream(number = 0, signer = this.signer, claim = this.claim!): MadeUpStream {
    const incarnation = OTHER_INCARNATION + this.#start + number;
    return new MadeUpStream(signer, this.room!, incarnation, claim, this.environment);
  }
}

/** A stream of invented messages: validly signed and chained, unless `fields` say otherwise. */
export class MadeUpStream {
  counter = 0;
  readonly said: BundleMessage[] = [];
  #previous: BundleId | null = null;
  #time: number;
  #last: Head | null = null;

  constructor(
    readonly signer: Signer,
    readonly room: RoomId,
    readonly incarnation: number,
    readonly claim: SignedClaim,
    environment: Environment,
  ) {
    this.#time = Math.floor(environment.wallMs());
  }

  /** Its last bundle, as heads of other bundles would reference it. */
  get head(): readonly Head[] {
    return this.#last === null ? [] : [this.#last];
  }

  /** Makes the next bundle; each text is unique. */
  next(texts = 1, fields: Partial<Header> = {}): BundleMessage {
    const counter = this.counter + 1;
    const heads = fields.heads ?? this.head;
    const latest = Math.max(0, ...heads.map((head) => head.time));
    this.#time = heads.length === 0 ? this.#time + 1 : roomTime(this.#time, latest);
    const { bundle, id } = makeBundle(fakeCrypto, this.signer, {
      room: this.room,
      author: this.signer.key,
      incarnation: this.incarnation,
      kind: "texts",
      counter,
      claim: claimIdOf(fakeCrypto, this.claim),
      previous: this.#previous,
      heads,
      time: this.#time,
      sentAt: this.#time,
      ...fields,
      texts: Array.from({ length: texts }, (_, index) => {
        const stream = madeUpStream({ author: this.signer.key, incarnation: this.incarnation });
        return `${MADE_UP}${stream}/${counter + index}`;
      }),
    });
    this.counter += texts;
    this.#previous = id;
    const { author, incarnation, time } = bundle.header.value;
    this.#time = time;
    this.#last = { author, incarnation, counter: this.counter, time, id };
    const message = { type: "bundle", bundle, claim: this.claim, hop: 0, reason: "push" } as const;
    this.said.push(message);
    return message;
  }
}
