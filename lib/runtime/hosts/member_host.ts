/**
 * Runs a member's machine: a link to the coordinator, datagrams to the other members, a log and a user interface,
 * each a port.
 */

import { numberText } from "../../base/text/words.ts";
import type { Signer } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Endpoint, LinkId, RequestId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { NameOf } from "../../protocols/group/log/entry_delivery.ts";
import type { MemberCommand, MemberEvent } from "../../protocols/group/schema/events.ts";
import { Member } from "../../protocols/group/member/member.ts";
import type {
  LoggedEntryState,
  MemberConfig,
  MemberEffect,
  MemberInput,
} from "../../protocols/group/schema/member_io.ts";
import {
  GROUP_MESSAGES,
  type GroupMessage,
  MEMBER_GOODBYE,
} from "../../protocols/group/schema/messages.ts";
import type { MemberRecord } from "../../protocols/group/schema/records.ts";
import {
  groupChannelSecret,
  type GroupSecret,
} from "../../protocols/group/schema/group_secrets.ts";
import type { ChannelIdentity } from "../../protocols/noise/channel_handshake.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import {
  type DialFailure,
  EXPECT_ANYBODY,
  type LinkClock,
  type LinkEnd,
  type LinkHandler,
  type LinkInfo,
} from "../../transport/link.ts";
import { createCodec } from "../../wire/codec.ts";
import { finder } from "../../base/text/search.ts";
import { foundEntries } from "../entry_search.ts";
import { EntryFeed, type EntryLog } from "../entry_feed.ts";
import { GroupPeers } from "./group_peers.ts";
import { LinkBacklog } from "../open_links.ts";
import { type KeepPin, ModeHost, type ModePorts } from "./mode_host.ts";
import type { RecordStore } from "../record_log.ts";
import { Runner } from "../runner.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../within.ts";

/** The most text that `/log` and `/entry` show at once; for more there is the file. */
const LOG_SHOWN_MAX = 32 * 1_024 * 1_024;

interface MemberHostPorts extends ModePorts<MemberEvent> {
  readonly clock: LinkClock;
  readonly signer: Signer;
  /** The identity of this process, for links and datagrams alike. */
  readonly identity: ChannelIdentity;
  readonly datagrams: Datagrams;
  readonly store: RecordStore<MemberRecord>;
  readonly log: EntryLog;
  /** Keeps the secret of a private group; resolves when it is kept, or the user was told that it can't be. */
  readonly keepSecret: (secret: GroupSecret) => Promise<void>;
  /** Keeps where the coordinator's instances are, as `keepSecret` does. */
  readonly keepAddresses: (addresses: readonly Endpoint[]) => Promise<void>;
  /** Remembers the key of a member or of the coordinator; `again`: the user accepts another key than before. */
  readonly pin: KeepPin;
}

export class MemberHost extends ModeHost<
  GroupMessage,
  MemberCommand,
  MemberEvent,
  MemberRecord,
  never
