/**
 * The list's registrar: lets a client in, perhaps in the place of another program of the same user, and takes it out.
 * Whoever is in, is so for all parts at once.
 */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { FoldedName } from "../../../base/ids.ts";
import { foldName } from "../../../base/text/names.ts";
import type { Broadcasts } from "../broadcast_log/broadcasts.ts";
import type { BroadcastIntake } from "../broadcasts/broadcast_intake.ts";
import type { Deliveries } from "../broadcasts/deliveries.ts";
import type { Calls } from "../calls/calls.ts";
import { DatagramPath, ProvenAddress } from "../datagrams/datagram_path.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { LogoutReason } from "../schema/events.ts";
import type { DirectoryMessageOf, Dismissal } from "../schema/messages.ts";
import { Client, type ClientLink } from "../sessions/client_session.ts";
import type { Presence } from "../sessions/presence.ts";
import type { ClientLinks, Sessions } from "../sessions/sessions.ts";

interface RegistrarParts {
  readonly out: DirectoryOutput;
  readonly links: Pick<ClientLinks, "enter">;
  readonly sessions: Sessions;
  readonly presence: Pick<Presence, "changed" | "tell">;
  readonly calls: Pick<Calls, "gone" | "talksOn">;
  readonly broadcasts: Pick<Broadcasts, "last" | "saidBy" | "store" | "stored">;
  readonly deliveries: Pick<Deliveries, "pump">;
  readonly telling: Pick<BroadcastIntake, "comesIn" | "gone" | "isAllowed" | "isIn">;
  readonly randomBytes: (length: number) => Bytes;
  readonly wallMs: () => number;
}

type Enter = DirectoryMessageOf<"enter">;

/** As whom a client is let in. */
interface LetIn {
  /** As it was registered, or as the guest wrote it. */
  readonly name: string;
  readonly isGuest: boolean;
  /** Whether the disk has its device. */
  readonly isRemembered: boolean;
}

export class Registrar {
  /** Wall clock at the start: earlier directories gave ranks up to this. */
  readonly #beganMs: number;
  #lastRank: number;

  constructor(readonly parts: RegistrarParts) {
    this.#beganMs = this.#lastRank = parts.wallMs();
  }

