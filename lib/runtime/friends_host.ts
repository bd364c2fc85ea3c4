/**
 * Runs the friends' machine over links, a log and a user interface, each a port: decodes what links bring, encodes
 * what they carry, and carries out every effect.
 */

import type { Signer } from "../base/crypto.ts";
import type { Environment } from "../base/environment.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import { endpointText, type LinkId, type PeerKey } from "../base/ids.ts";
import { unreachable } from "../base/invariant.ts";
import type { FriendsCommand, FriendsEvent } from "../protocols/friends/events.ts";
import { Friends } from "../protocols/friends/friends.ts";
import type {
  FriendRow,
  FriendsConfig,
  FriendsEffect,
  FriendsInput,
} from "../protocols/friends/friends_io.ts";
import {
  FRIENDS_LANES,
  FRIENDS_MESSAGES,
  type FriendsMessage,
} from "../protocols/friends/messages.ts";
import type { FriendsRecord } from "../protocols/friends/records.ts";
import type { DialFailure, LinkEnd, LinkHandler, LinkInfo, Links } from "../transport/link.ts";
import { createCodec } from "../wire/codec.ts";
import { OpenLinks } from "./open_links.ts";
import { RecordLog, type RecordStore } from "./record_log.ts";
import { type Clock, Runner } from "./runner.ts";

export type FriendsStore = RecordStore<FriendsRecord>;
export type FriendsOutcome = Extract<FriendsEffect, { readonly type: "stop" }>["outcome"];

export interface FriendsHostPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly signer: Signer;
  readonly links: Links;
  readonly store: FriendsStore;
  show(event: FriendsEvent, ref: string | undefined): void;
  pauseInput(reason: string | null): void;
  /** Remembers a friend's key; `again`: the user accepts another than before. */
  pin(name: string, key: PeerKey, again: boolean): void;
  /** Resolves when all that was shown is before the user's eyes. */
  flushed(): Promise<void>;
  /** Resolves when all that was shown before the call is; more may be waiting. */
  written(): Promise<void>;
  /** Null while output is taken; otherwise resolves when its reader has caught up. */
  outputReady(): Promise<void> | null;
}

export class FriendsHost implements LinkHandler {
  readonly #friends: Friends;
  readonly #links: OpenLinks<FriendsMessage>;
  readonly #runner: Runner<FriendsInput, FriendsEffect, FriendsRecord>;
  readonly #records: RecordLog<FriendsRecord, string>;
  readonly #ended = Promise.withResolvers<FriendsOutcome>();

