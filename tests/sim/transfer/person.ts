/** A simulated person: a machine of file transfer, the adapter of its disk, and what both have done. */

import type { PeerKey } from "../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type { OfferId } from "../../../lib/base/ids.ts";
import type { TransferMessage } from "../../../lib/protocols/transfer/messages.ts";
import type { SignedOffer } from "../../../lib/protocols/transfer/messages.ts";
import { takenBytes } from "../../../lib/protocols/transfer/downloads.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import { Transfers } from "../../../lib/protocols/transfer/transfers.ts";
import { fakeSigner } from "../fake_crypto.ts";
import type { Random } from "../random.ts";
import { Timer } from "../virtual_time.ts";
import type { Content, Part } from "./content.ts";
import { simCrypto } from "./content.ts";
import type { End } from "./wires.ts";
import { CONTEXT, type World } from "./world.ts";

/** What is on a disk as a whole. */
interface Whole {
  readonly offer: SignedOffer;
  /** Replaced where its owner changes the file. */
  content: Content;
}

/** One process of a person. What belongs to an earlier one does nothing any more. */
class Process {
  readonly transfers: Transfers;
  readonly machine: Machine<TransferInput, TransferEffect>;
  readonly timer: Timer;
  /** Of all files so far, those too that aren't served any more. */
  receivedBytes: number;

  constructor(readonly person: Person) {
    const { world } = person;
    this.receivedBytes = person.servedBytes;
    const random = person.random.fork();
    this.transfers = new Transfers({
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => 1_790_000_000_000 + Math.floor(world.time.nowMs),
      crypto: simCrypto,
      log: SILENT_LOGGER,
    }, {
      context: CONTEXT,
      signer: person.signer,
      filesBytesMax: world.mutation?.hasNoQuota ? Infinity : person.filesBytesMax,
      receivedBytes: this.receivedBytes,
    });
    this.machine = world.mutation?.wrap?.(this.transfers, world) ?? this.transfers;
    this.timer = new Timer(() => person.feed({ type: "tick" }));
  }
}

export class Person implements End {
  readonly signer;
  readonly whole = new Map<OfferId, Whole>();
  readonly parts = new Map<OfferId, Part & { readonly offer: SignedOffer }>();
  /** Files that this person offers, by what the machine knows them by. */
  readonly sources = new Map<string, Content>();
  /** With which signers said that what is here was changed. */
  readonly changed = new Map<OfferId, Uint8Array>();
  process: Process | null = null;
  /** The disk refuses to write. */
  isFull = false;
  /** Each answer of the disk takes up to so long. */
  diskMs = 3;
  filesBytesMax = Infinity;

  constructor(readonly world: World, readonly index: number, readonly random: Random) {
    this.signer = fakeSigner(`transfer ${world.seed}/${index}`);
  }

  get key(): PeerKey {
    return this.signer.key;
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  get receivedBytes(): number {
    return this.process?.receivedBytes ?? this.servedBytes;
  }

  /** Of the files of others that this person serves: those with which a process begins. */
  get servedBytes(): number {
    let bytes = 0;
    for (const { offer } of this.whole.values()) {
      if (offer.offer.value.from !== this.key) bytes += takenBytes(offer.offer.value.size);
    }
    return bytes;
  }

  start(): void {
    if (this.process !== null) return;
    this.process = new Process(this);
    for (const [file, { offer }] of this.whole) {
      const signature = this.changed.get(file);
      const ended = signature === undefined ? {} : { changed: signature };
      this.feed({ type: "restore", offer, kind: "whole", name: null, ...ended });
    }
    for (const { offer } of this.parts.values()) {
      this.feed({ type: "restore", offer, kind: "part", name: null });
    }
    this.world.wires.refresh();
  }

  /** Ends the process; a power cut takes some of what wasn't synced, half of a leaf among it. */
  kill(isPowerCut: boolean): void {
    if (this.process === null) return;
    this.world.time.disarm(this.process.timer);
    this.process = null;
    this.world.killed(this);
    for (const part of this.parts.values()) {
      for (const leaf of part.unsynced) {
        if (!isPowerCut || this.random.chance(0.3)) continue;
        const { bytes, proof } = part.leaves.get(leaf)!;
        if (this.random.chance(0.5)) part.leaves.delete(leaf);
        else {
          const torn = bytes.slice();
          torn.fill(0x55, torn.length >> 1);
          part.leaves.set(leaf, { bytes: torn, proof });
        }
      }
      part.unsynced.clear();
    }
    this.world.wires.refresh();
  }

  feed(input: TransferInput): void {
    const { process, world } = this;
    if (process === null) return;
    const { nowMs } = world.time;
    const effects = process.machine.step(input, nowMs);
    for (const checker of world.checkers) checker.stepped?.(this, input, effects);
    for (const effect of effects) if (this.process === process) this.#carryOut(effect);
    if (this.process !== process) return;
    const dueMs = process.machine.nextDeadlineMs();
    if (dueMs === null) world.time.disarm(process.timer);
    else world.time.arm(process.timer, dueMs);
  }

  linkUp(other: End): void {
    this.feed({ type: "peer-up", peer: this.world.keyOf(other) });
  }

  linkDown(other: End): void {
    this.feed({ type: "peer-down", peer: this.world.keyOf(other) });
  }

  receive(from: End, message: TransferMessage): void {
    this.feed({ type: "message", from: this.world.keyOf(from), message });
  }

  drained(to: End): void {
    this.feed({ type: "bulk-drained", peer: this.world.keyOf(to) });
  }

  #carryOut(effect: TransferEffect): void {
    const { world } = this;
    switch (effect.type) {
      case "send":
        return world.wires.send(this, world.endOf(effect.to), effect.message);
      case "send-bulk":
        return world.wires.sendBulk(this, world.endOf(effect.to), effect.message);
      case "penalise":
        return world.wires.sever(this, world.endOf(effect.peer));
      case "seek":
        return world.sought(this, effect);
      case "show":
        return world.shown(this, effect.event);
      case "forget":
        this.whole.delete(effect.file);
        return;
      case "changed":
        if (!this.isFull) this.changed.set(effect.file, effect.signature);
        return;
      case "discard":
        this.parts.delete(effect.file);
        return;
      default:
        return this.#answer(effect);
    }
  }

