/**
 * Messages between friends who know each other's addresses from a table: delivered in order, exactly once, whoever
 * is away or killed meanwhile.
 *
 * The picture: an answering machine at each end. What is typed is on our disk before it goes out, and stays there
 * until the friend says that it is on theirs. A message that comes is on our disk before it is shown, and we tell
 * the other up to where we have everything; what we have is never taken in again.
 *
 * A friend is known by key: the table's, or the one that the table's address answered with the first time. Who
 * dials in under the name of a friend whose key isn't known is let in when the friend's own address answers with
 * the same key.
 *
 * Two that dial each other at once keep the link that the smaller key dialled; what was under way on the other
 * one arrives, or is sent again.
 */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import type { FoldedName, LinkId } from "../../base/ids.ts";
import { freshIncarnation } from "../../base/incarnation.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { Deadlines, earliestMs, type Machine } from "../../base/machine.ts";
import { foldName } from "../../base/names.ts";
import { utf8Length } from "../../base/text.ts";
import type { FriendsCommand, FriendsEvent } from "./events.ts";
import { Friend } from "./friend.ts";
import { type FriendLink, FriendLinks, isKept } from "./friend_links.ts";
import { friendsView, outboxView, statusView } from "./friends_view.ts";
import type { FriendRow, FriendsConfig, FriendsEffect, FriendsInput } from "./friends_io.ts";
import { restoreFriends, snapshotFriends } from "./friends_log.ts";
import { Inbox, type Received } from "./inbox.ts";
import {
  CHECK_INTERVAL_MS,
  DRAIN_MS,
  GREETING_MS_MAX,
  LEAVE_MS_MAX,
  OFFENDER_BAN_MS,
  OUTBOX_MESSAGES_HIGH,
  RECEIVED_KEPT_MAX,
  STRANGER_INTERVAL_MS,
  TEXT_BYTES_MAX,
  UNKNOWN_MESSAGES_MAX,
  UNOPENED_LINKS_MAX,
} from "./limits.ts";
import type { FriendsMessage, FriendsRefusal } from "./messages.ts";
import type { OutboxEntry } from "./outbox.ts";
import { type Position, Positions } from "./position.ts";
import type { FriendsRecord } from "./records.ts";

/** What a write that is under way was for. */
type Writing =
  | {
    readonly kind: "queue";
    readonly friend: Friend;
    readonly entry: OutboxEntry;
  }
  | {
    readonly kind: "unsend";
    readonly friend: Friend;
    readonly entry: OutboxEntry;
    readonly ref: string | undefined;
  }
  | { readonly kind: "receive"; readonly peer: FriendLink["peer"] }
  | { readonly kind: "self"; readonly received: Received; readonly ref: string | undefined };

type Of<Type extends FriendsInput["type"]> = Extract<FriendsInput, { readonly type: Type }>;
type Message<Type extends FriendsMessage["type"]> = Extract<
  FriendsMessage,
  { readonly type: Type }
>;

/** A process that stood still for so long blames nobody for it. */
const STALL_MS = 2_000;

export class Friends implements Machine<FriendsInput, FriendsEffect> {
  /** Those of the table, and those who aren't in it any more and for whom something waits. */
  readonly #friends = new Map<FoldedName, Friend>();
  /** In the table. */
  readonly #listed = new Set<Friend>();
  readonly #links = new FriendLinks();
  readonly #inbox = new Inbox();
  readonly #dials = new Map<number, Friend>();
  readonly #writing = new Map<number, Writing>();
  readonly #deadlines = new Deadlines(["leave"] as const);
  readonly #epoch: number;
  #saidToSelf = 0;
  #received: Received[];
  #unshown: readonly Received[];
  /** The last one who wrote. */
  #lastWriter: string | null = null;
  #paused = false;
  /** The disk takes nothing of what comes, and the user was told. */
  #refusing = false;
  #leaving: { readonly ref: string | undefined } | null = null;
  #stopped = false;
  #nextAttempt = 1;
  #nextToken = 1;
  #nowMs = 0;
  #dueMs: number | null = null;
  #out: FriendsEffect[] = [];

