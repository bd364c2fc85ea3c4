/** A member of a large simulated room: a machine on its own host, without checkers. */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { invariant } from "../../../lib/base/invariant.ts";
import type { MeshCommand, MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type {
  DialFailureReason,
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { SimDisk } from "../disk.ts";
import { fakeSigner } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import { messageBytes } from "../mesh/message_bytes.ts";
import type { Call, Station } from "../network.ts";
import { freshProcess, type Persist, type ProcessPort, SimProcess } from "../process.ts";
import { rememberingCrypto } from "./remembering_crypto.ts";
import type { ScaleRoom } from "./room.ts";
import type { ScaleMachine } from "./scale_machine.ts";

const PORT = 55_107;
const TICK: MeshInput = { type: "tick" };
/** The wall time at which a simulation starts; members' clocks are wrong by at most the skew. */
const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
const WALL_SKEW_MS = 1_000;

export class ScaleMember
  implements Station<MeshMessage>, ProcessPort<MeshInput, MeshEffect, MeshRecord> {
  readonly tick = TICK;
  readonly process = freshProcess();
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  readonly links = new Map<LinkId, LinkEnd<MeshMessage>>();
  readyAtMs: number | null = null;
  /** Why it ended by itself; null if it didn't. */
  outcome: string | null = null;
  gone = false;
  /** Whether its host has no power: its links don't even end. */
  silent = false;
  framesSent = 0;
  bytesSent = 0;
  readonly stalledUntilMs = 0;
  readonly readIntervalMs = 0;
  readableAtMs = 0;
  #roomId: RoomId | null = null;
  /** Null once it has ended, so that a room whose members are replaced doesn't keep the machines of the old ones. */
  #machine: ScaleMachine | null;
  #sim: SimProcess<MeshInput, MeshEffect, MeshRecord> | null;
  readonly #bannedUntilMs = new Map<PeerKey, number>();
  #nextLink = 1;

  constructor(
    readonly room: ScaleRoom,
    readonly host: number,
    begin: MeshConfig["begin"],
    disk: SimDisk<MeshRecord>,
  ) {
    const signer = fakeSigner(host);
    this.key = signer.key;
    this.endpoint = { host: `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, port: PORT };
    const random = room.random.fork();
    const skewMs = random.between(-WALL_SKEW_MS, WALL_SKEW_MS);
    const environment: Environment = {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => Math.floor(WALL_EPOCH_MS + skewMs + room.time.nowMs),
      crypto: rememberingCrypto,
      log: SILENT_LOGGER,
    };
    const config: MeshConfig = {
      name: `member${host}`,
      process: this.process,
      advertise: this.endpoint,
      passive: false,
      historyShown: 0,
      begin,
    };
    this.#machine = room.config.create(config, signer, environment);
    const clock = { offsetMs: random.between(0, 1e7), rate: 1 };
    this.#sim = new SimProcess(this.#machine, room.time, clock, disk, false, this);
  }

  /** The machine; the process must be running. */
  get machine(): ScaleMachine {
    invariant(this.#machine !== null, "a member that has ended isn't asked for its views");
    return this.#machine;
  }

  get seenHost(): string {
    return this.endpoint.host;
  }

  command(command: MeshCommand): void {
    this.#sim?.deliver({ type: "command", command, ref: undefined });
  }

  start(): void {
    this.room.network.listen(this.endpoint, this);
    this.#sim?.deliver({ type: "start" });
  }

  /** Ends the process. @param powerLost Whether its neighbours aren't told. */
  end(powerLost: boolean): void {
    if (this.gone) return;
    this.gone = true;
    this.silent = powerLost;
    this.#sim?.end();
    this.#sim = this.#machine = null;
    this.room.network.unlisten(this.endpoint);
    for (const link of [...this.links.values()]) link.abandon(powerLost, 0);
    this.room.ended(this);
  }

  // What the network tells.

  refusal(call: Call<MeshMessage>): DialFailureReason | null {
    if (call.expect !== null && call.expect !== this.key) return "wrong-key";
    if (call.room !== null && call.room !== this.#roomId) return "wrong-room";
    const bannedUntilMs = this.#bannedUntilMs.get((call.from as ScaleMember).key) ?? 0;
    return bannedUntilMs > this.room.time.nowMs ? "refused" : null;
  }

  linkUp(end: LinkEnd<MeshMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.links.set(end.id, end);
    this.#sim?.deliver({
      type: "link-up",
      link: end.id,
      peer: (end.other.owner as ScaleMember).key,
      process: (end.other.owner as ScaleMember).process,
      dialled: end.dialled,
      remote: end.remote,
      localHost: "",
      attempt: end.attempt,
      secret: null,
    });
  }

  linkDown(end: LinkEnd<MeshMessage>, closed: boolean, reason: string): void {
    if (!this.links.delete(end.id)) return;
    this.#sim?.deliver({ type: "link-down", link: end.id, closed, reason });
  }

  message(end: LinkEnd<MeshMessage>, message: MeshMessage): void {
    if (message.type === "bundle") this.room.bundleCame(this, end.other.owner.host, message);
    this.#sim?.deliver({ type: "message", link: end.id, message });
  }

  congested(end: LinkEnd<MeshMessage>): void {
    this.#sim?.deliver({ type: "congested", link: end.id });
  }

  drained(end: LinkEnd<MeshMessage>): void {
    this.#sim?.deliver({ type: "drained", link: end.id });
  }

  missed(end: LinkEnd<MeshMessage>): void {
    this.#sim?.deliver({ type: "missed", link: end.id });
  }

  // What the machine asks for.

  persistOf(effect: MeshEffect): Persist<MeshRecord> | null {
    return effect.type === "persist" ? effect : null;
  }

  persisted(effect: MeshEffect, stored: boolean): MeshInput | null {
    if (effect.type !== "persist" || effect.token === null || !stored) return null;
    return { type: "persisted", token: effect.token };
  }

  stepped(): void {
    this.room.steps++;
  }

  carriedOut(): void {}

  snapshot(): null {
    return null;
  }

  perform(effect: MeshEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect);
      case "dial":
        return this.#dial(effect);
      case "ban": {
        const link = this.links.get(effect.link);
        if (link === undefined) return;
        const untilMs = this.room.time.nowMs + effect.durationMs;
        this.#bannedUntilMs.set((link.other.owner as ScaleMember).key, untilMs);
        this.room.bans.push(effect.reason);
        return link.close(effect.reason);
      }
      case "close":
        return this.links.get(effect.link)?.close(effect.reason);
      case "show":
        return this.#show(effect.event);
      case "open-room":
        this.#roomId = effect.room;
        return void this.room.time.after(1, () => {
          this.#sim?.deliver({ type: "room-opened", records: [] });
        });
      case "stop":
        this.outcome = effect.outcome.kind === "bye" ? "quit" : effect.outcome.text;
        return this.end(false);
      case "input":
      case "shown":
        return;
      case "persist":
        throw new Error("A persist is for the disk");
    }
  }

  #send({ link: id, message, lane }: Extract<MeshEffect, { readonly type: "send" }>): void {
    const link = this.links.get(id);
    if (link === undefined) return; // the link broke after the machine had decided to send
    const bytes = messageBytes(message);
    this.framesSent++;
    this.bytesSent += bytes;
    this.room.sent(message, bytes);
    link.send(message, lane, bytes);
  }

  #dial({ attempt, endpoint, expect, room }: Extract<MeshEffect, { readonly type: "dial" }>): void {
    this.room.dials++;
    const failed = (reason: string) => {
      const text = `Cannot reach the other side: ${reason}`;
      this.#sim?.deliver({
        type: "dial-failed",
        attempt,
        reason: reason as DialFailureReason,
        text,
      });
    };
    this.room.network.dial({ from: this, attempt, endpoint, expect, room, failed });
  }

  #show(event: MeshEvent): void {
    if (event.event === "ready") this.readyAtMs = this.room.time.nowMs;
    if (event.event === "message") this.room.shown(this, event.text);
  }
}
