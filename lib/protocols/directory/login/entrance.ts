/**
 * Entrance: lets a client in, perhaps in the place of another program of the same user, and takes it out. Whoever is
 * in, is so for all parts at once, and by the registrar at all instances.
 */

import { HERE } from "../../../base/machine/user_presence.ts";
import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import { foldName } from "../../../base/text/names.ts";
import type { Broadcasts } from "../broadcast_log/broadcasts.ts";
import type { BroadcastIntake } from "../broadcasts/broadcast_intake.ts";
import type { Deliveries } from "../broadcasts/deliveries.ts";
import type { Calls } from "../calls/calls.ts";
import { ProvenAddress } from "../../sealed_datagram/keyed_path.ts";
import { DatagramPath } from "../datagrams/datagram_path.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { LogoutReason } from "../schema/events.ts";
import { CLAIMS_MAX, ENGINE_RETRY_MS, GUEST_HELD_MS } from "../schema/limits.ts";
import type { DirectoryMessageOf, DirectoryRefusal, Dismissal } from "../schema/messages.ts";
import type { OnlineSession, RegistrarAnswer } from "../schema/registrar_io.ts";
import { Client, type ClientLink } from "../sessions/client_session.ts";
import type { Others } from "../sessions/others.ts";
import type { Presence } from "../sessions/presence.ts";
import type { ClientLinks, Sessions } from "../sessions/sessions.ts";

interface EntranceParts {
  readonly out: DirectoryOutput;
  readonly links: Pick<ClientLinks, "enter">;
  readonly sessions: Sessions;
  readonly others: Others;
  readonly presence: Pick<Presence, "changed" | "left" | "tell">;
  readonly calls: Pick<Calls, "gone">;
  readonly broadcasts: Pick<Broadcasts, "last" | "saidBy" | "store" | "stored">;
  readonly deliveries: Pick<Deliveries, "pump">;
  readonly telling: Pick<BroadcastIntake, "comesBack" | "comesIn" | "gone" | "isAllowed" | "isIn">;
  readonly randomBytes: (length: number) => Bytes;
  readonly wallMs: () => number;
  /** The own instance's id; empty where there is no other. */
  readonly instance: string;
}

type Enter = DirectoryMessageOf<"enter">;

/** By so much, beside our own clock, what another instance has told may be ahead of what we know. */
const SEEN_AHEAD_MS = 60_000;

/** As whom a client is let in. */
interface LetIn {
  /** As it was registered, or as the guest wrote it. */
  readonly name: string;
  readonly isGuest: boolean;
  /** Whether the disk has its device. */
  readonly isRemembered: boolean;
  /** The version of its account; null for a guest. */
  readonly version: string | null;
  /** Whether it may still come in; where not, it is told so. */
  mayEnter(): boolean;
  /** `text`: by default what the code means. */
  refuse(code: DirectoryRefusal, text?: string, retryMs?: number): void;
}

/** A client on its way in, until the registrar has its session. */
interface Claim {
  readonly link: ClientLink;
  readonly enter: Enter;
  readonly as: LetIn;
  readonly folded: FoldedName;
  /** How often it may be tried again, as the name went from one to another meanwhile. */
  triesLeft: number;
  /** Its account was changed meanwhile, and doesn't have its key. */
  isVoid: boolean;
}

/** The session that has a name. */
type Present = Pick<OnlineSession, "id" | "isGuest" | "isHeld" | "key" | "process" | "rank">;

export class Entrance {
  /** Wall clock at the start: earlier directories gave ranks up to this. */
  readonly #beganMs: number;
  #lastRank: number;
  /** How many sessions this process has begun. */
  #begun = 0;
  readonly #claims = new Set<Claim>();

  constructor(readonly parts: EntranceParts) {
    this.#beganMs = this.#lastRank = parts.wallMs();
  }

  /** The client is who it says: lets it in, unless it comes back and another program has its place. */
  letIn(link: ClientLink, enter: Enter, as: LetIn): void {
    const folded = foldName(as.name);
    const claim = { link, enter, as, folded, triesLeft: CLAIMS_MAX, isVoid: false };
    this.#claim(claim, this.#present(folded));
  }

