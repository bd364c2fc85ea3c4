/**
 * Files between people. Ann offers one: its digest is computed, and a small signed offer goes to Bob, or to all of a
 * room, where each passes it on once. Bob takes it: he asks those that he has links to who has it, asks each of them for
 * leaves as far as he has room, checks each leaf by its proof, and writes it. Whoever has leaves, has their proofs, and
 * serves them too: Ann may leave. What is on Bob's disk is known after a kill by a bit for each leaf, written behind a
 * sync; where that can't be trusted, the leaves are checked again.
 *
 * - `offers.ts`: which offers are open? Bounded for each person, so that a flood of them costs nothing.
 * - `offering.ts`: which own files are about to be offered?
 * - `downloads.ts`: which files are fetched, and how many more may be?
 * - `downloading.ts`, with `holders.ts`: which leaves are here, and whom do we ask for the others?
 * - `queued.ts`: which are to be fetched once there is room?
 * - `serving.ts`: what have others asked of us, and which lane has room for it?
 *
 * A request is the credit for so many leaves, in the receiver's hand; the adapter says when a lane has room: chat goes
 * first. Who sends a leaf without credit is cut off. A peer that stalls is left for another one, one that sends a wrong
 * leaf for good. Nothing is fetched that the user's bound for all files has no room for.
 *
 * From others come: the tree of BitTorrent v2 (BEP 52), but as Certificate Transparency shapes it, with proofs that
 * travel beside each leaf as in Bao, so that a receiver keeps no hashes; requests as in Syncthing's block exchange.
 */

import type { Environment } from "../../base/machine/environment.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { safeFileName } from "./file_names.ts";
import type { OfferId, PeerKey } from "../../base/ids.ts";
import { Agenda, earliestMs, type Machine } from "../../base/machine/machine.ts";
import { Pending } from "../../base/machine/pending.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import type { Download, DownloadOutcome } from "./downloading.ts";
import { Downloads, type DownloadsPort } from "./downloads.ts";
import { toldOf, type TransferCommand, type TransferEvent, type TransferReason } from "./events.ts";
import { Fetched } from "./fetched.ts";
import {
  NEWS_BURST,
  NEWS_PER_S,
  OFFERS_EACH_MAX,
  QUEUED_LEAVES_MAX,
  REMEMBERED_MAX,
  SHARES_MAX,
  WANTS_BURST,
  WANTS_PER_S,
} from "./limits.ts";
import {
  type LeafMessage,
  type SignedOffer,
  type TransferMessage,
  type Withdrawal,
} from "./messages.ts";
import { leavesOf } from "./merkle.ts";
import { NewsQueue } from "./news_queue.ts";
import { Offering, type OfferingPort } from "./offering.ts";
import {
  isWithdrawal,
  offerId,
  OfferTable,
  type OpenOffer,
  withdrawalSignature,
} from "./offers.ts";
import { Queued } from "./queued.ts";
import { Serving, type ServingPort } from "./serving.ts";
import { Sought } from "./sought.ts";
import { isFor, Shares } from "./sharing.ts";
import type { Following, TransferConfig, TransferEffect, TransferInput } from "./transfer_io.ts";

/** A link to somebody. */
class Peer {
  readonly news = new TokenBucket(NEWS_PER_S, NEWS_BURST);
  readonly wants = new TokenBucket(WANTS_PER_S, WANTS_BURST);

  /** @param credit Leaves that it may still send. */
  constructor(readonly told: NewsQueue, public credit: number) {}
}

/** An open offer as the user's list has it. */
export interface ListedFile {
  readonly offer: OpenOffer;
  /** `here`: it is one's own, or was received. */
  readonly state: "offered" | "fetching" | "here";
  /** It is to be fetched once there is room. */
  readonly waits?: true;
  /** How many of it are here and checked. */
  readonly bytes: number;
}

