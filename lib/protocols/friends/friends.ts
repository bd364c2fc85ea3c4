/**
 * Messages between friends who know each other's addresses from a table: delivered in order, exactly once, whoever
 * is away or killed meanwhile.
 *
 * The picture: an answering machine at each end. What is typed is on our disk before it goes out, and stays there
 * until the friend says that it is on theirs. A message that comes is on our disk before it is shown, and we tell
 * the other up to where we have everything; what we have is never taken in again.
 *
 * `meeting.ts` says who is dialled and who is let in, `sending.ts` and `receiving.ts` what is sent, stored and
 * shown; here is what the user asks, and the time.
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { Agenda, Deadlines, earliestMs, type Machine } from "../../base/machine/machine.ts";
import type { KeyChange, VerifyCommand } from "../../base/machine/mode_machine.ts";
import {
  isSamePresence,
  type Presence,
  presenceOf,
  shownPresence,
} from "../../base/machine/user_presence.ts";
import { Presences } from "../../base/machine/presences.ts";
import { dateText } from "../../base/text/words.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { foldName, isSameName, shownName } from "../../base/text/names.ts";
import { tooLong, utf8Length } from "../../base/text/text.ts";
import { Comparing, didYouMeanName } from "../../base/trust/name_answers.ts";
import type { RefusedKeys } from "../../base/trust/refused_keys.ts";
import type { FriendsCommand, FriendsTold, FriendView } from "./events.ts";
import type { Friend } from "./friend.ts";
import type { FriendLink } from "./friend_links.ts";
import { FriendTable, warnOfDisputes } from "./friend_table.ts";
import type { FriendRow, FriendsConfig, FriendsEffect, FriendsInput } from "./friends_io.ts";
import { restoreFriends } from "./friends_log.ts";
import { FileLinks, type FileReceiver } from "./file_links.ts";
import { FriendsOutput } from "./friends_output.ts";
import type { FriendsFact } from "./friends_words.ts";
import { Inbox } from "./inbox.ts";
import {
  CONFIRM_MS_MAX,
  HELLO_MS_MAX,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  OUTBOX_MESSAGES_HIGH,
  TEXT_BYTES_MAX,
} from "./limits.ts";
import { Meeting } from "./meeting.ts";
import type { FriendsMessage } from "./messages.ts";
import { freshEpoch } from "./positions.ts";
import { Recalling } from "./recalling.ts";
import { Receiving } from "./receiving.ts";
import type { FriendsRecord, ReceivedPlace } from "./records.ts";
import { Sending } from "./sending.ts";

/** A leaving user is told one by one of at most this many friends for whom something waits. */
const WAITING_NAMED_MAX = 8;

