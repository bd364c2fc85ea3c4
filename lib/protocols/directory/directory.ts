/**
 * The directory: accounts, who is there, free or busy, calls between two of them, and what one tells all.
 *
 * The picture: a telephone exchange with a notice board. It knows who is in and who talks to whom, never what they
 * say: callers reach each other, or it passes on bytes that they sealed. `log_in.ts` says who comes in,
 * `entrance.ts` in whose place, `presence.ts` who is told of whom, `calls.ts` who talks, `broadcast_intake.ts` and
 * `deliveries.ts` what becomes of a notice; here is what comes in, and the time.
 */

import { userView } from "./schema/listed_users.ts";
import type { Signer } from "../../base/crypto/crypto.ts";
import {
  type Endpoint,
  endpointText,
  type FoldedName,
  type LinkId,
  NO_ADDRESS,
  type PeerKey,
} from "../../base/ids.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { Agenda, Deadlines, type Machine, servedEachStep } from "../../base/machine/machine.ts";
import type { VerifyCommand } from "../../base/machine/mode_machine.ts";
import { dateText } from "../../base/text/words.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { foldName, shownName, withoutMark } from "../../base/text/names.ts";
import { Comparing, didYouMeanName } from "../../base/trust/name_answers.ts";
import { Broadcasts } from "./broadcast_log/broadcasts.ts";
import { BroadcastIntake } from "./broadcasts/broadcast_intake.ts";
import { Deliveries } from "./broadcasts/deliveries.ts";
import { Marks } from "./broadcasts/marks.ts";
import { Calls } from "./calls/calls.ts";
import { transportOf } from "../sealed_datagram/keyed_path.ts";
import { AccountChanges } from "./login/account_changes.ts";
import { Entrance } from "./login/entrance.ts";
import { LockOuts } from "./login/lock_outs.ts";
import { LogIn } from "./login/log_in.ts";
import type { DirectoryConfig, DirectoryEffect, DirectoryInput } from "./schema/directory_io.ts";
import { DirectoryOutput } from "./schema/directory_output.ts";
import { DIRECTORY_NAME, type DirectoryCommand, type DirectoryEvent } from "./schema/events.ts";
import {
  KICKED_MS,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  OFFENDER_BAN_MS,
  RETURN_SPREAD_MS,
  SILENT_LINKS_MAX,
  SLOW_MS_MAX,
} from "./schema/limits.ts";
import {
  type DirectoryMessage,
  type DirectoryMessageOf,
  LEAVE_GOODBYE,
} from "./schema/messages.ts";
import { REFUSED_TEXTS } from "./schema/refusal_text.ts";
import type { DirectoryRecord } from "./schema/records.ts";
import {
  type Instance,
  listedSession,
  type OnlineSession,
  type RegistrarChange,
  type RegistrarState,
} from "./schema/registrar_io.ts";
import { type Client, ClientLink, type Party, Visitor } from "./sessions/client_session.ts";
import { Others } from "./sessions/others.ts";
import { Presence } from "./sessions/presence.ts";
import { ClientLinks, Sessions } from "./sessions/sessions.ts";

