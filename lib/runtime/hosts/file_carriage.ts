/**
 * Files beside what a mode's machine says: the same in every mode that carries them. The machine says who may be sent
 * files, each over which link; here their frames are told from the machine's, and files are told of the links.
 */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { OFFENDER_BAN_MS } from "../../base/machine/mode_limits.ts";
import {
  NEWS_BURST as EARLY_MAX,
  OFFER_BYTES_MAX,
  TRANSFER_CODES,
} from "../../protocols/transfer/limits.ts";
import type { Links, Queue } from "../../transport/link.ts";
import type { OpenLinks } from "../open_links.ts";

/** Files, which go between people beside what the mode's machine says. */
export interface CarriedFiles {
  /** Who may be sent files at this moment, each by which link. */
  peers(links: ReadonlyMap<PeerKey, LinkId>): void;
  /** A message about files, from one of them. */
  frame(peer: PeerKey, body: Uint8Array): void;
  /** All bulk sent to the peer has left. */
  drained(peer: PeerKey): void;
}

/** What files need of the mode's host. */
export interface FrameCarrier {
  /** To one of those who may be sent files; to nobody else. */
  sendTo(peer: PeerKey, bytes: Uint8Array, lane: Queue | "bulk"): void;
  penalise(peer: PeerKey, text: string): void;
  /** Links are wanted to these, and to any others where one of those may have a file: see `TransferEffect`. */
  seek(holders: readonly PeerKey[], others: boolean): void;
}

interface FileCarriagePorts {
  readonly files: CarriedFiles;
  readonly links: Pick<Links, "send">;
  readonly openLinks: Pick<OpenLinks<never>, "all" | "ban">;
  /** Who may be sent files, after the machine's latest step. */
  recipients(): ReadonlyMap<PeerKey, LinkId>;
  /** A frame about files went over this link, in either direction; `isContent`: we asked for content, or it was sent. */
  carried?(link: LinkId, isContent: boolean): void;
  /** See `FrameCarrier`. */
  seek?(holders: readonly PeerKey[], others: boolean): void;
}

export class FileCarriage implements FrameCarrier {
  #peers: ReadonlyMap<PeerKey, LinkId> = new Map();
  /** Whether the machine has made a step since it was last asked. */
  #mayDiffer = false;
  /** About files, from those who know of us before we know of them: as many of each link as are looked at in a burst. */
  readonly #early = new Map<LinkId, Uint8Array[]>();

  constructor(readonly ports: FileCarriagePorts) {}

  /** The machine, each step of which may change who is sent files: that is asked once a turn, or before a frame goes. */
  around<Input, Effect>(machine: Machine<Input, Effect>): Machine<Input, Effect> {
    return {
      step: (input, nowMs) => {
        if (!this.#mayDiffer) {
          this.#mayDiffer = true;
          queueMicrotask(() => this.#look());
        }
        return machine.step(input, nowMs);
      },
      nextDeadlineMs: () => machine.nextDeadlineMs(),
    };
  }

  sendTo(peer: PeerKey, bytes: Uint8Array, lane: Queue | "bulk"): void {
    this.#look();
    const link = this.#peers.get(peer);
    if (link === undefined) return;
    this.ports.carried?.(link, lane === "bulk" || lane === "control");
    this.ports.links.send(link, bytes, lane);
  }

  seek(holders: readonly PeerKey[], others: boolean): void {
    this.ports.seek?.(holders, others);
  }

  penalise(peer: PeerKey, text: string): void {
    const links = [...this.ports.openLinks.all].filter(([, info]) => info.peer === peer);
    for (const [link] of links) this.ports.openLinks.ban(link, text, OFFENDER_BAN_MS);
  }

  bulkDrained(link: LinkId): void {
    const peer = this.ports.openLinks.all.get(link)?.peer;
    if (peer !== undefined && this.#peers.get(peer) === link) this.ports.files.drained(peer);
  }

  linkDown(link: LinkId): void {
    this.#early.delete(link);
  }

  /** Whether a message that the machine doesn't know is about files; from anybody who isn't sent any, it waits. */
  takes(link: LinkId, code: number, body: Uint8Array): boolean {
    if (code < TRANSFER_CODES.first || code > TRANSFER_CODES.last) return false;
    this.#look();
    const peer = this.ports.openLinks.all.get(link)?.peer;
    if (peer !== undefined && this.#peers.has(peer)) {
      this.ports.carried?.(link, code >= TRANSFER_CODES.content);
      this.ports.files.frame(peer, body);
    } else this.#keep(link, body);
    return true;
  }

  #keep(link: LinkId, body: Uint8Array): void {
    const early = this.#early.get(link) ?? [];
    if (early.length < EARLY_MAX && body.length <= OFFER_BYTES_MAX) early.push(body.slice());
    this.#early.set(link, early);
  }

  /** Asks who may be sent files, if that may have changed, and tells files where it has. */
  #look(): void {
    if (!this.#mayDiffer) return;
    this.#mayDiffer = false;
    const before = this.#peers;
    const links = this.ports.recipients();
    const isSame = links.size === before.size &&
      links.entries().every(([peer, link]) => before.get(peer) === link);
    if (isSame) return;
    this.#peers = links;
    this.ports.files.peers(links);
    for (const [peer, link] of links) {
      for (const body of this.#early.get(link) ?? []) this.ports.files.frame(peer, body);
      this.#early.delete(link);
    }
  }
}
