/**
 * Links for files, of which this machine knows no more than whom they are wanted with. Content goes over links alone, and
 * in a room that is no full mesh who has a file may be no neighbour of who wants it. So members that have it are dialled
 * by name; where none of them answers, any others, one after the other, as they may have fetched it.
 *
 * These links take no place in the active view. One over which nothing of a file goes ends as any that is idle, and where
 * inbound slots are short, it gives way first.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { FILE_LINKS_WANTED_MAX } from "../schema/limits.ts";
import type { WantedLinks } from "../schema/mesh_io.ts";
import type { Contact } from "../schema/messages.ts";
import type { MemberDirectory } from "./overlay_io.ts";
import { randomOf } from "./passive_view.ts";

/** How often is looked for those that are wanted and not there. */
const LOOK_MS = 1_000;
/** Any others are dialled so often: the link to one ends as idle soon after it has said that it hasn't the file. */
const OTHERS_MS = 2_000;
/** Before the same one is dialled again: time for a dial and an answer, then twice as long each time. */
const PAUSE_MS = 2_000;
const PAUSE_MS_MAX = 30_000;
/** Who wasn't dialled for so long is dialled as if for the first time. */
const FORGOTTEN_MS = 2 * PAUSE_MS_MAX;
/** Those whose dials are remembered: several times as many as are wanted at once. */
const DIALLED_MAX = 4 * FILE_LINKS_WANTED_MAX;

interface Dialled {
  readonly atMs: number;
  readonly pauseMs: number;
  readonly times: number;
}

export class OverlayFileLinks {
  #wanted: WantedLinks = { holders: [], others: false };
  readonly #dialled = new Map<PeerKey, Dialled>();
  /** Others that were dialled in this round, each once: at most as many as are live. */
  readonly #others = new Set<PeerKey>();
  readonly #deadlines = new Deadlines({ holders: () => "holders", others: () => "others" });

  constructor(
    private readonly directory: Pick<MemberDirectory, "live" | "endpointsOf">,
    private readonly random: () => number,
  ) {}

  want({ holders, others }: WantedLinks, nowMs: number): void {
    this.#wanted = { holders, others };
    if (holders.length === 0) this.#deadlines.clear("holders");
    else this.#deadlines.setEarliest("holders", nowMs);
    if (others) return this.#deadlines.setEarliest("others", nowMs);
    this.#deadlines.clear("others");
    this.#others.clear();
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  /** Whom to dial now. @param isFree Whether there is no link to that one, and it may be dialled there. */
  takeDue(isFree: (contact: Contact) => boolean, nowMs: number): readonly Contact[] {
    return this.#deadlines.tick(nowMs).flatMap((due) => {
      if (due === "holders") return this.#holders(isFree, nowMs);
      this.#deadlines.set("others", nowMs + OTHERS_MS);
      return this.#other(isFree);
    });
  }

  #holders(isFree: (contact: Contact) => boolean, nowMs: number): readonly Contact[] {
    this.#deadlines.set("holders", nowMs + LOOK_MS);
    const live = new Map(this.directory.live().map((contact) => [contact.key, contact]));
    // Those who are away don't take the places of those who are there.
    const wanted = this.#wanted.holders.filter((key) => live.has(key));
    return wanted.slice(0, FILE_LINKS_WANTED_MAX).flatMap((key) => {
      const contact = live.get(key);
      const last = this.#dialled.get(key);
      if (contact === undefined || nowMs < (last?.atMs ?? -Infinity) + (last?.pauseMs ?? 0)) {
        return [];
      }
      const isNew = last === undefined || nowMs >= last.atMs + FORGOTTEN_MS;
      const times = isNew ? 0 : last.times + 1;
      const endpoints = this.directory.endpointsOf(key);
      const endpoint = endpoints[times % endpoints.length] ?? contact.endpoint;
      if (!isFree({ key, endpoint })) return [];
      const pauseMs = isNew ? PAUSE_MS : Math.min(2 * last.pauseMs, PAUSE_MS_MAX);
      this.#dialled.delete(key);
      this.#dialled.set(key, { atMs: nowMs, pauseMs, times });
      dropOldest(this.#dialled, DIALLED_MAX);
      return [{ key, endpoint }];
    });
  }

  /** Any other that wasn't dialled in this round; a round that has nobody left ends. */
  #other(isFree: (contact: Contact) => boolean): readonly Contact[] {
    const left = this.directory.live().filter(({ key }) => !this.#others.has(key));
    const contact = randomOf(left.filter(isFree), this.random);
    if (contact === null) {
      this.#others.clear();
      return [];
    }
    this.#others.add(contact.key);
    return [contact];
  }
}