  constructor(config: Omit<FriendsConfig, "records">, readonly ports: FriendsHostPorts) {
    const { signer, environment, clock, links, store } = ports;
    const { log } = environment;
    this.#friends = new Friends({ ...config, records: store.records }, signer, environment);
    this.#links = new OpenLinks(createCodec(FRIENDS_MESSAGES), {
      clock,
      environment,
      links,
      whoIs: ({ peer, remote }) => ({ key: fingerprintOf(peer), remote: endpointText(remote) }),
    });
    const failed = (error: unknown) => this.#ended.reject(error);
    this.#records = new RecordLog<FriendsRecord, string>(store, {
      clock,
      log,
      snapshot: () => this.#friends.snapshot(),
      shown: (through) => ({ kind: "shown", through }),
      flushed: () => ports.flushed(),
      written: () => ports.written(),
      restored: () => ports.show({ event: "notice", text: RESTORED_TEXT }, undefined),
      failed,
    });
    this.#runner = new Runner<FriendsInput, FriendsEffect, FriendsRecord>(this.#friends, {
      clock,
      persistOf: (effect) => effect.type === "persist" ? effect : null,
      // Back pressure that waits for the disk would come after what it should hold back.
      isUrgent: (effect) => effect.type === "input",
      append: (records, sync) => this.#records.append(records, sync),
      execute: (effect) => this.#execute(effect),
      persisted: (token) => ({ type: "persisted", token }),
      persistFailed: (token, text) => ({ type: "persist-failed", token, text }),
      tick: { type: "tick" },
      saturated: (full) => this.#links.pause("disk", full),
      failed,
    });
  }

  /** Starts, and runs until the machine stops. @throws Whatever breaks the program itself. */
  async run(): Promise<FriendsOutcome> {
    this.#runner.feed({ type: "start" });
    try {
      return await this.#ended.promise;
    } finally {
      this.#runner.stop();
      await this.#records.close();
    }
  }

  /** What the user asks for. */
  command(command: FriendsCommand, ref: string | undefined): void {
    this.#runner.feed({ type: "command", command, ref });
  }

  /** The table was edited. */
  table(friends: readonly FriendRow[]): void {
    this.#runner.feed({ type: "table", friends });
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.#links.add(link, info)) return;
    const { peer, dialled, attempt } = info;
    this.#runner.feed({ type: "link-up", link, peer, dialled, attempt });
  }

  dialFailed(attempt: number, { reason, text, key }: DialFailure): void {
    this.ports.environment.log.info("dial failed", { reason, text });
    this.#runner.feed({ type: "dial-failed", attempt, reason, text, key });
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
    this.ports.environment.log.info("link down", { link, closed, reason });
    this.#runner.feed({ type: "link-down", link, closed, reason });
  }

  /** What is under way is less than a link's queue: nothing is dropped. */
  congested(): void {}

  drained(link: LinkId): void {
    if (this.#links.all.has(link)) this.#runner.feed({ type: "drained", link });
  }

  /** The next message dials anew, under fresh keys. */
  aged(link: LinkId): void {
    this.ports.links.close(link, "this link is a day old; dial again");
  }

  #execute(effect: FriendsEffect): void {
    const { links } = this.ports;
    switch (effect.type) {
      case "dial": {
        const { attempt, endpoint, expect: fingerprint } = effect;
        return links.dial(attempt, endpoint, { key: null, fingerprint, room: null, secret: null });
      }
      case "send":
        return this.#links.send(effect.link, effect.message, FRIENDS_LANES[effect.message.type]);
      case "close":
        return links.close(effect.link, effect.reason);
      case "ban":
        return this.#links.ban(effect.link, effect.reason, effect.durationMs);
      case "show":
        this.#logEvent(effect.event);
        this.ports.show(this.#withRoundTrips(effect.event), effect.ref);
        // Takes nothing more from the network while nobody takes what is shown.
        return this.#links.pauseUntil(() => this.ports.outputReady());
      case "shown":
        return this.#records.noteShown(effect.through);
      case "input":
        return this.ports.pauseInput(effect.pausedBecause);
      case "pin":
        return this.ports.pin(effect.name, effect.key, effect.again);
      case "stop":
        this.#runner.stop();
        return this.#ended.resolve(effect.outcome);
      case "persist":
        return; // the runner's
      default:
        unreachable(effect);
    }
  }

  /** Who and what happened, never what was said. */
  #logEvent(event: FriendsEvent): void {
    switch (event.event) {
      case "ready":
      case "connection":
      case "notice":
      case "error": {
        const { event: message, ...fields } = event;
        this.ports.environment.log.info(message, fields);
      }
    }
  }

  /** A status with what only the links know: how far it is to those linked. */
  #withRoundTrips(event: FriendsEvent): FriendsEvent {
    if (event.event !== "status") return event;
    const byKey = new Map<string, number>();
    for (const [link, { peer }] of this.#links.all) {
      const ms = this.ports.links.roundTripMs(link);
      if (ms !== null) byKey.set(fingerprintOf(peer), ms);
    }
    const friends = event.friends.map((friend) => ({
      ...friend,
      roundTripMs: friend.connected ? byKey.get(friend.key ?? "") ?? null : null,
    }));
    return { ...event, friends };
  }
}

const RESTORED_TEXT = "The disk takes writes again: what friends keep for you comes now";