  /** Answers a request to the disk, later, unless the process is another one then. */
  #answer(effect: Extract<TransferEffect, { readonly token: number }>): void {
    const { process } = this;
    this.world.time.after(this.random.between(0, this.diskMs), () => {
      if (this.process !== process) return;
      const answer = this.#done(effect);
      const { token } = effect;
      this.feed(
        typeof answer === "string" ? { type: "disk-failed", token, text: answer } : answer,
      );
    });
  }

  /** @returns The answer; a text: why there is none. */
  #done(effect: Extract<TransferEffect, { readonly token: number }>): TransferInput | string {
    const { token } = effect;
    if (this.isFull && effect.type !== "read" && effect.type !== "hash") return "no space left";
    switch (effect.type) {
      case "hash": {
        const { size, digest } = this.sources.get(effect.source)!;
        return { type: "hashed", token, size, digest };
      }
      case "keep": {
        const { file, offer, source } = effect;
        this.whole.set(file, { offer, content: this.sources.get(source)! });
        return { type: "kept", token };
      }
      case "begin": {
        const known = this.parts.get(effect.file);
        if (known !== undefined) return { type: "begun", token, isThere: true, leaves: known.text };
        const [leaves, unsynced] = [new Map(), new Set<number>()];
        const { file, offer } = effect;
        this.parts.set(file, { id: file, offer, leaves, unsynced, text: null });
        return { type: "begun", token, isThere: false, leaves: null };
      }
      case "rename":
        return { type: "renamed", token };
      case "read":
        return this.#read(token, effect.file, effect.leaf);
      case "write": {
        const part = this.parts.get(effect.file);
        if (part === undefined) return "no such part";
        part.leaves.set(effect.leaf, { bytes: effect.bytes, proof: effect.proof });
        part.unsynced.add(effect.leaf);
        return { type: "written", token };
      }
      case "sync": {
        const part = this.parts.get(effect.file);
        if (part === undefined) return "no such part";
        part.unsynced.clear();
        part.text = effect.leaves;
        return { type: "synced", token };
      }
      case "finish": {
        const part = this.parts.get(effect.file);
        if (part === undefined) return "no such part";
        const { offer, leaves } = part;
        const content = this.world.finished(this, effect.file, offer, effect.name, leaves);
        this.parts.delete(effect.file);
        this.whole.set(effect.file, { offer, content });
        this.process!.receivedBytes += takenBytes(offer.offer.value.size);
        return { type: "finished", token, path: `/downloads/${effect.name}` };
      }
    }
  }

  #read(token: number, file: OfferId, leaf: number): TransferInput | string {
    const whole = this.whole.get(file)?.content;
    const part = this.parts.get(file)?.leaves.get(leaf);
    if (whole !== undefined) {
      const bytes = whole.leaves[leaf];
      if (bytes === undefined) return "the file ends before it";
      return { type: "read", token, bytes, proof: whole.tree.proof(leaf) };
    }
    if (part === undefined) return "it isn't there";
    return { type: "read", token, ...part };
  }
}
