/**
 * Runs the machine of file transfer over the links of a mode, the user's files and the user interface, each a port. It is
 * beside the mode's own machine, which knows nothing of it: the mode's host says to whom there are links, and passes on
 * what comes from them.
 */

import { freeBuffer } from "../../base/collections/free_buffer.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { P2pchatError, RemoteProtocolError } from "../../base/errors.ts";
import type { Hash, OfferId, PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import type { Queue } from "../../base/schema/schema.ts";
import type { TransferCommand, TransferEvent } from "../../protocols/transfer/events.ts";
import {
  type SignedOffer,
  TRANSFER_MESSAGES,
  type TransferMessage,
} from "../../protocols/transfer/messages.ts";
import type {
  TransferConfig,
  TransferEffect,
  TransferInput,
} from "../../protocols/transfer/transfer_io.ts";
import {
  type ListedFile,
  type ServedOffer,
  Transfers,
} from "../../protocols/transfer/transfers.ts";
import { createCodec, isUnknown } from "../../wire/codec.ts";
import { Runner, storingNothing } from "../runner.ts";

/** The user's files. What can't be done is a `P2pchatError`; any other error is a fault of ours. */
export interface TransferDisk {
  hash(source: string): Promise<{ readonly size: number; readonly digest: Hash }>;
  keep(file: OfferId, source: string, offer: SignedOffer): Promise<void>;
  forget(file: OfferId): Promise<void>;
  begin(
    file: OfferId,
    offer: SignedOffer,
    name: string,
  ): Promise<{ readonly isThere: boolean; readonly leaves: string | null }>;
  /** What is fetched will be saved under this name. */
  rename(file: OfferId, name: string): Promise<void>;
  /** The bytes, which the caller may free, are fewer, or none, where the file isn't what it was. */
  read(
    file: OfferId,
    place: Extract<TransferEffect, { readonly type: "read" }>,
  ): Promise<{ readonly bytes: Uint8Array; readonly proof: Uint8Array }>;
  write(
    file: OfferId,
    leaf: Extract<TransferEffect, { readonly type: "write" }>,
  ): Promise<void>;
  sync(file: OfferId, leaves: string): Promise<void>;
  /** @returns The path under which it is saved. */
  finish(file: OfferId, name: string): Promise<string>;
  discard(file: OfferId): Promise<void>;
  /** Notes that its signer hasn't the file any more as it was offered, with the signature that says so. */
  changed(file: OfferId, signature: Uint8Array): Promise<void>;
}

export interface TransferHostPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly disk: TransferDisk;
  send(peer: PeerKey, bytes: Uint8Array, lane: Queue | "bulk"): void;
  penalise(peer: PeerKey, text: string): void;
  /** See `TransferEffect`. */
  seek(holders: readonly PeerKey[], others: boolean): void;
  show(event: TransferEvent, ref: string | undefined): void;
  /** A fault of ours. */
  failed(error: unknown): void;
}

/** Messages but leaves, which take credit, of one peer: ten times what a fast link has with one leaf for each request. */
const MESSAGES_PER_S = 20_000;
const MESSAGES_BURST = 20_000;

const LANES = Object.fromEntries(
  TRANSFER_MESSAGES.map(({ name, about }) => [name, about.lane]),
) as Readonly<Record<TransferMessage["type"], Queue | "bulk">>;

interface Link {
  /** Leaves that were sent, and haven't left. */
  sent: number;
  readonly rate: TokenBucket;
}

export class TransferHost {
  readonly #codec = createCodec(TRANSFER_MESSAGES);
  readonly #transfers: Transfers;
  readonly #runner: Runner<TransferInput, TransferEffect, never>;
  readonly #links = new Map<PeerKey, Link>();

