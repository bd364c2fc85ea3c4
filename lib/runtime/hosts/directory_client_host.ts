/**
 * Runs the machine of a directory's client: links to the directory and to the other side of a call, some of them
 * through the directory, datagrams, a log and a user interface, each a port.
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Endpoint, type LinkId, type PeerKey, RELAY_HOST } from "../../base/ids.ts";
import { measuredMs } from "../../base/machine/clock.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import { Client } from "../../protocols/directory/client/client.ts";
import type {
  ClientConfig,
  ClientEffect,
  ClientInput,
  Entry,
} from "../../protocols/directory/schema/client_io.ts";
import type { ClientRecord, HeardPlace } from "../../protocols/directory/schema/client_records.ts";
import type { ClientCommand, ClientEvent } from "../../protocols/directory/schema/events.ts";
import {
  CALL_DEAD_MS,
  DIRECTORY_CHANNEL,
  LEAVE_MS_MAX,
  RELAY_BYTES_MAX,
  RELAY_CREDIT_BYTES,
  RELAY_PIECES_PER_S,
} from "../../protocols/directory/schema/limits.ts";
import {
  DIRECTORY_LANES,
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
} from "../../protocols/directory/schema/messages.ts";
import type { ChannelConfig } from "../../protocols/noise/config.ts";
import { OFFERS_EACH_MAX } from "../../protocols/transfer/limits.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import {
  type DialFailure,
  EXPECT_ANYBODY,
  type LinkEnd,
  type LinkHandler,
  type LinkInfo,
  type ListenAccess,
  openTo,
} from "../../transport/link.ts";
import type { Relay, Relays } from "../../transport/relayed_streams.ts";
import { createCodec } from "../../wire/codec.ts";
import { LinkBacklog } from "../open_links.ts";
import { type KeepPin, ModeHost, type ModePorts } from "./mode_host.ts";
import type { RecordStore } from "../record_log.ts";
import { Runner } from "../runner.ts";

/** A client's links let in anybody who wants to talk; the machine decides which of them is expected. */
export const CALL_ACCESS: ListenAccess = {
  ...openTo("call"),
  // A crowd at our port mustn't keep out the caller that comes through the directory.
  prefers: (host) => host === RELAY_HOST,
};

/**
 * Lines wait in the machine rather than in the links' queues, where nobody could count them. What is in a queue when
 * a call is ended still goes out, as long as the other side takes it in: relayed, no faster than the directory lets
 * it. A side that is cut off learns of it within 10 s; a machine that is busy for some seconds ends no call.
 */
export const CALL_CHANNEL = {
  pingAfterMs: 2_000,
  deadAfterMs: CALL_DEAD_MS,
  dataBytesMax: 128 * 1_024,
  closeFlushMs: LEAVE_MS_MAX,
} as const satisfies Partial<ChannelConfig>;

/** Half of what the directory allows: each piece that arrives may be answered by one, too. */
const RELAY_LIMITS = {
  creditBytes: RELAY_CREDIT_BYTES,
  pieceBytesMax: RELAY_BYTES_MAX,
  piecesPerS: RELAY_PIECES_PER_S / 2,
};

/** A file that waits for a call to be connected. */
interface AwaitedCall {
  readonly peer: string;
  connected(key: PeerKey): void;
  failed(error: P2pchatError): void;
}

export interface DirectoryClientPorts extends ModePorts<ClientEvent> {
  readonly signer: Signer;
  readonly store: RecordStore<ClientRecord>;
  readonly datagrams: Datagrams;
  /** The relays that the links were given. */
  readonly relays: Relays;
  /** Asks the user how to come in: answer once with `enter`. */
  askToEnter(): void;
  /** Both sides want to talk: the call is about to be connected. */
  connecting(): void;
  /** Remembers the key of the directory, or of a user at the directory whose pins were asked for last. */
  readonly pin: KeepPin;
  /** Keeps where the directory's instances are; rejects only for faults of our own. */
  readonly keepAddresses: (addresses: readonly Endpoint[]) => Promise<void>;
}

export class DirectoryClientHost extends ModeHost<
  DirectoryMessage,
  ClientCommand,
  ClientEvent,
  ClientRecord,
  HeardPlace
