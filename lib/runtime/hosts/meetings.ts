/**
 * The meeting points that a member uses: the one where it is registered, and those of members that it dials there. Each
 * has a machine of its own; their links are apart from the room's, which gets streams from here.
 */

import {
  type Endpoint,
  endpointText,
  type LinkId,
  type PeerKey,
  type RoomId,
} from "../../base/ids.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { KeyChange, PinEffect } from "../../base/machine/mode_machine.ts";
import type { Server } from "../../base/trust/server_key.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { MeetingPlace } from "../../base/text/meeting_address.ts";
import {
  CREDIT_BYTES,
  PIECE_BYTES_MAX,
  STREAM_PIECES_PER_S,
} from "../../protocols/meeting_point/limits.ts";
import { MeetingClient } from "../../protocols/meeting_point/meeting_client.ts";
import type {
  Callee,
  MeetingState,
  VisitorEffect,
  VisitorInput,
} from "../../protocols/meeting_point/meeting_io.ts";
import { MEETING_MESSAGES, type MeetingMessage } from "../../protocols/meeting_point/messages.ts";
import {
  type DialFailure,
  EXPECT_ANYBODY,
  type LinkEnd,
  type LinkHandler,
  type LinkInfo,
  type Links,
} from "../../transport/link.ts";
import type { Relay, Relays } from "../../transport/relayed_streams.ts";
import { createCodec, isUnknown } from "../../wire/codec.ts";
import { LinkBacklog } from "../open_links.ts";
import { Runner, storingNothing } from "../runner.ts";

const CODEC = createCodec(MEETING_MESSAGES);

const RELAY_LIMITS = {
  creditBytes: CREDIT_BYTES,
  pieceBytesMax: PIECE_BYTES_MAX,
  piecesPerS: STREAM_PIECES_PER_S,
};

/** Meeting points of others that are in use at once: what others tell makes us dial no more. */
const OTHERS_MAX = 8;

/** What becomes of the meeting point where this member is registered. */
interface OwnPointPorts {
  pin(effect: PinEffect): Promise<void>;
  keyChanged(changed: KeyChange, text: string): void;
  /** @param key Its key, once it has proved one. @param failure Why it is away; null where that isn't known. */
  changed(state: MeetingState, key: Fingerprint | null, failure: string | null): void;
  /** These numbers of our word codes lead to us there. */
  numbered(numbers: readonly number[]): void;
}

interface MeetingsPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  /** Of these alone, in the mode `meeting`; they only dial. */
  readonly links: Links;
  /** The relays that the room's links were given. */
  readonly relays: Relays;
  /** A fault of ours. */
  failed(error: unknown): void;
}

/** What follows when a stream was asked for: the address to dial, with this very object, or why there is none. */
export interface Called {
  /** @param point The meeting point's key. */
  connected(remote: Endpoint, point: Fingerprint): void;
  failed(text: string): void;
}

export class Meetings implements LinkHandler {
  readonly #backlog: LinkBacklog;
  readonly #own: PointClient | null = null;
  /** By address and key; at most `OTHERS_MAX`. */
  readonly #others = new Map<string, PointClient>();
  readonly #dialling = new Map<
    number,
    { readonly client: PointClient; readonly attempt: number }
  >();
  readonly #links = new Map<LinkId, PointClient>();
  #attempt = 0;

  /** @param own The meeting point where others are to reach us; null: there is none. */
  constructor(
    own: { readonly server: Server; readonly ports: OwnPointPorts } | null,
    readonly ports: MeetingsPorts,
  ) {
    this.#backlog = new LinkBacklog(ports.links);
    if (own !== null) this.#own = this.#clientOf(own.server, own.ports);
  }

  /** Others may reach us from now on, in this room. */
  register(room: RoomId): void {
    this.#own?.feed({ type: "register", room });
  }

  /** The numbers of our open word codes. */
  number(numbers: readonly number[]): void {
    this.#own?.feed({ type: "numbers", numbers });
  }