  constructor(config: TransferConfig, readonly ports: TransferHostPorts) {
    this.#transfers = new Transfers(ports.environment, config);
    this.#runner = new Runner(
      this.#transfers,
      storingNothing<TransferInput, TransferEffect>({
        clock: ports.clock,
        execute: (effect) => this.#execute(effect),
        tick: { type: "tick" },
        failed: (error) => ports.failed(error),
      }),
    );
  }

  /** All open offers. */
  get list(): readonly ListedFile[] {
    return this.#transfers.list;
  }

  /** Who is fetching a file of us now. */
  get served(): readonly ServedOffer[] {
    return this.#transfers.served(this.ports.clock.nowMs());
  }

  /** A file of an earlier process: it is there as a whole, or in part. */
  restore(file: Omit<Extract<TransferInput, { readonly type: "restore" }>, "type">): void {
    this.#runner.feed({ type: "restore", ...file });
  }

  /** An own file that was taken up isn't there any more. */
  gone(file: OfferId, text: string): void {
    this.#runner.feed({ type: "gone", file, text });
  }

  command(command: TransferCommand, ref: string | undefined): void {
    this.#runner.feed({ type: "command", command, ref });
  }

  linkUp(peer: PeerKey): void {
    this.#links.set(peer, { sent: 0, rate: new TokenBucket(MESSAGES_PER_S, MESSAGES_BURST) });
    this.#runner.feed({ type: "peer-up", peer });
  }

  linkDown(peer: PeerKey): void {
    this.#links.delete(peer);
    this.#runner.feed({ type: "peer-down", peer });
  }

  /** A frame of a message of these came from somebody that there is a link to. */
  frame(from: PeerKey, body: Uint8Array): void {
    const link = this.#links.get(from);
    if (link === undefined) return;
    try {
      const message = this.#codec.decode(body);
      if (isUnknown(message)) return; // of a later version
      if (message.type !== "leaf" && !link.rate.take(this.ports.clock.nowMs())) {
        return this.ports.penalise(from, "it sends too many messages about files");
      }
      this.#runner.feed({ type: "message", from, message });
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.ports.penalise(from, error.message);
    }
  }

  /** All leaves sent to the peer have left. */
  drained(peer: PeerKey): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    const { sent } = link;
    link.sent = 0;
    for (let left = 0; left < sent; left++) this.#runner.feed({ type: "bulk-drained", peer });
  }

  stop(): void {
    this.#runner.stop();
  }

  #execute(effect: TransferEffect): void {
    const { disk } = this.ports;
    switch (effect.type) {
      case "send":
      case "send-bulk":
        return this.#send(effect.to, effect.message);
      case "show":
        return this.ports.show(effect.event, effect.ref);
      case "penalise":
        return this.ports.penalise(effect.peer, effect.text);
      case "seek":
        return this.ports.seek(effect.holders, effect.others);
      case "keep":
        return this.#ask(
          effect.token,
          disk.keep(effect.file, effect.source, effect.offer),
          "kept",
        );
      case "forget":
        return this.#do(disk.forget(effect.file));
      case "discard":
        return this.#do(disk.discard(effect.file));
      case "changed":
        return this.#do(disk.changed(effect.file, effect.signature));
      case "rename":
        return this.#ask(effect.token, disk.rename(effect.file, effect.name), "renamed");
      case "hash":
        return this.#ask(effect.token, disk.hash(effect.source), "hashed");
      case "begin":
        return this.#ask(effect.token, disk.begin(effect.file, effect.offer, effect.name), "begun");
      case "read":
        return this.#ask(effect.token, disk.read(effect.file, effect), "read");
      case "write":
        return this.#ask(effect.token, disk.write(effect.file, effect), "written");
      case "sync":
        return this.#ask(effect.token, disk.sync(effect.file, effect.leaves), "synced");
      case "finish": {
        const path = disk.finish(effect.file, effect.name).then((path) => ({ path }));
        return this.#ask(effect.token, path, "finished");
      }
      default:
        return unreachable(effect);
    }
  }

  #send(to: PeerKey, message: TransferMessage): void {
    const link = this.#links.get(to);
    if (link === undefined) return;
    if (message.type === "leaf") link.sent++;
    const bytes = this.#codec.encode(message);
    this.ports.send(to, bytes, LANES[message.type]);
    if (message.type !== "leaf") return;
    freeBuffer(bytes); // they were copied
    freeBuffer(message.bytes);
  }

  /** Answers the machine with what the disk says. */
  #ask(token: number, asked: Promise<object | void>, type: AnswerType): void {
    asked.then(
      (answer) => this.#runner.feed({ type, token, ...answer } as TransferInput),
      (error) => {
        if (!(error instanceof P2pchatError)) return this.ports.failed(error);
        this.#runner.feed({ type: "disk-failed", token, text: error.message });
      },
    );
  }

  /** What nobody waits for: it is tried again at the next start. */
  #do(work: Promise<void>): void {
    work.catch((error) => {
      if (!(error instanceof P2pchatError)) return this.ports.failed(error);
      this.ports.environment.log.warn("a file's note can't be kept", { text: error.message });
    });
  }
}

type AnswerType =
  | "hashed"
  | "kept"
  | "begun"
  | "read"
  | "written"
  | "synced"
  | "renamed"
  | "finished";
