/**
 * A lying directory: it drops, repeats, delays, changes and invents messages, names other users' keys and addresses,
 * tampers with relayed bytes, and tells in users' names what they never said. It can't prove that it has another's key,
 * or sign with it.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import {
  type DirectoryMessage,
  type DirectoryMessageOf,
  DISMISSALS,
  OUTCOMES,
  REFUSALS,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { DIRECTORY_NAME } from "../../../lib/protocols/directory/schema/events.ts";
import { signBroadcast } from "../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeSigner } from "../fake_crypto.ts";
import type { Random } from "../random.ts";
import { Wrapped } from "../wrapped.ts";

/** A user whose key and address it may name. */
export interface Somebody {
  readonly name: string;
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
}

/** It lies most about keys and addresses: other lies end sessions more often than they deceive users. */
const KEY_LIE_CHANCE = 0.4;
const LIE_CHANCES = [0, 0.02, 0.1] as const;
const REMEMBERED_MAX = 60;

/** Messages that end a session; if they were frequent, nothing else would be seen. */
const ENDINGS: ReadonlySet<DirectoryMessage["type"]> = new Set(["entered", "refused", "dismissed"]);

export class Liar extends Wrapped<DirectoryInput, DirectoryEffect> {
  readonly #links = new Set<LinkId>();
  readonly #said: DirectoryMessage[] = [];
  readonly #calls: Uint8Array[] = [];
  #held: DirectoryEffect[] = [];
  readonly #lieChance: number;
  #lies = 0;

  constructor(
    inner: Machine<DirectoryInput, DirectoryEffect>,
    readonly people: readonly Somebody[],
    readonly signer: Signer,
    readonly random: Random,
  ) {
    super(inner);
    this.#lieChance = random.pick(LIE_CHANCES);
  }

