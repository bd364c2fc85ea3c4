/**
 * Runs the friends' machine over links, a log and a user interface, each a port: decodes the frames that links bring,
 * encodes messages, and carries out every effect.
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { Facts } from "../../base/machine/facts.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { FriendsCommand, FriendsEvent } from "../../protocols/friends/events.ts";
import { Friends } from "../../protocols/friends/friends.ts";
import { FRIENDS_RULES, FRIENDS_WORDS } from "../../protocols/friends/friends_words.ts";
import type {
  FileNeed,
  FriendRow,
  FriendsConfig,
  FriendsEffect,
  FriendsInput,
} from "../../protocols/friends/friends_io.ts";
import {
  FRIENDS_LANES,
  FRIENDS_MESSAGES,
  type FriendsMessage,
} from "../../protocols/friends/messages.ts";
import type { FriendsRecord, ReceivedPlace } from "../../protocols/friends/records.ts";
import {
  type DialFailure,
  EXPECT_ANYBODY,
  type LinkEnd,
  type LinkHandler,
  type LinkInfo,
} from "../../transport/link.ts";
import { OFFERS_EACH_MAX } from "../../protocols/transfer/limits.ts";
import { createCodec } from "../../wire/codec.ts";
import { type KeepPin, ModeHost, type ModePorts } from "./mode_host.ts";
import type { RecordStore } from "../record_log.ts";
import { Runner } from "../runner.ts";

export type FriendsStore = RecordStore<FriendsRecord>;

/** Files that wait for friends whose keys aren't known: as many as one person may offer. */
const UNMET_MAX = OFFERS_EACH_MAX;
/** The machine is told this often that a link carries files: with a shorter `--idle`, it is dialled again and again. */
const CARRIED_MS = 250;

/** A file that waits for a friend whose key isn't known. */
interface Unmet {
  readonly name: string;
  resolve(key: PeerKey): void;
}

interface FriendsHostPorts extends ModePorts<FriendsEvent> {
  readonly signer: Signer;
  readonly store: FriendsStore;
  /** Remembers a friend's key; `again`: the user accepts another key than before. */
  readonly pin: KeepPin;
}