export class Friends implements Machine<FriendsInput, FriendsEffect> {
  readonly #out = new FriendsOutput();
  readonly #table: FriendTable;
  readonly #meeting: Meeting;
  readonly #inbox: Inbox;
  readonly #sending: Sending;
  readonly #receiving: Receiving;
  readonly #recalling: Recalling;
  readonly #files: FileLinks;
  readonly #comparing: Comparing;
  readonly #presences = new Presences<Friend>({
    tellAll: (presence) => this.#tellPresence(presence),
    show: (friend, presence) => this.#showPresence(friend, presence),
  });
  readonly #deadlines = new Deadlines({
    /** When we leave although not everything has gone out. */
    leave: () => this.#leave(),
    /** When the user is told what is waited for. */
    tellLeaving: () => this.#tellLeaving(),
  });
  readonly #agenda: Agenda;
  #paused = false;
  #leaving: { readonly ref: string | undefined } | null = null;
  #stopped = false;

  constructor(
    readonly config: FriendsConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const table = this.#table = new FriendTable(config.friends, config.pins, config.refused);
    const out = this.#out;
    const refuse = (name: string, key: Fingerprint) => this.#refuse(name, key);
    this.#comparing = new Comparing(signer.key, out, refuse);
    const inbox = this.#inbox = new Inbox();
    const restored = restoreFriends(config.records, (name) => table.kept(name), inbox);
    for (const friend of table.all()) if (friend.outbox.size > 0) friend.waits = "before";
    const epoch = freshEpoch(environment);
    const self = { name: config.name, key: signer.key, epoch };
    this.#receiving = new Receiving(self, inbox, restored, out, {
      linksTo: (key) => this.#meeting.links.to(key),
      offends: (link, text) => this.#meeting.offends(link, text),
      refuseToStore: (key) => this.#refuseToStore(key),
    });
    this.#recalling = new Recalling(self, table, this.#receiving, out);
    this.#sending = new Sending(epoch, config.queue, environment, table, out, {
      linkOf: (friend) => this.#meeting.linkOf(friend),
      reach: (friend, isUrgent) => this.#meeting.reach(friend, isUrgent),
    });
    this.#meeting = new Meeting(config, signer, table, out, {
      stored: (key) => inbox.stored(key),
      met: (link, friend, stored) => this.#sending.met(link, friend, stored),
      pump: (friend) => this.#sending.pump(friend),
      sendHeld: (friend) => this.#sending.releaseAgain(friend),
      missed: (friend) => this.#sending.missed(friend),
      presence: () => this.#presences.told,
      inUse: (link, friend) => this.#inUse(link, friend),
      ended: (friend) => this.#presences.ended(friend),
    });
    this.#files = new FileLinks(table, inbox, out, {
      linkOf: (friend) => this.#meeting.linkOf(friend),
      reach: (friend, isUrgent) => this.#meeting.reach(friend, isUrgent),
    });
    this.#agenda = new Agenda([
      this.#deadlines,
      this.#meeting,
      this.#presences,
      { nextMs: () => this.#nextFriendMs(), tick: (nowMs) => this.#serveFriends(nowMs) },
    ]);
  }

  /** The key met or accepted under this name, whatever the table says; null for none. */
  knownKey(name: string): Fingerprint | null {
    return this.#table.knownKey(name);
  }

  /** Friends that may be sent files at this moment, each with the link in use. */
  recipients(): ReadonlyMap<PeerKey, LinkId> {
    return this.#files.recipients();
  }

  /** The name of the friend who has this key; null for none. */
  ownerOf(key: PeerKey): string | null {
    return this.#files.ownerOf(key);
  }

  /** Whether a friend is called so, for `/send`. */
  isFriend(name: string): boolean {
    return this.#isSelf(name) || this.#named(name) !== null;
  }

  /** Whom a file is for; or why it can't be for anybody: `unknown-user`, or `not-allowed` while the key is in doubt. */
  fileReceiver(name: string): FileReceiver | FriendsFact {
    if (this.#isSelf(name)) return { fact: "file-self", name };
    const friend = this.#named(name);
    if (friend !== null) return this.#files.receiver(friend);
    return this.#unknown(name, "/send NAME FILE");
  }

  /** The key of the friend called so; null while it isn't known. */
  fileKey(name: string): PeerKey | null {
    return this.#table.get(name)?.key ?? null;
  }

  /** The records of a compacted log, see `Receiving.snapshot`. */
  snapshot(shownThrough: ReceivedPlace | null): readonly FriendsRecord[] | null {
    return this.#receiving.snapshot(this.#table.all(), shownThrough);
  }

  step(input: FriendsInput, nowMs: number): readonly FriendsEffect[] {
    this.#out.begin(nowMs);
    if (this.#stopped) return this.#out.take();
    this.#handle(input);
    this.#recalling.stepEnds();
    if (this.#leaving !== null && this.#isSettled()) this.#leave();
    this.#pauseInput();
    this.#out.clock.dueMs = this.#stopped ? null : this.#agenda.nextMs();
    return this.#out.take();
  }

  nextDeadlineMs(): number | null {
    return this.#out.clock.nextDeadlineMs();
  }

  #nextFriendMs(): number | null {
    let next: number | null = null;
    for (const friend of this.#table.busy()) next = earliestMs(next, this.#dueOf(friend));
    return next;
  }

  /** When this friend is dialled again, what waits for it is released again, or its idle link is closed. */
  #dueOf(friend: Friend): number | null {
    const { outbox, attempt, retryAtMs } = friend;
    if (friend.link === null) return friend.isWanted && attempt === null ? retryAtMs : null;
    const link = this.#meeting.linkOf(friend);
    if (link === null) return null;
    const { awaitedSinceMs, releaseAtMs, files } = friend;
    const lateMs = awaitedSinceMs === null ? null : awaitedSinceMs + CONFIRM_MS_MAX;
    const dueMs = earliestMs(lateMs, releaseAtMs, files.toldAtMs);
    if (dueMs !== null) return dueMs;
    if (outbox.size > 0 || files.isHeld || this.#inbox.isBusy(link.peer)) return null;
    // The side that dialled has something to say, however long the way is.
    const { idleMs } = this.config;
    const idleAtMs = friend.lastTrafficMs + (link.isUsed ? idleMs : Math.max(idleMs, HELLO_MS_MAX));
    switch (friend.dialler) {
      case "we": // a dial of the friend's takes a while
        return friend.isKept ? null : idleAtMs + HELLO_MS_MAX;
      case "it":
        return friend.isProbed ? null : idleAtMs;
      default:
        return idleAtMs;
    }
  }

  #handle(input: FriendsInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "table":
        return this.#edited(input.friends);
      case "file-need":
        return this.#files.need(input.friend, input.need);
      case "file-traffic":
        return this.#carried(input.link);
      case "link-up":
        return this.#meeting.linkUp(input);
      case "dial-failed":
        return this.#meeting.dialFailed(input);
      case "link-down":
        return this.#meeting.linkDown(input);
      case "drained":
        return this.#drained(input.link);
      case "message":
        return this.#message(input.link, input.message);
      case "unknown-message":
        return this.#meeting.unknown(input.link, input.code);
      case "persisted":
        return this.#out.persisted(input.token);
      case "persist-failed":
        return this.#out.persistFailed(input.token, input.text);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#agenda.tick(this.#out.nowMs);
      default:
        return unreachable(input);
    }
  }

  #start(): void {
    const { name, listening, users } = this.config;
    this.#out.show({
      event: "ready",
      command: "peer",
      name,
      ...listening,
      key: fingerprintOf(this.signer.key),
      users,
      names: Array.from(this.#table.listed, ({ name }) => name),
    });
    const disputed = [...this.#table.listed].filter(({ isDisputed }) => isDisputed);
    warnOfDisputes(disputed, this.#out);
    this.#receiving.start();
    for (const friend of this.#table.listed) this.#sending.pump(friend); // friends that are away are dialled
  }

  #serveFriends(nowMs: number): void {
    for (const friend of this.#table.busy()) {
      if ((this.#dueOf(friend) ?? Infinity) > nowMs) continue;
      const link = this.#meeting.linkOf(friend);
      if (link === null) this.#meeting.reach(friend);
      else if ((friend.releaseAtMs ?? Infinity) <= nowMs) this.#sending.releaseAgain(friend);
      else if ((friend.files.toldAtMs ?? Infinity) <= nowMs) friend.files.told();
      else if (friend.awaitedSinceMs !== null) this.#meeting.giveUp(link, friend);
      else this.#meeting.idle(link, friend);
    }
  }

  #edited(rows: readonly FriendRow[]): void {
    const { gone, changed, disputed } = this.#table.edit(rows);
    for (const friend of gone) {
      this.#meeting.removed(friend);
      this.#presences.forget(friend);
      this.#sending.giveUp(friend, { fact: "unlisted" }); // nothing is tried for this friend any more
    }
    warnOfDisputes(disputed, this.#out);
    for (const friend of changed) this.#meeting.review(friend, "the table was edited");
  }

  #carried(id: LinkId): void {
    const link = this.#meeting.links.get(id);
    if (link === null || link.friend?.link !== id) return;
    link.isUsed = true;
    link.friend.lastTrafficMs = this.#out.nowMs;
  }

  #drained(id: LinkId): void {
    const friend = this.#meeting.links.get(id)?.friend;
    if (friend?.link === id) this.#sending.pump(friend);
  }

  #refuseToStore(key: PeerKey): void {
    for (const link of this.#meeting.links.to(key)) this.#meeting.refuse(link, "disk");
  }

  #message(id: LinkId, message: FriendsMessage): void {
    const link = this.#meeting.links.get(id);
    if (link === null || link.phase === "over") return;
    switch (message.type) {
      case "hello":
        return this.#meeting.hello(link, message);
      case "refuse":
        return this.#meeting.refused(link, message);
      case "unknown":
        return void this.#meeting.isPastUnknown(link);
      case "texts":
      case "stored":
      case "skip":
      case "presence":
        break;
      default:
        return unreachable(message);
    }
    if (link.phase !== "open" && link.phase !== "draining") {
      return this.#meeting.offends(link, `${message.type} before hello`);
    }
    const { friend } = link;
    invariant(friend !== null, "an open link is a friend's");
    if (message.type === "presence") {
      if (friend.link === id) this.#presences.heard(friend, presenceOf(message), this.#out.nowMs);
      return; // no reason to keep a link open
    }
    friend.lastTrafficMs = this.#out.nowMs;
    if (message.type === "texts") this.#receiving.texts(link, friend, message);
    else if (message.type === "skip") this.#receiving.skip(link, friend, message.position);
    else this.#sending.acknowledged(link, friend, message.position);
  }

  // The user.

  #command(command: FriendsCommand, ref: string | undefined): void {
    switch (command.command) {
      case "msg":
        return this.#say(command.name, command.text, ref);
      case "list":
        return this.#out.show(this.#friendsView(), ref);
      case "presence":
        return this.#presence(command.change, ref);
      case "status": {
        const { name } = this.config;
        const key = fingerprintOf(this.signer.key);
        const self = { name, key, ...shownPresence(this.#presences.own) };
        return this.#out.show(statusView(self, this.#table, this.#out.problem), ref);
      }
      case "history": {
        const named = (name: string) => this.#named(name);
        if (this.#recalling.ask(command, ref, named)) return;
        return this.#out.tell(this.#unknown(command.name!, "/history NAME"), ref);
      }
      case "outbox":
        return this.#out.show(outboxView(this.#table.all()), ref);
      case "unsend":
        return this.#sending.unsend(command.id, ref);
      case "verify":
        return this.#verify(command, ref);
      case "whois":
        return this.#whois(command.name, ref);
      case "trust":
        return this.#trust(command.name, ref);
      case "refuse":
        return this.#refuse(command.name, command.key);
      case "unrefuse":
        return this.#unrefused(command.name, command.key);
      case "quit":
        if (this.#leaving !== null) return;
        this.#leaving = { ref };
        this.#deadlines.set("leave", this.#out.nowMs + LEAVE_MS_MAX);
        this.#deadlines.set("tellLeaving", this.#out.nowMs + LEAVE_UNTOLD_MS);
        return;
      default:
        return unreachable(command);
    }
  }

  #say(name: string, text: string, ref: string | undefined): void {
    const friend = this.#isSelf(name) ? "self" : this.#named(name);
    if (friend === null) return this.#out.tell(this.#unknown(name, "NAME/TEXT"), ref);
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return this.#out.error("too-long", tooLong(bytes).message, ref);
    const { environment } = this;
    const id = environment.randomBytes(16).toHex();
    const sentAt = Math.max(0, Math.floor(environment.wallMs()));
    if (friend === "self") return this.#receiving.keep({ id, text, sentAt }, ref);
    this.#sending.say(friend, { id, text, sentAt }, ref);
  }

  #isSelf(name: string): boolean {
    return isSameName(name, this.config.name);
  }

  /** The friend called `name`; `r` is the one that wrote last, unless a friend has that name. */
  #named(name: string): Friend | null {
    const { lastWriter } = this.#receiving;
    const friend = this.#table.get(name);
    if (friend !== null || foldName(name) !== "r" || lastWriter === null) return friend;
    return this.#table.get(lastWriter);
  }

  /** @param form How a name would be used: `NAME/TEXT`. */
  #unknown(name: string, form: string): FriendsFact {
    const names = Array.from(this.#table.listed, ({ name }) => name);
    const hint = didYouMeanName(name, names, (known) => form.replace("NAME", () => known));
    if (hint !== "") return { fact: "near-name", name, hint };
    return foldName(name) === "r"
      ? { fact: "nobody-wrote", form }
      : { fact: "unknown-name", name, form };
  }

  #unknownTo(command: "verify" | "trust", name: string, ref: string | undefined): void {
    const isSelf = this.#isSelf(name);
    const fact = isSelf
      ? { fact: `${command}-self`, name } as const
      : this.#unknown(name, `/${command} NAME`);
    this.#out.tell(fact, ref);
  }

  #verify(command: VerifyCommand, ref: string | undefined): void {
    const { name, answer } = command;
    const friend = this.#named(name);
    if (friend === null && this.#isSelf(name)) return this.#unknownTo("verify", name, ref);
    const { key = null, pinned } = friend ?? {};
    const found = friend === null || key === null ? null : { name: friend.name, key };
    const asked = found === null && friend !== null ? { ...command, name: friend.name } : command;
    if (this.#comparing.verify(asked, found, pinned ?? friend?.row.fingerprint, ref)) {
      const { told = null } = friend?.strange ?? {};
      if (found === null || answer === "no" || told === null || told === key) return;
      return this.#out.tell({ fact: "compared-known", key: fingerprintOf(told) }, ref);
    }
    if (friend === null) return this.#unknownTo("verify", name, ref);
    this.#out.tell({ fact: "verify-unmet", friend: friend.name }, ref);
  }

  /** @param name Null: the user. */
  #whois(name: string | null, ref: string | undefined): void {
    const { signer } = this;
    if (name === null || this.#isSelf(name)) {
      const key = fingerprintOf(signer.key);
      const { self } = this.#friendsView();
      return this.#out.show({ event: "whois", ...self, self: true, key, route: null }, ref);
    }
    const friend = this.#named(name);
    if (friend === null) return this.#out.tell(this.#unknown(name, "/whois NAME"), ref);
    const { connected, doubt: _, ...who } = this.#friendView(friend);
    const route = connected ? "direct" : null;
    this.#out.show({ event: "whois", ...who, self: false, route }, ref);
  }

  /** The digits were different: nothing more goes to whoever has this key. */
  #refuse(name: string, key: Fingerprint): void {
    const friend = this.#table.get(name);
    if (friend === null) return this.#table.refused.add(name, key);
    const met = friend.key;
    this.#table.refuse(friend, key);
    this.#presences.ended(friend);
    this.#meeting.review(friend, "another key is expected");
    if (met !== null && fingerprintOf(met) === key) friend.strange.refused(met);
    if (friend.row.fingerprint !== key) return;
    this.#out.tell({ fact: "row-has-refused", friend: friend.name });
  }

  /** The user has said in another program of the profile that it is the friend's, after all. */
  #unrefused(name: string, key: Fingerprint): void {
    this.#table.refused.accept(name, key);
    const friend = this.#table.get(name);
    const { told = null } = friend?.strange ?? {};
    if (friend === null || told === null || fingerprintOf(told) !== key) return;
    if (friend.expected !== null && friend.expected !== key) return;
    this.#accept(friend, told);
    this.#meeting.review(friend, "another key is accepted now");
  }

  #trust(name: string, ref: string | undefined): void {
    const friend = this.#named(name);
    if (friend === null) return this.#unknownTo("trust", name, ref);
    if (friend.isContested) {
      friend.isContested = false;
      this.#out.tell({ fact: "released", friend: friend.name }, ref);
      return this.#sending.releaseAgain(friend);
    }
    const { told: strange } = friend.strange;
    const { fingerprint: key } = friend.row;
    if (key !== null && (strange === null || key !== fingerprintOf(strange))) {
      return this.#out.tell({ fact: "trust-row", friend: friend.name, key }, ref);
    }
    if (strange === null) return this.#out.tell({ fact: "no-other-key", friend: friend.name }, ref);
    this.#accept(friend, strange);
    this.#out.tell({ fact: "accepted", friend: friend.name, key: fingerprintOf(strange) }, ref);
    this.#meeting.review(friend, "another key is accepted now");
  }

  #accept(friend: Friend, key: PeerKey): void {
    const fingerprint = fingerprintOf(key);
    this.#table.refused.accept(friend.name, fingerprint);
    this.#table.pin(friend, fingerprint);
    this.#out.push({ type: "pin", name: friend.name, key, again: true });
  }

  // What users say of themselves.

  #presence(change: Partial<Presence>, ref: string | undefined): void {
    const { name } = this.config;
    const key = fingerprintOf(this.signer.key);
    const said = shownPresence(this.#presences.say(change, this.#out.nowMs));
    this.#out.show({ event: "presence", name, key, self: true, ...said }, ref);
  }

  #inUse(link: FriendLink, friend: Friend): void {
    const { told } = this.#presences;
    if (link.told !== null && !isSamePresence(link.told, told)) this.#tell(link, told);
    this.#presences.heard(friend, link.said, this.#out.nowMs);
  }

  #tellPresence(presence: Presence): void {
    for (const friend of this.#table.busy()) {
      const link = this.#meeting.linkOf(friend);
      if (link !== null) this.#tell(link, presence);
    }
  }

  #tell(link: FriendLink, presence: Presence): void {
    link.told = presence;
    this.#out.send(link, { type: "presence", ...presence });
  }

  #showPresence({ name, key }: Friend, presence: Presence): void {
    if (key === null) return; // that one isn't taken for the friend any more
    const said = { self: false, ...shownPresence(presence) };
    this.#out.show({ event: "presence", name, key: fingerprintOf(key), ...said });
  }

  /** All friends in the table, in its order, with their addresses. */
  #friendsView(): Event<"friends"> {
    const { name, listening } = this.config;
    return {
      event: "friends",
      friends: [...this.#table.listed].map((friend) => this.#friendView(friend)),
      self: { name, ...listening, ...shownPresence(this.#presences.own) },
    };
  }

  #friendView(friend: Friend): FriendView {
    return {
      name: friend.name,
      key: friend.expected,
      ...friend.row.endpoint,
      connected: friend.link !== null,
      ...shownPresence(this.#presences.of(friend)),
      ...changeOf(friend, this.#table.refused),
      ...doubtOf(friend),
      ...(friend.outbox.size === 0 ? {} : { waiting: friend.outbox.size }),
    };
  }

  /** Pauses the input: more lines would only wait longer. */
  #pauseInput(): void {
    let slow: Friend | null = null;
    for (const friend of this.#table.busy()) {
      if (!friend.isAway && !friend.isContested && friend.outbox.size > OUTBOX_MESSAGES_HIGH) {
        slow = friend;
      }
    }
    if ((slow !== null) === this.#paused) return;
    this.#paused = slow !== null;
    const pausedBecause = slow === null ? null : `waiting for ${shownName(slow.name)}`;
    this.#out.push({ type: "input", pausedBecause });
  }

  // Leaving.

  /** Whether everything is out, or waits for friends that were found to be away. */
  #isSettled(): boolean {
    if (this.#stopped || this.#out.isWriting) return false;
    for (const friend of this.#table.busy()) {
      if (friend.outbox.size > 0 && !friend.isAway && !friend.isContested) return false;
    }
    return true;
  }

  /** Tells what stays in the outbox, and for whom. */
  #tellWaiting(): void {
    const waiting = [...this.#table.all()].filter(({ outbox }) => outbox.size > 0);
    if (this.config.forgets === true) return this.#tellLost(waiting);
    for (const friend of waiting.slice(0, WAITING_NAMED_MAX)) {
      const fact = this.#table.listed.has(friend) ? "waits" : "waits-unlisted";
      this.#out.tell({ fact, friend: friend.name, count: friend.outbox.size });
    }
    this.#tellMore(waiting.length - WAITING_NAMED_MAX);
  }

  /** With `--no-history`: what an earlier start left on the disk goes on waiting. */
  #tellLost(waiting: readonly Friend[]): void {
    for (const { outbox, name } of waiting.slice(0, WAITING_NAMED_MAX)) {
      const count = outbox.entries.filter(({ isEarlier }) => isEarlier !== true).length;
      if (count > 0) this.#out.tell({ fact: "lost", friend: name, count });
    }
    this.#tellMore(waiting.length - WAITING_NAMED_MAX);
  }

  #tellMore(count: number): void {
    if (count > 0) this.#out.tell({ fact: "more", count });
  }

  #tellLeaving(): void {
    const names = [...this.#table.busy()].flatMap(({ name, outbox, isAway, isContested }) =>
      outbox.size > 0 && !isAway && !isContested ? [shownName(name)] : []
    );
    if (names.length > 0) this.#out.tell({ fact: "leaving", names: names.join(", ") });
  }

  #leave(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const friend of this.#table.all()) this.#sending.giveUp(friend, { fact: "left" });
    this.#tellWaiting();
    for (const link of this.#meeting.links.all()) {
      if (link.phase !== "over") this.#out.close(link, "quit");
    }
    const ref = this.#leaving?.ref;
    this.#out.push({ type: "stop", outcome: { kind: "bye", reason: "quit", ref } });
  }
}

