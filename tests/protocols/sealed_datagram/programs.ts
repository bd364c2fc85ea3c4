/** Programs that send each other sealed datagrams through a post office that the test keeps, in virtual time. */

import { assert } from "@std/assert";
import type { Bytes } from "../../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import { SealedDatagrams } from "../../../lib/protocols/sealed_datagram/sealed_datagrams.ts";
import type {
  SealedEffect,
  SealedInput,
} from "../../../lib/protocols/sealed_datagram/sealed_io.ts";
import { environment, identityOf, seedOf } from "../noise/channel_pair.ts";

export interface Datagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Bytes;
}

type Told = Exclude<SealedEffect, { readonly type: "transmit" }>;

const TEXT = new TextDecoder();

/** One program: what it was told and what it sent. */
export class Program {
  readonly key: PeerKey;
  readonly machine: SealedDatagrams;
  readonly told: Told[] = [];
  /** Sent and not delivered yet. */
  readonly out: Datagram[] = [];
  /** Reasons in its log. */
  readonly logged: string[] = [];

  /** `start`: which start of its process it is. */
  constructor(
    readonly name: string,
    public endpoint: Endpoint,
    start = 1,
    admit: (peer: PeerKey) => boolean = () => true,
  ) {
    const { signer, key } = identityOf(name);
    this.key = key;
    this.machine = new SealedDatagrams({
      identity: { signer, static: keyPairFromSeed(seedOf(`static of ${name} ${start}`)) },
      env: environment(`${name} ${start}`, {
        ...SILENT_LOGGER,
        info: (_, fields) => this.logged.push(String(fields?.reason)),
      }),
      access: { mode: "group", admit },
    });
  }

  step(input: SealedInput, nowMs: number): void {
    for (const effect of this.machine.step(input, nowMs)) {
      if (effect.type !== "transmit") this.told.push(effect);
      else this.out.push({ from: this.endpoint, to: effect.to, bytes: effect.bytes });
    }
  }

  connect(to: Program, nowMs: number): void {
    this.step({ type: "connect", peer: to.key, endpoint: to.endpoint }, nowMs);
  }

  send(to: Program, text: string, nowMs: number): void {
    const payload = new TextEncoder().encode(text);
    this.step({ type: "send", peer: to.key, payload }, nowMs);
  }

  /** Takes in a datagram, wherever it was sent to. */
  take({ from, bytes }: Datagram, nowMs: number): void {
    this.step({ type: "datagram", from, bytes }, nowMs);
  }

  /** Texts that came. */
  get heard(): readonly string[] {
    return this.told.flatMap((each) => each.type === "payload" ? [TEXT.decode(each.bytes)] : []);
  }

  count(type: Told["type"]): number {
    return this.told.filter((each) => each.type === type).length;
  }

  get isUp(): boolean {
    return this.told.some(({ type }) => type === "up");
  }
}

export function endpoint(port: number): Endpoint {
  return { host: "10.0.0.1", port };
}

/** Delivers everything at once, until nobody says anything more. `passes`: which datagrams get through. */
export function settle(
  programs: readonly Program[],
  nowMs: number,
  passes: (datagram: Datagram) => boolean = () => true,
): void {
  for (let rounds = 0; programs.some(({ out }) => out.length > 0); rounds++) {
    assert(rounds < 100, "talk comes to an end");
    for (const datagram of programs.flatMap(({ out }) => out.splice(0))) {
      const to = programs.find((each) => endpointText(each.endpoint) === endpointText(datagram.to));
      if (to !== undefined && passes(datagram)) to.take(datagram, nowMs);
    }
  }
}

/** Lets time pass until `untilMs`, everything being delivered at once. */
export function run(
  programs: readonly Program[],
  fromMs: number,
  untilMs: number,
  passes: (datagram: Datagram) => boolean = () => true,
): void {
  settle(programs, fromMs, passes);
  for (let nowMs = fromMs;;) {
    const due = programs.map(({ machine }) => machine.nextDeadlineMs() ?? Infinity);
    nowMs = Math.max(nowMs, Math.min(...due));
    if (nowMs > untilMs) return;
    for (const program of programs) program.step({ type: "tick" }, nowMs);
    settle(programs, nowMs, passes);
  }
}

/** Two programs; `smaller` has the smaller key. */
export function twoPrograms(): { smaller: Program; larger: Program } {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  return ann.key < bob.key ? { smaller: ann, larger: bob } : { smaller: bob, larger: ann };
}

/** Two programs with a session that `ann` began at time 0. */
export function connected(): { ann: Program; bob: Program } {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);
  settle([ann, bob], 0);
  assert(ann.isUp && bob.isUp, "both are up");
  return { ann, bob };
}

/** `bytes` with a bit changed. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Bytes {
  const copy = new Uint8Array(bytes);
  copy[at]! ^= 1 << bit;
  return copy;
}
