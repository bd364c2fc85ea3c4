/**
 * The announcements that are kept. Anybody on the network can make up any number of them: so many are kept in all, and
 * so many of one machine; of more the ones heard longest ago go. A room that is there is heard again when it is asked
 * for.
 */

import { dropOldest, takeOldest } from "../../../base/collections/bounded.ts";
import {
  distinctEndpoints,
  type Endpoint,
  isSameEndpoint,
  type RoomId,
} from "../../../base/ids.ts";
import type { Announcement } from "./announcement.ts";

/** More rooms than a person can choose from. */
const KEPT_MAX = 256;
/** Programs on one machine; a liar has no more to say than they. */
const KEPT_OF_HOST_MAX = 16;
/** Addresses of a room that are dialled, or told: one of its members will do. */
const ENDPOINTS_MAX = 8;

/** A member's announcement of its room. */
interface Kept extends Announcement {
  /** The machine that announced it. */
  readonly host: string;
  readonly instance: string;
  /** Where it said that it listens. */
  readonly at: Endpoint;
  /** When it was heard for the first time. */
  readonly firstMs: number;
  readonly untilMs: number;
}

/** A room, as one or more members announce it. */
export interface AnnouncedRoom {
  /** Null for a private room. */
  readonly room: RoomId | null;
  readonly tag: string | null;
  /** The first title that was heard. */
  readonly title: string | null;
  readonly version: number;
  /** Where its members listen, as far as is known; at least one. */
  readonly endpoints: readonly Endpoint[];
  readonly firstMs: number;
}

export class AnnouncedRooms {
  /** By host and instance, the one heard last is last. */
  readonly #kept = new Map<string, Kept>();

  get size(): number {
    return this.#kept.size;
  }

  /** @returns Whether nothing like it is kept already. */
  heard(
    { host, instance, at }: Pick<Kept, "host" | "instance" | "at">,
    announcement: Announcement,
    lifeMs: number,
    nowMs: number,
  ): boolean {
    const key = keyOf(host, instance);
    const before = this.#kept.get(key);
    this.#kept.delete(key);
    const isKnown = before !== undefined && before.untilMs > nowMs &&
      isSameEndpoint(before.at, at) &&
      before.room === announcement.room && before.tag === announcement.tag;
    const firstMs = isKnown ? before.firstMs : nowMs;
    const untilMs = nowMs + lifeMs;
    if (before === undefined) this.#makeRoomFor(host);
    this.#kept.set(key, { ...announcement, host, instance, at, firstMs, untilMs });
    dropOldest(this.#kept, KEPT_MAX);
    return !isKnown;
  }

  /** Only the machine that announced it can take it back. */
  gone(host: string, instance: string): void {
    this.#kept.delete(keyOf(host, instance));
  }

  /** The rooms that are announced, the one heard first is first. */
  rooms(nowMs: number): readonly AnnouncedRoom[] {
    this.#expire(nowMs);
    const byRoom = Map.groupBy(
      this.#kept.values(),
      ({ room, tag, version }) => `${room ?? tag} ${version}`,
    );
    return [...byRoom.values()].map((all) => {
      const inOrder = all.toSorted((a, b) => a.firstMs - b.firstMs);
      const { room, tag, version, firstMs } = inOrder[0]!;
      const title = inOrder.find((each) => each.title !== null)?.title ?? null;
      const endpoints = distinctEndpoints(inOrder.map(({ at }) => at)).slice(0, ENDPOINTS_MAX);
      return { room, tag, title, version, endpoints, firstMs };
    }).toSorted((a, b) => a.firstMs - b.firstMs);
  }

  /** Where word codes with this number are open. */
  withWords(number: number, nowMs: number): readonly Endpoint[] {
    this.#expire(nowMs);
    const found = [...this.#kept.values()].filter(({ words }) => words.includes(number));
    return distinctEndpoints(found.map(({ at }) => at)).slice(0, ENDPOINTS_MAX);
  }

  #makeRoomFor(host: string): void {
    const ofHost = [...this.#kept].filter(([, kept]) => kept.host === host);
    if (ofHost.length >= KEPT_OF_HOST_MAX) this.#kept.delete(ofHost[0]![0]);
    while (this.#kept.size >= KEPT_MAX) takeOldest(this.#kept);
  }

  #expire(nowMs: number): void {
    for (const [key, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(key);
  }
}

function keyOf(host: string, instance: string): string {
  return `${host} ${instance}`;
}
