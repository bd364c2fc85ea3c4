/**
 * Processes that pass tokens to each other over channels that keep their order, and take snapshots meanwhile. All that
 * happens is written down, so that whoever looks at a snapshot afterwards knows what it should say.
 */

import { invariant } from "../../../../lib/base/invariant.ts";
import { Recording } from "../../../../lib/protocols/group/snapshot/recording.ts";

export interface Channel {
  readonly from: string;
  readonly to: string;
}

/** Tokens on their way. */
export interface Parcel {
  /** No other has it. */
  readonly number: number;
  readonly tokens: number;
}

/** What happens at one process, in the order in which it happened anywhere. */
export type Happening =
  | { readonly kind: "sends" | "receives"; readonly at: string; readonly parcel: Parcel }
  | { readonly kind: "records"; readonly at: string; readonly snapshot: number };

export interface Faults {
  /** A marker goes out one message late. */
  readonly markerAfterNextMessage?: boolean;
  /** A marker is put before the message that was last sent on its channel. */
  readonly markerOvertakes?: boolean;
  /** A process begins to record its channels one message after itself. */
  readonly channelsRecordedLate?: boolean;
  /** A process records itself when the last marker has come, not the first. */
  readonly recordsItselfLast?: boolean;
}

type Cargo =
  | { readonly kind: "parcel"; readonly parcel: Parcel }
  | { readonly kind: "marker"; readonly snapshot: number };

class Pipe {
  readonly queue: Cargo[] = [];
  /** By the fault: markers that wait for the next message. */
  readonly late: Cargo[] = [];

  constructor(readonly channel: Channel) {}
}

type TokenRecording = Recording<string, number, Parcel>;

/** What a snapshot says, for whoever compares. */
export interface TokenSnapshot {
  readonly tokens: ReadonlyMap<string, number>;
  /** By `FROM TO`; those that aren't empty. */
  readonly inFlight: ReadonlyMap<string, readonly Parcel[]>;
}

export const channelName = ({ from, to }: Channel): string => `${from} ${to}`;

export class TokenNetwork {
  readonly happened: Happening[] = [];
  readonly tokens: Map<string, number>;
  readonly #pipes = new Map<string, Pipe>();
  readonly #recordings = new Map<string, TokenRecording>();
  readonly #lateOnes = new Set<string>();
  #parcels = 0;
  #snapshots = 0;

  constructor(
    tokens: Readonly<Record<string, number>>,
    readonly channels: readonly Channel[],
    readonly faults: Faults = {},
  ) {
    this.tokens = new Map(Object.entries(tokens));
    for (const channel of channels) this.#pipes.set(channelName(channel), new Pipe(channel));
  }

  get snapshots(): number {
    return this.#snapshots;
  }

  /** Passes on as many tokens as there are, at most. */
  send(from: string, to: string, tokens: number): void {
    const held = this.tokens.get(from)!;
    const parcel = { number: this.#parcels++, tokens: Math.min(tokens, held) };
    this.tokens.set(from, held - parcel.tokens);
    const pipe = this.#pipe(from, to);
    pipe.queue.push({ kind: "parcel", parcel }, ...pipe.late.splice(0));
    this.happened.push({ kind: "sends", at: from, parcel });
  }

  /** @returns Its number, from 0. */
  snapshot(at: string): number {
    const snapshot = this.#snapshots++;
    this.#recording(at, snapshot).begin();
    return snapshot;
  }

  /** The first that is on the channel arrives. @returns Whether something was. */
  deliver(from: string, to: string): boolean {
    const pipe = this.#pipe(from, to);
    const cargo = pipe.queue.shift();
    if (cargo === undefined) return false;
    if (cargo.kind === "parcel") this.#receive(pipe.channel, cargo.parcel);
    else this.#recording(to, cargo.snapshot).marker(from);
    return true;
  }

  /** All that is under way arrives, channel after channel. */
  settle(): void {
    while (this.channels.some(({ from, to }) => this.deliver(from, to)));
    for (const { channel, queue, late } of this.#pipes.values()) {
      queue.push(...late.splice(0));
      if (queue.length > 0) return this.settle();
      invariant(this.#pipe(channel.from, channel.to).queue.length === 0, "all has arrived");
    }
  }

  isComplete(snapshot: number): boolean {
    return [...this.tokens.keys()].every((at) =>
      this.#recordings.get(`${at} ${snapshot}`)?.isComplete
    );
  }

  result(snapshot: number): TokenSnapshot {
    const tokens = new Map<string, number>();
    const inFlight = new Map<string, readonly Parcel[]>();
    for (const at of this.tokens.keys()) {
      tokens.set(at, this.#recordings.get(`${at} ${snapshot}`)!.state!);
    }
    for (const { from, to } of this.channels) {
      const parcels = this.#recordings.get(`${to} ${snapshot}`)!.messages(from);
      if (parcels.length > 0) inFlight.set(channelName({ from, to }), parcels);
    }
    return { tokens, inFlight };
  }

  #pipe(from: string, to: string): Pipe {
    const pipe = this.#pipes.get(channelName({ from, to }));
    invariant(pipe !== undefined, `there is a channel from ${from} to ${to}`);
    return pipe;
  }

  #receive({ from, to }: Channel, parcel: Parcel): void {
    for (const [name, recording] of this.#recordings) {
      if (!name.startsWith(`${to} `)) continue;
      if (this.#lateOnes.delete(name)) continue;
      recording.received(from, parcel);
    }
    this.tokens.set(to, this.tokens.get(to)! + parcel.tokens);
    this.happened.push({ kind: "receives", at: to, parcel });
  }

  #recording(at: string, snapshot: number): TokenRecording {
    const name = `${at} ${snapshot}`;
    const known = this.#recordings.get(name);
    if (known !== undefined) return known;
    const incoming = this.channels.flatMap(({ from, to }) => to === at ? [from] : []);
    const ports = {
      record: () => {
        this.happened.push({ kind: "records", at, snapshot });
        if (this.faults.channelsRecordedLate) this.#lateOnes.add(name);
        return this.tokens.get(at)!;
      },
      sendMarkers: () => this.#sendMarkers(at, snapshot),
    };
    const recording = this.faults.recordsItselfLast
      ? new Tardy<string, number, Parcel>(incoming, ports)
      : new Recording<string, number, Parcel>(incoming, ports);
    this.#recordings.set(name, recording);
    return recording;
  }

  #sendMarkers(at: string, snapshot: number): void {
    const marker: Cargo = { kind: "marker", snapshot };
    for (const { channel, queue, late } of this.#pipes.values()) {
      if (channel.from !== at) continue;
      if (this.faults.markerAfterNextMessage) late.push(marker);
      else if (this.faults.markerOvertakes && queue.at(-1)?.kind === "parcel") {
        queue.splice(-1, 0, marker);
      } else queue.push(marker);
    }
  }
}

/** Sends its markers at the right time, and looks at itself too late. */
class Tardy<Channel, State, Message> extends Recording<Channel, State, Message> {
  #now: State | null = null;

  override get state(): State | null {
    if (this.isComplete) this.#now ??= this.ports.record();
    return this.#now ?? super.state;
  }

  override marker(channel: Channel): void {
    super.marker(channel);
    if (this.isComplete) this.#now ??= this.ports.record();
  }
}
