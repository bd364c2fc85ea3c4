/**
 * Issues word codes, and gives an invite to whoever proves to know one. A code is good once: with the first guess at its
 * number it isn't open any more, before anything is answered, whatever becomes of that guess.
 *
 * It answers strangers, who may be anybody: what a guess costs is bounded by the codes that the user has issued, as only
 * a guess at an open one is computed.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { type Endpoint, isRelayed, type LinkId, type PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { earliestMs, type Machine } from "../../base/machine/machine.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import {
  ADDRESSES_MAX,
  CODE_MS,
  EXCHANGE_MS,
  GUESS_LINKS_MAX,
  GUESS_LINKS_PER_ADDRESS_MAX,
  GUESSES_PER_ADDRESS,
  GUESSES_PER_SECOND,
  NUMBER_MAX,
  OPEN_CODES_MAX,
  SPENT_MAX,
  SPENT_MS,
} from "./limits.ts";
import type { WordsMessage } from "./messages.ts";
import { drawnCode, type WordCode } from "./word_codes.ts";
import { WordsExchange, type WordsKey, type WordsParty } from "./words_exchange.ts";
import type { CodeEnd, IssuerEffect, IssuerInput } from "./words_io.ts";

/** A code that nobody has guessed at. */
interface OpenCode extends WordCode {
  readonly invite: string;
  readonly endsAtMs: number;
  /** By the wall clock: the other one may stand still while the machine sleeps. */
  readonly expiresMs: number;
}

/** A code that was open once. */
interface SpentCode {
  readonly number: number;
  /** Until then whoever comes with it is told of. */
  readonly toldUntilMs: number;
  /** Whether the user was told that somebody came with it: once is enough. */
  isTold: boolean;
}

/** The link of a stranger. */
interface Guesser {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly process: string;
  readonly binding: Uint8Array;
  readonly remote: Endpoint;
  readonly address: string | null;
  readonly endsAtMs: number;
  /** The code guessed at, once it is answered. */
  guessed: { readonly code: OpenCode; readonly key: WordsKey } | null;
}

export class WordIssuer implements Machine<IssuerInput, IssuerEffect> {
  /** By number, the oldest first; at most `OPEN_CODES_MAX`. */
  readonly #open = new Map<number, OpenCode>();
  /** The one that ended last is last; at most `SPENT_MAX`. */
  readonly #spent = new Map<number, SpentCode>();
  /** At most `GUESS_LINKS_MAX`. */
  readonly #guessers = new Map<LinkId, Guesser>();
  /** The address that guessed last is last; at most `ADDRESSES_MAX`. */
  readonly #rates = new Map<string, TokenBucket>();
  /** What was told last of the numbers. */
  #told = " ";
  #out: IssuerEffect[] = [];
  #nowMs = 0;

  constructor(
    readonly self: WordsParty,
    readonly environment: Pick<Environment, "randomBytes" | "random" | "wallMs">,
    /** Whether the invite still admits newcomers: rotating it, or removing somebody, ends what was made before. */
    readonly admits: (invite: string) => boolean,
  ) {}

  /** Whether strangers may come: a code is open, or one was a moment ago, and they are to be told that it is no more. */
  isAwaiting(nowMs: number): boolean {
    return this.#open.size > 0 || this.#spentNow(nowMs).length > 0;
  }

  #spentNow(nowMs: number): readonly SpentCode[] {
    return [...this.#spent.values()].filter(({ toldUntilMs }) => toldUntilMs > nowMs);
  }

