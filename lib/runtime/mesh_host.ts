/**
 * Runs the mesh's machine over links, a room's log and a user interface, each a port: decodes what links bring,
 * encodes what they carry, and carries out every effect.
 */

import type { Signer } from "../base/crypto.ts";
import type { Environment, Logger } from "../base/environment.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import { type BundleId, endpointText, type LinkId, type RoomId } from "../base/ids.ts";
import { invariant, unreachable } from "../base/invariant.ts";
import type { MeshCommand, MeshEvent } from "../protocols/mesh/events.ts";
import { Mesh } from "../protocols/mesh/mesh.ts";
import type { MeshConfig, MeshEffect, MeshInput } from "../protocols/mesh/mesh_io.ts";
import { MESH_MESSAGES, type MeshMessage } from "../protocols/mesh/messages.ts";
import type { MeshRecord } from "../protocols/mesh/records.ts";
import type { DialFailure, LinkEnd, LinkHandler, LinkInfo, Links } from "../transport/link.ts";
import { createCodec } from "../wire/codec.ts";
import { OpenLinks } from "./open_links.ts";
import { RecordLog, type RecordStore } from "./record_log.ts";
import { type Clock, Runner } from "./runner.ts";

/** What is on disk of one room. */
export type RoomStore = RecordStore<MeshRecord>;

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

export class MeshHost implements LinkHandler {
  readonly #ended = Promise.withResolvers<MeshOutcome>();
  readonly #mesh: Mesh;
  readonly #runner: Runner<MeshInput, MeshEffect, MeshRecord>;
  readonly #links: OpenLinks<MeshMessage>;
  /** Of members with a link, by fingerprint, for the log. */
  readonly #names = new Map<string, string>();
  /** Where each dial that isn't answered goes, for the log. */
  readonly #dialling = new Map<number, string>();
  #records: RecordLog<MeshRecord, BundleId> | null = null;
  #room: RoomId | null = null;

  constructor(config: MeshConfig, readonly ports: MeshHostPorts) {
    const { signer, environment, clock } = ports;
    this.#mesh = new Mesh(config, signer, environment);
    const { links } = ports;
    const whoIs = (info: LinkInfo) => this.#whoIs(info);
    this.#links = new OpenLinks(createCodec(MESH_MESSAGES), { clock, environment, links, whoIs });
    this.#runner = new Runner<MeshInput, MeshEffect, MeshRecord>(this.#mesh, {
      clock,
      persistOf: (effect) => effect.type === "persist" ? effect : null,
      // Back pressure that waits for the disk would come after what it should hold back.
      isUrgent: (effect) => effect.type === "input",
      append: (records, sync) => {
        invariant(this.#records !== null, "a room is opened before anything of it is stored");
        return this.#records.append(records, sync);
      },
      execute: (effect) => this.#execute(effect),
      persisted: (token) => ({ type: "persisted", token }),
      persistFailed: (token, text) => ({ type: "persist-failed", token, text }),
      tick: { type: "tick" },
      saturated: (full) => this.#links.pause("disk", full),
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
      if (this.#records !== null) await this.#records.close();
      else await this.ports.flushed();
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
    if (!this.#links.add(link, info)) return;
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
    const message = this.#links.decode(link, body);
    if (message === null) return;
    this.#runner.feed(
      message.type === "unknown-message"
        ? { type: "unknown-message", link, code: message.code }
        : { type: "message", link, message },
    );
  }

  linkDown(link: LinkId, { closed, reason }: LinkEnd): void {
    const info = this.#links.remove(link);
    if (info === null) return;
    this.#log.info("link down", { link, ...this.#whoIs(info), closed, reason });
    this.#names.delete(fingerprintOf(info.peer));
    this.#runner.feed({ type: "link-down", link, closed, reason });
  }

  congested(link: LinkId): void {
    if (this.#links.all.has(link)) this.#runner.feed({ type: "congested", link });
  }

  drained(link: LinkId): void {
    if (this.#links.all.has(link)) this.#runner.feed({ type: "drained", link });
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
    for (const { peer } of this.#links.all.values()) {
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
        return this.#links.send(effect.link, effect.message, effect.lane);
      case "close":
        links.close(effect.link, effect.reason);
        return;
      case "ban":
        return this.#links.ban(effect.link, effect.reason, effect.durationMs);
      case "show":
        this.#logEvent(effect.event);
        this.ports.show(this.#withRoundTrips(effect.event), effect.ref);
        // Takes nothing more from the network while nobody takes what is shown.
        return this.#links.pauseUntil(() => this.ports.outputReady());
      case "shown":
        return this.#records?.noteShown(effect.through);
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
    for (const [link, { peer }] of this.#links.all) {
      const ms = this.ports.links.roundTripMs(link);
      if (ms !== null) byKey.set(fingerprintOf(peer), ms);
    }
    const members = event.members.map((member) => ({
      ...member,
      roundTripMs: byKey.get(member.key) ?? null,
    }));
    return { ...event, members };
  }

  // The disk.

  #openRoom(room: RoomId): void {
    this.#room = room;
    this.#log.info("room", { room });
    const { clock, openRoom, flushed, written } = this.ports;
    openRoom(room).then((store) => {
      this.#records = new RecordLog<MeshRecord, BundleId>(store, {
        clock,
        log: this.#log,
        snapshot: () => this.#mesh.room?.snapshot() ?? null,
        shown: (through) => ({ kind: "shown", through }),
        flushed,
        written,
        restored: () => this.#runner.feed({ type: "log-restored" }),
        failed: (error) => this.#ended.reject(error),
      });
      this.#runner.feed({ type: "room-opened", records: store.records });
    }).catch((error) => this.#ended.reject(error));
  }
}
