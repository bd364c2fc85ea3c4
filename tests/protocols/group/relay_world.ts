/** Members' datagrams and the coordinator's relay, over a network of the test's making, in virtual time. */

import type { Bytes } from "../../../lib/base/crypto/crypto.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../../lib/base/ids.ts";
import { DatagramRelay } from "../../../lib/protocols/group/coordinator/datagram_relay.ts";
import {
  type MemberDatagramEffect,
  type MemberDatagramInput,
  MemberDatagrams,
} from "../../../lib/protocols/group/member/member_datagrams.ts";
import type { Member } from "../../../lib/protocols/group/schema/epoch.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import { Timer, VirtualTime } from "../../sim/virtual_time.ts";
import { environment, identityOf, seedOf } from "../noise/channel_pair.ts";

export const COORDINATOR: Endpoint = { host: "192.0.2.1", port: 6_000 };
const DELAY_MS = 5;

type Told = Exclude<MemberDatagramEffect, { readonly type: "transmit" }>;

export class Program {
  readonly machine: MemberDatagrams;
  readonly key: PeerKey;
  readonly told: Told[] = [];
  /** Where its datagrams seem to come from. */
  endpoint: Endpoint;
  readonly #timer = new Timer(() => this.step({ type: "tick" }));

  constructor(readonly world: RelayWorld, readonly name: string, readonly link: LinkId) {
    const { signer, key } = identityOf(name);
    this.key = key;
    this.endpoint = { host: `10.0.0.${link}`, port: 9_000 };
    this.machine = new MemberDatagrams({
      identity: { signer, static: keyPairFromSeed(seedOf(`static of ${name}`)) },
      env: environment(name),
      access: { mode: "group", admit: () => true },
    });
  }

  step(input: MemberDatagramInput): void {
    for (const effect of this.machine.step(input, this.world.time.nowMs)) {
      if (effect.type === "transmit") this.world.carry(this.endpoint, effect.to, effect.bytes);
      else this.told.push(effect);
    }
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs === null) this.world.time.disarm(this.#timer);
    else this.world.time.arm(this.#timer, dueMs);
  }

  /** The coordinator lets it in. */
  keyed(): void {
    const keys = this.world.relay.keysFor(this.link);
    if (keys === null) return;
    const { index } = keys;
    const [toMember, toCoordinator] = [keys.toMember.slice(), keys.toCoordinator.slice()];
    this.step({ type: "keys", coordinator: COORDINATOR, index, toMember, toCoordinator });
  }

  /** It is introduced to the other, as the coordinator knows that one now. */
  meet(other: Program): void {
    const path = this.world.pathOf(other);
    const seen = path?.seen ?? null;
    const endpoint = { host: `10.0.0.${other.link}`, port: 9_000 };
    this.step({ type: "meet", peer: other.key, endpoint, seen, relay: path?.number ?? null });
  }

  send(to: Program, text: string): void {
    const message = new TextEncoder().encode(text);
    this.step({ type: "send", peer: to.key, lane: "data", message });
  }

  get texts(): readonly string[] {
    return this.told.flatMap((news) =>
      news.type === "message" ? [new TextDecoder().decode(news.bytes)] : []
    );
  }

  pathTo(other: Program) {
    return this.machine.pathOf(other.key);
  }
}

export class RelayWorld {
  readonly time = new VirtualTime();
  readonly programs: Program[] = [];
  /** Who is a member, or shown as joining. */
  readonly listed = new Set<PeerKey>();
  /** Who has said hello on its link, and wasn't sent away. */
  readonly here = new Set<LinkId>();
  /** Whether a datagram passes between these addresses. */
  passes = (_from: Endpoint, _to: Endpoint): boolean => true;
  /** Every datagram that the coordinator has sent. */
  readonly relayed: { readonly to: Endpoint; readonly bytes: Uint8Array }[] = [];
  readonly relay: DatagramRelay;
  /** How long what comes from the coordinator takes. */
  relayDelayMs = DELAY_MS;

  constructor(numberMax?: number) {
    const nowMs = () => this.time.nowMs;
    const attendeeOf = (link: LinkId) => {
      const program = this.programs.find((one) => one.link === link);
      return program === undefined || !this.here.has(link)
        ? null
        : { key: program.key, link, joiningSinceMs: null };
    };
    const parts = {
      views: { isInOpen: (key: PeerKey) => this.listed.has(key) },
      attendance: { on: attendeeOf },
      out: {
        get nowMs() {
          return nowMs();
        },
        datagram: (to: Endpoint, bytes: Bytes) => {
          this.relayed.push({ to, bytes });
          this.carry(COORDINATOR, to, bytes);
        },
      },
      randomBytes: environment("coordinator").randomBytes,
      isOpen: true,
    };
    this.relay = new DatagramRelay(
      parts as unknown as ConstructorParameters<typeof DatagramRelay>[0],
      numberMax,
    );
  }

  /** Members that are in, and have told the coordinator where they are; each has met each. */
  static of(...names: readonly string[]): { world: RelayWorld; all: readonly Program[] } {
    const world = new RelayWorld();
    const all = names.map((name) => world.add(name));
    world.run(100);
    return { world, all };
  }

  add(name: string): Program {
    const program = new Program(this, name, this.programs.length + 1 as LinkId);
    this.programs.push(program);
    this.here.add(program.link);
    this.listed.add(program.key);
    program.keyed();
    return program;
  }

  pathOf({ key, link }: Program) {
    const told = { host: `10.0.0.${link}`, port: 9_000 } as Member;
    return this.relay.pathOf(
      { key, link } as unknown as Parameters<DatagramRelay["pathOf"]>[0],
      told,
    );
  }

  meetAll(): void {
    for (const one of this.programs) {
      for (const other of this.programs) if (one !== other) one.meet(other);
    }
  }

  run(ms: number): void {
    this.time.runUntil(this.time.nowMs + ms);
  }

  carry(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    if (!this.passes(from, to)) return;
    this.time.after(from === COORDINATOR ? this.relayDelayMs : DELAY_MS, () => {
      if (endpointText(to) === endpointText(COORDINATOR)) {
        this.relay.datagram(from, bytes);
        return;
      }
      const name = endpointText(to);
      const program = this.programs.find(({ endpoint }) => endpointText(endpoint) === name);
      program?.step({ type: "datagram", from, bytes: new Uint8Array(bytes) });
    });
  }

  /** From now on members reach the coordinator alone. */
  cut(): void {
    this.passes = (from, to) => from.host === COORDINATOR.host || to.host === COORDINATOR.host;
  }

  heal(): void {
    this.passes = () => true;
  }
}