export class Directory implements Machine<DirectoryInput, DirectoryEffect> {
  readonly #out: DirectoryOutput;
  readonly #comparing: Comparing;
  readonly #links = new ClientLinks();
  readonly #sessions = new Sessions();
  readonly #others = new Others();
  readonly #presence: Presence;
  readonly #calls: Calls;
  readonly #broadcasts: Broadcasts;
  readonly #deliveries: Deliveries;
  readonly #telling: BroadcastIntake;
  readonly #entrance: Entrance;
  readonly #entering: LogIn;
  readonly #accounts: AccountChanges;
  readonly #deadlines = new Deadlines({
    /** When we end although the operator's last words aren't out yet. */
    leave: () => this.#telling.giveUpOperators(),
    /** When the operator is told that they are waited for. */
    told: () => this.#tellLeaving(),
  });
  readonly #agenda: Agenda;
  /** Those who call here from other instances, by session: on one link each. */
  readonly #visitors = new Map<string, Visitor>();
  /** Those who call here, and aren't known yet to be in at another instance. */
  readonly #expected = new Map<
    PeerKey,
    { readonly link: ClientLink; readonly visit: DirectoryMessageOf<"visit"> }
  >();
  #leaving: { readonly ref: string | undefined } | null = null;
  #stopped = false;
  #engine: RegistrarState = "up";
  /** Whether the engine was away since it was up last. */
  #wasAway = false;

  constructor(
    readonly config: DirectoryConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const { randomBytes, log, crypto } = environment;
    const wallMs = () => Math.max(0, Math.floor(environment.wallMs()));
    const out = this.#out = new DirectoryOutput(config.instance ?? null);
    this.#comparing = new Comparing(signer.key, out, () => {});
    const sessions = this.#sessions;
    const links = this.#links;
    const others = this.#others;
    const presence = this.#presence = new Presence(sessions, others, out);
    const isUp = () => this.#engine === "up";
    const calls = this.#calls = new Calls({
      ...{ sessions, others, out, isUp },
      mayRelay: config.relays,
    });
    const broadcasts = this.#broadcasts = new Broadcasts(config.records, signer.key, randomBytes);
    const deliveries = this.#deliveries = new Deliveries(broadcasts, out);
    const { broadcast: policy, ttlMs, guests, clientsMax, signUpsMax } = config;
    const shared = { out, links, sessions, others, broadcasts, deliveries, wallMs, isUp };
    const begun = () => this.#entrance.sessions;
    const marks = new Marks({ out, sessions, broadcasts, begun });
    const telling = this.#telling = new BroadcastIntake({
      ...shared,
      marks,
      crypto,
      signer,
      policy,
      ttlMs,
    });
    const entrance = this.#entrance = new Entrance({
      ...shared,
      presence,
      calls,
      telling,
      randomBytes,
      instance: config.instance ?? "",
    });
    const lockOuts = new LockOuts();
    const forget = (account: FoldedName) => telling.forget(account);
    const accounts = new AccountChanges({ ...shared, lockOuts, entrance, forget });
    this.#accounts = accounts;
    this.#entering = new LogIn({
      ...shared,
      lockOuts,
      guests,
      clientsMax,
      signUpsMax,
      log,
      forget,
      letIn: (link, enter, as) => entrance.letIn(link, enter, as),
      changed: (account, keys) => accounts.changed(account, keys),
    });
    this.#agenda = new Agenda([
      { nextMs: () => links.nextMs(), tick: (nowMs) => this.#closeLate(nowMs) },
      calls,
      deliveries,
      telling,
      marks,
      sessions.held,
      servedEachStep(() => presence.nextMs()),
      presence.deadlines,
      presence.saying,
      this.#deadlines,
    ]);
  }

  /** The records of a compacted log. */
  snapshot(): readonly DirectoryRecord[] {
    return this.#broadcasts.records();
  }

  step(input: DirectoryInput, nowMs: number): readonly DirectoryEffect[] {
    this.#out.begin(nowMs);
    if (this.#stopped) return this.#out.take();
    if (this.#out.clock.stalledMs > 0) this.#sessions.held.holdAnew(this.#out.nowMs);
    this.#handle(input);
    if (this.#leaving !== null && !this.#telling.isOperatorTelling) this.#leave();
    if (!this.#stopped) {
      this.#deliveries.flush();
      this.#presence.flush();
    }
    this.#out.clock.dueMs = this.#stopped ? null : this.#agenda.nextMs();
    return this.#out.take();
  }

  nextDeadlineMs(): number | null {
    return this.#out.clock.nextDeadlineMs();
  }

  #handle(input: DirectoryInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "link-up":
        return this.#linkUp(input);
      case "link-down":
        return this.#linkDown(input);
      case "congested":
        return this.#congested(input.link);
      case "drained":
        return this.#drained(input.link);
      case "message":
        return this.#message(input.link, input.message);
      case "unknown-message":
        return this.#unknown(input.link, input.code);
      case "datagram":
        return this.#datagram(input.from, input.bytes);
      case "account-answer":
        return this.#out.answered(input.token, input.answer);
      case "account-removed":
        return this.#accounts.removed(foldName(input.name), input.keys);
      case "account-changed":
        return this.#accounts.changed(foldName(input.name), input.keys);
      case "registrar-answer":
        return this.#out.registered(input.token, input.answer);
      case "registrar-news":
        for (const change of input.changes) this.#othersChanged(change);
        return;
      case "registrar-state":
        return this.#engineIs(input.state);
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
    const { listening, accountCount } = this.config;
    const { store, isNew, last, directory, voided } = this.#broadcasts;
    this.#broadcasts.begin(this.#out.monotonicMs, this.environment.wallMs());
    // Nobody may hear of a store's number that the next start doesn't find.
    if (isNew) {
      const failed = (text: string) => this.#out.error("disk", text);
      this.#out.write([{ kind: "store", store, last, directory }], { done: () => {}, failed });
    }
    if (voided > 0) this.#out.notice(voidedText(voided));
    const key = fingerprintOf(this.signer.key);
    const accounts = accountCount();
    this.#out.show({ event: "ready", command: "regserver", ...listening, key, accounts });
  }

  // The other instances.

  #isBusy(client: Client, isBusy: boolean): void {
    if (client.isBusy === isBusy) return;
    const { session } = client;
    client.isBusy = isBusy;
    this.#presence.changed(client);
    this.#out.order({ order: "set-busy", session, isBusy });
  }

  #othersChanged(change: RegistrarChange): void {
    const others = this.#others;
    switch (change.change) {
      case "present": {
        const { session } = change;
        const made = this.#entrance.guestsThrough(session) ?? this.#broadcasts.stored;
        others.set(session, made, this.#out.nowMs);
        this.#presence.changed({ name: session.name, folded: foldName(session.name) });
        this.#isExpected(session.key);
        return this.#entrance.replacedBy(session);
      }
      case "gone":
        others.remove(foldName(change.name), this.#out.nowMs);
        return this.#presence.changed({ name: change.name, folded: foldName(change.name) });
      case "broadcast":
        return this.#telling.news(change.broadcast, change.isNew);
      case "kicked":
        return this.#kicked({ ...change, folded: foldName(change.name) });
      case "reached":
        return this.#telling.reachedAt(change.instance, change.number, change.count);
      case "instances":
        return this.#instancesAre(change.instances);
      default:
        unreachable(change);
    }
  }

  #instancesAre(instances: readonly Instance[]): void {
    const where = () => this.#others.addresses.map(endpointText).join();
    const before = where();
    this.#others.instances = instances;
    this.#telling.instancesChanged();
    // That one of them is full, or has room again, is no news to those that are in.
    if (where() === before || this.#others.addresses.length === 0) return;
    this.#tellInstances("in", [...this.#sessions.all]);
  }

  #tellInstances(because: "in" | "away", clients: readonly Client[]): void {
    const addresses = this.#others.addresses;
    const links = clients.map(({ link: { id } }) => id);
    this.#out.sendAll(links, { type: "instances", because, addresses });
  }

  #engineIs(state: RegistrarState): void {
    const before = this.#engine;
    if (state === before) return;
    this.#engine = state;
    const clients = [...this.#sessions.all];
    if (before === "up") this.#out.warn(this.#engineProblem!);
    if (state === "away") this.#tellInstances("away", clients);
    if (state === "up") {
      this.#out.accountsProblem = null;
      this.#out.notice("The engine answers again");
      if (this.#wasAway) this.#tellInstances("in", clients);
    }
    this.#wasAway = state === "away" || (state === "late" && this.#wasAway);
  }

  // Links.

  #linkUp(
    { link: id, peer, process, host }: Extract<DirectoryInput, { readonly type: "link-up" }>,
  ): void {
    const link = new ClientLink(id, peer, process, host);
    const crowded = this.#links.up(link, this.#out.nowMs);
    if (crowded !== null) this.#entrance.close(crowded, "too many say nothing");
  }

  #linkDown({ link: id, closed, reason }: Extract<DirectoryInput, { type: "link-down" }>): void {
    const link = this.#links.down(id);
    const client = link?.client ?? null;
    const visitor = link?.visitor ?? null;
    if (visitor !== null) this.#visitorGone(visitor, "lost");
    if (client === null) return;
    // A client that closes its link to come in anew says goodbye, too: a stranger that knew when would take its name.
    const leaves = closed && reason === LEAVE_GOODBYE;
    if (!leaves) this.#hold(client);
    this.#entrance.gone(client, leaves ? "quit" : "lost");
  }

  #hold(client: Client): void {
    if (client.isGuest) this.#sessions.held.hold(client, this.#out.nowMs);
  }

  #offends(link: ClientLink, text: string): void {
    this.environment.log.warn("a client broke the rules", {
      key: fingerprintOf(link.peer),
      text,
    });
    if (link.client !== null) this.#entrance.gone(link.client, "lost");
    else this.#links.enter(link, "over", this.#out.nowMs);
    this.#out.push({ type: "ban", link: link.id, reason: text, durationMs: OFFENDER_BAN_MS });
  }

  /** Further messages for the link's data lane wait until the lane drains. */
  #congested(id: LinkId): void {
    const link = this.#links.get(id);
    if (link === null || link.isCongested || link.party === null) return;
    link.isCongested = true;
    this.#links.setDue(link, this.#out.nowMs + SLOW_MS_MAX);
  }

  #drained(id: LinkId): void {
    const link = this.#links.get(id);
    if (link === null || link.party === null) return;
    link.isCongested = false;
    this.#links.setDue(link, null);
    this.#calls.drained(link.party!);
    if (link.client === null) return;
    this.#presence.tell();
    this.#deliveries.drained(link.client);
  }

  // Messages.

  #unknown(id: LinkId, code: number): void {
    const link = this.#links.get(id);
    if (link === null || link.phase === "over") return;
    this.#out.send(id, { type: "unknown", code });
    this.#countUnknown(link);
  }

  #countUnknown(link: ClientLink): void {
    const fault = link.unknownMessages.fault(this.#out.nowMs);
    if (fault !== null) this.#offends(link, fault);
  }

  #message(id: LinkId, message: DirectoryMessage): void {
    const link = this.#links.get(id);
    if (link === null || link.phase === "over") return;
    if (message.type === "unknown") return this.#countUnknown(link);
    const fault = link.client !== null
      ? this.#clientSaid(link.client, message)
      : link.visitor !== null
      ? this.#visitorSaid(link.visitor, message)
      : this.#entrantSaid(link, message);
    if (fault !== null) this.#offends(link, fault);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  #entrantSaid(link: ClientLink, message: DirectoryMessage): string | null {
    const { type } = message;
    if (type !== "enter" && type !== "visit") return `${type} before it is in`;
    if (link.phase !== "silent") return `${type} twice`;
    if (!link.bucket.take(this.#out.nowMs)) return "too many messages";
    if (type === "visit") return this.#visits(link, message);
    this.#entering.enter(link, message);
    return null;
  }

  /** A client of another instance calls a client of this one. */
  #visits(link: ClientLink, visit: DirectoryMessageOf<"visit">): string | null {
    const session = this.#others.present(foldName(visit.as));
    if (session?.key !== link.peer || session.process !== link.process) {
      this.#expected.set(link.peer, { link, visit }); // the engine may not have told yet
      dropOldest(this.#expected, SILENT_LINKS_MAX);
      return null;
    }
    const former = this.#visitors.get(session.id);
    if (former !== undefined) this.#visitorGone(former, "lost");
    link.visitor = new Visitor(link, session);
    this.#visitors.set(session.id, link.visitor);
    this.#links.enter(link, "visiting", this.#out.nowMs);
    return this.#calls.ring(link.visitor, visit);
  }

  /** Somebody is in at another instance, who may have called here before that was told. */
  #isExpected(key: PeerKey): void {
    const expected = this.#expected.get(key);
    this.#expected.delete(key);
    if (expected?.link.phase !== "silent") return;
    const fault = this.#visits(expected.link, expected.visit);
    if (fault !== null) this.#offends(expected.link, fault);
  }

  #visitorGone(visitor: Visitor, because: "kicked" | "lost"): void {
    const { session, link } = visitor;
    if (this.#visitors.get(session) === visitor) this.#visitors.delete(session);
    this.#calls.gone(visitor, because);
    if (link.phase !== "over") this.#entrance.close(link, "it calls no more");
  }

  /** @returns What is wrong with the message; null where nothing is. */
  #visitorSaid(visitor: Visitor, message: DirectoryMessage): string | null {
    const isRelayed = message.type === "relay" || message.type === "relay-room";
    const { relayPieces, bucket } = visitor.link;
    if (!(isRelayed ? relayPieces : bucket).take(this.#out.nowMs)) return "too many messages";
    const fault = this.#calledSaid(visitor, message);
    return fault === undefined ? `${message.type} from a visitor` : fault;
  }

  /** @returns What is wrong with the message; null where nothing is; undefined: it isn't about a call. */
  #calledSaid(party: Party, message: DirectoryMessage): string | null | undefined {
    switch (message.type) {
      case "relay":
        return this.#calls.relayed(party, message);
      case "relay-room":
        return this.#calls.taken(party, message);
      case "begun":
        return this.#calls.begun(party, message);
      case "relay-please":
        return this.#calls.relayPlease(party, message);
      case "hang-up":
        this.#calls.hangUp(party, message);
        return null;
    }
    return undefined;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  #clientSaid(client: Client, message: DirectoryMessage): string | null {
    switch (message.type) {
      // These have limits of their own.
      case "relay":
      case "relay-room":
        if (!client.link.relayPieces.take(this.#out.nowMs)) return "too many messages";
        break;
      case "got":
        return this.#got(client, message.through);
      default:
        if (!client.link.bucket.take(this.#out.nowMs)) return "too many messages";
    }
    const fault = this.#calledSaid(client, message);
    if (fault !== undefined) return fault;
    switch (message.type) {
      case "call":
        return this.#calls.ring(client, message);
      case "busy":
        this.#isBusy(client, message.busy);
        return null;
      case "answer":
        this.#calls.answer(client, message);
        return null;
      case "search":
        this.#presence.search(client, message);
        return null;
      case "subscribe":
        return this.#presence.subscribe(client, message);
      case "about-me":
        this.#presence.says(client, message);
        return null;
      case "broadcast":
        return this.#telling.broadcast(client, message);
      case "change-password":
        this.#accounts.changePassword(client, message.old, message.new);
        return null;
      case "forget-me":
        this.#accounts.forget(client, message.password);
        return null;
      case "enter":
        return "enter twice";
      default:
        return `${message.type} isn't for the directory`;
    }
  }

  /** Bounded by what the client was told: on a slow line each repetition arrives, and is acknowledged. */
  #got(client: Client, through: number): string | null {
    const { delivery, link } = client;
    if (!delivery.takeAcknowledgement() && !link.bucket.take(this.#out.nowMs)) {
      return "too many messages";
    }
    return this.#telling.got(client, through) ? null : "it has what it was never told";
  }

  #datagram(from: Endpoint, bytes: Uint8Array): void {
    const transport = transportOf(bytes);
    const client = transport === null ? null : this.#sessions.indexed(transport.index);
    if (transport === null || client === null) return;
    const opened = client.address.path.open(transport);
    if (opened === null) return;
    const answer = client.address.heard(from, bytes.length, opened);
    if (answer !== null) this.#out.push({ type: "datagram", to: from, bytes: answer });
    const fault = opened.message?.type === "got"
      ? this.#got(client, opened.message.through)
      : client.link.bucket.take(this.#out.nowMs)
      ? null
      : "too many datagrams";
    if (fault !== null) this.#offends(client.link, fault);
  }

  // Time, the operator.

  #closeLate(nowMs: number): void {
    for (const link of this.#links.takeDue(nowMs)) {
      const { client } = link;
      if (client === null) {
        this.#entrance.close(link, "nothing came");
        continue;
      }
      this.#hold(client);
      this.#entrance.dismiss(client, "slow", "It took nothing in for too long");
    }
  }

  #command(command: DirectoryCommand, ref: string | undefined): void {
    switch (command.command) {
      case "list":
        if (this.#engine !== "up") this.#out.warn(`${REFUSED_TEXTS.engine}: ${OLD_LIST}`);
        return this.#out.show(this.#users(), ref);
      case "status":
        return this.#status(ref);
      case "kick":
        return this.#kick(command.name, ref);
      case "verify":
        return this.#verify(command, ref);
      case "whois":
        return this.#whois(command.name, ref);
      case "broadcast":
        return this.#telling.operator(command.text, ref);
      case "quit":
        return this.#leaveSoon(ref);
      default:
        return unreachable(command);
    }
  }

  #users(): DirectoryEvent {
    if (this.#out.isAlone) return usersView([...this.#sessions.all].map(userOf));
    const instance = endpointText(this.config.listening);
    const own = [...this.#sessions.all].map((client) => ({ ...userOf(client), instance }));
    const elsewhere = [...this.#others.all].map((session) => ({
      ...userElsewhere(session),
      instance: this.#others.placeOf(session),
    }));
    return usersView([...own, ...elsewhere]);
  }

  #status(ref: string | undefined): void {
    const { config: { accountCount, clientsMax }, signer: { key } } = this;
    const facts = {
      key,
      accounts: accountCount(),
      clients: this.#sessions.size,
      clientsMax,
      calls: this.#calls.size,
      relayedBytes: this.#calls.relays.relayedBytes,
      kept: this.#telling.countKept(),
      diskProblems: [this.#out.problem, this.#out.accountsProblem, this.#engineProblem],
      ...this.#sharedFacts,
    };
    this.#out.show(statusView(facts), ref);
  }

  get #engineProblem(): string | null {
    return this.#engine === "up" ? null : `${REFUSED_TEXTS.engine}: ${WITHOUT_ENGINE}`;
  }

  /** What the operator is told of all instances together. */
  get #sharedFacts(): Pick<StatusFacts, "instances" | "online"> {
    if (this.#out.isAlone) return {};
    const { instances, size } = this.#others;
    return {
      instances: instances.map(({ address }) => endpointText(address)),
      online: this.#sessions.size + size,
    };
  }

  /** Who is in under this name, at any instance; where nobody is, the operator is told so. */
  #named(shown: string, command: string, ref: string | undefined): Named | null {
    const name = withoutMark(shown);
    const folded = foldName(name);
    const found = this.#sessions.named(folded) ?? this.#others.present(folded);
    if (found !== null) return { name: found.name, key: found.key, folded };
    const names = [...this.#sessions.all, ...this.#others.all].map(({ name }) => name);
    const hint = didYouMeanName(name, names, (known) => `/${command} ${known}`) ||
      "; /list shows who is";
    const text = `Cannot ${command} ${shownName(name)}, who isn't here${hint}`;
    this.#out.error("unknown-user", text, ref);
    return null;
  }

  #verify(command: VerifyCommand, ref: string | undefined): void {
    const folded = foldName(withoutMark(command.name));
    const found = this.#sessions.named(folded) ?? this.#others.present(folded);
    const isMeant = this.#comparing.verify(command, found, null, ref);
    if (!isMeant) this.#named(command.name, "verify", ref);
  }

  /** @param shown Null: the directory itself. */
  #whois(shown: string | null, ref: string | undefined): void {
    if (shown === null || shown === DIRECTORY_NAME) {
      const { config, signer: { key } } = this;
      const listening = config.announced?.() ?? config.listening;
      const who = { name: DIRECTORY_NAME, self: true, key: fingerprintOf(key), ...listening };
      return this.#out.show({ event: "whois", ...who, route: null }, ref);
    }
    const named = this.#named(shown, "whois", ref);
    if (named === null) return;
    const { name, key, folded } = named;
    const own = this.#sessions.named(folded);
    const elsewhere = this.#others.present(folded);
    const { host, port } = own?.listed ??
      (elsewhere === null ? NO_ADDRESS : listedSession(elsewhere));
    const who = { name, self: false, key: fingerprintOf(key), host, port };
    this.#out.show({ event: "whois", ...who, route: own === null ? null : "direct" }, ref);
  }

  #kick(shown: string, ref: string | undefined): void {
    const named = this.#named(shown, "kick", ref);
    if (named === null) return;
    const { name, key } = named;
    this.#kicked(named);
    this.#out.order({ order: "kick", name, key });
    const what = this.#engine === "up"
      ? "is out, and isn't let in for a minute"
      : "is thrown out here for a minute, and at other instances once the engine answers";
    this.#out.notice(`${shownName(name)} ${what}`, ref);
  }

  #kicked(named: Named): void {
    this.#entering.keepOut(named);
    for (const visitor of [...this.#visitors.values()]) {
      if (visitor.key === named.key) this.#visitorGone(visitor, "kicked");
    }
    const client = this.#sessions.named(named.folded);
    if (client?.key !== named.key) return;
    this.#entrance.dismiss(client, "kicked", "The operator has thrown you out", KICKED_MS);
  }

  /** Ends soon: what the operator has told all goes out first. */
  #leaveSoon(ref: string | undefined): void {
    if (this.#leaving !== null) return;
    this.#leaving = { ref };
    this.#deadlines.set("leave", this.#out.nowMs + LEAVE_MS_MAX);
    this.#deadlines.set("told", this.#out.nowMs + LEAVE_UNTOLD_MS);
  }

  #tellLeaving(): void {
    const seconds = (LEAVE_MS_MAX - LEAVE_UNTOLD_MS) / 1_000;
    this.#out.notice(
      `Leaving when it is known whom your broadcasts have reached, or in ${seconds} s`,
    );
  }

  #leave(): void {
    const text = "it was stopped";
    this.#calls.close();
    for (const client of [...this.#sessions.all]) {
      const retryMs = Math.floor(this.environment.random() * RETURN_SPREAD_MS);
      this.#entrance.dismiss(client, "closing", text, retryMs);
    }
    for (const link of this.#links.all) {
      if (link.phase !== "over") this.#entrance.close(link, text);
    }
    this.#stopped = true;
    const outcome = { kind: "bye", reason: "quit", ref: this.#leaving?.ref } as const;
    this.#out.push({ type: "stop", outcome });
  }
}

