/** People who write private messages to each other: each a machine, and a disk that outlives it. */

import { nodeCrypto, nodeSigner, type Signer } from "../../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { PrivateMessages } from "../../../lib/protocols/mesh/private/private_messages.ts";
import {
  PRIVATE_DEFAULTS,
  type PrivateEffect,
  type PrivateInput,
} from "../../../lib/protocols/mesh/private/private_messages_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import type { Head, PrivateEnvelope } from "../../../lib/protocols/mesh/schema/structures.ts";

export const ROOM = "ab".repeat(32) as RoomId;
export const DAY_MS = 24 * 60 * 60 * 1_000;
const WALL_MS = 1_700_000_000_000;

export interface PersonOptions {
  readonly incarnation?: number;
  /** What it has been shown last, and all that it has been shown. */
  readonly heads?: readonly Head[];
  readonly shown?: readonly Head[];
  /** Keys that nobody in the room has. */
  readonly strangers?: readonly PeerKey[];
  /** Without real cryptography, for thousands of messages. */
  readonly isFake?: boolean;
}

/** One whose secrets follow from `seed`. */
export class Person {
  readonly key: PeerKey;
  machine: PrivateMessages;
  disk: MeshRecord[] = [];
  refuses = false;
  /** Nobody looks at what is shown. */
  isBlind = false;
  wallMs = WALL_MS;
  readonly shown: string[] = [];
  /** Its `delivery` events, and what was refused, in order. */
  readonly told: string[] = [];
  readonly waits: string[] = [];
  incarnation: number;
  readonly #signer: Signer;
  #drawn: number;

  constructor(readonly seed: number, readonly options: PersonOptions = {}) {
    this.incarnation = options.incarnation ?? 1;
    this.#drawn = seed * 1_000 + this.incarnation;
    this.#signer = options.isFake ? fakeSigner(seed) : nodeSigner(new Uint8Array(32).fill(seed));
    this.key = this.#signer.key;
    this.machine = this.#process();
    this.step({ type: "start" });
  }

  /** Another process with what is on disk; the one before is gone. */
  restart(nowMs = 0): readonly PrivateEffect[] {
    this.incarnation++;
    this.machine = this.#process();
    return this.step({ type: "start" }, nowMs);
  }

  /** Steps the machine, and answers what it asks of disk and user, until nothing is asked. */
  step(input: PrivateInput, nowMs = 0): readonly PrivateEffect[] {
    const all: PrivateEffect[] = [];
    const inputs: PrivateInput[] = [input];
    for (const next of inputs) {
      for (const effect of this.machine.step(next, nowMs)) {
        all.push(effect);
        const answer = this.#carryOut(effect);
        if (answer !== null) inputs.push(answer);
      }
    }
    return all;
  }

  say(to: Person, text: string, nowMs = 0, ref?: string): readonly PrivateEffect[] {
    const say = { type: "say", to: to.key, name: `p${to.seed}`, text } as const;
    return this.step(ref === undefined ? say : { ...say, ref }, nowMs);
  }

  meets(other: Person, nowMs = 0): readonly PrivateEffect[] {
    return this.step({ type: "present", peer: other.key, boxKey: other.machine.boxKey }, nowMs);
  }

  hears(envelope: PrivateEnvelope, from: PeerKey, nowMs = 0): readonly PrivateEffect[] {
    return this.step({ type: "envelope", from, envelope }, nowMs);
  }

  #carryOut(effect: PrivateEffect): PrivateInput | null {
    switch (effect.type) {
      case "persist":
        if (!this.refuses) this.disk.push(...effect.records);
        if (effect.token === null) return null;
        return this.refuses
          ? { type: "not-stored", token: effect.token, text: "full disk" }
          : { type: "stored", token: effect.token };
      case "received":
        this.shown.push(`${effect.message.text}${effect.late ? " (late)" : ""}`);
        return null;
      case "await-seen":
        return this.isBlind ? null : { type: "seen", upTo: effect.upTo };
      case "delivery": {
        const waiting = effect.waiting === undefined ? "" : ` of ${effect.waiting}`;
        this.told.push(`${effect.state} to ${effect.name}${waiting}`);
        return null;
      }
      case "refused":
        this.told.push(effect.code);
        return null;
      case "waits":
        for (const { name, messages } of effect.receivers) {
          this.waits.push(`${effect.when}: ${messages} for ${name}`);
        }
        return null;
      case "arrived":
        this.waits.push(`arrived: ${effect.receiver.messages}`);
        return null;
      default:
        return null;
    }
  }

  #process(): PrivateMessages {
    const { heads, shown, strangers } = this.options;
    return new PrivateMessages(
      { ...PRIVATE_DEFAULTS, room: ROOM, incarnation: this.incarnation, records: [...this.disk] },
      this.#signer,
      {
        random: () => 0,
        randomBytes: (length) =>
          Uint8Array.from({ length }, () => (this.#drawn = this.#drawn * 16_807 % 65_537) % 256),
        wallMs: () => this.wallMs,
        crypto: this.options.isFake ? fakeCrypto : nodeCrypto,
        log: SILENT_LOGGER,
      },
      {
        heads: () => heads ?? [],
        isShown: ({ id }) => shown?.some((head) => head.id === id) ?? true,
      },
      (key) => !strangers?.includes(key),
      () => false,
    );
  }
}

export function floods(effects: readonly PrivateEffect[]): readonly PrivateEnvelope[] {
  return effects.flatMap((effect) => effect.type === "flood" ? [effect.envelope] : []);
}

/** Carries envelopes to those of `people` whom they are for, and their answers, until nothing is under way. */
export function carry(
  people: readonly Person[],
  effects: readonly PrivateEffect[],
  nowMs = 0,
): void {
  const underWay = [...floods(effects)];
  for (const envelope of underWay) {
    const receiver = people.find(({ key }) => key === envelope.to);
    underWay.push(...floods(receiver?.hears(envelope, envelope.from, nowMs) ?? []));
  }
}

/** They are there for each other, and all that waits is sent. */
export function meet(ann: Person, bob: Person, nowMs = 0): void {
  const effects = [...ann.meets(bob, nowMs), ...bob.meets(ann, nowMs)];
  carry([ann, bob], effects, nowMs);
}

export function part(ann: Person, bob: Person, nowMs = 0): void {
  ann.step({ type: "absent", peer: bob.key, reason: "lost" }, nowMs);
  bob.step({ type: "absent", peer: ann.key, reason: "lost" }, nowMs);
}