  constructor(
    readonly config: FriendsConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    this.#takeTable(config.friends);
    const restored = restoreFriends(config.records, (name) => this.#kept(name), this.#inbox);
    this.#epoch = freshIncarnation(environment, restored.epoch + 1);
    this.#received = [...restored.received];
    this.#unshown = restored.unshown;
  }

  /** For a compacted log; valid when all that was received has been shown. */
  snapshot(): readonly FriendsRecord[] {
    return snapshotFriends(this.#epoch, this.#friends, this.#inbox, this.#received);
  }

  step(input: FriendsInput, nowMs: number): readonly FriendsEffect[] {
    this.#out = [];
    if (this.#stopped) return this.#out;
    const idleFromMs = Math.max(this.#dueMs ?? nowMs, this.#nowMs);
    this.#nowMs = nowMs;
    if (nowMs - idleFromMs > STALL_MS) this.#postpone(nowMs - idleFromMs);
    this.#handle(input);
    this.#maybeLeave();
    this.#pauseInput();
    this.#dueMs = this.#earliestMs();
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return this.#dueMs;
  }

  #earliestMs(): number | null {
    if (this.#stopped) return null;
    let next = earliestMs(this.#deadlines.nextMs(), this.#links.nextDueMs());
    for (const friend of this.#friends.values()) next = earliestMs(next, this.#dueOf(friend));
    return next;
  }

  #dueOf(friend: Friend): number | null {
    if (friend.link !== null) return this.#idleAtMs(friend);
    const waits = this.#listed.has(friend) && friend.outbox.size > 0 && friend.attempt === null;
    return waits ? friend.retryAtMs : null;
  }

  /** When a link that carries nothing is closed; null while something is under way on it. */
  #idleAtMs(friend: Friend): number | null {
    const link = friend.link === null ? null : this.#links.get(friend.link);
    if (link === null || link.phase !== "open") return null;
    if (friend.outbox.size > 0 || this.#inbox.isBusy(link.peer)) return null;
    return friend.lastTrafficMs + this.config.idleMs;
  }

  #postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
    this.#links.postpone(delayMs);
    for (const friend of this.#friends.values()) {
      friend.lastTrafficMs += delayMs;
      if (friend.retryAtMs !== null) friend.retryAtMs += delayMs;
    }
  }

  #handle(input: FriendsInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "table":
        return this.#edited(input.friends);
      case "link-up":
        return this.#linkUp(input);
      case "dial-failed":
        return this.#dialFailed(input);
      case "link-down":
        return this.#linkDown(input);
      case "drained":
        return this.#drained(input.link);
      case "message":
        return this.#message(input.link, input.message);
      case "unknown-message":
        return this.#unknown(input.link, input.code);
      case "persisted":
        return this.#persisted(input.token);
      case "persist-failed":
        return this.#persistFailed(input.token, input.text);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  #start(): void {
    const { name, listening, users } = this.config;
    this.#show({
      event: "ready",
      command: "peer",
      name,
      ...listening,
      key: fingerprintOf(this.signer.key),
      users,
      friends: this.#listed.size,
    });
    for (const received of this.#unshown) this.#showReceived(received, true);
    const last = this.#unshown.at(-1);
    if (last !== undefined) this.#out.push({ type: "shown", through: last.id });
    this.#unshown = [];
    this.#persist([{ kind: "epoch", epoch: this.#epoch }], null);
    for (const friend of this.#listed) if (friend.outbox.size > 0) this.#reach(friend);
  }

  #tick(): void {
    for (const due of this.#deadlines.takeDue(this.#nowMs)) if (due === "leave") this.#leave();
    for (const link of [...this.#links.all()]) {
      if ((link.dueMs ?? Infinity) > this.#nowMs) continue;
      this.#close(link, link.phase === "draining" ? "a second link" : "no greeting within 10 s");
    }
    for (const friend of this.#friends.values()) {
      if ((this.#dueOf(friend) ?? Infinity) > this.#nowMs) continue;
      const link = friend.link === null ? null : this.#links.get(friend.link);
      if (link === null) this.#reach(friend);
      else this.#close(link, "idle");
    }
  }

  // The table.

  #takeTable(rows: readonly FriendRow[]): void {
    this.#listed.clear();
    for (const row of rows) {
      const folded = foldName(row.name);
      const known = this.#friends.get(folded);
      const friend = known ?? new Friend(row, this.config.pins.get(folded) ?? null);
      friend.row = row;
      this.#friends.set(folded, friend);
      this.#listed.add(friend);
    }
  }

  /** The friend of that name, whom the table may not know any more. */
  #kept(name: string): Friend {
    const folded = foldName(name);
    let friend = this.#friends.get(folded);
    if (friend === undefined) {
      const row = { name, endpoint: { host: "", port: 0 }, fingerprint: null };
      friend = new Friend(row, null);
      this.#friends.set(folded, friend);
    }
    return friend;
  }

  #edited(rows: readonly FriendRow[]): void {
    const before = new Map([...this.#listed].map((friend) => [friend, friend.row]));
    this.#takeTable(rows);
    for (const [folded, friend] of this.#friends) {
      const link = friend.link === null ? null : this.#links.get(friend.link);
      if (!this.#listed.has(friend)) {
        if (link !== null) this.#close(link, "no longer in the table");
        if (friend.outbox.size === 0) this.#friends.delete(folded);
        continue;
      }
      const { expected } = friend;
      if (link !== null && expected !== null && expected !== fingerprintOf(link.peer)) {
        this.#close(link, "the table has another key now");
      }
      const earlier = before.get(friend);
      if (earlier !== undefined && isSameRow(earlier, friend.row)) continue;
      // Whatever was wrong with it may be right now.
      friend.retryAtMs = null;
      friend.problem = friend.strange = null;
      if (friend.outbox.size > 0) this.#reach(friend);
    }
  }

  // Links.

  /** Dials the friend, unless that is under way. */
  #reach(friend: Friend): void {
    if (friend.link !== null || friend.attempt !== null || !this.#listed.has(friend)) return;
    const attempt = friend.attempt = this.#nextAttempt++;
    friend.retryAtMs = null;
    this.#dials.set(attempt, friend);
    this.#out.push({
      type: "dial",
      attempt,
      endpoint: friend.row.endpoint,
      expect: friend.expected,
    });
  }

  #linkUp({ link: id, peer, dialled, attempt }: Of<"link-up">): void {
    const friend = attempt === null ? null : this.#dials.get(attempt) ?? null;
    if (attempt !== null) this.#dials.delete(attempt);
    const link: FriendLink = {
      link: id,
      peer,
      dialled,
      friend,
      attempt,
      phase: "greeting",
      stored: [],
      isRefused: false,
      dueMs: this.#nowMs + GREETING_MS_MAX,
      unknownMessages: 0,
    };
    this.#links.add(link);
    if (!dialled) {
      if (this.#links.unopened > UNOPENED_LINKS_MAX) this.#close(link, "too many are coming in");
      return;
    }
    if (friend === null || !this.#listed.has(friend)) {
      return this.#close(link, "no longer in the table");
    }
    if (peer === this.signer.key) {
      friend.problem = "its address in the table is this program's own";
      return this.#close(link, "this is the same profile");
    }
    this.#greet(link, friend);
    this.#answerChecks(friend, peer);
  }

  #greet(link: FriendLink, { name }: Friend): void {
    const stored = this.#inbox.stored(link.peer);
    this.#send(link, { type: "hello", name: this.config.name, to: name, stored });
  }

  #dialFailed({ attempt, reason, text, key }: Of<"dial-failed">): void {
    const friend = this.#dials.get(attempt);
    this.#dials.delete(attempt);
    if (friend === undefined) return;
    friend.attempt = null;
    if (reason === "wrong-key" && key !== null) this.#metStranger(friend, key, `at its address`);
    else friend.problem = text;
    for (const link of this.#links.checking(friend)) {
      const { host, port } = friend.row.endpoint;
      this.#refuse(
        link,
        "unreachable",
        `Your key isn't known here, and ${host}:${port}, where ${friend.name} is in the table, ` +
          `couldn't be asked: ${text}`,
      );
    }
    this.#isAway(friend);
  }

  /** The friend can't be reached: what waits goes on waiting, or has failed. */
  #isAway(friend: Friend): void {
    friend.failed(this.#nowMs, this.environment.random());
    const reason = friend.problem ?? "it can't be reached";
    if (!this.config.queue) {
      for (const { id, ref } of friend.outbox.takeAll()) {
        this.#tellDelivery(id, friend, "failed", reason, ref);
      }
      return;
    }
    const count = friend.outbox.size;
    if (count === 0 || friend.toldAway) return;
    friend.toldAway = true;
    const text = `${friend.name} isn't there (${reason}); kept, and sent when ${friend.name} is ` +
      `back (${count} waiting)`;
    this.#show({ event: "notice", text });
  }

  #linkDown({ link: id, closed, reason }: Of<"link-down">): void {
    const link = this.#links.get(id);
    this.#links.remove(id);
    const friend = link?.friend ?? null;
    if (link === null || friend === null) return;
    if (link.attempt !== null && link.attempt === friend.attempt) friend.attempt = null;
    if (friend.link !== id) {
      if (link.dialled && friend.link === null && friend.attempt === null) this.#isAway(friend);
      return;
    }
    friend.link = null;
    friend.outbox.restart();
    this.#show({ event: "connection", friend: friend.name, state: "closed", reason });
    if (friend.outbox.size === 0) return;
    if (closed && !link.isRefused) this.#reach(friend); // our message crossed the goodbye
    else {
      friend.problem = reason;
      this.#isAway(friend);
    }
  }

