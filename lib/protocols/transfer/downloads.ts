/** The files that are fetched: a few at once, within the user's bound for all files, and what the user is told of them. */

import type { ErrorCode } from "../../base/errors.ts";
import type { OfferId, PeerKey } from "../../base/ids.ts";
import { Agenda, type Timed } from "../../base/machine/machine.ts";
import { fileNameText } from "../../base/text/text.ts";
import { numberText } from "../../base/text/words.ts";
import { Download, type DownloadOutcome, type DownloadPort } from "./downloading.ts";
import { toldOf, type TransferEvent, type TransferReason } from "./events.ts";
import { DOWNLOADS_MAX, FILE_BYTES_MIN, UNSERVED_MS } from "./limits.ts";
import type { OpenOffer } from "./offers.ts";

export interface DownloadsPort extends DownloadPort {
  show(event: TransferEvent, ref?: string): void;
  /** The file is here as a whole. */
  received(offer: OpenOffer): void;
  /** What is here of it is deleted. */
  discard(file: OfferId): void;
  /** The file came to nothing. @param name Under which it was to be saved. */
  failed(offer: OpenOffer, reason: TransferReason, name: string): void;
}

/** What a file of that size counts for. */
export function takenBytes(size: number): number {
  return Math.max(size, FILE_BYTES_MIN);
}

export class Downloads implements Timed {
  readonly #downloads = new Map<OfferId, Download>();
  /** How much there may be of those that were begun and aren't fetched now, bytes: open offers alone. */
  readonly #parts = new Map<OfferId, number>();

  /** @param receivedBytes Bytes of all files that were received so far. */
  constructor(
    readonly port: DownloadsPort,
    readonly filesBytesMax: number,
    private receivedBytes: number,
  ) {}

  /** Leaves in memory, or asked for. */
  get heldLeaves(): number {
    return this.#downloads.values().reduce((sum, { heldLeaves }) => sum + heldLeaves, 0);
  }

  get(file: OfferId): Download | undefined {
    return this.#downloads.get(file);
  }

  all(): Iterable<Download> {
    return this.#downloads.values();
  }

  /** An earlier process has left a part of it, of so many bytes. */
  left({ id }: OpenOffer, bytes: number): void {
    this.#parts.set(id, bytes);
  }

  /** Whether it was begun, and isn't fetched now: it has a place on the disk, though nothing may be there. */
  isBegun(file: OfferId): boolean {
    return this.#parts.has(file);
  }

  /** Whether it isn't here as a whole, and something of it may be. */
  hasPart(file: OfferId): boolean {
    return this.partBytes(file) > 0;
  }

  /** How much of it may be here while it isn't fetched. */
  partBytes(file: OfferId): number {
    return this.#parts.get(file) ?? 0;
  }

  /** Nothing of it is here any more, or all. */
  settled(file: OfferId): void {
    this.#parts.delete(file);
  }

  /** Whether a file of this size would be refused also where nothing else was fetched. */
  isTooLarge(size: number): boolean {
    return this.receivedBytes + takenBytes(size) > this.filesBytesMax;
  }

  /** When the one that has waited longest for a leaf has waited so long that it gives way; null where none waits. */
  unservedMs(): number | null {
    const since = this.#longestUnserved()?.unservedSinceMs ?? null;
    return since === null ? null : since + UNSERVED_MS;
  }

  /** One that nobody has sent anything of for so long; undefined where there is none. */
  unserved(nowMs: number): Download | undefined {
    const download = this.#longestUnserved();
    return download !== undefined && download.unservedSinceMs! + UNSERVED_MS <= nowMs
      ? download
      : undefined;
  }

  /** Whether any file that this one offers is being fetched. */
  isFetchedFrom(sender: PeerKey): boolean {
    return this.#downloads.values().some(({ offer }) => offer.value.from === sender);
  }

