/**
 * Runs the mesh's machine over links, a room's log and a user interface, each a port: decodes what links bring,
 * encodes what they carry, and carries out every effect.
 */

import type { Signer } from "../base/crypto.ts";
import type { Environment, Logger } from "../base/environment.ts";
import { P2pchatError, RemoteProtocolError } from "../base/errors.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import { type BundleId, endpointText, type LinkId, type RoomId } from "../base/ids.ts";
import { invariant, unreachable } from "../base/invariant.ts";
import type { MeshCommand, MeshEvent } from "../protocols/mesh/events.ts";
import { Mesh } from "../protocols/mesh/mesh.ts";
import type { MeshConfig, MeshEffect, MeshInput } from "../protocols/mesh/mesh_io.ts";
import { MESH_MESSAGES, type MeshMessage } from "../protocols/mesh/messages.ts";
import type { MeshRecord } from "../protocols/mesh/records.ts";
import type { Room } from "../protocols/mesh/room.ts";
import type { DialFailure, LinkEnd, LinkHandler, LinkInfo, Links } from "../transport/link.ts";
import { createCodec } from "../wire/codec.ts";
import { Bans } from "./bans.ts";
import { type Clock, Runner } from "./runner.ts";

/** What is on disk of one room. */
export interface RoomStore {
  /** In the order of writing. */
  readonly records: readonly MeshRecord[];
  /** Length of the file, for deciding when to compact. */
  readonly bytes: number;
  /** Resolves when written, and synced where `sync` is set. Rejects with `disk`. */
  append(records: readonly MeshRecord[], sync: boolean): Promise<void>;
  /** Compaction: the log holds these records from now on, and what is appended meanwhile. */
  rewrite(records: Iterable<MeshRecord>): Promise<void>;
  close(): Promise<void>;
}

export type MeshOutcome = Extract<MeshEffect, { readonly type: "stop" }>["outcome"];

export interface MeshHostPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly signer: Signer;
  readonly links: Links;
  openRoom(room: RoomId): Promise<RoomStore>;
  show(event: MeshEvent, ref: string | undefined): void;
  pauseInput(reason: string | null): void;
  /** Resolves when all that was shown is before the user's eyes. */
  flushed(): Promise<void>;
  /** Resolves when all that was shown before the call is; more may be waiting. */
  written(): Promise<void>;
  /** Null while output is taken; otherwise resolves when its reader has caught up. */
  outputReady(): Promise<void> | null;
}

/** A log is compacted when it has so much more than it had after the last time. */
const COMPACT_BYTES_MIN = 16 * 1024 * 1024;
const COMPACT_FACTOR = 2;
/** For so long a write waits for the output; a reader that takes longer puts compaction off. */
const COMPACT_WAIT_MS = 500;
/** As pauses between retries everywhere. */
const DISK_RETRY_MS = 30_000;
/** Bytes that no message of ours could be: an old version at best. */
const GARBLED_BAN_MS = 60_000;

export class MeshHost implements LinkHandler {
  readonly #codec = createCodec(MESH_MESSAGES);
  readonly #bans = new Bans();
  readonly #ended = Promise.withResolvers<MeshOutcome>();
  readonly #mesh: Mesh;
  readonly #runner: Runner<MeshInput, MeshEffect, MeshRecord>;
  readonly #up = new Map<LinkId, LinkInfo>();
  /** Of members with a link, by fingerprint, for the log. */
  readonly #names = new Map<string, string>();
  /** Where each dial that isn't answered goes, for the log. */
  readonly #dialling = new Map<number, string>();
  #store: RoomStore | null = null;
  #room: RoomId | null = null;
  #compactAtBytes = COMPACT_BYTES_MIN;
  #compacting: Promise<void> | null = null;
  /** The disk refused records that the machine takes for written. */
  #gap = false;
  #closingGap: Promise<void> | null = null;
  #retry: { cancel(): void } | null = null;
  #isOver = false;
  /** Through which bundle the user has been shown everything, not written yet. */
  #shownThrough: BundleId | null = null;
  #noting: Promise<void> | null = null;
  /** Why links aren't read: the disk is behind, or whoever reads our output. */
  readonly #pauses = new Set<"disk" | "output">();
  /** The last message that was encoded: one bundle goes to several links in a row. */
  #encoded: { readonly message: MeshMessage; readonly bytes: Uint8Array } | null = null;