// The answers to `/list`, `/outbox` and `/status`.

type Event<Name extends FriendsTold["event"]> = Extract<FriendsTold, { readonly event: Name }>;

/** The key that the user refused last for this friend, unless another one is expected; or the one not accepted yet. */
function changeOf(
  { name, expected, pinned, isDisputed }: Friend,
  refused: RefusedKeys,
): { readonly changed?: KeyChange } {
  if (isDisputed) return { changed: { name, key: expected!, before: pinned! } };
  const key = expected === null ? refused.of(name, Infinity).at(-1) : expected;
  return key !== undefined && refused.has(name, key) ? { changed: { name, key } } : {};
}

function doubtOf({ isContested, refusedHere }: Friend): Pick<FriendView, "doubt"> {
  if (isContested) return { doubt: "two-programs" };
  return refusedHere === "trust" || refusedHere === "other-key" ? { doubt: "another-key" } : {};
}

/** The waiting messages, friend by friend, in the order in which they go out. */
function outboxView(friends: Iterable<Friend>): Event<"outbox"> {
  return {
    event: "outbox",
    messages: [...friends].flatMap(({ name: to, outbox }) =>
      outbox.entries.map(({ id, text, sentAt }) => ({
        id,
        to,
        text,
        sentAt: dateText(sentAt),
      }))
    ),
  };
}

