/**
 * A member on its network: looks for a room that is announced there, announces its own, makes one room of two that were
 * founded at once, and finds the members of its room at new addresses.
 *
 * All that is heard is a hint. It decides whom this member dials, nothing else, and how often: who answers there has to
 * prove itself as anybody has.
 */

import type { Environment } from "../../../base/machine/environment.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import { type Endpoint, endpointText, type RoomId } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { Agenda, Deadlines, type Machine } from "../../../base/machine/machine.ts";
import { Rates, TokenBucket } from "../../../base/rates/token_bucket.ts";
import { type AnnouncedRoom, AnnouncedRooms } from "./announced_rooms.ts";
import { type Announcement, announcementIn, textsOf } from "./announcement.ts";
import { Announcing } from "./announcing.ts";
import { Choosing, type Seen } from "./choosing.ts";
import { GivingWay } from "./giving_way.ts";
import type { AnnouncedService, EnteredRoom, LanConfig, LanEffect, LanInput } from "./lan_io.ts";
import { announcedTag, recognisedTags, type SecretRoom } from "./room_tags.ts";

/** For the numbers of word codes: as long as for rooms. */
const WORDS_SOUGHT_MS = 1_500;
/** For all who announce the number. */
const WORDS_GATHERED_MS = 200;
/** Each address is dialled at most once in this time, since one that lies there may be anybody's. */
const HINT_AGAIN_MS = 10_000;
/** And so many in all: members of a room find each other by few. */
const HINTS_PER_SECOND = 1;
const HINTS_BURST = 4;
/** Addresses that are remembered for that. */
const HINTS_KEPT_MAX = 256;
/** Other rooms are told together. */
const OTHERS_TOLD_MS = 1_000;
/** So often, however many are made up. */
const OTHERS_TOLD_MAX = 3;
/** Rooms that were tried in vain, or told: as many as a liar can have in the table. */
const REMEMBERED_MAX = 256;

