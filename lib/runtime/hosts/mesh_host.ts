/**
 * Runs the mesh's machine over links, a room's log and a user interface, each a port: decodes the frames that links
 * bring, encodes messages, and carries out every effect.
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import {
  type BundleId,
  type Endpoint,
  endpointText,
  isRelayed,
  type LinkId,
  NO_ADDRESS,
  type PeerKey,
  type RoomId,
} from "../../base/ids.ts";
import { type MeetingPlace, meetingPlace } from "../../base/text/meeting_address.ts";
import { invariant } from "../../base/invariant.ts";
import type { MeshCommand, MeshEvent } from "../../protocols/mesh/schema/events.ts";
import { Mesh } from "../../protocols/mesh/mesh.ts";
import type {
  MeetingPointNews,
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../protocols/mesh/schema/mesh_io.ts";
import { MESH_MESSAGES, type MeshMessage } from "../../protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../protocols/mesh/schema/records.ts";
import type { RoomSecret } from "../../protocols/mesh/schema/rotations.ts";
import type {
  ChannelSecret,
  DialExpectation,
  DialFailure,
  LinkEnd,
  LinkHandler,
  LinkInfo,
} from "../../transport/link.ts";
import { createCodec } from "../../wire/codec.ts";
import { type Around, type KeepPin, ModeHost, type ModePorts } from "./mode_host.ts";
import type { RecordStore } from "../record_log.ts";
import { Runner } from "../runner.ts";

/** The store of one room. */
export interface RoomStore extends RecordStore<MeshRecord> {
  /** Remembers a member's key, beside the records. */
  readonly pin: KeepPin;
}

/** The meeting points that a member uses, which are loaded with the first of them. */
export interface MeetingPoints {
  /** The room is known. */
  entered(room: RoomId): void;
  /** Asks for a stream to a member of the room; answers once, later. */
  call(
    place: MeetingPlace,
    room: RoomId,
    called: { connected(remote: Endpoint): void; failed(text: string): void },
  ): void;
}

interface MeshHostPorts extends ModePorts<MeshEvent> {
  readonly signer: Signer;
  /** Absent: none can be used. */
  readonly meetings?: MeetingPoints;
  openRoom(room: RoomId): Promise<RoomStore>;
  /** A member has dialled us at the address that `mapped` named. */
  proven?(endpoint: Endpoint): void;
  /** Absent: nobody looks. */
  readonly around?: Around<MeshInput, MeshEffect>;
}

/** The machine is told of content on a link so often: a small part of the time for which that keeps an idle link. */
const CARRIED_MS = 1_000;