> implements LinkHandler {
  protected override readonly runner: Runner<ClientInput, ClientEffect, ClientRecord>;
  readonly #ports: DirectoryClientPorts;
  readonly #backlog: LinkBacklog;
  /** Open relays by call. */
  readonly #relays = new Map<string, Relay>();
  /** Relays of the open calls and of those that are over, by the other side's address as their links show it. */
  readonly #relayed = new WeakMap<Endpoint, Relay>();
  /** Timers that close links although something waits for them. */
  readonly #closing = new Map<LinkId, { cancel(): void }>();
  readonly #client: Client;
  /** At most as many as one person may offer. */
  #awaitedCalls: readonly AwaitedCall[] = [];
  /** The attempt of the latest dial of the directory. */
  #directoryAttempt: number | null = null;
  #awaySinceMs: number | null;

  constructor(config: Omit<ClientConfig, "records">, ports: DirectoryClientPorts) {
    super(createCodec(DIRECTORY_MESSAGES), ports);
    const { signer, environment, links, store, datagrams } = ports;
    this.#ports = ports;
    this.#awaySinceMs = ports.clock.nowMs();
    this.#backlog = new LinkBacklog(links);
    const client = this.#client = new Client(
      { ...config, records: store.records },
      signer,
      environment,
    );
    this.keepLog(store, {
      snapshot: (shownThrough) => client.snapshot(shownThrough),
      shown: ({ store, as, number }) => ({ kind: "shown", store, as, number }),
      restored: () => ports.show({ event: "notice", text: RESTORED_TEXT }, undefined),
    });
    const machine = this.carrying(client);
    this.runner = new Runner<ClientInput, ClientEffect, ClientRecord>(machine, {
      ...this.runnerPorts(ports.pin),
      execute: (effect) => this.#execute(effect),
    });
    datagrams.handle({
      datagram: (from, bytes) => this.runner.feed({ type: "datagram", from, bytes }),
      turn() {},
    });
  }

  /** The way in that the user chose; answers `askToEnter`. */
  enter(entry: Entry): void {
    this.runner.feed({ type: "enter", entry });
  }

  /** Ends without a message, before the directory has let the user in: `run` rejects with `because`. */
  giveUp(because: unknown): void {
    this.runner.stop();
    this.fail(because);
  }

  /** Since when the directory wasn't reached when it was dialled; null: the last dial reached it. */
  get awaySinceMs(): number | null {
    return this.#awaySinceMs;
  }

  // Files.

  protected override recipients(): ReadonlyMap<PeerKey, LinkId> {
    const recipients = this.#client.recipients();
    if (this.#awaitedCalls.length > 0) this.#tellOfCall();
    return recipients;
  }

  /** The name under which a key is shown; its fingerprint where it has none. */
  nameOf(key: PeerKey): string {
    return this.#client.keys.nameOf(key) ?? fingerprintOf(key);
  }

  /** Whether the other side of the call is called so. */
  isInCallWith(name: string): boolean {
    const { call } = this.#client.calling;
    return call !== null && isSameName(call.peer, name);
  }

  /**
   * The other side of the call, once that is connected. @throws {P2pchatError} `not-allowed` where there is no call with
   * somebody else, `offline` where it isn't connected, `full` where too much waits for that.
   */
  async otherSide(): Promise<PeerKey> {
    const { call } = this.#client.calling;
    if (call === null || call.phase === "ending" || call.phase === "over") {
      throw notInCall("you are in no call; call somebody, and send it then");
    }
    const { peer, isSelf, phase } = call;
    if (isSelf) throw notInCall("this call is with yourself");
    if (phase === "asked") throw notInCall(`first accept the call of ${shownName(peer)}`);
    if (phase === "talking") return call.link!.peer;
    if (this.#awaitedCalls.length >= OFFERS_EACH_MAX) {
      throw new P2pchatError("full", `${OFFERS_EACH_MAX} files wait for this call already`);
    }
    const { promise, resolve: connected, reject: failed } = Promise.withResolvers<PeerKey>();
    this.#awaitedCalls = [...this.#awaitedCalls, { peer, connected, failed }];
    return await promise;
  }

  #tellOfCall(): void {
    const { call } = this.#client.calling;
    if (call !== null && !call.isTalking) return;
    const awaited = this.#awaitedCalls;
    this.#awaitedCalls = [];
    for (const { peer, connected, failed } of awaited) {
      const key = call?.link?.peer;
      if (key !== undefined && isSameName(call!.peer, peer)) connected(key);
      else {
        const text = `Cannot offer the file: there was no call with ${shownName(peer)}`;
        failed(new P2pchatError("offline", text));
      }
    }
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.takes(link, info)) return;
    if (this.#isToDirectory(info)) this.#awaySinceMs = null;
    const { peer, dialled, attempt, remote } = info;
    const isRelayed = this.#relayed.has(remote);
    const { host } = remote;
    this.runner.feed({ type: "link-up", link, peer, dialled, attempt, host, isRelayed });
  }

  dialFailed(attempt: number, failure: DialFailure): void {
    this.logDialFailure(attempt, failure);
    if (attempt === this.#directoryAttempt) this.#awaySinceMs ??= this.#ports.clock.nowMs();
    const { reason, text, key } = failure;
    this.runner.feed({ type: "dial-failed", attempt, reason, text, key });
  }

  congested(link: LinkId): void {
    this.#backlog.congested(link);
    this.runner.feed({ type: "congested", link });
  }

  override drained(link: LinkId): void {
    this.#backlog.drained(link);
    super.drained(link);
  }

  /**
   * No call is ended for the age of its link, or of the link that it goes through: their keys are renewed on the way.
   */
  override aged(link: LinkId): void {
    const info = this.openLinks.all.get(link);
    if (info !== undefined && this.#isToDirectory(info) && this.#relays.size === 0) {
      super.aged(link);
    }
  }

  override linkDown(link: LinkId, end: LinkEnd): void {
    this.#backlog.remove(link);
    this.#closing.get(link)?.cancel();
    this.#closing.delete(link);
    const remote = this.openLinks.all.get(link)?.remote;
    const relay = remote && this.#relayed.get(remote);
    if (relay === undefined) return super.linkDown(link, end);
    // The machine closes the relay after this: our goodbye, and what stands before it, is sent first.
    relay.whenSent(() => super.linkDown(link, end));
  }

  #execute(effect: ClientEffect): void {
    const { links, datagrams, askToEnter, connecting, keepAddresses } = this.#ports;
    switch (effect.type) {
      case "dial": {
        const { attempt, endpoint, expect: fingerprint } = effect;
        const mode = effect.mode === "call" ? "call" : "directory";
        const channel = mode === "directory" ? DIRECTORY_CHANNEL : {};
        if (effect.mode === "directory") this.#directoryAttempt = attempt;
        return this.dial(attempt, endpoint, { ...EXPECT_ANYBODY, fingerprint, mode, channel });
      }
      case "cancel-dial":
        return links.cancelDial(effect.attempt);
      case "send":
        return this.#send(effect.link, effect.message);
      case "close":
        return this.#close(effect.link, effect.reason);
      case "ask-to-enter":
        return askToEnter();
      case "connecting":
        return connecting();
      case "relay-open":
        return this.#openRelay(effect);
      case "relay-bytes":
        return this.#relays.get(effect.call)?.came(effect.bytes);
      case "relay-room":
        return this.#relays.get(effect.call)?.room(effect.bytes);
      case "relay-close":
        this.#relays.get(effect.call)?.close();
        this.#relays.delete(effect.call);
        return;
      case "datagram":
        return datagrams.send(effect.to, effect.bytes);
      case "keep-addresses":
        keepAddresses(effect.addresses).catch((error) => this.fail(error));
        return;
      default:
        return this.perform(effect);
    }
  }

  #send(link: LinkId, message: DirectoryMessage): void {
    const lane = DIRECTORY_LANES[message.type];
    if (lane === "control") this.openLinks.send(link, message, lane);
    else this.#backlog.send(link, this.openLinks.encoded(message));
  }

  /** Closes a link; what was sent before still goes out. */
  #close(link: LinkId, reason: string): void {
    if (this.#closing.has(link)) return;
    const { links, clock } = this.#ports;
    let isClosed = false;
    const close = () => {
      isClosed = true;
      links.close(link, reason);
    };
    this.#backlog.whenEmpty(link, close);
    if (!isClosed) this.#closing.set(link, clock.at(clock.nowMs() + LEAVE_MS_MAX, close));
  }

  #openRelay(
    { call, attempt, isDialler, expect: key }: Extract<ClientEffect, { type: "relay-open" }>,
  ): void {
    const relay = this.#ports.relays.open(RELAY_LIMITS, {
      send: (bytes) => this.runner.feed({ type: "relayed", call, bytes }),
      taken: (bytes) => this.runner.feed({ type: "relay-taken", call, bytes }),
    });
    this.#relays.set(call, relay);
    this.#relayed.set(relay.remote, relay);
    if (isDialler) this.dial(attempt, relay.remote, { ...EXPECT_ANYBODY, key });
    else relay.accept();
  }

  protected override logEvent(event: ClientEvent): void {
    switch (event.event) {
      case "ready":
      case "directory":
      case "session":
      case "incoming":
      case "notice":
      case "error":
        return this.logFields(event);
      case "call":
        return this.logFields(withoutWords(event));
    }
  }

  /**
   * Adds to a status what the machine can't know: the round trips to the directory, and to the other side of a call.
   */
  protected override completed(event: ClientEvent): ClientEvent {
    if (event.event !== "status") return event;
    const toDirectory = (info: LinkInfo) => this.#isToDirectory(info);
    const { call } = event;
    const toOther = (info: LinkInfo) =>
      !toDirectory(info) && this.#relayed.has(info.remote) === (call?.route === "relay");
    return {
      ...event,
      roundTripMs: this.#roundTripMs(toDirectory),
      call: call?.state === "connected"
        ? { ...call, roundTripMs: this.#roundTripMs(toOther) }
        : call,
    };
  }

  #isToDirectory({ attempt }: LinkInfo): boolean {
    return attempt !== null && attempt === this.#directoryAttempt;
  }

  /** Round trip of the first link that `isMeant` accepts. */
  #roundTripMs(isMeant: (info: LinkInfo) => boolean): number | null {
    const [link] = [...this.openLinks.all].find(([, info]) => isMeant(info)) ?? [];
    const ms = link === undefined ? null : this.ports.links.roundTripMs(link);
    return ms === null ? null : measuredMs(ms);
  }
}

/** Leaves out the reason of a declined call: it is in the user's own words. */
function withoutWords(event: ClientEvent & { readonly event: "call" }): typeof event {
  return event.state === "declined" ? { ...event, reason: "" } : event;
}

function notInCall(because: string): P2pchatError {
  return new P2pchatError("not-allowed", `Cannot offer the file: ${because}`);
}

const RESTORED_TEXT = "Writing to the disk works again: broadcasts are shown again";