export class Lan implements Machine<LanInput, LanEffect> {
  readonly #rooms = new AnnouncedRooms();
  readonly #announcing: Announcing;
  readonly #givingWay: GivingWay;
  #choosing: Choosing | null = null;
  #entered: EnteredRoom | null = null;
  /** Whether others were in the room since we entered it. */
  #hasCompany = false;
  /** What was announced last; null where nothing is. */
  #announced: AnnouncedService | null = null;
  #words: readonly number[] = [];
  /** Of the word code that is looked for. */
  #soughtNumber: number | null = null;
  readonly #vain = new Set<string>();
  readonly #told = new Set<string>();
  #othersTold = 0;
  readonly #hints = new TokenBucket(HINTS_PER_SECOND, HINTS_BURST);
  readonly #hinted = new Rates<string>(1_000 / HINT_AGAIN_MS, 1, HINTS_KEPT_MAX);
  /** The tags of rooms that were computed last, and of when. */
  readonly #tags = new Map<string, ReadonlySet<string>>();
  readonly #deadlines = new Deadlines({
    /** When what was heard of all rooms is told. */
    look: (nowMs) => this.#emit({ type: "looked", rooms: this.#rooms.rooms(nowMs) }),
    /** When it is asked once more. */
    again: () => this.#emit({ type: "ask" }),
    /** When somebody should have announced the number. */
    words: (nowMs) => this.#endWords(nowMs),
    /** When the user is told of other rooms. */
    others: (nowMs) => this.#tellOthers(nowMs),
  });
  readonly #agenda: Agenda;
  #out: LanEffect[] = [];

  constructor(readonly config: LanConfig, readonly environment: Environment) {
    this.#announcing = new Announcing(environment.random, () => this.#announce());
    this.#givingWay = new GivingWay(
      (own, nowMs) => this.#lowerThan(own, nowMs),
      () => this.#emit({ type: "settled" }),
      (to) => this.#emit({ type: "give-way", to }),
    );
    this.#agenda = new Agenda([
      this.#deadlines,
      {
        nextMs: () => this.#choosing?.nextMs() ?? null,
        tick: (nowMs) => this.#choosing?.tick(nowMs),
      },
      this.#givingWay.deadlines,
      this.#announcing.deadlines,
    ]);
  }

  /** How many announcements are kept, for tests. */
  get kept(): number {
    return this.#rooms.size;
  }

  step(input: LanInput, nowMs: number): readonly LanEffect[] {
    this.#out = [];
    this.#handle(input, nowMs);
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  #handle(input: LanInput, nowMs: number): void {
    switch (input.type) {
      case "seek":
        return this.#seek(input.own, input.only, nowMs);
      case "look":
        this.#ask(nowMs);
        return this.#deadlines.set("look", nowMs + input.forMs);
      case "seek-words":
        this.#soughtNumber = input.number;
        this.#ask(nowMs);
        this.#deadlines.set("words", nowMs + WORDS_SOUGHT_MS);
        return this.#heardWords(nowMs);
      case "vain":
        this.#vain.add(nameOf(input.room));
        return dropOldest(this.#vain, REMEMBERED_MAX);
      case "entered":
        return this.#enter(input.room, nowMs);
      case "company":
        this.#hasCompany = true;
        this.#deadlines.clear("others");
        return this.#givingWay.stop();
      case "words":
        this.#words = input.numbers;
        if (this.#announced !== null) this.#announcing.begin(nowMs);
        return;
      case "leave":
        return this.#leave();
      case "asked":
        if (this.#announced !== null) this.#announcing.asked(nowMs);
        return;
      case "heard":
        return this.#heard(input, nowMs);
      case "gone":
        this.#rooms.gone(input.host, input.instance);
        this.#choosing?.heard(nowMs);
        return;
      case "connected":
        // Nobody else could come until now.
        if (this.#entered?.givesWay && !this.#hasCompany) {
          this.#givingWay.begin(this.#entered.room, nowMs);
        }
        return;
      case "tick":
        return this.#agenda.tick(nowMs);
      default:
        return unreachable(input);
    }
  }

  #emit(effect: LanEffect): void {
    this.#out.push(effect);
  }

  // Looking.

  /** A question may get lost, and its answers. */
  #ask(nowMs: number): void {
    this.#emit({ type: "ask" });
    this.#deadlines.set("again", nowMs + 1_000);
  }

  #seek(own: readonly SecretRoom[], only: boolean, nowMs: number): void {
    this.#choosing = new Choosing(
      (atMs) => this.#seen(own, only, atMs),
      own.length > 0,
      () => this.#emit({ type: "ask" }),
      (choice) => {
        this.#choosing = null;
        this.#emit({ type: "chosen", choice });
      },
    );
    this.#choosing.begin(nowMs);
    this.#choosing.heard(nowMs);
  }

  #seen(own: readonly SecretRoom[], only: boolean, nowMs: number): Seen {
    const all = this.#joinable(nowMs);
    const found = own.flatMap((each) => {
      const announced = all.find((room) => this.#isOf(each, room));
      return announced === undefined ? [] : [[each.room, announced] as const];
    });
    const open = all.filter(({ room }) => room !== null);
    return { own: found, others: only ? [] : open, hasPrivate: open.length < all.length };
  }

  #joinable(nowMs: number): readonly AnnouncedRoom[] {
    return this.#rooms.rooms(nowMs).filter((room) =>
      room.version === this.config.version && !this.#vain.has(nameOf(room))
    );
  }

  #heard(
    { host, service, lifeMs }: Extract<LanInput, { readonly type: "heard" }>,
    nowMs: number,
  ): void {
    const { instance, port, host: at = host, texts } = service;
    const announcement = announcementIn(texts);
    if (instance === this.config.instance || announcement === null) return;
    const by = { host, instance, at: { host: at, port } };
    const isNew = this.#rooms.heard(by, announcement, lifeMs, nowMs);
    if (this.#entered !== null && this.#isOf(this.#own(this.#entered), announcement)) {
      return this.#hint(by.at, nowMs);
    }
    this.#choosing?.heard(nowMs);
    this.#givingWay.heard(nowMs);
    this.#heardWords(nowMs);
    const isOther = this.#entered !== null && !this.#hasCompany && announcement.room !== null;
    if (isNew && isOther) this.#deadlines.setEarliest("others", nowMs + OTHERS_TOLD_MS);
  }

  #heardWords(nowMs: number): void {
    if (this.#soughtNumber === null) return;
    if (this.#rooms.withWords(this.#soughtNumber, nowMs).length === 0) return;
    this.#deadlines.setEarliest("words", nowMs + WORDS_GATHERED_MS);
  }

  #endWords(nowMs: number): void {
    const number = this.#soughtNumber;
    if (number === null) return;
    this.#soughtNumber = null;
    const endpoints = this.#rooms.withWords(number, nowMs);
    this.#emit({ type: "words-found", endpoints });
  }

  // In a room.

  #enter(room: EnteredRoom, nowMs: number): void {
    this.#entered = room;
    this.#hasCompany = false;
    this.#choosing = null;
    if (room.givesWay) this.#givingWay.begin(room.room, nowMs);
    // Where its members are, they say so now.
    this.#ask(nowMs);
    if (room.port === null) return;
    this.#announcing.begin(nowMs);
    this.#givingWay.heard(nowMs);
  }

  #leave(): void {
    this.#entered = null;
    this.#announcing.stop();
    this.#givingWay.deadlines.clearAll();
    this.#deadlines.clear("others");
    if (this.#announced !== null) {
      this.#emit({ type: "goodbye", service: this.#announced });
    }
    this.#announced = null;
  }

  #announce(): void {
    if (this.#entered === null || this.#entered.port === null) return;
    const { port, title } = this.#entered;
    const own = this.#own(this.#entered);
    const tag = announcedTag(own, this.environment.wallMs());
    const announcement: Announcement = {
      version: this.config.version,
      room: tag === null ? own.room : null,
      title: tag === null ? title : null,
      tag,
      words: this.#words,
    };
    const { instance } = this.config;
    this.#announced = { instance, port, texts: textsOf(announcement) };
    this.#emit({ type: "announce", service: this.#announced });
  }

  #own({ room, secrets }: EnteredRoom): SecretRoom {
    return { room, secrets: typeof secrets === "function" ? secrets() : secrets };
  }

  /** Whether this is announced of that room. */
  #isOf(own: SecretRoom, { room, tag }: Pick<Announcement, "room" | "tag">): boolean {
    if (own.secrets.length === 0 || tag === null) {
      return own.secrets.length === 0 && own.room === room;
    }
    return this.#tagsOf(own).has(tag);
  }

  /** Computed once for each day and secret: a liar can announce many tags. */
  #tagsOf(own: SecretRoom): ReadonlySet<string> {
    const current = announcedTag(own, this.environment.wallMs());
    const key = `${own.room} ${current} ${own.secrets.length}`;
    let tags = this.#tags.get(key);
    if (tags === undefined) {
      tags = new Set(recognisedTags(own, this.environment.wallMs()));
      this.#tags.set(key, tags);
      dropOldest(this.#tags, 8);
    }
    return tags;
  }

  #hint(endpoint: Endpoint, nowMs: number): void {
    const text = endpointText(endpoint);
    if (!this.#hinted.allows(text, nowMs) || !this.#hints.take(nowMs)) return;
    this.#hinted.take(text, nowMs);
    this.#emit({ type: "hint", endpoint });
  }

  #lowerThan(own: RoomId, nowMs: number): AnnouncedRoom | null {
    const lower = this.#joinable(nowMs).filter(({ room }) => room !== null && room < own);
    return lower.toSorted((a, b) => a.room! < b.room! ? -1 : 1)[0] ?? null;
  }

  #tellOthers(nowMs: number): void {
    if (this.#othersTold === OTHERS_TOLD_MAX) return;
    const rooms = this.#joinable(nowMs).filter((each) =>
      each.room !== null && each.room !== this.#entered?.room && !this.#told.has(nameOf(each))
    );
    if (rooms.length === 0) return;
    this.#othersTold += 1;
    for (const each of rooms) this.#told.add(nameOf(each));
    this.#emit({ type: "others", rooms });
  }
}

function nameOf({ room, tag, version }: AnnouncedRoom): string {
  return `${room ?? tag} ${version}`;
}
