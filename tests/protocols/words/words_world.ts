/**
 * An issuer, and whoever comes with its codes, over links that a test cuts, slows, or stands in the middle of. All
 * chance comes from a seed, so that a run can be repeated.
 */

import { createHash } from "node:crypto";
import { type Bytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { WordGuesser } from "../../../lib/protocols/words/word_guesser.ts";
import { readCode } from "../../../lib/protocols/words/word_codes.ts";
import { WordIssuer } from "../../../lib/protocols/words/word_issuer.ts";
import type { WordsParty } from "../../../lib/protocols/words/words_exchange.ts";
import type { WordsMessage } from "../../../lib/protocols/words/messages.ts";
import type {
  GuesserEffect,
  IssuerEffect,
  IssuerInput,
} from "../../../lib/protocols/words/words_io.ts";

export type Ended = Extract<IssuerEffect, { readonly type: "ended" }>;
export type Outcome = Extract<GuesserEffect, { readonly type: "invited" | "failed" }>;

export const INVITE = "the invite";

/** Bytes that follow from a text: none are the same twice. */
export function bytesFrom(seed: string): (length: number) => Bytes {
  let drawn = 0;
  return (length) => {
    const hash = createHash("shake256", { outputLength: length });
    return new Uint8Array(hash.update(`${seed} ${drawn++}`).digest());
  };
}

function partyOf(name: string): WordsParty {
  const key = bytesFrom(name)(32).toHex() as PeerKey;
  return { key, process: bytesFrom(`process of ${name}`)(32).toHex() };
}

export class IssuerWorld {
  nowMs = 1_000;
  wallMs = 1_700_000_000_000;
  readonly issuer: WordIssuer;
  readonly self = partyOf("issuer");
  readonly codes: string[] = [];
  readonly ended: Ended[] = [];
  numbers: readonly number[] = [];
  spent: readonly number[] = [];
  /** Invites that admit nobody any more. */
  readonly outdated = new Set<string>();
  /** The codes that ended with those, as they were told. */
  readonly outdatedCodes: (readonly number[])[] = [];
  /** What the issuer has said on each link, and why it has ended it. */
  readonly said = new Map<LinkId, WordsMessage[]>();
  readonly closed = new Map<LinkId, string>();
  readonly randomBytes: (length: number) => Bytes;
  #lastLink = 0;

  constructor(seed = "world") {
    this.randomBytes = bytesFrom(seed);
    const random = () => this.randomBytes(4)[0]! / 256;
    const wallMs = () => this.wallMs;
    const { randomBytes } = this;
    this.issuer = new WordIssuer(
      this.self,
      { randomBytes, random, wallMs },
      (invite) => !this.outdated.has(invite),
    );
  }

  /** Both clocks. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.wallMs += ms;
    this.step({ type: "tick" });
  }

  /** @returns The code. */
  issue(invite = INVITE): string {
    this.step({ type: "issue", invite, ref: undefined });
    return this.codes.at(-1)!;
  }

  step(input: IssuerInput): void {
    for (const effect of this.issuer.step(input, this.nowMs)) {
      if (effect.type === "issued") this.codes.push(effect.code);
      else if (effect.type === "ended") this.ended.push(effect);
      else if (effect.type === "outdated") this.outdatedCodes.push(effect.numbers);
      else if (effect.type === "open") [this.numbers, this.spent] = [effect.numbers, effect.spent];
      else if (effect.type === "send") this.said.get(effect.link)!.push(effect.message);
      else this.closed.set(effect.link, effect.reason);
    }
  }

  /** A stranger's link to the issuer. @param binding The hash of its handshake. */
  linked(
    { key, process }: WordsParty,
    binding: Uint8Array,
    address: string | null = null,
    remote: Endpoint = { host: address ?? "127.0.0.1", port: 4_000 },
  ): LinkId {
    const link = ++this.#lastLink as LinkId;
    this.said.set(link, []);
    this.step({ type: "link-up", link, peer: key, process, binding, remote, address });
    return link;
  }

  heard(link: LinkId, message: WordsMessage): void {
    if (!this.closed.has(link)) this.step({ type: "message", link, message });
  }

  cut(link: LinkId): void {
    this.step({ type: "link-down", link });
  }

  /** Why codes have ended, in order. */
  get ends(): readonly string[] {
    return this.ended.map(({ number, end }) => `${number} ${end}`);
  }
}

/** Somebody with our program, and a code, right or wrong. */
export class HonestGuesser {
  readonly self: WordsParty;
  readonly guesser: WordGuesser;
  readonly link: LinkId;
  /** What it has said and nobody has heard yet. */
  readonly sent: WordsMessage[] = [];
  outcome: Outcome | null = null;
  #heard = 0;

  /** @param binding Of both ends of its link, unless somebody stands in between. */
  constructor(
    readonly world: IssuerWorld,
    name: string,
    code: string,
    { address = null, remote, binding = bytesFrom(`link of ${name}`)(32) }: {
      readonly address?: string | null;
      readonly remote?: Endpoint;
      readonly binding?: Uint8Array;
    } = {},
  ) {
    this.self = partyOf(name);
    this.guesser = new WordGuesser(readCode(code), this.self, {
      randomBytes: bytesFrom(`${name}'s bytes`),
    });
    this.link = world.linked(this.self, binding, address, remote);
    const { key: peer, process } = world.self;
    this.#take(this.guesser.step({ type: "start" }, world.nowMs));
    const up = { type: "link-up", link: this.link, peer, process, binding } as const;
    this.#take(this.guesser.step(up, world.nowMs));
  }

  /** One message each way, as far as there are any. */
  turn(): void {
    for (const message of this.sent.splice(0)) this.world.heard(this.link, message);
    this.hears();
  }

  /** Hears what the issuer has said, and its goodbye. */
  hears(): void {
    const said = this.world.said.get(this.link)!;
    for (const message of said.slice(this.#heard)) {
      this.#heard++;
      this.told(message);
    }
    const reason = this.world.closed.get(this.link);
    if (reason !== undefined) {
      this.#take(this.guesser.step({ type: "link-down", reason, closed: true }, this.world.nowMs));
    }
  }

  told(message: WordsMessage): void {
    const input = { type: "message", link: this.link, message } as const;
    this.#take(this.guesser.step(input, this.world.nowMs));
  }

  /** Goes on to the end. */
  run(): Outcome {
    for (let turn = 0; turn < 4 && this.outcome === null; turn++) this.turn();
    return this.outcome!;
  }

  #take(effects: readonly GuesserEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") this.sent.push(effect.message);
      else if (effect.type === "invited" || effect.type === "failed") this.outcome = effect;
      else if (effect.type === "close") this.world.cut(this.link);
    }
  }
}

/** Another code with the same number. */
export function wrongWords(code: string): string {
  const [number, first] = code.split("-");
  return first === "zoo" ? `${number}-zone-zone` : `${number}-zoo-zoo`;
}

export function numberOf(code: string): number {
  return Number(code.split("-")[0]);
}

export { partyOf, utf8 };
