/** Stores a client's broadcast, has it delivered to all, and reports to the sender how many have it. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { foldName, isSameName } from "../../../base/text/names.ts";
import { quotedStart, tooLong, utf8Length } from "../../../base/text/text.ts";
import { type Broadcasts, orphanedBy, type SaidBroadcast } from "../broadcast_log/broadcasts.ts";
import type { Client, ClientLink } from "../sessions/client_session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { type Deliveries, isBy, isFor } from "./deliveries.ts";
import type { BroadcastPolicy } from "../schema/directory_io.ts";
import { DIRECTORY_NAME, type LogoutReason } from "../schema/events.ts";
import {
  BROADCASTS_MAX,
  BROADCASTS_MS,
  DISK_FULL_RETRY_MS,
  ENGINE_RETRY_MS,
  REACHED_AHEAD_MS,
  REACHED_MS_MAX,
  REFUSAL_TOLD_MS,
  REPORTS_KEPT_MS,
  REPORTS_MAX,
  SENDERS_MAX,
  TEXT_BYTES_MAX,
  UNSTORED_MAX,
} from "../schema/limits.ts";
import type { DirectoryMessageOf, DirectoryRefusal } from "../schema/messages.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { BroadcastRecord } from "../schema/records.ts";
import { errorCodeOf, REFUSED_TEXTS } from "../schema/refusal_text.ts";
import type { Others } from "../sessions/others.ts";
import type { Marks } from "./marks.ts";
import { RecentCounts } from "../../../base/rates/token_bucket.ts";
import { isSaid, signBroadcast } from "../schema/signed_broadcast.ts";

interface BroadcastIntakeParts {
  readonly broadcasts: Broadcasts;
  readonly deliveries: Pick<Deliveries, "gone" | "got" | "pump">;
  readonly sessions: Pick<Sessions, "all" | "named">;
  readonly out: DirectoryOutput;
  readonly crypto: Crypto;
  /** The directory's own. */
  readonly signer: Signer;
  readonly policy: BroadcastPolicy;
  readonly ttlMs: number;
  /** Whole ms since 1970. */
  readonly wallMs: () => number;
  readonly marks: Pick<Marks, "changed">;
  readonly others: Pick<Others, "instances">;
  /** Whether what is told reaches the other instances. */
  isUp(): boolean;
}

/** The sender of a broadcast. */
interface Sender {
  readonly name: string;
  /** Null: the directory itself. */
  readonly key: PeerKey | null;
  readonly isAccount: boolean;
  /** The sender's own number of the broadcast, its clock then, and its signature. */
  readonly own: number;
  readonly sentAt: number;
  readonly signature: Uint8Array;
  /** The `ref` of the operator's command. */
  readonly ref: string | undefined;
}

/** A broadcast that is being written to disk. */
interface Unstored {
  readonly sender: Sender;
  broadcast: SaidBroadcast;
  /**
   * The link on which it was sent last, perhaps under another name. A refusal doesn't say which request it is about,
   * so it goes to that link alone. Null: the operator sent it.
   */
  link: ClientLink | null;
}

/** A broadcast that is stored. */
interface Stored extends Omit<Unstored, "sender"> {
  /** Null: another instance's operator. */
  readonly sender: Sender | null;
}

/** Progress of one broadcast: which clients haven't acknowledged it, on any link, and how many have. */
interface Report extends Pick<Stored, "sender"> {
  readonly number: number;
  readonly awaited: Set<string>;
  /** Other instances that haven't said how many have it there. */
  readonly instances: Set<string>;
  /** How many have it here, and at other instances. */
  here: number;
  elsewhere: number;
  /** Whether other instances were told how many have it here. */
  isSaid: boolean;
  readonly dueMs: number;
}

/** Why a broadcast isn't taken. */
interface Refusal {
  readonly code: DirectoryRefusal & ("not-allowed" | "too-fast" | "protocol" | "disk" | "engine");
  readonly text: string;
  readonly retryMs: number;
}