  /** The codes with which somebody gets an invite that still admits newcomers, the oldest first. */
  openAt(nowMs: number): readonly Pick<OpenCode, "number" | "expiresMs">[] {
    const guessedAt = [...this.#guessers.values()].flatMap(({ guessed }) => guessed?.code ?? []);
    return [...guessedAt, ...this.#open.values()].filter(({ endsAtMs, invite }) =>
      endsAtMs > nowMs && this.admits(invite)
    );
  }

  step(input: IssuerInput, nowMs: number): readonly IssuerEffect[] {
    this.#out = [];
    this.#nowMs = nowMs;
    this.#expire();
    switch (input.type) {
      case "issue":
        this.#issue(input.invite, input.ref);
        break;
      case "void":
        this.#void();
        break;
      case "link-up":
        this.#linkUp(input);
        break;
      case "message":
        this.#heard(input.link, input.message);
        break;
      case "link-down":
        this.#left(input.link);
        break;
      case "tick":
        break;
      default:
        return unreachable(input);
    }
    this.#tellOpen();
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const { endsAtMs } of this.#open.values()) next = earliestMs(next, endsAtMs);
    for (const { endsAtMs } of this.#guessers.values()) next = earliestMs(next, endsAtMs);
    for (const { toldUntilMs } of this.#spentNow(this.#nowMs)) next = earliestMs(next, toldUntilMs);
    return next;
  }

  // The user's side.

  #issue(invite: string, ref: string | undefined): void {
    const { randomBytes, wallMs } = this.environment;
    const [oldest] = this.#open.values();
    if (oldest !== undefined && this.#open.size === OPEN_CODES_MAX) {
      this.#end(oldest);
      this.#tell(oldest.number, "voided", null);
    }
    const drawn = drawnCode(this.#freeNumber(), randomBytes(4));
    const [endsAtMs, expiresMs] = [this.#nowMs + CODE_MS, wallMs() + CODE_MS];
    this.#open.set(drawn.number, { ...drawn, invite, endsAtMs, expiresMs });
    this.#out.push({ type: "issued", code: drawn.text, expiresMs, ref });
  }

  #void(): void {
    for (const code of [...this.#open.values()]) this.#end(code);
    for (const guesser of this.#guessers.values()) {
      if (guesser.guessed === null) continue;
      guesser.guessed = null; // the user needn't be told that it is void
      this.#part(guesser, "void");
    }
  }

  /** A number of no code that is open, or was of late. */
  #freeNumber(): number {
    const free: number[] = [];
    for (let number = 1; number <= NUMBER_MAX; number++) {
      if (!this.#open.has(number) && !this.#spent.has(number)) free.push(number);
    }
    return free[Math.floor(this.environment.random() * free.length)]!;
  }

  /** A code isn't open any more. */
  #end({ number }: OpenCode): void {
    this.#open.delete(number);
    this.#spent.delete(number);
    this.#spent.set(number, { number, toldUntilMs: this.#nowMs + SPENT_MS, isTold: false });
    dropOldest(this.#spent, SPENT_MAX);
  }

  #expire(): void {
    const wallMs = this.environment.wallMs();
    for (const code of [...this.#open.values()]) {
      if (code.endsAtMs <= this.#nowMs || code.expiresMs <= wallMs) this.#end(code);
    }
    const outdated = [...this.#open.values()].filter(({ invite }) => !this.admits(invite));
    for (const code of outdated) this.#end(code);
    if (outdated.length > 0) {
      this.#out.push({ type: "outdated", numbers: outdated.map(({ number }) => number) });
    }
    for (const guesser of [...this.#guessers.values()]) {
      if (guesser.endsAtMs <= this.#nowMs) this.#part(guesser, "timeout");
    }
  }

  /** Where that has changed. */
  #tellOpen(): void {
    const numbers = [...this.#open.keys()];
    const spent = this.#spentNow(this.#nowMs).map(({ number }) => number).reverse();
    const told = `${numbers} ${spent}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#out.push({ type: "open", numbers, spent });
  }

  #tell(number: number, end: CodeEnd, guesser: Guesser | null): void {
    const by = guesser === null ? null : { peer: guesser.peer, remote: guesser.remote };
    this.#out.push({ type: "ended", number, end, by });
  }

  // The strangers' side.

  #linkUp(input: Extract<IssuerInput, { readonly type: "link-up" }>): void {
    const { link, peer, process, binding, remote, address } = input;
    if (!this.#makeRoom(address)) {
      return void this.#out.push({ type: "close", link, reason: "full" });
    }
    const endsAtMs = this.#nowMs + EXCHANGE_MS;
    const who = { link, peer, process, binding, remote, address };
    this.#guessers.set(link, { ...who, endsAtMs, guessed: null });
  }

  /**
   * Our own program guesses as soon as its link is up. So where there are too many links, one gives way that hasn't: of
   * the address that has the most, the oldest. Links that say nothing keep nobody out, whatever their number.
   * @returns Whether there is room.
   */
  #makeRoom(address: string | null): boolean {
    const all = [...this.#guessers.values()];
    const byAddress = Map.groupBy(all, (each) => each.address);
    const same = byAddress.get(address) ?? [];
    const isTooMany = address !== null && same.length >= GUESS_LINKS_PER_ADDRESS_MAX;
    if (!isTooMany && all.length < GUESS_LINKS_MAX) return true;
    const size = ({ address }: Guesser) => byAddress.get(address)!.length;
    const [silent] = (isTooMany ? same : all).filter(({ guessed }) => guessed === null)
      .toSorted((a, b) => size(b) - size(a));
    if (silent === undefined) return false;
    this.#part(silent, "full");
    return true;
  }

  #heard(link: LinkId, message: WordsMessage): void {
    const guesser = this.#guessers.get(link);
    if (guesser === undefined) return; // the link is ending
    if (message.type === "guess" && guesser.guessed === null) return this.#guess(guesser, message);
    if (message.type === "confirm" && guesser.guessed !== null) {
      return this.#confirm(guesser, guesser.guessed, message.confirmation);
    }
    this.#part(guesser, "protocol");
  }

  #guess(
    guesser: Guesser,
    { number, share }: Extract<WordsMessage, { readonly type: "guess" }>,
  ): void {
    const code = this.#open.get(number);
    // All that come through a meeting point are one address, and it counts by itself what they ask for: guesses at
    // numbers of no code, of which nobody is told, don't use up what there is for them all.
    const isCounted = code !== undefined || !isRelayed(guesser.remote);
    if (isCounted && !this.#mayGuess(guesser.address)) return this.#part(guesser, "too-fast");
    if (code === undefined) {
      const spent = this.#spent.get(number);
      if (spent !== undefined && !spent.isTold && spent.toldUntilMs > this.#nowMs) {
        spent.isTold = true;
        this.#tell(number, "late", guesser);
      }
      return this.#part(guesser, "bad-credentials");
    }
    // That was the guess: whatever follows, the code is open no more.
    this.#end(code);
    const { peer: key, process, binding } = guesser;
    const ends = { guesser: { key, process }, issuer: this.self, binding };
    const exchange = new WordsExchange("issuer", code.text, ends, this.environment.randomBytes);
    const agreed = exchange.agree(share);
    if (agreed === null) {
      this.#tell(number, "given-up", guesser);
      return this.#part(guesser, "protocol");
    }
    guesser.guessed = { code, key: agreed };
    const answer = { type: "answer", share: exchange.share } as const;
    this.#out.push({ type: "send", link: guesser.link, message: answer });
  }

  #mayGuess(address: string | null): boolean {
    if (address === null) return true;
    const rate = this.#rates.get(address) ??
      new TokenBucket(GUESSES_PER_SECOND, GUESSES_PER_ADDRESS);
    this.#rates.delete(address);
    this.#rates.set(address, rate);
    dropOldest(this.#rates, ADDRESSES_MAX);
    return rate.take(this.#nowMs);
  }

  #confirm(
    guesser: Guesser,
    { code, key }: NonNullable<Guesser["guessed"]>,
    confirmation: Uint8Array,
  ): void {
    guesser.guessed = null;
    if (!key.isConfirmedBy("guesser", confirmation)) {
      this.#tell(code.number, "wrong", guesser);
      return this.#part(guesser, "bad-credentials");
    }
    const message = {
      type: "invite",
      confirmation: key.confirmationOf("issuer"),
      sealed: key.sealed(code.invite),
    } as const;
    this.#out.push({ type: "send", link: guesser.link, message });
    this.#tell(code.number, "used", guesser);
    this.#part(guesser, "done");
  }

  /** Ends a stranger's link; what was sent before goes out. */
  #part(guesser: Guesser, reason: string): void {
    this.#left(guesser.link);
    this.#out.push({ type: "close", link: guesser.link, reason });
  }

  /** A stranger's link has ended, or does now. */
  #left(link: LinkId): void {
    const guesser = this.#guessers.get(link);
    this.#guessers.delete(link);
    if (guesser !== undefined && guesser.guessed !== null) {
      this.#tell(guesser.guessed.code.number, "given-up", guesser);
    }
  }
}