/** Who is in under a name. */
type Named = Pick<Client, "name" | "folded" | "key">;

function voidedText(count: number): string {
  const what = count === 1 ? "1 kept broadcast was" : `${count} kept broadcasts were`;
  return `${what} dropped: signed for the key that this directory had before`;
}

/** What becomes of an instance whose engine doesn't answer. */
const WITHOUT_ENGINE = "until it does, nobody is let in, and no broadcast is taken";
const OLD_LIST = "who is at other instances may be out of date";

// What the operator is shown of the clients that are in.

type User = Extract<DirectoryEvent, { readonly event: "users" }>["users"][number];

/** Sorted by name. */
function usersView(users: readonly User[]): DirectoryEvent {
  const sorted = users.toSorted((one, other) => foldName(one.name) < foldName(other.name) ? -1 : 1);
  return { event: "users", users: sorted };
}

function userOf({ listed, link, sinceMs, relayedBytes }: Client): User {
  return { ...userView(listed), address: link.host, since: dateText(sinceMs), relayedBytes };
}

/** What is relayed for it, its instance knows. */
function userElsewhere(session: OnlineSession): User {
  const facts = { address: session.host, since: dateText(session.sinceMs), relayedBytes: 0 };
  return { ...userView(listedSession(session)), ...facts };
}

export interface StatusFacts {
  readonly key: PeerKey;
  readonly accounts: number;
  readonly clients: number;
  readonly clientsMax: number;
  readonly calls: number;
  readonly relayedBytes: number;
  readonly kept: number;
  /** Where all instances are, the own one first, and how many are online at all of them. */
  readonly instances?: readonly string[];
  readonly online?: number;
  /** Of each store: why the disk refused the last write; null where it didn't. */
  readonly diskProblems: readonly (string | null)[];
}

export function statusView({ key, diskProblems, ...facts }: StatusFacts): DirectoryEvent {
  const problems = diskProblems.filter((problem) => problem !== null);
  return { event: "status", key: fingerprintOf(key), ...facts, problems };
}