export class BroadcastIntake {
  readonly #rates = new RecentCounts(BROADCASTS_MAX, BROADCASTS_MS, SENDERS_MAX);
  /** By the sender's key and its own number. */
  readonly #unstored = new Map<string, Unstored>();
  /** Those whose sender is here, or which somebody here hasn't acknowledged; those that have waited longest first. */
  readonly #reports = new Map<number, Report>();
  readonly #due = new DeadlineQueue<Report>();
  /** The latest of the others: their senders may come back from a lost link, or another instance, and not have heard. */
  readonly #reported = new Map<number, Report>();
  /** What the operator has sent, and isn't known to be taken, by its own number. */
  readonly #doubted = new Map<number, Sender>();
  /** Until then the operator isn't told again that the disk refuses clients' broadcasts. */
  #refusalToldUntilMs = 0;

  constructor(readonly parts: BroadcastIntakeParts) {}

  /** Whether this client may send broadcasts. */
  isAllowed({ isGuest }: Pick<Client, "isGuest">): boolean {
    const { policy } = this.parts;
    return policy === "all" || (policy === "accounts" && !isGuest);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  broadcast(client: Client, message: DirectoryMessageOf<"broadcast">): string | null {
    const { own, sentAt, text, signature } = message;
    if (text === "") return "a broadcast of nothing";
    const { broadcasts, out, policy } = this.parts;
    const { name, key, isGuest, link } = client;
    const number = broadcasts.numberOf(key, own);
    if (number !== null) {
      if (isAnother(broadcasts.kept(number), message)) {
        out.send(link.id, { type: "refused", ...OUTDATED });
      } else {
        out.send(link.id, { type: "broadcast-taken", own, number });
        const report = this.#reported.get(number);
        if (report !== undefined) this.#tellReached(client, report);
      }
      return null;
    }
    const said = { own, sentAt, signature };
    const sender = { name, key, isAccount: !isGuest, ...said, ref: undefined };
    const refusal = this.isAllowed(client) ? this.#tell(sender, text, link) : notAllowed(policy);
    if (refusal !== null) out.send(link.id, { type: "refused", ...refusal });
    return null;
  }

  /** The operator sends a broadcast, as the directory. */
  operator(text: string, ref: string | undefined): void {
    const { out, broadcasts, signer, wallMs } = this.parts;
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return out.error("too-long", tooLong(bytes).message, ref);
    const from = DIRECTORY_NAME;
    // Rises whatever becomes of the clock, as the store's numbers do.
    const sentAt = wallMs();
    const own = broadcasts.number(sentAt);
    const signature = signBroadcast(signer, { directory: signer.key, from, own, sentAt, text });
    const sender = { name: from, key: null, isAccount: false, own, sentAt, signature, ref };
    const refusal = this.#tell(sender, text, null);
    if (refusal !== null) {
      const why = refusal === ENGINE_AWAY ? ENGINE_AWAY_TEXT : refusal.text;
      out.error(errorCodeOf(refusal.code), `Your broadcast wasn't sent: ${why}`, ref);
    }
  }

  /** Whether a broadcast of the operator's is being written or delivered. */
  get isOperatorTelling(): boolean {
    return [...this.#unstored.values(), ...this.#reports.values()].some(isOperators);
  }

  /** The operator waits no longer: reports each of its broadcasts as it stands. */
  giveUpOperators(): void {
    const { out } = this.parts;
    for (const [writing, unstored] of this.#unstored) {
      if (!isOperators(unstored)) continue;
      this.#unstored.delete(writing);
      this.#tellDoubt(unstored, out.isAlone ? "the disk doesn't answer" : ENGINE_AWAY_TEXT);
    }
    for (const report of [...this.#reports.values()].filter(isOperators)) this.#report(report);
  }

  /** What the operator has sent may come as news. */
  #doubt(unstored: Unstored): void {
    this.#doubted.set(unstored.sender.own, unstored.sender);
    dropOldest(this.#doubted, UNSTORED_MAX);
    this.#tellDoubt(unstored, ENGINE_AWAY_TEXT);
  }

  /** @param why Part of a sentence. */
  #tellDoubt({ sender, broadcast: { text } }: Unstored, why: string): void {
    const what = `It isn't known whether ${quotedStart(text)} was sent`;
    this.parts.out.error("in-doubt", `${what}: ${why}`, sender.ref);
  }

  #tell(sender: Sender, text: string, link: ClientLink | null): Refusal | null {
    const { broadcasts, out, ttlMs, wallMs } = this.parts;
    const { name: from, key: fromKey, isAccount: fromAccount, own, sentAt, signature } = sender;
    const writing = writingOf(fromKey, own);
    const before = this.#unstored.get(writing);
    if (before !== undefined) {
      if (isAnother(before.broadcast, { sentAt, text })) return OUTDATED;
      before.link = link; // sent again after a reconnect
      return null;
    }
    if (!this.parts.isUp()) return ENGINE_AWAY;
    const who = rateKeyOf(sender);
    const retryMs = this.#rates.waitMs(who, out.monotonicMs);
    if (retryMs > 0) return { ...TOO_FAST, retryMs: Math.ceil(retryMs) };
    if (this.#unstored.size >= UNSTORED_MAX) return DISK_BUSY;
    if (!this.#isSaid(sender, text)) return NOT_SIGNED;
    if (this.#isOutdated(sender)) return OUTDATED;
    this.#rates.add(who, out.monotonicMs);
    const takenAt = wallMs();
    const number = broadcasts.number(takenAt);
    const about = { number, from, fromKey, fromAccount, own, sentAt, takenAt, ttlMs };
    const record: BroadcastRecord = {
      kind: "broadcast",
      ...about,
      text,
      signature: signature.slice(),
    };
    const unstored: Unstored = { sender, broadcast: record, link };
    this.#unstored.set(writing, unstored);
    /** @returns Whether it wasn't stored all the same, and told, before it was known. */
    const givesUp = () => {
      if (this.#unstored.get(writing) !== unstored) return false;
      this.#unstored.delete(writing);
      this.#rates.takeBack(who);
      return true;
    };
    const failed = (reason: string) => {
      if (givesUp()) this.#failed(unstored, reason);
    };
    if (out.isAlone) out.write([record], { done: () => this.#told(unstored, record), failed });
    else {
      // Once it is stored, it comes to all instances as news.
      out.register({ ask: "tell", broadcast: record }, (answer) => {
        if (answer.outcome === "done") return;
        if (answer.outcome === "before") return this.#wasTold(unstored, answer.number);
        // Clients send it again until it is known.
        if (answer.outcome === "unknown" && sender.key === null) {
          return givesUp() ? this.#doubt(unstored) : undefined;
        }
        failed((answer.outcome === "away" ? answer.text : undefined) ?? ENGINE_AWAY_TEXT);
      });
    }
    return null;
  }

  /** The next broadcast of all instances. @param isNew Whether it wasn't there yet as this one began. */
  news(record: BroadcastRecord, isNew: boolean): void {
    const { broadcasts, out, wallMs } = this.parts;
    const unstored = this.#unstored.get(writingOf(record.fromKey, record.own));
    if (unstored !== undefined) return this.#told(unstored, record);
    if (isNew) {
      const sender = this.#senderOf(record);
      this.#rates.add(
        rateKeyOf({
          ...record,
          name: record.from,
          key: record.fromKey,
          isAccount: record.fromAccount,
        }),
        out.monotonicMs,
      );
      return this.#stored({ sender, broadcast: record, link: null }, this.#isHere(sender));
    }
    broadcasts.add(record, broadcasts.overAtMs(record, out.monotonicMs, wallMs()));
    const leftMs = record.takenAt + REACHED_MS_MAX - wallMs();
    if (leftMs <= 0 || record.fromKey === null) return;
    // Its sender may have been at an instance that is gone, and come here.
    const dueMs = out.nowMs + Math.min(leftMs, REACHED_MS_MAX);
    const about = { number: record.number, sender: this.#senderOf(record), dueMs };
    this.#keep(this.#reportOf(about, []));
  }

  #told(unstored: Unstored, record: BroadcastRecord): void {
    const { fromKey, own } = record;
    this.#unstored.delete(writingOf(fromKey, own));
    this.#refusalToldUntilMs = 0;
    const { isOrphan } = unstored.broadcast;
    this.#stored({ ...unstored, broadcast: isOrphan ? { ...record, isOrphan } : record }, true);
  }

  /** Another instance, or this one, has taken it before, and nobody is told again. */
  #wasTold({ sender, broadcast: { fromKey, own }, link }: Unstored, number: number): void {
    const { out } = this.parts;
    if (!this.#unstored.delete(writingOf(fromKey, own))) return;
    const client = link?.client ?? this.#clientOf(sender);
    if (client !== null) out.send(client.link.id, { type: "broadcast-taken", own, number });
    if (sender.key !== null) return;
    const text =
      "Your broadcast wasn't sent: another instance sent one at that moment; send it again";
    out.error("too-fast", text, sender.ref);
  }

  /** So many of those at another instance have it. */
  reachedAt(instance: string, number: number, count: number): void {
    const report = this.#reports.get(number) ?? this.#reported.get(number);
    if (report?.instances.delete(instance) !== true) return;
    report.elsewhere += count;
    this.#reportIfDone(number);
  }

  /** Those instances are gone that aren't there any more: nothing is heard of them. */
  instancesChanged(): void {
    const there = new Set(this.parts.others.instances.map(({ id }) => id));
    for (const { number, instances } of [...this.#reports.values(), ...this.#reported.values()]) {
      for (const id of instances) if (!there.has(id)) instances.delete(id);
      this.#reportIfDone(number);
    }
  }

  #isSaid({ name: from, key, own, sentAt, signature }: Sender, text: string): boolean {
    const { crypto, broadcasts: { directory } } = this.parts;
    return key === null || isSaid(crypto, { directory, key, from, own, sentAt, text }, signature);
  }

  /** Whether its key has sent a later one under this name: nobody who has that would be shown this one. */
  #isOutdated({ name, key, own }: Sender): boolean {
    if (key === null) return false;
    const isLater = ({ sender }: Unstored) =>
      sender.key === key && sender.own > own && isSameName(sender.name, name);
    return own <= this.parts.broadcasts.saidAs(key, name) || this.#unstored.values().some(isLater);
  }

  /** @param isOurs Whether its sender is, or was, here: then its operator is shown it. */
  #stored({ broadcast, sender, link }: Stored, isOurs: boolean): void {
    const { broadcasts, deliveries, sessions, out } = this.parts;
    const { number, from } = broadcast;
    this.#expire();
    broadcasts.add(broadcast, out.monotonicMs + broadcast.ttlMs);
    const client = sender === null ? null : link?.client ?? this.#clientOf(sender);
    if (client !== null) {
      out.send(client.link.id, { type: "broadcast-taken", own: broadcast.own, number });
    }
    if (isOurs) out.show({ event: "broadcast", id: String(number), from }, sender?.ref);
    const others = [...sessions.all].filter((client) => !isBy(broadcast, client));
    const dueMs = out.nowMs + REACHED_MS_MAX - (this.#isHere(sender) ? 0 : REACHED_AHEAD_MS);
    this.#wait(this.#reportOf({ number, sender, dueMs }, others));
    for (const client of sessions.all) deliveries.pump(client);
    this.#reportIfDone(number);
    const [oldest] = this.#reports.values();
    if (oldest !== undefined && this.#reports.size > REPORTS_MAX) this.#report(oldest);
  }

  /** Drops expired broadcasts. @returns How many are kept. */
  countKept(): number {
    this.#expire();
    return this.parts.broadcasts.size;
  }

  #expire(): void {
    const { broadcasts, sessions, out } = this.parts;
    let through = broadcasts.last;
    for (const { delivery } of sessions.all) through = Math.min(through, delivery.position);
    broadcasts.expire(out.monotonicMs, through);
  }

  #failed({ sender, link }: Unstored, reason: string): void {
    const { out } = this.parts;
    // A sender that has come in on another link sends it again there.
    if (link !== null && link.client !== null) {
      out.send(link.id, { type: "refused", ...(out.isAlone ? DISK_FULL : ENGINE_AWAY) });
    }
    // Clients may send as much as they like: for their broadcasts the operator is told once a minute.
    if (sender.key !== null) {
      if (out.nowMs < this.#refusalToldUntilMs) return;
      this.#refusalToldUntilMs = out.nowMs + REFUSAL_TOLD_MS;
    }
    // Their programs send it again until the engine takes it.
    const what = sender.key === null || out.isAlone ? "Nothing was told" : "A broadcast waits";
    const event = { event: "error", code: "disk", text: `${what}: ${reason}` } as const;
    out.show(sender.key === null ? { ...event, unsent: true } : event, sender.ref);
  }

  /** Who has said what another instance has told, or this one without hearing so; null: another one's operator. */
  #senderOf(
    { from: name, fromKey: key, fromAccount: isAccount, own, sentAt, signature }: BroadcastRecord,
  ): Sender | null {
    if (key !== null) return { name, key, isAccount, own, sentAt, signature, ref: undefined };
    const doubted = this.#doubted.get(own) ?? null;
    if (doubted?.signature.toHex() !== signature.toHex()) return null;
    this.#doubted.delete(own);
    return doubted;
  }

  /** Whether the sender is here, and is told here whom it has reached. */
  #isHere(sender: Sender | null): boolean {
    return sender !== null && (sender.key === null || this.#clientOf(sender) !== null);
  }

  /** The sender's client; null where it isn't in. */
  #clientOf({ name, key }: Sender): Client | null {
    if (key === null) return null;
    const client = this.parts.sessions.named(foldName(name));
    return client?.key === key ? client : null;
  }

  /** Handles `got`. @returns False where the client acknowledges more than it was sent. */
  got(client: Client, through: number): boolean {
    const { broadcasts, deliveries, out } = this.parts;
    const before = client.delivery.through;
    if (!deliveries.got(client, through)) return false;
    if (client.delivery.through === before) return true;
    if (!client.isGuest) {
      broadcasts.got(client.folded, client.delivery.through);
      this.parts.marks.changed();
      const { folded: account, delivery } = client;
      out.note({ kind: "got", account, through: delivery.through }, { sync: false });
    }
    this.#has(client, through);
    return true;
  }

  /**
   * The client comes in.
   * @param has The client has all broadcasts up to this number, as it said on an earlier link or says now.
   * @param through The client is sent later broadcasts, unless they have expired, and never those in between.
   */
  isIn(client: Client, has: number, through: number): void {
    this.#has(client, has);
    const { person } = client;
    for (const { number, awaited } of [...this.#reports.values()]) {
      const broadcast = this.parts.broadcasts.after(Math.max(through, number - 1));
      const isTold = broadcast?.number === number && isFor(broadcast, client);
      if (!isTold && awaited.delete(person)) this.#reportIfDone(number);
    }
  }

  /** The client was told that it is in: it is told what it may not have heard of its own broadcasts. */
  comesBack(client: Client): void {
    const { nowMs } = this.parts.out;
    for (const report of [...this.#reported.values()]) {
      const { sender, instances, dueMs } = report;
      if (sender?.key !== client.key || this.#clientOf(sender) !== client) continue;
      if (instances.size > 0 && nowMs < dueMs) this.#wait(report);
      else if (nowMs < dueMs + REPORTS_KEPT_MS) this.#tellReached(client, report);
    }
  }

  #has({ person }: Client, through: number): void {
    for (const report of [...this.#reports.values()]) {
      if (report.number > through) continue;
      if (!report.awaited.delete(person)) continue;
      report.here += 1;
      this.#reportIfDone(report.number);
    }
  }

  /** Up to which number a returning account has them. @param heard What the client says itself. */
  comesIn(account: FoldedName, heard: number): number {
    const { broadcasts, out } = this.parts;
    const had = broadcasts.through(account);
    if (heard <= had) return had;
    broadcasts.got(account, heard);
    out.note({ kind: "got", account, through: heard }, { sync: false });
    return heard;
  }

  /** A later account of this name is a new one: it is sent everything kept, including what its namesake sent. */
  forget(account: FoldedName): void {
    const { broadcasts, out } = this.parts;
    let isChanged = broadcasts.forget(account);
    for (const unstored of this.#unstored.values()) {
      const changed = orphanedBy(unstored.broadcast, account);
      if (changed === unstored.broadcast) continue;
      unstored.broadcast = changed;
      isChanged = true;
    }
    if (isChanged) out.note({ kind: "forgotten", account }, { sync: false });
  }

  /** @param reason Null: it is in on another link. */
  gone(client: Client, reason: LogoutReason | null): void {
    this.parts.deliveries.gone(client);
    const { person, key } = client;
    // A client that comes back in a moment will have it then, or had it and couldn't say so.
    const comesBack = reason === null || COMES_BACK.has(reason);
    for (const { number, sender, awaited } of [...this.#reports.values()]) {
      const isLess = !comesBack && awaited.delete(person);
      if (isLess || sender?.key === key) this.#reportIfDone(number);
    }
    if (reason === null) return;
    for (const report of this.#reported.values()) {
      // It may not have heard, and is told elsewhere.
      if (report.sender?.key === key && this.parts.out.nowMs < report.dueMs) this.#say(report);
    }
  }

  #reportOf(
    about: Pick<Report, "dueMs" | "number" | "sender">,
    clients: readonly Client[],
  ): Report {
    const awaited = new Set(clients.map(({ person }) => person));
    const instances = new Set(this.parts.others.instances.slice(1).map(({ id }) => id));
    return { ...about, awaited, instances, here: 0, elsewhere: 0, isSaid: false };
  }

  #keep(report: Report): void {
    this.#reported.set(report.number, report);
    dropOldest(this.#reported, REPORTS_MAX);
  }

  #wait(report: Report): void {
    this.#reported.delete(report.number);
    this.#reports.set(report.number, report);
    this.#due.set(report, report.dueMs);
  }

  /** A sender that is elsewhere is told there how many have it at other instances. */
  #reportIfDone(number: number): void {
    const report = this.#reports.get(number);
    if (report?.awaited.size !== 0) return;
    if (report.instances.size === 0 || !this.#isHere(report.sender)) this.#report(report);
  }

  #report(report: Report): void {
    const { out } = this.parts;
    const { number, sender, here, elsewhere } = report;
    this.#reports.delete(number);
    this.#due.set(report, null);
    this.#say(report);
    report.awaited.clear();
    if (sender === null) return;
    if (sender.key === null) {
      const reached = here + elsewhere;
      return out.show({ event: "broadcast-sent", id: String(number), reached }, sender.ref);
    }
    this.#keep(report);
    const client = this.#clientOf(sender);
    if (client !== null) this.#tellReached(client, report);
  }

  /** Tells the other instances how many have it here, unless its sender is here. */
  #say(report: Report): void {
    const { number, sender, here: count, isSaid } = report;
    if (isSaid || this.#isHere(sender)) return;
    report.isSaid = true;
    this.parts.out.order({ order: "reached", number, count });
  }

  #tellReached({ link }: Client, { number, here, elsewhere }: Report): void {
    const reached = here + elsewhere;
    this.parts.out.send(link.id, { type: "broadcast-sent", number, reached });
  }

  nextMs(): number | null {
    return this.#due.nextMs();
  }

  tick(nowMs: number): void {
    for (const report of this.#due.takeDue(nowMs)) this.#report(report);
  }
}

function isOperators({ sender }: Unstored | Report): boolean {
  return sender !== null && sender.key === null;
}

function writingOf(key: PeerKey | null, own: number): string {
  return `${key} ${own}`;
}

/** Logouts after which the client may be in again a moment later, perhaps on another device. */
const COMES_BACK: ReadonlySet<LogoutReason> = new Set(["lost", "slow", "replaced"]);

/** Rate limits apply to an account on any device, and to a guest by its key. */
function rateKeyOf({ name, key, isAccount }: Pick<Sender, "name" | "key" | "isAccount">): string {
  return isAccount || key === null ? foldName(name) : key;
}

function notAllowed(policy: BroadcastPolicy): Refusal {
  const who = policy === "operator" ? "the operator" : "those who have an account";
  return { code: "not-allowed", text: `only ${who} may send broadcasts here`, retryMs: 0 };
}

const TOO_FAST = {
  code: "too-fast",
  text: `each user may send ${BROADCASTS_MAX} broadcasts a minute`,
} as const;
const DISK_FULL: Refusal = {
  code: "disk",
  text: "the directory cannot write to its disk, which only its operator can mend",
  retryMs: DISK_FULL_RETRY_MS,
};
const ENGINE_AWAY_TEXT = "the engine doesn't answer";
const ENGINE_AWAY: Refusal = {
  code: "engine",
  text: REFUSED_TEXTS.engine,
  retryMs: ENGINE_RETRY_MS,
};
const NOT_SIGNED: Refusal = {
  code: "protocol",
  text: "its signature isn't yours for this directory",
  retryMs: 0,
};
/**
 * Whether what was said isn't the broadcast of that own number that is known, as where two programs have one key. It may
 * be said again under another name.
 */
function isAnother(
  known: Pick<BroadcastRecord, "sentAt" | "text"> | null,
  { sentAt, text }: Pick<BroadcastRecord, "sentAt" | "text">,
): boolean {
  return known !== null && (known.sentAt !== sentAt || known.text !== text);
}

/** A program sends in order: the later one came from a copy of its profile. */
const OUTDATED: Refusal = {
  code: "not-allowed",
  text: "another program with your key has sent a broadcast since; is your profile copied?",
  retryMs: 0,
};
const DISK_BUSY: Refusal = {
  code: "too-fast",
  text: "the directory's disk doesn't keep up",
  retryMs: DISK_FULL_RETRY_MS,
};
