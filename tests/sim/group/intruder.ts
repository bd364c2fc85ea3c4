/**
 * Somebody with a program of their own who tries to come into a private group by an invite that is void: without one,
 * by an earlier one under a fresh key, by one that becomes void while the link waits, or as a member that was removed.
 * It says what a newcomer says, at once and without being asked. What it is answered is seen by `Removals`.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { NO_BALLOT } from "../../../lib/protocols/group/schema/epoch.ts";
import { HistoryEnd } from "../../../lib/protocols/group/schema/history.ts";
import { INCARNATION_BYTES } from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import {
  groupChannelSecret,
  type GroupSecret,
} from "../../../lib/protocols/group/schema/group_secrets.ts";
import { fakeCrypto, fakeSigner } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Station } from "../network.ts";
import { messageBytes } from "./message_bytes.ts";
import type { World } from "./world.ts";

/** It goes after this time, as the simulation has few hosts. */
const STAYS_MS = 2_000;
const LOOK_EVERY_MS = 20;

export interface IntruderConfig {
  readonly signer: Signer;
  readonly name: string;
  readonly secret: GroupSecret | null;
  /** Whether it may speak: an invite that still counts makes it a newcomer like any other. */
  maySpeak(): boolean;
}

export class Intruder implements Station<GroupMessage> {
  readonly host: number;
  readonly seenHost: string;
  readonly silent = false;
  readonly stalledUntilMs = 0;
  readonly readIntervalMs = 0;
  readableAtMs = 0;
  readonly process = "intruder";
  gone = false;
  #end: LinkEnd<GroupMessage> | null = null;
  #untilMs = 0;

  constructor(readonly world: World, readonly config: IntruderConfig) {
    this.host = world.random.below(world.members.length) + 1;
    this.seenHost = `10.1.0.${this.host}`;
  }

  /** A stranger under a fresh key. */
  static signerOf(world: World, number: number): Signer {
    return fakeSigner(`${world.options.seed}/intruder${number}`);
  }

  get key(): PeerKey {
    return this.config.signer.key;
  }

  comes(): void {
    const { world, config: { name, secret } } = this;
    world.note(name, `dials as an intruder with invite ${secret?.epoch ?? "none"}`);
    this.#untilMs = world.time.nowMs + STAYS_MS;
    world.network.dial({
      from: this,
      attempt: 1,
      endpoint: world.coordinator.endpoint,
      expect: null,
      room: null,
      secret: secret === null ? null : groupChannelSecret(secret),
      failed: (reason) => world.note(name, `is refused: ${reason}`),
    });
  }

  refusal(): string {
    return "unreachable";
  }

  linkUp(end: LinkEnd<GroupMessage>): void {
    end.id = 1 as LinkId;
    this.#end = end;
    this.#look();
  }

  #look(): void {
    const { world: { time } } = this;
    if (this.gone || this.#end === null) return;
    if (time.nowMs > this.#untilMs) return this.#leave();
    if (this.config.maySpeak()) this.#speak();
    else time.after(LOOK_EVERY_MS, () => this.#look());
  }

  #speak(): void {
    const { world, config: { name } } = this;
    const incarnation = new Uint8Array(INCARNATION_BYTES).fill(0xee);
    const at = { host: null, port: 9, group: world.group };
    const peers = world.members.map(({ signer }) => signer.key);
    const after = new HistoryEnd(fakeCrypto, world.group ?? ("0".repeat(64) as never)).point;
    this.#send({ type: "hello", name, incarnation, ...at, begun: NO_BALLOT, promised: NO_BALLOT });
    world.time.after(LOOK_EVERY_MS, () => {
      this.#send({
        type: "heard",
        peers,
        isCaughtUp: world.random.chance(0.5),
        joining: [],
        left: [],
      });
      this.#send({ type: "fetch", after, through: Number.MAX_SAFE_INTEGER });
      world.time.after(STAYS_MS / 4, () => this.#leave());
    });
  }

  #send(message: GroupMessage): void {
    if (this.#end?.open) this.#end.send(message, "data", messageBytes(message));
  }

  #leave(): void {
    this.gone = true;
    this.#end?.abandon(false, 0.5);
    this.#end = null;
  }

  message(_: LinkEnd<GroupMessage>, message: GroupMessage): void {
    this.world.note(this.config.name, `gets ${message.type}`);
    if (message.type === "probe") {
      const { point: end } = new HistoryEnd(fakeCrypto, "0".repeat(64) as never);
      this.#send({ type: "alive", end, seq: 0 });
    }
  }

  linkDown(): void {
    this.gone = true;
    this.#end = null;
  }

  congested(): void {}
  drained(): void {}
}