  override input(input: DirectoryInput): DirectoryInput | null {
    if (input.type === "link-up") this.#links.add(input.link);
    if (input.type === "link-down") this.#links.delete(input.link);
    if (input.type !== "message") return input;
    const { message } = input;
    if ("call" in message) this.#remember(this.#calls, message.call);
    return this.random.chance(this.#lieChance / 5) ? null : input;
  }

  override effects(effects: readonly DirectoryEffect[]): readonly DirectoryEffect[] {
    const { random } = this;
    const told = effects.flatMap((effect) => this.#instead(effect));
    if (this.#held.length > 0 && random.chance(0.3)) {
      told.push(...random.shuffled(this.#held.splice(0)));
    }
    if (random.chance(this.#lieChance)) told.push(...this.#invents());
    return told;
  }

  #remember<T>(all: T[], one: T): void {
    all.push(one);
    if (all.length > REMEMBERED_MAX) all.shift();
  }

  #instead(effect: DirectoryEffect): readonly DirectoryEffect[] {
    const { random } = this;
    if (effect.type === "datagram") return this.#datagram(effect);
    // Honest users aren't banned for what the directory itself has caused.
    if (effect.type === "ban") {
      return [{ type: "close", link: effect.link, reason: effect.reason }];
    }
    if (effect.type !== "send") return [effect];
    const { message } = effect;
    this.#remember(this.#said, message);
    if ("call" in message) this.#remember(this.#calls, message.call);
    return effect.links.flatMap((link) => {
      const one: DirectoryEffect = { type: "send", links: [link], message };
      const isOfKeys = message.type === "meet" || message.type === "incoming";
      if (isOfKeys && random.chance(KEY_LIE_CHANCE)) {
        return [{ ...one, message: this.#changed(message) }];
      }
      if (!random.chance(this.#lieChance)) return [one];
      switch (random.below(5)) {
        case 0:
          return [];
        case 1:
          return [one, one];
        case 2:
          this.#held.push(one);
          return [];
        case 3:
          return [{ ...one, message: random.pick(this.#said) }];
        default:
          return [{ ...one, message: this.#changed(message) }];
      }
    });
  }

  #datagram(
    effect: Extract<DirectoryEffect, { readonly type: "datagram" }>,
  ): readonly DirectoryEffect[] {
    const { random } = this;
    if (!random.chance(this.#lieChance)) return [effect];
    if (random.chance(0.3)) return [];
    if (random.chance(0.5)) return [effect, effect];
    return [{ ...effect, bytes: this.#flipped(effect.bytes) }];
  }

  #flipped(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const changed = new Uint8Array(bytes);
    if (changed.length > 0) {
      changed[this.random.below(changed.length)]! ^= 1 << this.random.below(8);
    }
    return changed;
  }

  /** The same message with another value in it. */
  #changed(message: DirectoryMessage): DirectoryMessage {
    const { random } = this;
    const other = random.pick(this.people);
    switch (message.type) {
      case "incoming":
        return random.chance(0.8)
          ? { ...message, key: other.key }
          : { ...message, from: other.name };
      case "meet": {
        const { host, port } = other.endpoint;
        return random.pick<DirectoryMessage>([
          { ...message, key: other.key },
          { ...message, key: other.key, host, port },
          { ...message, key: other.key, host, port, isCaller: true },
          { ...message, host, port },
          { ...message, name: other.name },
          { ...message, isCaller: !message.isCaller },
        ]);
      }
      case "relay":
        return random.chance(0.5)
          ? { ...message, bytes: this.#flipped(message.bytes) }
          : { ...message, call: this.#call() };
      case "relay-room":
        return { ...message, bytes: random.below(2 ** 40) };
      case "told":
        return this.#otherTold(message);
      case "users":
        return { ...message, users: [], isLast: random.chance(0.5) };
      case "entered":
        return random.chance(0.5) ? { ...message, name: other.name } : { ...message, guest: true };
      default:
        return "call" in message ? { ...message, call: this.#call() } : this.#invented();
    }
  }

  /** A broadcast that was said, and is told as another one, by another, or again. */
  #otherTold(message: DirectoryMessageOf<"told">): DirectoryMessage {
    const { random } = this;
    const { name, key } = random.pick(this.people);
    const told = this.#said.filter(({ type }) => type === "told") as (typeof message)[];
    const earlier = told.length === 0 ? message : random.pick(told);
    const { number, after } = message;
    return random.pick<() => DirectoryMessage>([
      () => ({ ...message, number: number + random.below(1_000) - 500 }),
      () => ({ ...message, text: `${message.text}, changed` }),
      () => ({ ...message, from: name }),
      () => ({ ...message, from: name, key }),
      () => ({ ...message, own: message.own + 1 }),
      () => ({ ...message, sentAt: Math.abs(message.sentAt - 1) }), // the last time there is has none after it
      () => ({ ...earlier, number, after }),
      () => this.#forged({ number, after, sentAt: message.sentAt }),
    ])();
  }

  /** In a user's name, or the directory's, signed with a key that the liar has, or not at all. */
  #forged(
    place: Pick<DirectoryMessageOf<"told">, "number" | "after" | "sentAt">,
  ): DirectoryMessageOf<"told"> {
    const { random } = this;
    const { name, key } = random.pick(this.people);
    const from = random.chance(0.2) ? DIRECTORY_NAME : name;
    const text = `lie ${this.#lies++}`;
    const own = Number.MAX_SAFE_INTEGER - 1_000 + this.#lies;
    const signer = random.pick([this.signer, fakeSigner(`liar ${random.below(3)}`)]);
    const { sentAt } = place;
    const signature = signBroadcast(signer, {
      directory: this.signer.key,
      from,
      own,
      sentAt,
      text,
    });
    const said = { type: "told", ...place, from, text, own, signature, guest: false } as const;
    return { ...said, key: random.chance(0.5) ? signer.key : key };
  }

  #call(): Uint8Array {
    return this.#calls.length === 0 ? this.random.bytes(16) : this.random.pick(this.#calls);
  }

  #invents(): readonly DirectoryEffect[] {
    if (this.#links.size === 0) return [];
    const links = [this.random.pick([...this.#links])];
    const message = this.#invented();
    if (ENDINGS.has(message.type) && this.random.chance(0.8)) return [];
    const times = this.random.chance(0.03) ? 100 : 1;
    return Array.from({ length: times }, () => ({ type: "send", links, message }));
  }

  #invented(): DirectoryMessage {
    const { random } = this;
    const call = this.#call();
    const { name, key, endpoint: { host, port } } = random.pick(this.people);
    const { key: otherKey } = random.pick(this.people);
    const number = random.below(10);
    return random.pick<() => DirectoryMessage>([
      () => ({ type: "incoming", call: random.bytes(16), from: name, guest: false, key: otherKey }),
      () => ({ type: "incoming", call, from: name, guest: true, key }),
      () => ({
        type: "meet",
        call,
        name,
        guest: false,
        key: random.chance(0.5) ? key : otherKey,
        host,
        port,
        isCaller: random.chance(0.5),
        mayRelay: true,
      }),
      () => ({ type: "outcome", call, state: random.pick(OUTCOMES), reason: "a lie" }),
      () => ({ type: "call-at", call, at: { host, port } }),
      () => ({ type: "relay-on", call }),
      () => ({ type: "relay", call, bytes: random.bytes(1 + random.below(2_000)) }),
      () => ({ type: "relay-room", call, bytes: random.below(2 ** 40) }),
      () =>
        this.#forged({
          number,
          after: random.below(10),
          sentAt: random.pick([0, Number.MAX_SAFE_INTEGER]),
        }),
      () => ({ type: "broadcast-sent", number, reached: number }),
      () => ({
        type: "presence",
        users: [{ name, state: "busy", guest: false, key: otherKey, host, port }],
        offline: [name],
        away: random.chance(0.5) ? [] : [{ user: random.below(2), why: name }],
      }),
      () => ({ type: "unknown", code: number }),
      () => ({
        type: "refused",
        code: random.pick(REFUSALS),
        text: "a lie",
        retryMs: number * 1_000,
      }),
      () => ({ type: "dismissed", because: random.pick(DISMISSALS), text: "", retryMs: 0 }),
    ])();
  }
}