  /**
   * What gives way to this file of a sender of whom nothing is fetched: of those that another one has beyond one, the last
   * begun. So nobody takes all places, or all of what may be received, with files that come as slowly as he likes.
   * @returns Undefined where there is none such, or where all of them wouldn't make enough room.
   */
  surplusFor(offer: OpenOffer): Download | undefined {
    if (this.isFetchedFrom(offer.value.from)) return undefined;
    const senders = new Set<PeerKey>();
    let surplus: Download | undefined;
    let bytes = this.#bytesWith(offer);
    for (const download of this.#downloads.values()) {
      const { from: sender, size } = download.offer.value;
      if (senders.has(sender) && download.canGiveWay) {
        surplus = download;
        bytes -= takenBytes(size) - takenBytes(this.#partOf(download));
      }
      senders.add(sender);
    }
    return bytes <= this.filesBytesMax ? surplus : undefined;
  }

  get isIdle(): boolean {
    return this.#downloads.size === 0;
  }

  /** Whether there would be room for it, were nothing here of these others. */
  fitsWithout(offer: OpenOffer, others: Iterable<OfferId>): boolean {
    let bytes = this.#bytesWith(offer);
    for (const other of others) {
      if (other !== offer.id && this.isBegun(other)) bytes -= takenBytes(this.partBytes(other));
    }
    return bytes <= this.filesBytesMax;
  }

  /** What would have been received with this file: those under way count as a whole, others with what is here of them. */
  #bytesWith({ id: file, value: { size } }: OpenOffer): number {
    let bytes = this.receivedBytes + takenBytes(size);
    for (const { offer } of this.#downloads.values()) bytes += takenBytes(offer.value.size);
    for (const [id, part] of this.#parts) {
      if (id !== file && !this.#downloads.has(id)) bytes += takenBytes(part);
    }
    return bytes;
  }

  /** What stays of it where it gives way; until an earlier process's part is looked at, all that it may be. */
  #partOf({ offer: { id }, bytes, isChecked }: Download): number {
    return isChecked ? bytes : Math.max(bytes, this.partBytes(id));
  }

  #longestUnserved(): Download | undefined {
    let longest: Download | undefined;
    for (const download of this.#downloads.values()) {
      const since = download.unservedSinceMs;
      if (since !== null && since < (longest?.unservedSinceMs ?? Infinity)) longest = download;
    }
    return longest;
  }

  nextMs(): number | null {
    return this.#agenda().nextMs();
  }

  tick(nowMs: number): void {
    this.#agenda().tick(nowMs);
  }

  peerUp(peer: PeerKey, nowMs: number): void {
    for (const download of this.#downloads.values()) download.peerUp(peer, nowMs);
  }

  peerDown(peer: PeerKey, nowMs: number): void {
    for (const download of this.#downloads.values()) download.peerDown(peer, nowMs);
  }

  /**
   * Begins to fetch a file, or goes on with it. @param name Under which it is saved; null: as it was offered, or as was
   * said before. @returns Why not; null where it does.
   */
  start(
    offer: OpenOffer,
    name: string | null,
    ref?: string,
  ): readonly [ErrorCode, string] | null {
    const running = this.#downloads.get(offer.id);
    if (running !== undefined) {
      if (name === null || name === running.name) this.#goesOn(running, ref);
      else this.#rename(running, name, ref);
      return null;
    }
    const fault = this.#fault(offer);
    if (fault !== null) return fault;
    const download = new Download(this.port, offer, name ?? offer.name);
    this.#downloads.set(offer.id, download);
    this.port.show({ event: "transfer", file: offer.number, state: "started", bytes: 0 }, ref);
    download.start();
    return null;
  }

  #goesOn({ offer: { number: file }, bytes }: Download, ref: string | undefined): void {
    this.port.show({ event: "transfer", file, state: "started", bytes }, ref);
  }

  /** The user is told once another process would know it, too. */
  #rename(download: Download, name: string, ref: string | undefined): void {
    download.name = name;
    const token = this.port.token({
      done: () => this.#goesOn(download, ref),
      failed: (text) => this.port.show({ event: "error", code: "disk", text }, ref),
    });
    this.port.emit({ type: "rename", token, file: download.offer.id, name });
  }

  /** The user gives it up: what is there of it is deleted. */
  cancel(download: Download, ref: string | undefined): void {
    const { offer: { id, number }, bytes } = download;
    download.stop();
    this.#downloads.delete(id);
    this.port.discard(id);
    this.port.show({ event: "transfer", file: number, state: "cancelled", bytes }, ref);
  }

  ended(download: Download, outcome: DownloadOutcome): void {
    const { offer, bytes, name } = download;
    const { id, number: file, value } = offer;
    this.#downloads.delete(id);
    if (outcome.state === "done") {
      this.settled(id);
      this.receivedBytes += takenBytes(value.size);
      this.port.received(offer);
      this.port.show({ event: "transfer", file, state: "done", bytes, path: outcome.path });
    } else {
      const { reason, text } = outcome;
      this.#parts.set(id, this.#partOf(download));
      this.port.failed(offer, reason, name);
      this.port.show({ event: "transfer", file, state: "failed", bytes, ...toldOf(reason, text) });
    }
  }

  #fault(offer: OpenOffer): readonly [ErrorCode, string] | null {
    if (this.#downloads.size >= DOWNLOADS_MAX) {
      return ["busy", `${DOWNLOADS_MAX} files are being fetched: wait for one, or cancel one`];
    }
    const { name, value: { size } } = offer;
    const bytes = this.#bytesWith(offer);
    if (bytes <= this.filesBytesMax) return null;
    const room = Math.max(0, this.filesBytesMax - (bytes - takenBytes(size)));
    const text =
      `${fileNameText(name)} takes ${numberText(takenBytes(size))} bytes, and there is ` +
      `room for ${numberText(room)} more in what may be received (--files-max)`;
    return ["full", text];
  }

  /** Made anew, as one that is served may end. */
  #agenda(): Agenda {
    return new Agenda([...this.#downloads.values()]);
  }
}