/** What is wrong with a friend now. That it was away a while ago is no problem if nothing waits for it. */
function problemOf(
  { name: friend, problem, strange, outbox, isContested }: Friend,
): FriendsFact | null {
  if (isContested) return { fact: "contested", friend };
  return outbox.size > 0 || strange.told !== null ? problem : null;
}

/** @param diskProblem Why nothing can be stored; null where it can. */
export function statusView(
  self: Pick<Event<"status">, "name" | "key" | "away">,
  table: FriendTable,
  diskProblem: string | null,
): Event<"status"> {
  const friends = [...table.listed];
  const problems = friends.flatMap((friend): (FriendsFact | string)[] => {
    const problem = problemOf(friend);
    return problem === null ? [] : [{ fact: "of-friend", friend: friend.name, problem }];
  });
  for (const friend of table.all()) {
    const { outbox: { size: count }, name } = friend;
    if (table.listed.has(friend) || count === 0) continue;
    problems.push({ fact: "waits-unlisted", friend: name, count });
  }
  if (diskProblem !== null) problems.push(diskProblem);
  return {
    event: "status",
    ...self,
    friends: friends.map((friend) => ({
      name: friend.name,
      ...friend.row.endpoint,
      connected: friend.link !== null,
      key: friend.expected,
      waiting: friend.outbox.size,
      roundTripMs: null,
      problem: problemOf(friend),
    })),
    unsent: table.waiting(),
    problems,
  };
}