  #present(folded: FoldedName): Present | null {
    const { sessions, others } = this.parts;
    const client = sessions.named(folded);
    if (client === null) return others.named(folded);
    const { session: id, isGuest, key, link: { process }, rank } = client;
    return { id, isGuest, isHeld: false, key, process, rank };
  }

  #claim(claim: Claim, present: Present | null): void {
    const { link, enter, as } = claim;
    if (present !== null && this.#isReplaced(link, enter, present)) return;
    if (as.isGuest && present?.isGuest === true && present.key !== link.peer) {
      return as.refuse("name-taken");
    }
    const session = this.#newSession(claim);
    this.#claims.add(claim);
    const about = { over: present?.id ?? null, account: as.version, seen: this.#seen(enter) };
    const question = { ask: "claim", session, ...about, number: this.#begun } as const;
    this.parts.out.register(question, (answer) => {
      this.#claims.delete(claim);
      this.#claimed(claim, session, answer);
    });
  }

  /** Up to which number the client says that it has the broadcasts. */
  #seen({ seen }: Enter): number {
    const { out, broadcasts: { store, last }, wallMs } = this.parts;
    if (seen === null || seen.store.toHex() !== store) return 0;
    // Another instance may have told it what this one wasn't told yet: numbers follow the wall clock.
    return Math.min(seen.through, out.isAlone ? last : Math.max(last, wallMs() + SEEN_AHEAD_MS));
  }

  /** How many sessions this process has begun, and who is about to be in. */
  get sessions(): { readonly begun: number; readonly entering: readonly FoldedName[] } {
    return { begun: this.#begun, entering: [...this.#claims].map(({ folded }) => folded) };
  }

  #newSession({ link, enter, as: { name, isGuest } }: Claim): OnlineSession {
    const { instance, wallMs } = this.parts;
    return {
      id: `${instance}-${++this.#begun}`,
      instance,
      name,
      isGuest,
      key: link.peer,
      process: link.process,
      rank: this.#rank(enter),
      host: link.host,
      port: enter.port,
      isBusy: enter.busy,
      sinceMs: wallMs(),
      isHeld: false,
      ...HERE,
    };
  }

  #claimed(claim: Claim, session: OnlineSession, answer: RegistrarAnswer): void {
    const { link, as } = claim;
    const isWaiting = link.phase === "checking";
    switch (answer.outcome) {
      case "done":
        if (isWaiting && !claim.isVoid && as.mayEnter()) {
          return this.#enter(claim, session, answer.heard);
        }
        this.#release(session.id, 0, as.isGuest ? null : answer.heard);
        if (isWaiting && claim.isVoid) as.refuse("bad-credentials");
        return;
      case "taken":
        claim.triesLeft -= 1;
        if (!isWaiting) return;
        if (this.#isSuperseded(claim)) return this.close(link, "there is a later link");
        if (claim.triesLeft > 0) return this.#claim(claim, answer.by);
        return as.refuse("engine", undefined, ENGINE_RETRY_MS);
      case "before": // of broadcasts alone, and of counts
      case "unknown":
      case "too-many":
      case "wrong":
        if (!isWaiting) return;
        if (as.isGuest) return as.refuse("name-taken");
        return as.refuse("bad-credentials");
      case "away":
        if (isWaiting) as.refuse("engine", undefined, ENGINE_RETRY_MS);
    }
  }

  /** Whether its program has come in on a later link meanwhile: this one is given up, or is about to be. */
  #isSuperseded({ link, folded }: Claim): boolean {
    const client = this.parts.sessions.named(folded);
    return client !== null && client.link.isOfSameProcess(link) && client.link.id > link.id;
  }

  /** The account has these devices now: clients with others that are on their way in aren't let in. */
  accountChanged(account: FoldedName, keys: readonly Fingerprint[]): void {
    for (const claim of this.#claims) {
      const isIts = claim.folded === account && !claim.as.isGuest;
      if (isIts && !keys.includes(fingerprintOf(claim.link.peer))) claim.isVoid = true;
    }
  }

  #release(session: string, heldMs: number, through: number | null): void {
    this.parts.out.order({ order: "release", session, heldMs, through });
  }

  /** @param accountHeard Up to which number the account has the broadcasts, as other instances know. */
  #enter({ link, enter, as }: Claim, session: OnlineSession, accountHeard: number): void {
    const { name, isGuest, isRemembered } = as;
    const { out, links, sessions, others, presence, broadcasts, deliveries, telling } = this.parts;
    const folded = foldName(name);
    const { peer: key, process } = link;
    const guestsThrough = this.guestsThrough({ name, key }) ??
      others.guestsBefore(folded, { key, process }, out.nowMs);
    const isTakenOver = this.#displace(link, folded);
    others.remove(folded, out.nowMs);
    links.enter(link, "in", out.nowMs);
    const { store } = broadcasts;
    const seen = this.#seen(enter);
    // A guest that was in a moment ago continues where it was; another one gets nothing from before.
    const before = isGuest ? guestsThrough ?? broadcasts.stored : broadcasts.stored;
    // A client that has an account now was told less as a guest: what it says it has had counts.
    const heard = Math.max(seen, isGuest ? guestsThrough ?? 0 : accountHeard);
    const had = isGuest ? Math.max(before, heard) : telling.comesIn(folded, heard);
    const toClient = this.parts.randomBytes(32);
    const toDirectory = this.parts.randomBytes(32);
    const index = this.#newIndex();
    const path = new DatagramPath(index, toClient, toDirectory);
    const address = new ProvenAddress(path, this.parts.randomBytes);
    const { port } = enter;
    const { id, rank, sinceMs } = session;
    const times = { sinceMs, enteredMs: out.monotonicMs };
    const asksForList = enter.lists === "asked";
    const facts = { name, isGuest, port, address, ...times, rank, session: id, asksForList };
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
    const { addresses } = others;
    if (addresses.length > 0) {
      out.send(link.id, { type: "instances", because: "in", addresses });
    }
    client.isBusy = enter.busy;
    presence.changed(client);
    presence.tell();
    if (!isTakenOver) out.show({ event: "login", name, guest: isGuest });
    deliveries.pump(client);
    telling.comesBack(client);
  }

  /**
   * A client that comes back keeps its rank. New ranks follow the wall clock, so that they rise over restarts of the
   * directory.
   */
  #rank({ how, rank }: Enter): number {
    const { out, others: { highestRank }, wallMs } = this.parts;
    const comesBack = rank > 0 && (how === "resume" || how === "guest");
    if (!comesBack) {
      return this.#lastRank = Math.max(this.#lastRank + 1, highestRank + 1, wallMs());
    }
    // Another instance may have given it, and told us of it no more.
    const last = this.#lastRank;
    return Math.min(rank, out.isAlone ? last : Math.max(last, highestRank, wallMs()));
  }

  /**
   * Whether the client came back by itself, after a lost link, and finds a later program in its place; then it is
   * told so: otherwise two running programs would take the place from each other for ever. It may have been away when
   * the later one came, and not have heard of it. After a restart of the directory the earlier one may come back
   * first: ranks from before the restart tell which is later.
   */
  #isReplaced(link: ClientLink, { how, rank, name }: Enter, present: Present): boolean {
    const { sessions, out } = this.parts;
    if (present.isHeld || isOfProgram(present, link)) return false;
    const comesBack = present.isGuest
      ? how === "guest" && (rank > 0 || sessions.wasGuest(foldName(name), link))
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
   * @returns Whether it was an earlier link of the same program.
   */
  #displace(link: ClientLink, name: FoldedName): boolean {
    const previous = this.parts.sessions.named(name);
    if (previous === null) return false;
    const isTakenOver = previous.link.isOfSameProcess(link);
    if (isTakenOver) {
      this.gone(previous, null);
      this.close(previous.link, "there is a later link");
    } else this.#replace(previous, link.peer);
    return isTakenOver;
  }

  /** Up to where a guest that is, or was a moment ago, in here has heard broadcasts; null: there is no such guest. */
  guestsThrough({ name, key }: Pick<OnlineSession, "key" | "name">): number | null {
    const { sessions, out } = this.parts;
    const folded = foldName(name);
    const client = sessions.named(folded);
    if (client !== null) {
      return client.isGuest && client.key === key ? client.delivery.through : null;
    }
    const held = sessions.held.get(folded, out.nowMs);
    return held?.key === key ? held.through : null;
  }

  #replace(previous: Client, by: PeerKey): void {
    if (previous.key !== by && previous.isGuest) {
      this.gone(previous, "replaced");
      this.close(previous.link, "an account has the name now");
    } else this.dismiss(previous, "replaced", REPLACED_TEXT);
  }

  /** Another instance has let in that session: ours of its name isn't in any more. */
  replacedBy(session: OnlineSession): void {
    const previous = this.parts.sessions.named(foldName(session.name));
    if (previous === null) return;
    if (!isOfProgram(session, previous.link)) return this.#replace(previous, session.key);
    this.gone(previous, "lost");
    this.close(previous.link, "there is a later link");
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
    const isHeld = client.isGuest && sessions.held.get(client.folded, out.nowMs) !== null;
    const through = client.isGuest ? null : client.delivery.through;
    calls.gone(client, reason);
    this.#release(client.session, isHeld ? GUEST_HELD_MS : 0, through);
    telling.gone(client, reason);
    presence.left(client);
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

/** Whether that session is of the program at the other end of the link. */
function isOfProgram({ key, process }: Present, link: ClientLink): boolean {
  return key === link.peer && process === link.process;
}

const REPLACED_TEXT = "You have come in from somewhere else";