  constructor(config: MeshConfig, readonly ports: MeshHostPorts) {
    const { signer, environment, clock } = ports;
    this.#mesh = new Mesh(config, signer, environment);
    this.#runner = new Runner<MeshInput, MeshEffect, MeshRecord>(this.#mesh, {
      clock,
      persistOf: (effect) => effect.type === "persist" ? effect : null,
      // Back pressure that waits for the disk would come after what it should hold back.
      isUrgent: (effect) => effect.type === "input",
      append: (records, sync) => this.#append(records, sync),
      execute: (effect) => this.#execute(effect),
      persisted: (token) => ({ type: "persisted", token }),
      persistFailed: (token, text) => ({ type: "persist-failed", token, text }),
      tick: { type: "tick" },
      saturated: (full) => this.#pauseLinks("disk", full),
      failed: (error) => this.#ended.reject(error),
    });
  }

  /** The room that diallers may name; null until it is known. */
  get room(): RoomId | null {
    return this.#room;
  }

  /** Starts, and runs until the machine stops. @throws Whatever breaks the program itself. */
  async run(): Promise<MeshOutcome> {
    this.#runner.feed({ type: "start" });
    try {
      return await this.#ended.promise;
    } finally {
      this.#runner.stop();
      this.#isOver = true;
      this.#retry?.cancel();
      await this.#closingGap?.catch(() => {}); // it was tried
      await this.#compacting;
      await this.ports.flushed();
      await this.#noting;
      await this.#store?.close();
    }
  }

  /** What the user asks for. */
  command(command: MeshCommand, ref: string | undefined): void {
    this.#runner.feed({ type: "command", command, ref });
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    const { peer, dialled, remote, attempt } = info;
    if (attempt !== null) this.#dialling.delete(attempt);
    if (this.#bans.isBanned(peer, this.ports.clock.nowMs())) {
      this.ports.links.close(link, "refused for a while after breaking the rules");
      this.#log.info("link refused", {
        ...this.#whoIs(info),
        reason: "broke the rules a moment ago",
      });
      return;
    }
    this.#up.set(link, info);
    this.#log.info("link up", { link, ...this.#whoIs(info), dialled });
    if (this.#pauses.size > 0) this.ports.links.pauseReading(link);
    this.#runner.feed({ type: "link-up", link, peer, dialled, remote, attempt });
  }

  dialFailed(attempt: number, { reason, text }: DialFailure): void {
    const remote = this.#dialling.get(attempt);
    this.#dialling.delete(attempt);
    this.#log.info("dial failed", { remote, reason, text });
    this.#runner.feed({
      type: "dial-failed",
      attempt,
      reason: reason === "wrong-mode" ? "protocol" : reason,
      text,
    });
  }

  frame(link: LinkId, body: Uint8Array): void {
    if (!this.#up.has(link)) return;
    let message;
    try {
      message = this.#codec.decode(body);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.#ban(link, error.message, GARBLED_BAN_MS);
      return;
    }
    this.#runner.feed(
      message.type === "unknown-message"
        ? { type: "unknown-message", link, code: message.code }
        : { type: "message", link, message },
    );
  }

  linkDown(link: LinkId, { closed, reason }: LinkEnd): void {
    const info = this.#up.get(link);
    if (info === undefined) return;
    this.#up.delete(link);
    this.#log.info("link down", { link, ...this.#whoIs(info), closed, reason });
    this.#names.delete(fingerprintOf(info.peer));
    this.#runner.feed({ type: "link-down", link, closed, reason });
  }

  congested(link: LinkId): void {
    if (this.#up.has(link)) this.#runner.feed({ type: "congested", link });
  }

  drained(link: LinkId): void {
    if (this.#up.has(link)) this.#runner.feed({ type: "drained", link });
  }

  /** The overlay dials a lost neighbour anew, under fresh keys; others carry its traffic for that moment. */
  aged(link: LinkId): void {
    this.ports.links.close(link, "this link is a day old; dial again");
  }

  // The log: who and what happened, never what was said.

  get #log(): Logger {
    return this.ports.environment.log;
  }

  #whoIs({ peer, remote }: LinkInfo): Readonly<Record<string, unknown>> {
    const key = fingerprintOf(peer);
    const name = this.#mesh.room?.machines.names.shownName(peer) ?? this.#names.get(key) ?? null;
    return { name, key, remote: endpointText(remote) };
  }

  /** Who quits has no name any more when its link goes. */
  #noteName(key: string, name: string): void {
    for (const { peer } of this.#up.values()) {
      if (fingerprintOf(peer) === key) this.#names.set(key, name);
    }
  }

  #logEvent(event: MeshEvent): void {
    if (event.event === "joined" || event.event === "renamed") {
      this.#noteName(event.key, event.name);
    }
    switch (event.event) {
      case "ready":
      case "joined":
      case "left":
      case "renamed":
      case "notice":
      case "error": {
        const { event: message, ...fields } = event;
        return this.#log.info(message, fields);
      }
    }
  }

  // Effects.

  #execute(effect: MeshEffect): void {
    const { links } = this.ports;
    switch (effect.type) {
      case "dial": {
        const { attempt, endpoint, expect: key, room } = effect;
        this.#dialling.set(attempt, endpointText(endpoint));
        links.dial(attempt, endpoint, { key, room, secret: null });
        return;
      }
      case "send":
        links.send(effect.link, this.#encode(effect.message), effect.lane);
        return;
      case "close":
        links.close(effect.link, effect.reason);
        return;
      case "ban":
        return this.#ban(effect.link, effect.reason, effect.durationMs);
      case "show":
        this.#logEvent(effect.event);
        this.ports.show(this.#withRoundTrips(effect.event), effect.ref);
        return this.#watchOutput();
      case "shown":
        return this.#noteShown(effect.through);
      case "input":
        this.ports.pauseInput(effect.pausedBecause);
        return;
      case "open-room":
        return this.#openRoom(effect.room);
      case "stop":
        this.#runner.stop();
        this.#ended.resolve(effect.outcome);
        return;
      case "persist":
        return; // the runner's
      default:
        unreachable(effect);
    }
  }

  /** A status with what only the links know: how far it is to those linked directly. */
  #withRoundTrips(event: MeshEvent): MeshEvent {
    if (event.event !== "status") return event;
    const byKey = new Map<string, number>();
    for (const [link, { peer }] of this.#up) {
      const ms = this.ports.links.roundTripMs(link);
      if (ms !== null) byKey.set(fingerprintOf(peer), ms);
    }
    const members = event.members.map((member) => ({
      ...member,
      roundTripMs: byKey.get(member.key) ?? null,
    }));
    return { ...event, members };
  }

  #encode(message: MeshMessage): Uint8Array {
    if (this.#encoded?.message !== message) {
      this.#encoded = { message, bytes: this.#codec.encode(message) };
    }
    return this.#encoded.bytes;
  }

  #ban(link: LinkId, reason: string, durationMs: number): void {
    const info = this.#up.get(link);
    if (info === undefined) return;
    this.#log.warn("peer banned", { link, ...this.#whoIs(info), reason, durationMs });
    this.#bans.ban(info.peer, this.ports.clock.nowMs() + durationMs);
    this.ports.links.close(link, reason);
  }

  // The disk.

  #openRoom(room: RoomId): void {
    this.#room = room;
    this.#log.info("room", { room });
    this.ports.openRoom(room).then((store) => {
      this.#store = store;
      this.#compactAtBytes = Math.max(COMPACT_BYTES_MIN, COMPACT_FACTOR * store.bytes);
      this.#runner.feed({ type: "room-opened", records: store.records });
    }).catch((error) => this.#ended.reject(error));
  }

  async #append(records: readonly MeshRecord[], sync: boolean): Promise<void> {
    const store = this.#store;
    invariant(store !== null, "a room is opened before anything of it is stored");
    try {
      await this.#closeGap(store);
      if (store.bytes >= this.#compactAtBytes) await this.#beginCompaction(store);
      await store.append(records, sync);
    } catch (error) {
      // What was received goes on being shown; the log must not continue as if nothing were missing.
      this.#gap = true;
      const text = error instanceof Error ? error.message : String(error);
      this.#log.warn("the disk refused to write", { text });
      this.#retryLater(store);
      throw error;
    }
  }

  /** After a refused write the log lacks what the machine has: it is written anew before it goes on. */
  #closeGap(store: RoomStore): Promise<void> {
    const room = this.#mesh.room;
    if (!this.#gap || room === null) return Promise.resolve();
    return this.#closingGap ??= this.#rewriteAll(store, room).finally(() => {
      this.#closingGap = null;
    });
  }

  async #rewriteAll(store: RoomStore, room: Room): Promise<void> {
    await this.#compacting;
    await store.rewrite(room.snapshot());
    this.#gap = false;
    this.#log.info("the disk writes again, the room's log was written anew");
    this.#runner.feed({ type: "log-restored" });
  }

  /** In a quiet room nothing else would find out that the disk writes again. */
  #retryLater(store: RoomStore): void {
    if (this.#retry !== null || this.#isOver) return;
    const { clock } = this.ports;
    this.#retry = clock.at(clock.nowMs() + DISK_RETRY_MS, () => {
      this.#retry = null;
      this.#closeGap(store).catch((error) => {
        if (!(error instanceof P2pchatError)) return this.#ended.reject(error);
        this.#retryLater(store);
      });
    });
  }

  /** A record `shown` is written when the user has really seen it; the latest one speaks for all before. */
  #noteShown(through: BundleId): void {
    this.#shownThrough = through;
    this.#noting ??= this.#writeShown();
  }

  async #writeShown(): Promise<void> {
    while (this.#shownThrough !== null) {
      const through = this.#shownThrough;
      await this.ports.written();
      if (this.#shownThrough === through) this.#shownThrough = null;
      if (this.#gap) continue; // the log may lack that bundle; it is written anew with all that was shown
      try {
        await this.#store?.append([{ kind: "shown", through }], false);
      } catch (error) {
        if (!(error instanceof P2pchatError)) throw error;
        // At worst the next start shows a message again, as history.
        this.#log.warn("what was shown couldn't be noted", { text: error.message });
      }
    }
    this.#noting = null;
  }

  /**
   * Begins before a write: what is in the file by now, the machine has been told of, and so a snapshot has it.
   * What comes from here on is carried over.
   */
  async #beginCompaction(store: RoomStore): Promise<void> {
    if (this.#compacting !== null) return;
    // The snapshot counts all that was delivered as shown, so it must have been.
    const wasShown = await this.#isShownWithin(COMPACT_WAIT_MS);
    const { room } = this.#mesh;
    if (!wasShown || room === null || !room.ready || this.#isOver) {
      this.#compactLater(store);
      return;
    }
    this.#compacting = store.rewrite(room.snapshot()).then(() => {
      this.#compactAtBytes = Math.max(COMPACT_BYTES_MIN, COMPACT_FACTOR * store.bytes);
    }).catch((error) => {
      if (!(error instanceof P2pchatError)) return this.#ended.reject(error);
      this.#log.warn("the room's log couldn't be compacted", { text: error.message });
      this.#compactLater(store);
    }).finally(() => this.#compacting = null);
  }

  #compactLater(store: RoomStore): void {
    this.#compactAtBytes = store.bytes + COMPACT_BYTES_MIN;
  }

  async #isShownWithin(ms: number): Promise<boolean> {
    const { clock } = this.ports;
    const late = Promise.withResolvers<boolean>();
    const timer = clock.at(clock.nowMs() + ms, () => late.resolve(false));
    try {
      return await Promise.race([this.ports.flushed().then(() => true), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  // Back pressure.

  /** Takes nothing more from the network while nobody takes what is shown. */
  #watchOutput(): void {
    if (this.#pauses.has("output")) return;
    const ready = this.ports.outputReady();
    if (ready === null) return;
    this.#pauseLinks("output", true);
    ready.then(() => this.#pauseLinks("output", false));
  }

  #pauseLinks(reason: "disk" | "output", pause: boolean): void {
    const before = this.#pauses.size > 0;
    if (pause) this.#pauses.add(reason);
    else this.#pauses.delete(reason);
    const after = this.#pauses.size > 0;
    if (before === after) return;
    for (const link of this.#up.keys()) {
      if (after) this.ports.links.pauseReading(link);
      else this.ports.links.resumeReading(link);
    }
  }
}
