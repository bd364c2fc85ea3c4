/** Who is at a meeting point: its visitors, which of them others can reach, and what each address and room uses. */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import { addressBlock } from "../../base/text/address_block.ts";
import { SPENT_MS } from "../words/limits.ts";
import { NUMBERS_PER_ADDRESS_MAX, SHARES_MAX } from "./limits.ts";
import type { MeetingLimits } from "./meeting_io.ts";
import { Share, Visitor } from "./visitor.ts";

/** Those that are used, and up to `SHARES_MAX` others. */
class Shares {
  readonly #shares = new Map<string, Share>();

  constructor(readonly streamsMax: number, readonly rate: number) {}

  of(name: string): Share {
    const known = this.#shares.get(name);
    if (known !== undefined) return known;
    const share = new Share(this.streamsMax, this.rate);
    this.#shares.set(name, share);
    if (this.#shares.size > SHARES_MAX) this.#forgetUnused(name);
    return share;
  }

  #forgetUnused(newest: string): void {
    for (const [name, share] of this.#shares) {
      if (name === newest || share.isUsed) continue;
      this.#shares.delete(name);
      return;
    }
  }
}

/** Who had a number until its code ended. */
interface Ended {
  readonly visitor: Visitor;
  /** Until then whoever comes with the code is led there, to be told that it counts no more. */
  readonly untilMs: number;
}

export class Visitors {
  readonly #visitors = new Map<LinkId, Visitor>();
  /** Those that are registered, by key and room, and by number. */
  readonly #registered = new Map<string, Visitor>();
  readonly #numbers = new Map<number, Visitor>();
  /** By number, at most as many as there are; they keep nobody from registering one. */
  readonly #ended = new Map<number, Ended>();
  readonly #addresses: Shares;
  readonly #rooms: Shares;

  constructor(limits: MeetingLimits) {
    this.#addresses = new Shares(limits.links, limits.rate);
    this.#rooms = new Shares(limits.roomLinks, limits.roomRate);
  }

  get size(): number {
    return this.#visitors.size;
  }

  get registered(): number {
    return this.#registered.size;
  }

  get(link: LinkId): Visitor | undefined {
    return this.#visitors.get(link);
  }

  addressOf(host: string): Share {
    return this.#addresses.of(addressBlock(host));
  }

  roomOf(tag: string): Share {
    return this.#rooms.of(tag);
  }

  came(link: LinkId, peer: PeerKey, address: Share): Visitor {
    const visitor = new Visitor(link, peer, address);
    address.visitors++;
    this.#visitors.set(link, visitor);
    return visitor;
  }

  gone(visitor: Visitor): void {
    if (!this.#visitors.delete(visitor.link)) return;
    visitor.address.visitors--;
    this.#takeNumbers(visitor);
    this.#leave(visitor);
  }

  /** Others can reach it from now on. @returns The earlier visitor whose place it takes. */
  register(visitor: Visitor, room: string): Visitor | null {
    this.#leave(visitor);
    const place = placeOf(visitor.fingerprint, room);
    const before = this.#registered.get(place) ?? null;
    visitor.room = room;
    this.#registered.set(place, visitor);
    if (before === null) return null;
    before.room = null;
    this.#takeNumbers(before);
    return before;
  }

  #leave(visitor: Visitor): void {
    const { fingerprint, room } = visitor;
    if (room === null) return;
    const place = placeOf(fingerprint, room);
    if (this.#registered.get(place) === visitor) this.#registered.delete(place);
    visitor.room = null;
  }

  /** The numbers of its codes, in place of those before. @returns Those that lead to it: nobody else has them. */
  number(visitor: Visitor, numbers: readonly number[], nowMs: number): readonly number[] {
    for (const number of visitor.numbers) {
      if (numbers.includes(number)) continue;
      this.#release(visitor, number);
      this.#ended.set(number, { visitor, untilMs: nowMs + SPENT_MS });
    }
    visitor.numbers = visitor.numbers.filter((number) => numbers.includes(number));
    for (const number of new Set(numbers)) {
      if (visitor.address.numbers >= NUMBERS_PER_ADDRESS_MAX) break;
      if (this.#numbers.has(number)) continue;
      this.#ended.delete(number);
      this.#numbers.set(number, visitor);
      visitor.address.numbers++;
      visitor.numbers = [...visitor.numbers, number];
    }
    return visitor.numbers;
  }

  member(fingerprint: string, room: string): Visitor | null {
    return this.#registered.get(placeOf(fingerprint, room)) ?? null;
  }

  /** No number leads to it any more. */
  #takeNumbers(visitor: Visitor): void {
    for (const number of visitor.numbers) this.#release(visitor, number);
    visitor.numbers = [];
    for (const [number, ended] of this.#ended) {
      if (ended.visitor === visitor) this.#ended.delete(number);
    }
  }

  #release(visitor: Visitor, number: number): void {
    this.#numbers.delete(number);
    visitor.address.numbers--;
  }

  /** Whose code has that number, or had it a moment ago, if nobody has registered it since. */
  issuer(number: number, nowMs: number): Visitor | null {
    const open = this.#numbers.get(number);
    if (open !== undefined) return open;
    const ended = this.#ended.get(number);
    return ended !== undefined && ended.untilMs > nowMs ? ended.visitor : null;
  }
}

function placeOf(fingerprint: string, room: string): string {
  return `${fingerprint} ${room}`;
}