export class FriendsHost
  extends ModeHost<FriendsMessage, FriendsCommand, FriendsEvent, FriendsRecord, ReceivedPlace>
  implements LinkHandler {
  protected override readonly runner: Runner<FriendsInput, FriendsEffect, FriendsRecord>;
  readonly #friends: Friends;
  /** Troubles outside the machine, by what they are about. */
  readonly #troubles = new Map<string, string>();
  readonly #unmet: Unmet[] = [];
  /** When the machine was last told that a link carries files. */
  readonly #carriedMs = new Map<LinkId, number>();
  readonly #queue: boolean;
  readonly #facts: Facts<typeof FRIENDS_WORDS>;

  constructor(config: Omit<FriendsConfig, "records">, ports: FriendsHostPorts) {
    super(createCodec(FRIENDS_MESSAGES), ports);
    this.#queue = config.queue;
    const { clock, signer, environment, store, pin } = ports;
    const here = { key: fingerprintOf(signer.key), users: config.users };
    this.#facts = new Facts(FRIENDS_WORDS, FRIENDS_RULES, here, () => clock.nowMs());
    const friends = this.#friends = new Friends(
      { ...config, records: store.records },
      signer,
      environment,
    );
    this.keepLog(store, {
      snapshot: (shownThrough) => friends.snapshot(shownThrough),
      shown: ({ key, position }) => ({ kind: "shown", key, through: position }),
      restored: () => ports.show({ event: "notice", text: RESTORED_TEXT }, undefined),
    });
    const machine = this.carrying(friends);
    this.runner = new Runner<FriendsInput, FriendsEffect, FriendsRecord>(machine, {
      ...this.runnerPorts(pin),
      execute: (effect) => this.#execute(effect),
    });
  }

  /** Whether another key is known of the friend in this row than the one there: the machine warns of that. */
  isDisputed({ name, fingerprint }: FriendRow): boolean {
    const known = this.#friends.knownKey(name);
    return fingerprint !== null && known !== null && known !== fingerprint;
  }

  /** The table was edited: passes its rows on to the machine. */
  table(friends: readonly FriendRow[]): void {
    this.runner.feed({ type: "table", friends });
  }

  /** Has `/status` show a trouble outside the machine, until `null` is given for the same subject. */
  trouble(about: string, text: string | null): void {
    if (text === null) this.#troubles.delete(about);
    else this.#troubles.set(about, text);
  }

  // Files.

  protected override recipients(): ReadonlyMap<PeerKey, LinkId> {
    const recipients = this.#friends.recipients();
    if (this.#unmet.length > 0) this.#tellMet();
    return recipients;
  }

  protected override carried(link: LinkId): void {
    const nowMs = this.ports.clock.nowMs();
    if (nowMs - (this.#carriedMs.get(link) ?? -Infinity) < CARRIED_MS) return;
    this.#carriedMs.set(link, nowMs);
    this.runner.feed({ type: "file-traffic", link });
  }

  override linkDown(link: LinkId, end: LinkEnd): void {
    this.#carriedMs.delete(link);
    super.linkDown(link, end);
  }

  /** The name under which a key is shown; its fingerprint where no friend has it. */
  nameOf(key: PeerKey): string {
    return this.#friends.ownerOf(key) ?? fingerprintOf(key);
  }

  isFriend(name: string): boolean {
    return this.#friends.isFriend(name);
  }

  /**
   * Whom a file is for; where the key isn't known, what waits until the friend has answered.
   * @throws {P2pchatError} `unknown-user`; `not-allowed` while the key is in doubt; `offline` where nothing may wait.
   */
  receiver(typed: string): PeerKey | (() => Promise<PeerKey>) {
    const found = this.#friends.fileReceiver(typed);
    if ("fact" in found) throw this.#facts.error(found);
    const { name, key, isConnected } = found;
    const isLate = !isConnected && !this.#queue;
    if (isLate) throw this.#facts.error({ fact: "file-unqueued", friend: name });
    return key ?? (() => this.#meets(name));
  }

  /** @throws {P2pchatError} `full` where too much waits. */
  async #meets(name: string): Promise<PeerKey> {
    if (this.#unmet.length >= UNMET_MAX) {
      throw this.#facts.error({ fact: "file-full", count: UNMET_MAX });
    }
    const { promise, resolve } = Promise.withResolvers<PeerKey>();
    this.#unmet.push({ name, resolve });
    this.runner.feed({ type: "file-need", friend: name, need: "met" });
    return await promise;
  }

  /** A link to whoever has this key is needed for files, or no longer. */
  fileNeed(key: PeerKey, need: Exclude<FileNeed, "met">): void {
    const friend = this.#friends.ownerOf(key);
    if (friend !== null) this.runner.feed({ type: "file-need", friend, need });
  }

  #tellMet(): void {
    for (const each of this.#unmet.splice(0)) {
      const key = this.#friends.fileKey(each.name);
      if (key === null) this.#unmet.push(each);
      else each.resolve(key);
    }
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.takes(link, info)) return;
    const { peer, process, dialled, attempt } = info;
    this.runner.feed({ type: "link-up", link, peer, process, dialled, attempt });
  }

  dialFailed(attempt: number, failure: DialFailure): void {
    this.logDialFailure(attempt, failure);
    const { reason, text, key } = failure;
    this.runner.feed({ type: "dial-failed", attempt, reason, text, key });
  }

  /** What is under way fits into a link's queue: nothing is dropped. */
  congested(): void {}

  #execute(effect: FriendsEffect): void {
    switch (effect.type) {
      case "dial": {
        const { attempt, endpoint, expect: fingerprint } = effect;
        return this.dial(attempt, endpoint, { ...EXPECT_ANYBODY, fingerprint });
      }
      case "send":
        return this.openLinks.send(effect.link, effect.message, FRIENDS_LANES[effect.message.type]);
      case "show": {
        const event = this.#facts.worded<FriendsEvent>(effect.event);
        return event === null ? undefined : this.perform({ ...effect, event });
      }
      default:
        return this.perform(effect);
    }
  }

  protected override logEvent(event: FriendsEvent): void {
    switch (event.event) {
      case "ready":
      case "connection":
      case "notice":
      case "error":
        return this.logFields(event);
    }
  }

  /**
   * Adds to a status what the machine can't know: the round trips to friends with a link, and troubles outside it.
   */
  protected override completed(event: FriendsEvent): FriendsEvent {
    if (event.event !== "status") return event;
    const byKey = this.roundTrips();
    const friends = event.friends.map((friend) => ({
      ...friend,
      roundTripMs: friend.connected ? byKey.get(friend.key ?? "") ?? null : null,
    }));
    return { ...event, friends, problems: [...event.problems, ...this.#troubles.values()] };
  }
}

const RESTORED_TEXT =
  "Writing to the disk works again: messages that friends keep for you come now";