export class MeshHost extends ModeHost<MeshMessage, MeshCommand, MeshEvent, MeshRecord, BundleId>
  implements LinkHandler {
  protected override readonly runner: Runner<MeshInput, MeshEffect, MeshRecord>;
  readonly #mesh: Mesh;
  readonly #openRoomStore: MeshHostPorts["openRoom"];
  readonly #meetings: MeetingPoints | null;
  readonly #proven: MeshHostPorts["proven"];
  /** Names of members with a link, by fingerprint, for the log. */
  readonly #names = new Map<string, string>();
  /** When the machine was last told of content on a link. */
  readonly #carriedMs = new Map<LinkId, number>();
  #room: RoomId | null = null;
  #store: RoomStore | null = null;
  /** Resolves when the room's log is open; never rejects. */
  #opening: Promise<void> = Promise.resolve();

  constructor(config: MeshConfig, ports: MeshHostPorts) {
    super(createCodec(MESH_MESSAGES), ports);
    const { signer, environment, openRoom, meetings, proven, around } = ports;
    this.#openRoomStore = openRoom;
    this.#meetings = meetings ?? null;
    this.#proven = proven;
    this.#mesh = new Mesh(config, signer, environment);
    const machine = around?.(this.#mesh) ?? this.#mesh;
    this.runner = new Runner<MeshInput, MeshEffect, MeshRecord>(this.carrying(machine), {
      ...this.runnerPorts((pin) => this.#pin(pin)),
      execute: (effect) => this.#execute(effect),
    });
  }

  /** The room that diallers may name; null until it is known. */
  get room(): RoomId | null {
    return this.#room;
  }

  /** The secrets that diallers of a private room may know; null where they need none. */
  get secrets(): ((epoch: number) => readonly Uint8Array[]) | null {
    const { secrets } = this.#mesh;
    return secrets === null ? null : (epoch) => secrets.opening(epoch);
  }

  /** The secrets themselves, as members recognise their room by them: the current one first; none in an open room. */
  get roomSecrets(): readonly RoomSecret[] {
    return this.#mesh.secrets?.all() ?? [];
  }

  /** Names of all members that can be written to, present or not. */
  get knownNames(): readonly string[] {
    return this.#mesh.room?.machines.names.known() ?? [];
  }

  /** The name under which a key is shown; its fingerprint where it has none. */
  nameOf(key: PeerKey): string {
    return this.#mesh.room?.machines.names.shownName(key) ?? this.#mesh.room?.nameOf(key) ??
      fingerprintOf(key);
  }

  /** What is known of somebody whose words others pass on. */
  standingOf(key: PeerKey): "known" | "new" | "unknown" | "removed" {
    return this.#mesh.room?.standingOf(key) ?? "unknown";
  }

  /** The name under which the owner of a key is shown who was called `name` once. */
  shownName(key: PeerKey, name: string): string {
    return this.#mesh.room?.machines.names.authorName(key, name) ?? name;
  }

  isHere(key: PeerKey): boolean {
    return this.#mesh.room?.isListed(key) ?? false;
  }

  isName(name: string): boolean {
    return this.#mesh.room?.isName(name) ?? false;
  }

  /** Whom the user means. @throws {P2pchatError} `unknown-user`. */
  receiver(name: string): PeerKey {
    invariant(this.#mesh.room !== null, "whoever is named is in a room");
    return this.#mesh.room.receiver(name);
  }

  /** Whether an authenticated dialler that knew this secret may come in. */
  admit(peer: PeerKey, secret: ChannelSecret | null): "bad-credentials" | null {
    return this.#mesh.admit(peer, secret);
  }

  /** A member of the room is said to listen there. */
  hint(endpoint: Endpoint): void {
    this.runner.feed({ type: "hint", endpoint });
  }

  /** A router says that others reach us there; null: none does any more. */
  mapped(endpoint: Endpoint | null): void {
    this.runner.feed({ type: "mapped", endpoint });
  }

  /** This machine has these addresses now; `best` is the one that others had best use. */
  machineHas(hosts: readonly string[], best: string): void {
    this.runner.feed({ type: "machine-addresses", hosts, best });
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    const { peer, process, dialled, localHost, attempt, secret } = info;
    if (!this.takes(link, info)) return;
    // Who has come through a meeting point can't be seen where it is.
    const remote = isRelayed(info.remote) ? NO_ADDRESS : info.remote;
    const up = { peer, process, dialled, remote, localHost, attempt, secret };
    this.runner.feed({ type: "link-up", link, ...up });
  }

  dialFailed(attempt: number, failure: DialFailure): void {
    this.logDialFailure(attempt, failure);
    const { reason, text } = failure;
    this.runner.feed({
      type: "dial-failed",
      attempt,
      reason: reason === "wrong-mode" ? "protocol" : reason,
      text,
    });
  }

  override linkDown(link: LinkId, end: LinkEnd): void {
    const info = this.openLinks.all.get(link);
    this.#carriedMs.delete(link);
    super.linkDown(link, end);
    if (info !== undefined) this.#names.delete(fingerprintOf(info.peer));
  }

  congested(link: LinkId): void {
    if (this.openLinks.all.has(link)) this.runner.feed({ type: "congested", link });
  }

  missed(link: LinkId): void {
    if (this.openLinks.all.has(link)) this.runner.feed({ type: "missed", link });
  }

  protected override recipients(): ReadonlyMap<PeerKey, LinkId> {
    return this.#mesh.recipients();
  }

  protected override carried(link: LinkId, isContent: boolean): void {
    const nowMs = this.ports.clock.nowMs();
    if (!isContent || nowMs - (this.#carriedMs.get(link) ?? -Infinity) < CARRIED_MS) return;
    this.#carriedMs.set(link, nowMs);
    this.runner.feed({ type: "file-traffic", link });
  }

  protected override seek(holders: readonly PeerKey[], others: boolean): void {
    this.runner.feed({ type: "file-links", wanted: { holders, others } });
  }

  protected override whoIs(
    { peer, remote }: LinkInfo,
  ): Readonly<Record<string, unknown>> {
    const key = fingerprintOf(peer);
    const name = this.#mesh.room?.machines.names.shownName(peer) ?? this.#names.get(key) ?? null;
    return { name, key, remote: endpointText(remote) };
  }

  /** A member that quits is no longer named when its link goes. */
  #noteName(key: string, name: string): void {
    for (const { peer } of this.openLinks.all.values()) {
      if (fingerprintOf(peer) === key) this.#names.set(key, name);
    }
  }

  protected override logEvent(event: MeshEvent): void {
    if (event.event === "joined" || event.event === "renamed") {
      this.#noteName(event.key, event.name);
    }
    switch (event.event) {
      case "ready":
      case "joined":
      case "left":
      case "renamed":
      case "notice":
      case "error":
        return this.logFields(event);
    }
  }

  // Effects.

  #execute(effect: MeshEffect): void {
    switch (effect.type) {
      case "dial": {
        const { attempt, endpoint, expect, fingerprint = null, room, secret } = effect;
        const accepts = (key: PeerKey) => expect === null || this.#mesh.mayAnswer(expect, key);
        const expectation = { key: null, fingerprint, accepts, room, secret };
        const place = meetingPlace(endpoint);
        if (place !== null) return this.#meet(attempt, place, expectation);
        return this.dial(attempt, endpoint, expectation);
      }
      case "send":
        return this.openLinks.send(effect.link, effect.message, effect.lane);
      case "open-room":
        return this.#openRoom(effect.room);
      case "await-output":
        return this.#awaitOutput(effect.token);
      case "mapping-proven":
        return this.#proven?.(effect.endpoint);
      default:
        return this.perform(effect);
    }
  }

  /** Dials a member through the meeting point: whoever answers must have its key. */
  #meet(attempt: number, place: MeetingPlace, expectation: DialExpectation): void {
    const { room } = expectation;
    const failed = (text: string) =>
      this.dialFailed(attempt, { reason: "unreachable", text, key: null });
    invariant(room !== null, "whoever knows such an address knows the room");
    if (this.#meetings === null) return failed("no meeting points are used here");
    this.#meetings.call(place, room, {
      connected: (remote) =>
        this.dial(attempt, remote, { ...expectation, fingerprint: place.member }),
      failed,
    });
  }

  /** Ends: `run` rejects with `because`. */
  giveUp(because: unknown): void {
    this.fail(because);
  }

  /** How things stand with the meeting point where others are to reach us. */
  meetingPoint(news: MeetingPointNews): void {
    this.runner.feed(news);
  }

  #awaitOutput(token: number): void {
    this.ports.written().then(
      () => this.runner.feed({ type: "output-seen", token }),
      (error) => this.fail(error),
    );
  }

  /** Adds to a status what only the links know: the round trips to members with a link. */
  protected override completed(event: MeshEvent): MeshEvent {
    switch (event.event) {
      case "status": {
        const byKey = this.roundTrips();
        const members = this.#withRelayed(event.members).map((member) => ({
          ...member,
          roundTripMs: byKey.get(member.key) ?? null,
        }));
        return { ...event, members };
      }
      case "peers":
        return { ...event, peers: this.#withRelayed(event.peers) };
      case "whois": {
        const isThrough = event.route === "direct" && this.#relayed().has(event.key ?? "");
        return isThrough ? { ...event, route: "relay" } : event;
      }
      default:
        return event;
    }
  }

  /** Those with a link that goes through a meeting point, by fingerprint. */
  #relayed(): ReadonlySet<string> {
    const all = this.openLinks.all.values().filter(({ remote }) => isRelayed(remote));
    return new Set(all.map(({ peer }) => fingerprintOf(peer)));
  }

  #withRelayed<Member extends { readonly key: string; readonly direct: boolean }>(
    members: readonly Member[],
  ): readonly Member[] {
    const relayed = this.#relayed();
    if (relayed.size === 0) return members;
    return members.map((member) =>
      member.direct && relayed.has(member.key) ? { ...member, relayed: true } : member
    );
  }

  // The disk.

  #openRoom(room: RoomId): void {
    this.#room = room;
    this.log.info("room", { room });
    this.#meetings?.entered(room);
    this.#opening = this.#openRoomStore(room).then((store) => {
      this.#store = store;
      this.keepLog(store, {
        snapshot: (shownThrough) => this.#mesh.room?.snapshot(shownThrough) ?? null,
        isWriting: () => this.#mesh.room?.isWriting ?? false,
        shown: (through) => ({ kind: "shown", through }),
        restored: () => this.runner.feed({ type: "log-restored" }),
      });
      this.runner.feed({ type: "room-opened", records: store.records });
    }).catch((error) => this.fail(error));
  }

  async #pin(pin: Parameters<KeepPin>[0]): Promise<void> {
    invariant(this.#store !== null, "who is met is met in a room");
    await this.#store.pin(pin);
  }

  /** If the user leaves while the log is being opened, we end when it is open: it has to be closed, too. */
  protected override async ending(): Promise<void> {
    await this.#opening;
  }
}