  /** The user accepts the other key of our meeting point. @returns Whether one was shown. */
  trust(): boolean {
    const isShown = this.#own?.hasStrangeKey ?? false;
    this.#own?.feed({ type: "trust" });
    return isShown;
  }

  /** Asks our meeting point for a stream to whoever has registered this number. */
  callNumber(number: number, called: Called): void {
    if (this.#own === null) return called.failed("no meeting point is known");
    this.#own.call({ number }, called);
  }

  /** Asks for a stream to a member of the room. */
  call(place: MeetingPlace, room: RoomId, called: Called): void {
    const client = this.#at(place);
    if (client === null) return called.failed("too many meeting points of others are in use");
    client.call({ member: place.member, room }, called);
  }

  stop(): void {
    for (const client of this.#all()) client.stop();
  }

  *#all(): Iterable<PointClient> {
    if (this.#own !== null) yield this.#own;
    yield* this.#others.values();
  }

  #at({ at, point }: MeetingPlace): PointClient | null {
    if (this.#own?.is(at, point) === true) return this.#own;
    const name = `${endpointText(at)} ${point}`;
    const known = this.#others.get(name);
    if (known !== undefined) return known;
    if (this.#others.size >= OTHERS_MAX && !this.#forgetUnused()) return null;
    const client = this.#clientOf({
      what: "meeting point",
      name: point,
      endpoint: at,
      knownPeers: "",
      pinned: null,
      given: point,
    }, null);
    this.#others.set(name, client);
    return client;
  }

  #forgetUnused(): boolean {
    for (const [name, client] of this.#others) {
      if (client.isUsed) continue;
      client.stop();
      return this.#others.delete(name);
    }
    return false;
  }

  #clientOf(server: Server, own: OwnPointPorts | null): PointClient {
    const client: PointClient = new PointClient(server, own, {
      ...this.ports,
      dial: (attempt, endpoint, fingerprint) => {
        const number = ++this.#attempt;
        this.#dialling.set(number, { client, attempt });
        this.ports.links.dial(number, endpoint, { ...EXPECT_ANYBODY, fingerprint });
      },
      send: (link, message) => this.#backlog.send(link, CODEC.encode(message)),
    });
    return client;
  }

  // LinkHandler.

  linkUp(link: LinkId, { peer, attempt }: LinkInfo): void {
    const dialled = this.#dialling.get(attempt ?? 0);
    this.#dialling.delete(attempt ?? 0);
    if (dialled === undefined) return this.ports.links.close(link, "not expected");
    this.#links.set(link, dialled.client);
    dialled.client.feed({ type: "link-up", link, peer, attempt: dialled.attempt });
  }

  dialFailed(number: number, { reason, text, key }: DialFailure): void {
    const dialled = this.#dialling.get(number);
    this.#dialling.delete(number);
    dialled?.client.feed({ type: "dial-failed", attempt: dialled.attempt, reason, text, key });
  }

  frame(link: LinkId, body: Uint8Array): void {
    const client = this.#links.get(link);
    if (client === undefined) return;
    const message = decoded(body);
    if (message === null) return this.ports.links.close(link, "sent invalid data");
    client.feed(
      isUnknown(message)
        ? { type: "unknown-message", link, code: message.code }
        : { type: "message", link, message },
    );
  }

  linkDown(link: LinkId, { reason }: LinkEnd): void {
    this.#backlog.remove(link);
    const client = this.#links.get(link);
    this.#links.delete(link);
    client?.feed({ type: "link-down", link, reason });
  }

  congested(link: LinkId): void {
    this.#backlog.congested(link);
  }

  drained(link: LinkId): void {
    this.#backlog.drained(link);
  }

  /** The keys of a link with streams are renewed on the way. */
  aged(link: LinkId): void {
    if (this.#links.get(link)?.hasStreams === false) {
      this.ports.links.close(link, "this link is a day old; dial again");
    }
  }
}

interface PointClientPorts extends MeetingsPorts {
  dial(attempt: number, endpoint: Endpoint, expect: Fingerprint | null): void;
  send(link: LinkId, message: MeetingMessage): void;
}