  #close(link: FriendLink, reason: string): void {
    link.phase = "over";
    link.dueMs = null;
    this.#out.push({ type: "close", link: link.link, reason });
  }

  #refuse(link: FriendLink, code: FriendsRefusal, text: string): void {
    link.isRefused = true;
    this.#send(link, { type: "refuse", code, text });
    this.#close(link, `refused: ${code}`);
  }

  #offends(link: FriendLink, text: string): void {
    link.phase = "over";
    link.dueMs = null;
    link.isRefused = true;
    const reason = `protocol: ${text}`;
    this.#out.push({ type: "ban", link: link.link, reason, durationMs: OFFENDER_BAN_MS });
  }

  #drained(id: LinkId): void {
    const friend = this.#links.get(id)?.friend;
    if (friend?.link === id) this.#pump(friend);
  }

  #unknown(id: LinkId, code: number): void {
    const link = this.#links.get(id);
    if (link === null || link.phase === "over") return;
    if (++link.unknownMessages > UNKNOWN_MESSAGES_MAX) {
      return this.#offends(link, "too many messages of unknown types");
    }
    this.#send(link, { type: "unknown", code });
  }

  #message(id: LinkId, message: FriendsMessage): void {
    const link = this.#links.get(id);
    if (link === null || link.phase === "over") return;
    switch (message.type) {
      case "hello":
        return this.#hello(link, message);
      case "refuse":
        return this.#refused(link, message);
      case "unknown":
        return;
      case "texts":
      case "stored":
      case "skip":
        if (link.phase !== "open" && link.phase !== "draining") {
          return this.#offends(link, `${message.type} before hello`);
        }
        break;
      default:
        return unreachable(message);
    }
    const { friend } = link;
    invariant(friend !== null, "an open link is a friend's");
    friend.lastTrafficMs = this.#nowMs;
    if (message.type === "texts") this.#texts(link, friend, message);
    else if (message.type === "skip") this.#skip(link, friend, message.position);
    else this.#acknowledged(friend, message.position);
  }

  // Who is it?

  #hello(link: FriendLink, hello: Message<"hello">): void {
    if (link.phase !== "greeting") return this.#offends(link, "a second hello");
    const { name } = this.config;
    if (foldName(hello.to) !== foldName(name)) {
      return this.#refuse(link, "unknown-user", `This is ${name}, not ${hello.to}`);
    }
    const friend = this.#friends.get(foldName(hello.name));
    if (link.dialled && friend !== link.friend) {
      const wanted = link.friend!.name;
      link.friend!.problem = `its address in the table is ${hello.name}'s`;
      return this.#refuse(link, "unknown-user", `This address should be ${wanted}'s`);
    }
    if (friend === undefined || !this.#listed.has(friend)) {
      return this.#refuse(
        link,
        "unknown-user",
        `${hello.name} isn't in the table of friends of ${name}`,
      );
    }
    link.friend = friend;
    if (link.dialled) return this.#open(link, friend, hello.stored);
    this.#identify(link, friend, hello.stored);
  }

  /** Somebody dialled in and says to be `friend`. */
  #identify(link: FriendLink, friend: Friend, stored: readonly Position[]): void {
    const expected = friend.expected;
    if (expected !== null) {
      if (expected === fingerprintOf(link.peer)) return this.#welcome(link, friend, stored);
      return this.#turnAway(link, friend);
    }
    link.phase = "checking";
    link.stored = stored;
    const answering = this.#links.dialledKey(friend);
    if (answering !== null) return this.#answerChecks(friend, answering);
    if (friend.attempt !== null) return;
    if (this.#nowMs < friend.checkAtMs) {
      return this.#refuse(link, "unreachable", "Your key isn't known here; try again in a moment");
    }
    friend.checkAtMs = this.#nowMs + CHECK_INTERVAL_MS;
    this.#reach(friend);
  }

  /** The friend's own address answers with `key`: those who say to be this friend are told apart by it. */
  #answerChecks(friend: Friend, key: FriendLink["peer"]): void {
    for (const link of this.#links.checking(friend)) {
      if (link.peer === key) this.#welcome(link, friend, link.stored);
      else this.#turnAway(link, friend);
    }
  }

  #turnAway(link: FriendLink, friend: Friend): void {
    this.#metStranger(friend, link.peer, "from somebody who dialled in");
    this.#refuse(link, "key-changed", `${friend.name} has another key here than yours`);
  }

  #metStranger(friend: Friend, key: FriendLink["peer"], where: string): void {
    const expected = friend.expected;
    friend.problem = "another key than expected was met";
    // The user knows, and decides about the one that was told: no flood of others takes its place.
    if (friend.strange === key || this.#nowMs < friend.strangerAtMs) return;
    friend.strange = key;
    friend.strangerAtMs = this.#nowMs + STRANGER_INTERVAL_MS;
    const whose = expected === null ? "another key answers at its address" : expected;
    const source = friend.row.fingerprint === null ? "since the first time" : "in the table";
    const advice = friend.row.fingerprint === null
      ? `if it is right, accept it with /trust ${friend.name}`
      : "if it is right, put it into the table";
    this.#error(
      "key-changed",
      `Refused ${friend.name}'s key ${
        fingerprintOf(key)
      }, ${where}: ${source} it is ${whose}; ${advice}`,
    );
  }

  #welcome(link: FriendLink, friend: Friend, stored: readonly Position[]): void {
    this.#greet(link, friend);
    this.#open(link, friend, stored);
  }

  #open(link: FriendLink, friend: Friend, stored: readonly Position[]): void {
    const { peer } = link;
    if (friend.expected === null) {
      friend.pinned = fingerprintOf(peer);
      this.#out.push({ type: "pin", name: friend.name, key: peer, again: false });
    }
    if (link.dialled) friend.attempt = null;
    friend.key = peer;
    const old = friend.link === null ? null : this.#links.get(friend.link);
    link.phase = "open";
    link.dueMs = null;
    friend.reached(this.#nowMs);
    this.#reconcile(link, friend, stored);
    if (old !== null && !isKept(link, old, this.signer.key)) return this.#drain(link);
    if (old !== null) this.#drain(old);
    friend.link = link.link;
    friend.outbox.restart();
    if (old === null) {
      const reason = link.dialled ? "dialled" : "the friend dialled";
      this.#show({ event: "connection", friend: friend.name, state: "opened", reason });
    }
    this.#pump(friend);
  }

  #drain(link: FriendLink): void {
    link.phase = "draining";
    link.dueMs = this.#nowMs + DRAIN_MS;
  }

  #refused(link: FriendLink, { code, text }: Message<"refuse">): void {
    const { friend } = link;
    if (friend !== null && link.dialled) {
      const problem = `${friend.name} refused: ${text}`;
      if (friend.problem !== problem) this.#error(code, problem);
      friend.problem = problem;
    }
    link.isRefused = true;
    this.#close(link, "refused by the other side");
  }

  // Sending.

  /** What the friend has stored of what we said, and what we know of it, are made one. */
  #reconcile(link: FriendLink, friend: Friend, stored: readonly Position[]): void {
    const { outbox, name: to } = friend;
    const positions = new Positions(stored);
    const before = outbox.delivered;
    const done = outbox.takeStored((position) => positions.has(position));
    if (done.length > 0) {
      this.#persistUnsynced([{ kind: "delivered", to, through: outbox.delivered! }]);
      this.#delivered(friend, done);
    }
    if (before === null || positions.has(before)) return;
    this.#send(link, { type: "skip", position: before });
    const text = `${to} has lost messages that had been delivered; they aren't kept here any more`;
    this.#show({ event: "notice", text });
  }

  #pump(friend: Friend): void {
    const link = friend.link === null ? null : this.#links.get(friend.link);
    if (link === null) {
      if (friend.outbox.size > 0) this.#reach(friend);
      return;
    }
    for (;;) {
      const batch = friend.outbox.nextBatch();
      const [first] = batch;
      if (first === undefined) return;
      friend.lastTrafficMs = this.#nowMs;
      this.#send(link, {
        type: "texts",
        epoch: first.position.epoch,
        entries: batch.map(({ position, id, sentAt, text }) => ({
          number: position.number,
          id: Uint8Array.fromHex(id),
          sentAt,
          text,
        })),
      });
    }
  }

  #acknowledged(friend: Friend, through: Position): void {
    const done = friend.outbox.acknowledge(through);
    if (done.length === 0) return; // told before, or no word of ours
    this.#persistUnsynced([{ kind: "delivered", to: friend.name, through }]);
    this.#delivered(friend, done);
    this.#pump(friend);
  }

  #delivered(friend: Friend, done: readonly OutboxEntry[]): void {
    for (const { id, ref } of done) this.#tellDelivery(id, friend, "delivered", undefined, ref);
    if (!friend.toldAway) return;
    friend.deliveredSinceBack += done.length;
    if (friend.outbox.size > 0) return;
    const count = friend.deliveredSinceBack;
    const messages = count === 1 ? "1 message" : `${count} messages`;
    this.#show({ event: "notice", text: `${friend.name} is back; ${messages} delivered` });
    friend.toldAway = false;
    friend.deliveredSinceBack = 0;
  }

  // Receiving.

  #texts(link: FriendLink, friend: Friend, { epoch, entries }: Message<"texts">): void {
    let fresh = false;
    for (const { number, id, sentAt, text } of entries) {
      const position = { epoch, number };
      const record = { kind: "received", from: friend.name, key: link.peer, position } as const;
      if (this.#inbox.take({ ...record, id: id.toHex(), sentAt, text })) fresh = true;
    }
    if (fresh) return this.#store(link.peer);
    const last = { epoch, number: entries.at(-1)?.number ?? 0 };
    if (this.#inbox.hasStored(link.peer, last)) this.#confirm(link.peer, last);
  }

  #skip(link: FriendLink, friend: Friend, through: Position): void {
    if (!this.#inbox.take({ kind: "skipped", key: link.peer, through })) return;
    const text = `${friend.name} no longer has some messages that were delivered here and are lost`;
    this.#show({ event: "notice", text });
    this.#store(link.peer);
  }

  #store(peer: FriendLink["peer"]): void {
    const records = this.#inbox.next(peer);
    if (records.length > 0) this.#persist(records, { kind: "receive", peer });
  }

  /** Tells the sender up to where everything is safe here. */
  #confirm(peer: FriendLink["peer"], position: Position): void {
    for (const link of this.#links.all()) {
      if (link.peer === peer && link.phase === "open") {
        this.#send(link, { type: "stored", position });
      }
    }
  }

  #showReceived(received: Received, history: boolean): void {
    const { id, from, text, sentAt, key } = received;
    const self = key === this.signer.key;
    if (!self) this.#lastWriter = from;
    const at = new Date(sentAt);
    this.#show({
      event: "message",
      id,
      from,
      text,
      self,
      history,
      sentAt: (Number.isNaN(at.getTime()) ? new Date(0) : at).toISOString(),
    });
  }

  // The disk.

  #persist(records: readonly FriendsRecord[], writing: Writing | null): void {
    const token = writing === null ? null : this.#nextToken++;
    if (writing !== null) this.#writing.set(token!, writing);
    this.#out.push({ type: "persist", records, token, sync: true });
  }

  /** At worst it is told again by the other side. */
  #persistUnsynced(records: readonly FriendsRecord[]): void {
    this.#out.push({ type: "persist", records, token: null, sync: false });
  }

  #persisted(token: number): void {
    const writing = this.#writing.get(token);
    this.#writing.delete(token);
    if (writing === undefined) return;
    switch (writing.kind) {
      case "queue": {
        const { friend, entry } = writing;
        entry.isStored = true;
        this.#tellDelivery(entry.id, friend, "queued", undefined, entry.ref);
        if (!this.#listed.has(friend)) return;
        return this.#pump(friend);
      }
      case "unsend": {
        const { friend, entry, ref } = writing;
        friend.outbox.remove(entry);
        this.#tellDelivery(entry.id, friend, "failed", "taken back", ref);
        return this.#pump(friend);
      }
      case "receive":
        return this.#stored(writing.peer);
      case "self": {
        const { received, ref } = writing;
        const { id, from } = received;
        this.#show({ event: "delivery", id, to: from, state: "queued" }, ref);
        this.#showStored([received]);
        this.#show({ event: "delivery", id, to: from, state: "delivered" }, ref);
        return;
      }
      default:
        return unreachable(writing);
    }
  }

  #stored(peer: FriendLink["peer"]): void {
    const records = this.#inbox.written(peer);
    this.#refusing = false;
    const received = records.filter((record) => record.kind === "received");
    this.#showStored(received);
    const last = received.at(-1);
    if (last !== undefined) this.#confirm(peer, last.position);
    this.#store(peer);
  }

  #showStored(received: readonly Received[]): void {
    for (const message of received) this.#showReceived(message, false);
    this.#received = [...this.#received, ...received].slice(-RECEIVED_KEPT_MAX);
    const last = received.at(-1);
    if (last !== undefined) this.#out.push({ type: "shown", through: last.id });
  }

  #persistFailed(token: number | null, text: string): void {
    const writing = token === null ? undefined : this.#writing.get(token);
    if (token !== null) this.#writing.delete(token);
    switch (writing?.kind) {
      case undefined:
        return this.#error("disk", text);
      case "queue":
        writing.friend.outbox.remove(writing.entry);
        return this.#error("disk", text, writing.entry.ref);
      case "unsend":
        writing.entry.isStored = true;
        this.#error("disk", text, writing.ref);
        return this.#pump(writing.friend);
      case "self":
        return this.#error("disk", text, writing.ref);
      case "receive": {
        this.#inbox.refused(writing.peer);
        if (!this.#refusing) {
          this.#error("disk", `${text}; what friends send is kept by them, and sent again`);
        }
        this.#refusing = true;
        for (const link of this.#links.all()) {
          if (link.peer === writing.peer && link.phase !== "over") {
            this.#refuse(link, "disk", "What you sent can't be stored here at the moment");
          }
        }
        return;
      }
      default:
        return unreachable(writing);
    }
  }

  // The user.

  #command(command: FriendsCommand, ref: string | undefined): void {
    switch (command.command) {
      case "msg":
        return this.#say(command.name, command.text, ref);
      case "list":
        return this.#show(friendsView(this.#listed), ref);
      case "status": {
        const { name } = this.config;
        const key = fingerprintOf(this.signer.key);
        return this.#show(statusView({ name, key }, this.#listed, this.#friends.values()), ref);
      }
      case "outbox":
        return this.#show(outboxView(this.#friends.values()), ref);
      case "unsend":
        return this.#unsend(command.id, ref);
      case "verify":
        return this.#verify(command.name, ref);
      case "trust":
        return this.#trust(command.name, ref);
      case "quit":
        if (this.#leaving !== null) return;
        this.#leaving = { ref };
        this.#deadlines.set("leave", this.#nowMs + LEAVE_MS_MAX);
        return;
      default:
        return unreachable(command);
    }
  }

  /** `r` is the last one who wrote, unless a friend is called so. */
  #named(name: string): Friend | "self" | null {
    const folded = foldName(name);
    if (folded === foldName(this.config.name)) return "self";
    const friend = this.#friends.get(folded);
    if (friend !== undefined && this.#listed.has(friend)) return friend;
    if (folded !== "r" || this.#lastWriter === null) return null;
    const last = this.#friends.get(foldName(this.#lastWriter));
    return last !== undefined && this.#listed.has(last) ? last : null;
  }

  #unknownUser(name: string, ref: string | undefined): void {
    const { users } = this.config;
    const text = foldName(name) === "r"
      ? `Cannot answer: nobody has written yet; write NAME/TEXT, /list shows the names`
      : `Cannot find ${name} in ${users}; write NAME/TEXT, /list shows the names`;
    this.#error("unknown-user", text, ref);
  }

  #say(name: string, text: string, ref: string | undefined): void {
    const friend = this.#named(name);
    if (friend === null) return this.#unknownUser(name, ref);
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) {
      const text =
        `Cannot send a message of ${bytes} bytes: it may have ${TEXT_BYTES_MAX}; send it in parts`;
      return this.#error("too-long", text, ref);
    }
    const id = this.environment.randomBytes(16).toHex();
    const sentAt = Math.max(0, Math.floor(this.environment.wallMs()));
    if (friend === "self") return this.#sayToSelf(id, text, sentAt, ref);
    const { outbox, name: to } = friend;
    if (outbox.isFullFor(bytes)) {
      const text = `Cannot keep more for ${to}: ${outbox.size} messages wait already; ` +
        "send it again when some are out, or take some back with /unsend";
      return this.#error("full", text, ref);
    }
    const position = { epoch: this.#epoch, number: ++friend.said };
    const entry = { position, id, text, bytes, sentAt, ref, isStored: !this.config.queue };
    outbox.add(entry);
    if (this.config.queue) {
      const record = { kind: "queued", to, position, id, sentAt, text } as const;
      this.#persist([record], { kind: "queue", friend, entry });
    }
    // Where something waits already, the next try is planned.
    if (friend.link !== null) this.#pump(friend);
    else if (friend.retryAtMs === null || !this.config.queue) this.#reach(friend);
  }

  #sayToSelf(id: string, text: string, sentAt: number, ref: string | undefined): void {
    const { key } = this.signer;
    const position = { epoch: this.#epoch, number: ++this.#saidToSelf };
    const from = this.config.name;
    const received = { kind: "received", from, key, position, id, sentAt, text } as const;
    this.#inbox.restore(received);
    this.#persist([received], { kind: "self", received, ref });
  }

  #unsend(id: string, ref: string | undefined): void {
    for (const friend of this.#friends.values()) {
      const found = friend.outbox.find(id);
      if (found === null) continue;
      const { entry, isSent } = found;
      if (isSent || !entry.isStored) {
        const text = `Cannot take message ${id} back: it is on its way to ${friend.name}`;
        return this.#error("not-allowed", text, ref);
      }
      entry.isStored = false;
      const record = { kind: "unsent", to: friend.name, position: entry.position } as const;
      return this.#persist([record], { kind: "unsend", friend, entry, ref });
    }
    const text =
      `Cannot take message ${id} back: no such message waits; /outbox shows those that do`;
    this.#error("no-such-entry", text, ref);
  }

  #verify(name: string, ref: string | undefined): void {
    const friend = this.#named(name);
    if (friend === null || friend === "self") return this.#unknownUser(name, ref);
    if (friend.key === null) {
      const text =
        `Cannot verify ${friend.name}: there was no connection yet; write something first`;
      return this.#error("offline", text, ref);
    }
    this.#show({
      event: "verify",
      name: friend.name,
      key: fingerprintOf(friend.key),
      ownKey: this.signer.key,
      peerKey: friend.key,
    }, ref);
  }

  #trust(name: string, ref: string | undefined): void {
    const friend = this.#named(name);
    if (friend === null || friend === "self") return this.#unknownUser(name, ref);
    const { strange, row } = friend;
    if (row.fingerprint !== null) {
      const text =
        `Cannot accept another key for ${friend.name}: the table says which; change it there`;
      return this.#error("not-allowed", text, ref);
    }
    if (strange === null) {
      return this.#show({ event: "notice", text: `No other key of ${friend.name} was met` }, ref);
    }
    friend.pinned = fingerprintOf(strange);
    friend.strange = friend.problem = null;
    this.#out.push({ type: "pin", name: friend.name, key: strange, again: true });
    this.#show(
      { event: "notice", text: `${friend.name}'s key is ${friend.pinned} from now on` },
      ref,
    );
    if (friend.outbox.size > 0) this.#reach(friend);
  }

  #tellDelivery(
    id: string,
    friend: Friend,
    state: "queued" | "delivered" | "failed",
    reason?: string,
    ref?: string,
  ): void {
    const event = { event: "delivery", id, to: friend.name, state } as const;
    this.#show(reason === undefined ? event : { ...event, reason }, ref);
  }

  /** More lines would only wait longer. */
  #pauseInput(): void {
    let slow: Friend | null = null;
    for (const friend of this.#listed) {
      if (friend.link !== null && friend.outbox.size > OUTBOX_MESSAGES_HIGH) slow = friend;
    }
    if ((slow !== null) === this.#paused) return;
    this.#paused = slow !== null;
    const pausedBecause = slow === null ? null : `waiting for ${slow.name}`;
    this.#out.push({ type: "input", pausedBecause });
  }

  // Leaving.

  #maybeLeave(): void {
    if (this.#leaving !== null && !this.#stopped && this.#isSettled()) this.#leave();
  }

  /** All is out, or waits for who was found not to be there. */
  #isSettled(): boolean {
    if (this.#writing.size > 0) return false;
    for (const friend of this.#listed) {
      if (friend.outbox.size > 0 && !friend.isAway) return false;
    }
    return true;
  }

  #leave(): void {
    this.#stopped = true;
    for (const link of this.#links.all()) {
      if (link.phase !== "over") this.#close(link, "quit");
    }
    this.#out.push({
      type: "stop",
      outcome: { kind: "bye", reason: "quit", ref: this.#leaving?.ref },
    });
  }

  #send(link: FriendLink, message: FriendsMessage): void {
    this.#out.push({ type: "send", link: link.link, message });
  }

  #show(event: FriendsEvent, ref?: string): void {
    this.#out.push({ type: "show", event, ref });
  }

  #error(code: ErrorCode, text: string, ref?: string): void {
    this.#show({ event: "error", code, text }, ref);
  }
}

function isSameRow(a: FriendRow, b: FriendRow): boolean {
  return a.endpoint.host === b.endpoint.host && a.endpoint.port === b.endpoint.port &&
    a.fingerprint === b.fingerprint;
}