  /** The client is who it says: lets it in, unless it comes back and another program has its place. */
  letIn(link: ClientLink, enter: Enter, { name, isGuest, isRemembered }: LetIn): void {
    if (this.#isReplaced(link, enter, foldName(name))) return;
    const { out, links, sessions, presence, calls, broadcasts, deliveries, telling } = this.parts;
    const { isTakenOver, guestsThrough } = this.#displace(link, name);
    links.enter(link, "in", out.nowMs);
    const { store } = broadcasts;
    const seen = enter.seen?.store.toHex() === store ? enter.seen.through : 0;
    // A guest that was here a moment ago continues where it was; another one gets nothing from before.
    const before = isGuest ? guestsThrough ?? broadcasts.stored : broadcasts.stored;
    // A client that has an account now was told less as a guest: what it says it has had counts.
    const heard = Math.min(isGuest ? Math.max(seen, guestsThrough ?? 0) : seen, broadcasts.last);
    const had = isGuest ? Math.max(before, heard) : telling.comesIn(foldName(name), heard);
    const toClient = this.parts.randomBytes(32);
    const toDirectory = this.parts.randomBytes(32);
    const index = this.#newIndex();
    const path = new DatagramPath(index, toClient, toDirectory);
    const address = new ProvenAddress(path, this.parts.randomBytes);
    const { port } = enter;
    const rank = this.#rank(enter);
    const times = { sinceMs: this.parts.wallMs(), enteredMs: out.monotonicMs };
    const facts = { name, isGuest, port, address, ...times, rank };
    const client = link.client = new Client(link, facts, { had, before });
    sessions.add(client);
    telling.isIn(client, isGuest ? heard : had, had);
    out.send(link.id, {
      type: "entered",
      name,
      guest: isGuest,
      host: link.host,
      store: Uint8Array.fromHex(store),
      mayBroadcast: telling.isAllowed(client),
      isRemembered,
      kept: broadcasts.stored,
      index,
      toClient,
      toDirectory,
      said: this.parts.broadcasts.saidBy(link.peer),
      rank,
    });
    if (enter.talking !== null) calls.talksOn(client, enter.talking);
    presence.changed(client);
    presence.tell();
    if (!isTakenOver) out.show({ event: "login", name, guest: isGuest });
    deliveries.pump(client);
  }

  /**
   * A client that comes back keeps its rank. New ranks follow the wall clock, so that they rise over restarts of the
   * directory.
   */
  #rank({ how, rank }: Enter): number {
    const comesBack = rank > 0 && (how === "resume" || how === "guest");
    if (comesBack) return Math.min(rank, this.#lastRank);
    return this.#lastRank = Math.max(this.#lastRank + 1, this.parts.wallMs());
  }

  /**
   * Whether the client came back by itself, after a lost link, and finds a later program in its place; then it is
   * told so: otherwise two running programs would take the place from each other for ever. It may have been away when
   * the later one came, and not have heard of it. After a restart of the directory the earlier one may come back
   * first: ranks from before the restart tell which is later.
   */
  #isReplaced(link: ClientLink, { how, rank }: Enter, folded: FoldedName): boolean {
    const { sessions, out } = this.parts;
    const present = sessions.named(folded);
    if (present === null || present.link.isOfSameProcess(link)) return false;
    const comesBack = present.isGuest
      ? how === "guest" && (rank > 0 || sessions.wasGuest(folded, link))
      : how === "resume"; // a new program types a password
    // Nobody outranks a program that came in since the start: a key alone doesn't throw out one that typed the
    // password.
    const isLater = Math.min(rank, this.#beganMs) > present.rank;
    if (!comesBack || isLater) return false;
    out.send(link.id, { type: "dismissed", because: "replaced", text: REPLACED_TEXT, retryMs: 0 });
    this.close(link, "replaced");
    return true;
  }

  /**
   * Sends away the client that has the name now: another program is told so, an earlier link of the same program
   * needn't be. A guest whose name now belongs to an account learns that when it comes back, as any guest does.
   * @returns Whether it was an earlier link of the same program; for a guest that was here, up to where it has heard
   * broadcasts.
   */
  #displace(
    link: ClientLink,
    name: string,
  ): { readonly isTakenOver: boolean; readonly guestsThrough: number | null } {
    const { sessions, out } = this.parts;
    const folded = foldName(name);
    const previous = sessions.named(folded);
    if (previous === null) {
      const held = sessions.held.get(folded, out.nowMs);
      const through = held?.key === link.peer ? held.through : null;
      return { isTakenOver: false, guestsThrough: through };
    }
    const { isGuest, key, delivery: { through } } = previous;
    const guestsThrough = isGuest && key === link.peer ? through : null;
    const isTakenOver = previous.link.isOfSameProcess(link);
    if (isTakenOver) {
      this.gone(previous, null);
      this.close(previous.link, "there is a later link");
    } else if (key !== link.peer && isGuest) {
      this.gone(previous, "replaced");
      this.close(previous.link, "an account has the name now");
    } else this.dismiss(previous, "replaced", REPLACED_TEXT);
    return { isTakenOver, guestsThrough };
  }

  #newIndex(): number {
    for (;;) {
      const [a = 0, b = 0, c = 0, d = 0] = this.parts.randomBytes(4);
      const index = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
      if (this.parts.sessions.indexed(index) === null) return index;
    }
  }

  close(link: ClientLink, reason: string): void {
    const { links, out } = this.parts;
    if (link.phase !== "over") links.enter(link, "over", out.nowMs);
    out.push({ type: "close", link: link.id, reason });
  }

  /** The client isn't in any more; `reason` null: it is in on another link. */
  gone(client: Client, reason: LogoutReason | null): void {
    const { out, links, sessions, presence, calls, telling } = this.parts;
    const { link } = client;
    link.client = null;
    if (link.phase !== "over") links.enter(link, "over", out.nowMs);
    sessions.remove(client);
    calls.gone(client, reason);
    telling.gone(client, reason);
    presence.changed(client);
    if (reason !== null) out.show({ event: "logout", name: client.name, reason });
  }

  /** Tells the client why it isn't in any more, and closes its link. */
  dismiss(client: Client, because: Dismissal, text: string, retryMs = 0): void {
    const { link } = client;
    this.gone(client, because);
    this.parts.out.send(link.id, { type: "dismissed", because, text, retryMs });
    this.close(link, because);
  }

  /** Closes the client's link; it isn't in any more, and may come in again like any other. */
  logOut(client: Client, reason: LogoutReason): void {
    this.gone(client, reason);
    this.close(client.link, reason);
  }
}

const REPLACED_TEXT = "You have come in from somewhere else";