/** One meeting point, as this member uses it. */
class PointClient {
  readonly #machine: MeetingClient;
  readonly #runner: Runner<VisitorInput, VisitorEffect, never>;
  readonly #calls = new Map<number, Called>();
  readonly #streams = new Map<number, Relay>();
  #lastCall = 0;
  /** The key that it has proved. */
  #key: Fingerprint | null = null;
  #state: MeetingState = "away";

  constructor(
    readonly server: Server,
    readonly own: OwnPointPorts | null,
    readonly ports: PointClientPorts,
  ) {
    this.#machine = new MeetingClient(server, ports.environment);
    this.#runner = new Runner<VisitorInput, VisitorEffect, never>(this.#machine, {
      ...storingNothing<VisitorInput, VisitorEffect>({
        clock: ports.clock,
        execute: (effect) => this.#execute(effect),
        tick: { type: "tick" },
        failed: (error) => ports.failed(error),
      }),
      keepingOf: (effect) => effect.type === "pin" && own !== null ? () => own.pin(effect) : null,
    });
  }

  is({ host, port }: Endpoint, key: Fingerprint): boolean {
    const { endpoint } = this.server;
    return endpoint.host === host && endpoint.port === port && this.#key === key;
  }

  get hasStrangeKey(): boolean {
    return this.#machine.hasStrangeKey;
  }

  get hasStreams(): boolean {
    return this.#streams.size > 0;
  }

  get isUsed(): boolean {
    return this.hasStreams || this.#calls.size > 0 || this.#state !== "away";
  }

  feed(input: VisitorInput): void {
    this.#runner.feed(input);
  }

  call(callee: Callee, called: Called): void {
    const call = ++this.#lastCall;
    this.#calls.set(call, called);
    this.feed({ type: "connect", call, callee });
  }

  stop(): void {
    this.#runner.stop();
    for (const relay of this.#streams.values()) relay.close();
  }

  #execute(effect: VisitorEffect): void {
    const { own, ports } = this;
    switch (effect.type) {
      case "dial":
        return ports.dial(effect.attempt, effect.endpoint, effect.expect);
      case "send":
        return ports.send(effect.link, effect.message);
      case "close":
        return ports.links.close(effect.link, effect.reason);
      case "pin":
        return; // it was kept before
      case "key-changed":
        return own?.keyChanged(effect.changed, effect.text);
      case "state":
        this.#state = effect.state;
        this.#key = effect.key ?? this.#key;
        return own?.changed(effect.state, effect.key, effect.failure);
      case "numbered":
        return own?.numbered(effect.numbers);
      case "opened":
      case "failed":
        return this.#answered(effect);
      case "incoming":
        return this.#open(effect.stream, effect.from).accept();
      case "received":
        return this.#streams.get(effect.stream)?.came(effect.bytes);
      case "room":
        return this.#streams.get(effect.stream)?.room(effect.bytes);
      case "ended":
        this.#streams.get(effect.stream)?.close();
        this.#streams.delete(effect.stream);
        return;
      default:
        return unreachable(effect);
    }
  }

  #answered(effect: Extract<VisitorEffect, { readonly type: "opened" | "failed" }>): void {
    const called = this.#calls.get(effect.call);
    this.#calls.delete(effect.call);
    if (effect.type === "failed") called?.failed(effect.text);
    else called?.connected(this.#open(effect.stream, null).remote, this.#key!);
  }

  #open(stream: number, from: PeerKey | null): Relay {
    const relay = this.ports.relays.open(RELAY_LIMITS, {
      send: (bytes) => this.feed({ type: "bytes", stream, bytes }),
      taken: (bytes) => this.feed({ type: "taken", stream, bytes }),
    });
    this.#streams.set(stream, relay);
    this.ports.environment.log.info("relayed stream", { stream, from });
    relay.whenSent(() => {
      this.#streams.delete(stream);
      this.feed({ type: "over", stream });
    });
    return relay;
  }
}

function decoded(body: Uint8Array): ReturnType<typeof CODEC.decode> | null {
  try {
    return CODEC.decode(body);
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return null;
  }
}