/** A file that somebody is fetching of us. */
export interface ServedOffer {
  readonly peer: PeerKey;
  readonly offer: OpenOffer;
  readonly percent: number;
}

type CommandOf<Name extends TransferCommand["command"]> = Extract<
  TransferCommand,
  { readonly command: Name }
>;

type MessageFrom<Type extends TransferMessage["type"]> = Extract<
  TransferMessage,
  { readonly type: Type }
>;

export class Transfers
  implements Machine<TransferInput, TransferEffect>, DownloadsPort, ServingPort, OfferingPort {
  readonly crypto;
  readonly random;
  readonly #self: PeerKey;
  readonly #offers: OfferTable;
  readonly #shares: Shares;
  readonly #downloads: Downloads;
  readonly #queued: Queued;
  readonly #serving = new Serving(this);
  readonly #offering = new Offering(this);
  readonly #peers = new Map<PeerKey, Peer>();
  /** Files for our user alone whose sender couldn't be reached for long, each with the name under which it is saved. */
  readonly #left = new Map<OfferId, string>();
  /** Leaves asked for over links that are gone: where there were two to one peer, they may come over the other one. */
  readonly #owed = new Map<PeerKey, number>();
  /** Offers for one alone that were taken back while there was no link to that one, who is told with the next. */
  readonly #untold = new Map<MessageFrom<"withdraw">, PeerKey>();
  readonly #sought: Sought;
  readonly #fetched = new Fetched();
  readonly #pending = new Pending<Following>();
  readonly #agenda: Agenda;
  #effects: TransferEffect[] = [];
  #nowMs = 0;

  constructor(readonly environment: Environment, readonly config: TransferConfig) {
    this.crypto = environment.crypto;
    this.random = environment.random;
    this.#self = config.signer.key;
    this.#downloads = new Downloads(this, config.filesBytesMax, config.receivedBytes);
    this.#shares = new Shares(this.#self);
    this.#sought = new Sought(this.#downloads);
    const offers = {
      isKept: (id: OfferId) =>
        this.#shares.has(id) || this.#left.has(id) || this.#downloads.get(id) !== undefined,
      hasPart: (id: OfferId) => this.#downloads.hasPart(id),
      ended: (offer: OpenOffer, text: string) => this.#offerEnded(offer, text),
    };
    const { context, standingOf } = config;
    this.#offers = new OfferTable(this.crypto, context, this.#self, offers, standingOf);
    this.#queued = new Queued({
      offered: (file) => this.#offers.get(file),
      comesFirst: ({ value: { from } }) => (standingOf?.(from) ?? "known") === "known",
      hasPlace: ({ value: { from } }) => this.#downloads.isFetchedFrom(from),
      begin: (offer, name, mayPush) => this.#beginQueued(offer, name, mayPush),
      unservedMs: () => this.#downloads.unservedMs(),
    });
    const news = { nextMs: () => this.#newsMs(), tick: (nowMs: number) => this.#tellNews(nowMs) };
    this.#agenda = new Agenda([this.#downloads, this.#offers, news, this.#queued]);
  }

  /** Leaves in memory or asked for; offers; requests to the disk: for tests of what is bounded. */
  get held(): { readonly leaves: number; readonly offers: number; readonly requests: number } {
    const leaves = this.#serving.heldLeaves + this.#downloads.heldLeaves;
    return { leaves, offers: this.#offers.size, requests: this.#pending.size };
  }

  /** All open offers, in the order in which they came. */
  get list(): readonly ListedFile[] {
    return this.#offers.all().map((offer) => {
      const download = this.#downloads.get(offer.id);
      if (download !== undefined) return { offer, state: "fetching", bytes: download.bytes };
      if (this.#shares.has(offer.id)) return { offer, state: "here", bytes: offer.value.size };
      return {
        offer,
        state: "offered",
        bytes: 0,
        ...this.#queued.has(offer.id) ? { waits: true } : {},
      };
    });
  }

  /** Who fetches which file of us now, and how many percent of it were sent over this link: less than all. */
  served(nowMs: number): readonly ServedOffer[] {
    return this.#serving.served(nowMs).flatMap(({ peer, file, leaves }) => {
      const offer = this.#offers.get(file);
      const all = offer === undefined ? 0 : leavesOf(offer.value.size);
      return offer === undefined || leaves >= all
        ? []
        : [{ peer, offer, percent: Math.floor(100 * leaves / all) }];
    });
  }

  /** The time of the present step. */
  get nowMs(): number {
    return this.#nowMs;
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  step(input: TransferInput, nowMs: number): readonly TransferEffect[] {
    this.#nowMs = nowMs;
    this.#take(input, nowMs);
    this.#queued.pump();
    this.#makeHeadway();
    const sought = this.#sought.changed();
    if (sought !== null) this.emit({ type: "seek", ...sought });
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #take(input: TransferInput, nowMs: number): void {
    switch (input.type) {
      case "peer-up":
        return this.#peerUp(input.peer, nowMs);
      case "peer-down":
        return this.#peerDown(input.peer, nowMs);
      case "message": {
        const peer = this.#peers.get(input.from);
        return peer === undefined
          ? undefined
          : this.#message(input.from, peer, input.message, nowMs);
      }
      case "bulk-drained":
        return this.#serving.drained(input.peer);
      case "restore":
        return this.#restore(input, nowMs);
      case "gone":
        return this.#gone(input.file, input.text);
      case "begun":
      case "hashed":
      case "kept":
      case "read":
      case "written":
      case "synced":
      case "renamed":
      case "finished":
        return this.#pending.take(input.token)?.done(input, nowMs);
      case "disk-failed":
        return this.#pending.take(input.token)?.failed(input.text, nowMs);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#agenda.tick(nowMs);
    }
  }

  // What the parts need.

  emit(effect: TransferEffect): void {
    this.#effects.push(effect);
  }

  token(following: Following): number {
    return this.#pending.add(following);
  }

  send(to: PeerKey, message: Exclude<TransferMessage, LeafMessage>): void {
    const peer = this.#peers.get(to);
    if (peer === undefined) return;
    if (message.type === "offer" || message.type === "withdraw") {
      return peer.told.push(message, this.#nowMs);
    }
    this.emit({ type: "send", to, message });
  }

  #newsMs(): number | null {
    let next: number | null = null;
    for (const { told } of this.#peers.values()) next = earliestMs(next, told.dueMs(this.#nowMs));
    return next;
  }

  #tellNews(nowMs: number): void {
    for (const { told } of this.#peers.values()) told.pump(nowMs);
  }

  peers(): readonly PeerKey[] {
    return [...this.#peers.keys()];
  }

  granted(peer: PeerKey, leaves: number): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.credit += leaves;
  }

  progressed({ offer: { number }, bytes }: Download): void {
    this.show({ event: "transfer", file: number, state: "progress", bytes });
  }

  ended(download: Download, outcome: DownloadOutcome): void {
    this.#downloads.ended(download, outcome);
    this.#queued.ended();
  }

  received(offer: OpenOffer): void {
    this.#share(offer);
    this.#fetched.received(offer);
    const { from, to } = offer.value;
    if (this.#peers.has(from)) this.#tellFetched(from);
    else if (to !== null) this.#sought.untold.add(from);
  }

  discard(file: OfferId): void {
    this.#downloads.settled(file);
    this.emit({ type: "discard", file });
  }

  #tellFetched(sender: PeerKey): void {
    for (const file of this.#fetched.takeFor(sender)) {
      this.send(sender, { type: "have", file, leaves: null });
    }
  }

  failed(offer: OpenOffer, reason: TransferReason, name: string): void {
    this.#serving.stop(offer.id);
    if (reason === "no-holder" && offer.value.to !== null) this.#left.set(offer.id, name);
    if (reason !== "withdrawn" && reason !== "changed") return;
    // What nobody has any more isn't fetched again.
    this.discard(offer.id);
    this.#offers.withdraw(offer);
  }

  servable(peer: PeerKey, file: OfferId, leaf: number): OpenOffer | null {
    const offer = this.#offers.get(file);
    if (offer === undefined || !isFor(offer, peer, this.#isRefused(peer))) return null;
    return this.#shares.has(file) || this.#downloads.get(file)?.has(leaf) ? offer : null;
  }

  spoilt(offer: OpenOffer, reason: "changed" | "disk", text: string): void {
    this.environment.log.warn("a file can't be served", { reason, text });
    const waiting = this.#serving.stop(offer.id);
    for (const peer of waiting) this.send(peer, { type: "lack", file: offer.id, reason });
    const download = this.#downloads.get(offer.id);
    if (download !== undefined) {
      download.stop();
      return this.ended(download, { state: "failed", reason: "disk", text });
    }
    this.#shares.delete(offer.id);
    this.emit({ type: "forget", file: offer.id });
    if (offer.value.from !== this.#self) return this.#offers.forget(offer);
    this.#withdraw(offer, "changed");
    this.show({
      event: "transfer",
      file: offer.number,
      state: "failed",
      bytes: 0,
      ...toldOf(reason, text),
    });
  }

  // Links.

  #peerUp(peer: PeerKey, nowMs: number): void {
    if (this.#peers.has(peer)) this.#peerDown(peer, nowMs);
    const told = new NewsQueue((message) => this.emit({ type: "send", to: peer, message }));
    this.#peers.set(peer, new Peer(told, this.#owed.get(peer) ?? 0));
    this.#owed.delete(peer);
    this.#sought.untold.delete(peer);
    for (const [withdrawal, to] of this.#untold) {
      if (to === peer && this.#untold.delete(withdrawal)) this.send(peer, withdrawal);
    }
    // Who comes later hears of what is for all from anybody, as those who were here did.
    const others = this.#offers.all().filter(({ id, value: { to } }) =>
      to === null && !this.#shares.has(id)
    );
    for (const { id, signed } of [...this.#shares.for(peer, this.#isRefused(peer)), ...others]) {
      // Of what has ended, and is still held here, nobody is told who would be told at once that it can't be had.
      if (!this.#offers.hasEnded(id)) this.send(peer, { type: "offer", offer: signed });
    }
    this.#downloads.peerUp(peer, nowMs);
    this.#tellFetched(peer);
    this.#fetchLeft(peer);
    this.#queued.peerUp(peer);
  }

  /** Who alone has these files is back: they are fetched on. */
  #fetchLeft(peer: PeerKey): void {
    for (const [id, name] of this.#left) {
      const offer = this.#offers.get(id);
      if (offer === undefined) this.#left.delete(id);
      else if (offer.value.from === peer && this.#start(offer, name, false) === null) {
        this.#left.delete(id);
      }
    }
  }

  #peerDown(peer: PeerKey, nowMs: number): void {
    const credit = this.#peers.get(peer)?.credit ?? 0;
    this.#peers.delete(peer);
    if (credit > 0) {
      this.#owed.set(peer, Math.min(credit, QUEUED_LEAVES_MAX));
      dropOldest(this.#owed, REMEMBERED_MAX);
    }
    this.#serving.gone(peer);
    this.#downloads.peerDown(peer, nowMs);
  }

  #message(from: PeerKey, peer: Peer, message: TransferMessage, nowMs: number): void {
    switch (message.type) {
      case "offer":
        if (peer.news.take(nowMs)) this.#offered(message.offer, from, nowMs);
        return;
      case "withdraw":
        if (peer.news.take(nowMs)) this.#taken(message, from, nowMs);
        return;
      case "want":
        if (peer.wants.take(nowMs)) this.#wanted(from, message.file);
        return;
      case "have":
        if (message.leaves === null) this.#hasFetched(from, message.file);
        return this.#downloads.get(message.file)?.have(from, message.leaves, nowMs);
      case "lack":
        return this.#downloads.get(message.file)?.lack(from, message.reason, nowMs);
      case "request":
        return this.#requested(from, message);
      case "release":
        return this.#serving.release(from, message.file);
      case "leaf":
        return this.#leaf(from, peer, message, nowMs);
    }
  }

  #leaf(from: PeerKey, peer: Peer, message: LeafMessage, nowMs: number): void {
    if (peer.credit === 0) {
      const text = "it sent a part of a file that it wasn't asked for";
      return this.emit({ type: "penalise", peer: from, text });
    }
    peer.credit--;
    this.#downloads.get(message.file)?.leaf(from, message, nowMs);
  }

  #wanted(from: PeerKey, file: OfferId): void {
    const offer = this.#offers.get(file);
    const leaves = this.#shares.has(file) ? null : this.#downloads.get(file)?.leaves();
    const isTheirs = offer !== undefined && isFor(offer, from, this.#isRefused(from));
    if (isTheirs && leaves !== undefined) this.send(from, { type: "have", file, leaves });
    else this.send(from, { type: "lack", file, reason: "unknown" });
  }

  /** Then no file for that one alone goes there, whenever it was offered. */
  #isRefused(peer: PeerKey): boolean {
    return this.#offers.standingOf(peer) === "refused";
  }

  /** Somebody has all of a file: where it is one of ours, our user is told. */
  #hasFetched(from: PeerKey, file: OfferId): void {
    // Of what it had before it was started again nothing counts as sent.
    this.#serving.release(from, file);
    const offer = this.#offers.get(file);
    if (offer?.value.from !== this.#self || !isFor(offer, from)) return;
    if (!this.#fetched.isNews(file, from)) return;
    const { number, value: { size } } = offer;
    this.show({ event: "transfer", file: number, state: "done", bytes: size, to: from });
  }

  #requested(from: PeerKey, { file, first, count }: MessageFrom<"request">): void {
    const reason = this.#serving.request(from, file, first, count);
    if (reason !== null) this.send(from, { type: "lack", file, reason });
  }

  // Offers.

  #offered(signed: SignedOffer, from: PeerKey, nowMs: number): void {
    const offer = this.#offers.heard(signed, from, nowMs);
    if (typeof offer === "string") {
      // A later copy of what is open, too, goes this way.
      this.environment.log.debug("an offer isn't taken", { reason: offer });
      if (["withdrawn", "own", "known"].includes(offer)) this.#tellWithdrawn(signed, from);
      return;
    }
    this.#showOffer(offer);
    if (offer.value.to !== null) return;
    for (const peer of this.#peers.keys()) {
      if (peer !== from) this.send(peer, { type: "offer", offer: offer.signed });
    }
  }

  /** It isn't open any more: what is here of it goes, too, and the user is told where it waited. */
  #offerEnded(offer: OpenOffer, text: string): void {
    if (!this.#giveUp(offer.id)) return;
    const failed = { state: "failed", bytes: 0, reason: "no-holder", text } as const;
    this.show({ event: "transfer", file: offer.number, ...failed });
  }

  /** Whoever was away when an offer was taken back would go on passing it on, to those who come later above all. */
  #tellWithdrawn(signed: SignedOffer, peer: PeerKey): void {
    const withdrawal = this.#offers.withdrawalOf(signed);
    if (withdrawal !== undefined) this.send(peer, withdrawal);
  }

  /** An offer is taken back. */
  #taken({ file, reason, signature }: MessageFrom<"withdraw">, from: PeerKey, nowMs: number): void {
    const offer = this.#offers.get(file);
    if (offer === undefined || offer.value.from === this.#self) return;
    if (!isWithdrawal(this.crypto, offer.value.from, file, reason, signature)) return;
    const withdrawal = { type: "withdraw", file, reason, signature } as const;
    // Those who have a changed file keep it, and would tell each other for ever.
    if (!this.#offers.noteWithdrawal(withdrawal)) return;
    this.#pass(offer, withdrawal, from);
    const download = this.#downloads.get(file);
    this.#giveUp(file);
    if (reason === "changed") {
      // What others have of it is as it was offered.
      const isHere = this.#shares.has(file);
      if (isHere || download !== undefined) this.emit({ type: "changed", file, signature });
      if (download !== undefined) return download.changed(nowMs);
      if (!isHere) this.#lost(offer, reason);
      return;
    }
    if (download !== undefined) return download.withdrawn();
    this.#serving.stop(file);
    if (!this.#shares.delete(file)) return this.#lost(offer, "withdrawn");
    this.emit({ type: "forget", file });
    this.#offers.withdraw(offer);
  }

  /**
   * It isn't to be fetched later; unless it is being fetched, what is here of it is deleted.
   * @returns Whether it was to be, or was begun, and isn't being fetched.
   */
  #giveUp(file: OfferId): boolean {
    const wasLeft = this.#left.delete(file);
    const wasQueued = this.#queued.delete(file);
    if (this.#downloads.get(file) !== undefined) return false;
    const waited = wasLeft || wasQueued || this.#downloads.isBegun(file);
    if (waited) this.discard(file);
    return waited;
  }

  /** An offer that the user was shown, and hasn't fetched, is no more. */
  #lost(offer: OpenOffer, reason: TransferReason): void {
    this.#offers.withdraw(offer);
    this.show({ event: "transfer", file: offer.number, state: "failed", bytes: 0, reason });
  }

  #pass(offer: OpenOffer, message: MessageFrom<"withdraw">, from: PeerKey | null): void {
    for (const peer of this.#peers.keys()) {
      if (peer !== from && isFor(offer, peer)) this.send(peer, message);
    }
  }

  #withdraw(offer: OpenOffer, reason: Withdrawal): void {
    const signature = withdrawalSignature(this.config.signer, this.crypto, offer.id, reason);
    const withdrawal = { type: "withdraw", file: offer.id, reason, signature } as const;
    this.#offers.noteWithdrawal(withdrawal);
    this.#pass(offer, withdrawal, null);
    this.#sought.keep(this.#shares.receivers());
    this.#offers.withdraw(offer);
    const { to } = offer.value;
    if (to === null || this.#peers.has(to)) return; // who passes on what is for all is told then
    this.#untold.set(withdrawal, to);
    dropOldest(this.#untold, REMEMBERED_MAX);
  }

  #share(offer: OpenOffer): void {
    if (this.#shares.size >= SHARES_MAX) {
      const oldest = this.#shares.oldestReceived();
      if (oldest === undefined) return;
      this.#shares.delete(oldest.id);
      this.#serving.stop(oldest.id);
      this.#offers.forget(oldest);
      this.emit({ type: "forget", file: oldest.id });
    }
    this.#shares.add(offer);
    const { from, to } = offer.value;
    if (from !== this.#self) this.#offers.settle(offer);
    else if (to !== null && !this.#peers.has(to)) this.#sought.untold.add(to);
  }

  #restore(input: Extract<TransferInput, { readonly type: "restore" }>, nowMs: number): void {
    const offer = this.#offers.add(input.offer, nowMs, true);
    if (typeof offer === "string") {
      this.environment.log.warn("a file isn't taken up again", { reason: offer });
      const isTooMuch = input.kind === "part" && offer === "too-many-offers";
      return isTooMuch ? this.discard(offerId(this.crypto, input.offer)) : undefined;
    }
    const { kind, name, path, changed: signature } = input;
    if (signature !== undefined) {
      const file = offer.id;
      this.#offers.noteWithdrawal({ type: "withdraw", file, reason: "changed", signature });
    }
    this.#showOffer(offer);
    if (kind === "part") return this.#resume(offer, name, input.bytes ?? 0);
    if (path === undefined) return this.#share(offer);
    this.received(offer);
    const { number: file, value: { size: bytes } } = offer;
    this.show({ event: "transfer", file, state: "done", bytes, path });
  }

  /** An earlier process may have begun more than there is room for: these wait. */
  #resume(offer: OpenOffer, name: string | null, bytes: number): void {
    this.#downloads.left(offer, bytes);
    if (!this.#beginQueued(offer, name, false)) this.#wait(offer, name);
  }

  /** It is fetched once there is room: where that isn't now, the user is told so. */
  #wait(offer: OpenOffer, name: string | null): void {
    this.#queued.add(offer, name);
    this.#queued.pump();
    if (!this.#queued.has(offer.id)) return;
    const waits = { state: "failed", bytes: 0, reason: "waits" } as const;
    this.show({ event: "transfer", file: offer.number, ...waits });
  }

  #gone(file: OfferId, text: string): void {
    const offer = this.#offers.get(file);
    if (offer !== undefined) this.spoilt(offer, "disk", text);
  }

  // The user.

  #command(command: TransferCommand, ref: string | undefined): void {
    switch (command.command) {
      case "send":
        return this.#offering.send(command, ref);
      case "get":
        return this.#get(command, ref);
      case "cancel":
        return this.#cancel(command.file, ref);
    }
  }

  made(signed: SignedOffer, source: string, ref: string | undefined): void {
    const token = this.token({
      done: (_, nowMs) => this.#kept(signed, ref, nowMs),
      failed: (text) => this.refuse("disk", `The file can't be offered: ${text}`, ref),
    });
    this.emit({ type: "keep", token, file: offerId(this.crypto, signed), source, offer: signed });
  }

  /** Whoever is told of it now can rely on it, also after a kill. */
  #kept(signed: SignedOffer, ref: string | undefined, nowMs: number): void {
    const offer = this.#offers.add(signed, nowMs);
    if (typeof offer === "string") {
      if (offer === "known") return this.refuse("full", "This file was offered just now", ref);
      this.emit({ type: "forget", file: offerId(this.crypto, signed) });
      const isFast = offer === "too-fast";
      const text = isFast
        ? "Too many offers at once: wait some seconds, and send it again"
        : `No more than ${OFFERS_EACH_MAX} files can be offered at once: cancel one, or wait`;
      return this.refuse(isFast ? offer : "full", text, ref);
    }
    this.#share(offer);
    this.#showOffer(offer, ref);
    for (const peer of this.#peers.keys()) {
      if (isFor(offer, peer)) this.send(peer, { type: "offer", offer: offer.signed });
    }
  }

  #get({ file: number, as, waits }: CommandOf<"get">, ref: string | undefined): void {
    const offer = this.#offers.numbered(number);
    if (offer === undefined) {
      return this.refuse("no-such-entry", `There is no file ${number}: /files lists them`, ref);
    }
    if (this.#shares.has(offer.id)) {
      return this.refuse("usage", `The file ${number} is here already`, ref);
    }
    if (waits === true) this.#wait(offer, null);
    else this.#fetch(offer, ref, as);
  }

  #fetch(offer: OpenOffer, ref?: string, as?: string): void {
    const known = this.#left.get(offer.id) ?? this.#queued.nameOf(offer.id);
    const name = as === undefined ? known : safeFileName(as);
    const fault = this.#start(offer, name, true, ref);
    if (fault !== null) return this.refuse(...fault, ref);
    this.#left.delete(offer.id);
    this.#queued.delete(offer.id);
  }

  /** As `Downloads.start`. @param mayPush Whether files that nobody sends, and those beyond a sender's first, give way. */
  #start(offer: OpenOffer, name: string | null, mayPush: boolean, ref?: string) {
    for (;;) {
      const fault = this.#downloads.start(offer, name, ref);
      // The sender won't say so again.
      if (this.#offers.hasEnded(offer.id)) this.#downloads.get(offer.id)?.changed(this.#nowMs);
      const isOfNoUse = !mayPush || this.#downloads.isTooLarge(offer.value.size);
      if (fault === null || isOfNoUse) return fault;
      const unserved = this.#downloads.unserved(this.#nowMs);
      const pushed = unserved ?? this.#downloads.surplusFor(offer);
      if (pushed === undefined) return fault;
      if (unserved === undefined) {
        pushed.makeRoom();
        this.#queued.add(pushed.offer, pushed.name);
      } else {
        unserved.giveWay();
        this.#left.delete(unserved.offer.id);
        this.#queued.postpone(unserved.offer, unserved.name);
      }
    }
  }

  /** @returns False where it is to wait: others are being fetched, and once they are there may be room. */
  #beginQueued(offer: OpenOffer, name: string | null, mayPush: boolean): boolean {
    if (this.#shares.has(offer.id)) return true;
    const fault = this.#start(offer, name, mayPush);
    if (fault === null) this.#left.delete(offer.id);
    else if (this.#downloads.isTooLarge(offer.value.size)) this.refuse(...fault, undefined);
    else return false;
    return true;
  }

  /**
   * What is here of files that wait may leave no room for any of them: then the last ones are to begin anew, until there is
   * room for one that somebody may send.
   */
  #makeHeadway(): void {
    if (!this.#downloads.isIdle) return;
    const groups = this.#queued.waiting;
    const waiting = groups.flat();
    const isPossible = (offer: OpenOffer) =>
      this.#peers.has(offer.value.from) && this.#downloads.fitsWithout(offer, waiting);
    // The one of which most is here, so that little is lost; but of those that nobody sent only where there is no other.
    const [next] = groups.flatMap((files) =>
      files.flatMap((file) => this.#offers.get(file) ?? []).filter(isPossible)
        .toSorted((one, other) => this.#missing(one) - this.#missing(other))
    );
    if (next === undefined) return;
    for (const last of waiting.toReversed()) {
      if (this.#downloads.fitsWithout(next, [])) break;
      if (last !== next.id && this.#downloads.hasPart(last)) this.discard(last);
    }
    this.#queued.ended();
    this.#queued.pump();
  }

  #missing({ id, value: { size } }: OpenOffer): number {
    return size - this.#downloads.partBytes(id);
  }

  #cancel(number: number, ref: string | undefined): void {
    const offer = this.#offers.numbered(number);
    const download = offer && this.#downloads.get(offer.id);
    if (offer !== undefined && this.#giveUp(offer.id)) {
      return this.show({ event: "transfer", file: number, state: "cancelled", bytes: 0 }, ref);
    }
    if (offer === undefined) {
      return this.refuse("no-such-entry", `There is no file ${number}: /files lists them`, ref);
    }
    if (download === undefined && offer.value.from !== this.#self) {
      if (this.#shares.has(offer.id)) {
        return this.refuse("usage", `The file ${number} is here already`, ref);
      }
      const told = { state: "cancelled", bytes: 0, reason: "declined" } as const;
      return this.show({ event: "transfer", file: number, ...told }, ref);
    }
    this.#serving.stop(offer.id);
    if (download !== undefined) {
      this.#queued.ended();
      return this.#downloads.cancel(download, ref);
    }
    this.#shares.delete(offer.id);
    this.emit({ type: "forget", file: offer.id });
    this.#withdraw(offer, "cancelled");
    this.show({ event: "transfer", file: number, state: "cancelled", bytes: 0 }, ref);
  }

  #showOffer({ number, id, value, name }: OpenOffer, ref?: string): void {
    const { from, size, digest } = value;
    this.show({ event: "offer", file: number, id, from, name, size, digest }, ref);
  }

  refuse(code: ErrorCode, text: string, ref: string | undefined): void {
    this.show({ event: "error", code, text }, ref);
  }

  show(event: TransferEvent, ref?: string): void {
    this.emit({ type: "show", event, ref });
  }
}