> implements LinkHandler {
  protected override readonly runner: Runner<MemberInput, MemberEffect, MemberRecord>;
  readonly #log: EntryLog;
  readonly #peers: GroupPeers;
  readonly #keepSecret: MemberHostPorts["keepSecret"];
  readonly #keepAddresses: MemberHostPorts["keepAddresses"];
  readonly #backlog: LinkBacklog;
  readonly #feed: EntryFeed;
  readonly #nameOf: NameOf;
  /** The last link to the coordinator, and where that is. */
  #coordinator: { readonly link: LinkId; readonly remote: Endpoint } | null = null;
  /** What the others are told in the end: they tell a user who left from a program that failed. */
  #goodbye = "ended";
  /** Answers to `/log` and `/entry` are shown one after the other. */
  #logShown: Promise<void> = Promise.resolve();

  /** The entries of the log are shown first. */
  constructor(config: Omit<MemberConfig, "records">, ports: MemberHostPorts) {
    const codec = createCodec(GROUP_MESSAGES);
    super(codec, ports);
    const { signer, environment, identity, datagrams, clock, links, store, log, pin } = ports;
    this.#log = log;
    this.#keepSecret = ports.keepSecret;
    this.#keepAddresses = ports.keepAddresses;
    this.#backlog = new LinkBacklog(links);
    // The machine starts at that end: batches held beyond the log join it when all members have them.
    const logged = config.history?.position ?? 0;
    const member = new Member({ ...config, records: store.records }, signer, environment);
    this.#nameOf = ({ key, name }) => member.names.shown(key, name);
    const failed = (error: unknown) => this.#readFailed(error);
    this.#feed = new EntryFeed({
      log,
      crypto: environment.crypto,
      self: signer.key,
      name: config.name,
      nameOf: this.#nameOf,
      show: (event, ref) => ports.show(this.completed(event), ref),
      outputReady: () => ports.outputReady(),
      failed,
    });
    this.keepLog(store, {
      snapshot: () => member.snapshot(),
      isWriting: () => member.out.isWriting,
      shown: unreachable,
      restored() {},
    });
    this.runner = new Runner<MemberInput, MemberEffect, MemberRecord>(member, {
      ...this.runnerPorts(pin),
      executeAtOnce: (effect) => {
        if (!isUrgent(effect)) return this.executeAtOnce(effect);
        this.#execute(effect);
        return true;
      },
      execute: (effect) => this.#execute(effect),
    });
    const told = (input: MemberInput) => this.runner.feed(input);
    this.#peers = new GroupPeers({ identity, environment, datagrams, clock, codec, told });
    this.#feed.replay(logged);
  }

  /** Ends without a message, before the coordinator was met: `run` rejects with `because`. */
  giveUp(because: unknown): void {
    this.runner.stop();
    this.fail(because);
  }

  // LinkHandler.

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.takes(link, info)) return;
    this.#coordinator = { link, remote: info.remote };
    this.runner.feed({ type: "link-up", link, peer: info.peer });
  }

  dialFailed(attempt: number, failure: DialFailure): void {
    this.logDialFailure(attempt, failure);
    const { reason, text, key } = failure;
    this.runner.feed({ type: "dial-failed", attempt, reason, text, key });
  }

  congested(link: LinkId): void {
    this.#backlog.congested(link);
  }

  override drained(link: LinkId): void {
    this.#backlog.drained(link);
    super.drained(link);
  }

  override linkDown(link: LinkId, end: LinkEnd): void {
    this.#backlog.remove(link);
    super.linkDown(link, end);
  }

  #execute(effect: MemberEffect): void {
    switch (effect.type) {
      case "dial": {
        const { attempt, endpoint, expect: fingerprint } = effect;
        const secret = effect.secret === null ? null : groupChannelSecret(effect.secret);
        return this.dial(attempt, endpoint, { ...EXPECT_ANYBODY, fingerprint, secret });
      }
      case "send":
        return this.#backlog.send(effect.link, this.openLinks.encoded(effect.message));
      case "meet":
        return this.#peers.meet(effect.peer, effect);
      case "datagram-keys":
        if (effect.link !== this.#coordinator?.link) return; // those of a link that is over
        return this.#peers.keyed(effect, this.#coordinator.remote);
      case "part":
        return this.#peers.part(effect.peer, effect.reason);
      case "tell":
        return this.#peers.tell(effect.peers, effect.message);
      case "keep-secret":
        this.#keepSecret(effect.secret).catch((error) => this.fail(error));
        return;
      case "keep-addresses":
        this.#keepAddresses(effect.addresses).catch((error) => this.fail(error));
        return;
      case "read":
        return this.#read(effect.token, effect.after, effect.bytesMax);
      case "look":
        return this.#look(effect.token, effect.seq, effect.id);
      case "show-log":
        return this.#showLog(effect);
      case "show-entry":
        return this.#showEntry(effect.seq, effect.ref);
      case "show":
        this.logEvent(effect.event);
        return this.#feed.show(effect.event, effect.ref);
      case "stop":
        if (effect.outcome.kind === "bye") this.#goodbye = MEMBER_GOODBYE;
        return this.perform(effect);
      default:
        return this.perform(effect);
    }
  }

  #read(token: number, after: number, bytesMax: number): void {
    this.#log.read(after, bytesMax).then(
      (read) => this.runner.feed({ type: "read", token, read }),
      (error) => this.#readFailed(error),
    );
  }

  #look(token: number, seq: number, id: RequestId | null): void {
    const looked = (entry: LoggedEntryState | null) =>
      this.runner.feed({ type: "looked", token, entry });
    const found = this.#log.look(seq, id);
    // At once where it can be: what follows, such as a vote, shares the write of this turn.
    if (found instanceof Promise) found.then(looked, (error) => this.#readFailed(error));
    else looked(found);
  }

  /** A log that can't be read can't be relied on: the member leaves, as when the log can't be written. */
  #readFailed(error: unknown): void {
    if (!(error instanceof P2pchatError)) return this.fail(error);
    this.runner.feed({ type: "persist-failed", token: null, text: error.message });
  }

  #showLog({ count, text: searched, before, ref }: ShowLog): void {
    this.#answer(async () => {
      const entries = searched === undefined
        ? await this.#log.tail(count, this.#nameOf, before)
        : await foundEntries(this.#log, finder(searched), count, this.#nameOf, before);
      const shown = lastThatFit(entries, ({ text }) => text.length);
      const log = { event: "log", entries: shown } as const;
      this.#feed.show(searched === undefined ? log : { ...log, searched }, ref);
      if (shown.length === entries.length) return;
      const text =
        `Only the last ${
          numberText(shown.length)
        } are shown, they fill 32 MB; the log's file has ` +
        "all: p2pchat log export";
      this.#feed.show({ event: "notice", text }, ref);
    });
  }

  #showEntry(seq: number, ref: string | undefined): void {
    this.#answer(async () => {
      const entry = await this.#log.entryOf(seq, this.#nameOf);
      if (entry === null) {
        const text = `There is no entry ${seq}; /log shows the last ones`;
        return this.#feed.show({ event: "error", code: "no-such-entry", text, seq }, ref);
      }
      const edits = lastThatFit(entry.edits, (edit) => edit.old.length + edit.new.length);
      this.#feed.show({ event: "entry", ...entry, edits }, ref);
      if (edits.length === entry.edits.length) return;
      const text =
        `Only the last ${
          numberText(edits.length)
        } changes are shown, they fill 32 MB; the log's file ` +
        "has all: p2pchat log export";
      this.#feed.show({ event: "notice", text }, ref);
    });
  }

  /** Answers wait for each other, and for the reader of the output: each may be long. */
  #answer(show: () => Promise<void>): void {
    this.#logShown = this.#logShown.then(async () => {
      await this.ports.outputReady();
      await show();
    }).catch((error) => this.#readFailed(error));
  }

  /** The reader of the output gets everything that was shown, as long as it reads; the others get our goodbye. */
  protected override async ending(): Promise<void> {
    await Promise.all([this.#peers.close(this.#goodbye), this.#showRest()]);
  }

  async #showRest(): Promise<void> {
    for (;;) {
      const settled = this.#feed.settled();
      if (settled === null) return;
      const before = this.#feed.shownLate;
      const isDone = await isDoneWithin(this.ports.clock, CLOSE_MS_MAX, settled);
      if (!isDone && this.#feed.shownLate === before) return this.#feed.stop();
    }
  }

  protected override logEvent(event: MemberEvent): void {
    switch (event.event) {
      case "ready":
      case "view":
      case "coordinator":
      case "notice":
      case "error":
        return this.logFields(event);
    }
  }

  /** Adds to a status what the machine can't know: the ways to the others. */
  protected override completed(event: MemberEvent): MemberEvent {
    if (event.event !== "status") return event;
    const byKey = this.#peers.ways();
    const members = event.members.map((member) => {
      const way = member.heard ? byKey.get(member.key) : undefined;
      return { ...member, roundTripMs: way?.roundTripMs ?? null, path: way?.path ?? null };
    });
    return { ...event, members };
  }
}

type ShowLog = Extract<MemberEffect, { readonly type: "show-log" }>;

/** Tells to peers are carried out before anything that waits for the disk: so `meet` has to be urgent, too. */
function isUrgent(effect: MemberEffect): boolean {
  return effect.type === "tell" || effect.type === "meet" || effect.type === "part";
}

/** The last items that fit into the text that may be shown. */
function lastThatFit<T>(all: readonly T[], units: (one: T) => number): readonly T[] {
  let from = all.length;
  for (let sum = 0; from > 0; from--) {
    sum += units(all[from - 1]!);
    if (sum > LOG_SHOWN_MAX) break;
  }
  return all.slice(from);
}
