/**
 * The directory's machine with a test in place of all that is around it: clients, accounts, disk and clocks. What it
 * does is told in words, in order: `ann: entered` is a message over Ann's link, `ann~ told one` one in a datagram.
 */

import { assert } from "@std/assert";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import {
  type DatagramMessage,
  DatagramPath,
} from "../../../lib/protocols/directory/datagrams/datagram_path.ts";
import { transportOf } from "../../../lib/protocols/sealed_datagram/keyed_path.ts";
import { Directory } from "../../../lib/protocols/directory/directory.ts";
import type {
  AccountAnswer,
  AccountQuestion,
  DirectoryConfig,
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import type {
  DirectoryCommand,
  DirectoryEvent,
} from "../../../lib/protocols/directory/schema/events.ts";
import { HERE_PADDING_BYTES } from "../../../lib/protocols/sealed_datagram/limits.ts";
import type {
  DirectoryMessage,
  DirectoryMessageOf,
  WayIn,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { listedIn, type ListedUser } from "../../../lib/protocols/directory/schema/listed_users.ts";
import type { DirectoryRecord } from "../../../lib/protocols/directory/schema/records.ts";
import { signBroadcast } from "../../../lib/protocols/directory/schema/signed_broadcast.ts";
import type { Registrar } from "../../../lib/runtime/registrar.ts";
import { withKey } from "../../../lib/store/accounts/accounts.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { Random } from "../../sim/random.ts";
import { passTime } from "../passing_time.ts";
import { eventWords, messageWords } from "./directory_parts.ts";

export type Words = readonly string[];

const OWN = fakeSigner("directory");
/** By the clock of whoever broadcasts. */
const SENT_AT = 5;
export const WALL_MS = 1_700_000_000_000;
export const PASSWORD = "correct horse";

interface StoredAccount {
  readonly name: string;
  password: string;
  keys: PeerKeyPrint[];
}
type PeerKeyPrint = ReturnType<typeof fingerprintOf>;

interface EnterOptions {
  readonly how?: WayIn;
  readonly name?: string;
  readonly password?: string;
  readonly newPassword?: string;
  readonly port?: number;
  readonly busy?: boolean;
  readonly seen?: number | null;
  readonly store?: Uint8Array;
  readonly rank?: number;
  readonly lists?: "told" | "asked";
}

/** The number of a call. */
export function callId(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}

/** A client's program, as far as the directory sees it. */
export class Somebody {
  readonly key: PeerKey;
  /** Another one for each: a second one of a device is a copy of its profile, or its next start. */
  readonly process: string;
  link = 0 as LinkId;
  entered: DirectoryMessageOf<"entered"> | null = null;
  path: DatagramPath | null = null;
  /** Where its datagrams come from. */
  endpoint: Endpoint;
  /** The list as it was told. */
  readonly list = new Map<string, ListedUser>();
  readonly got: DirectoryMessage[] = [];
  /** Whether the directory has closed its link. */
  isClosed = false;
  /** Whether it acknowledges what is told to all. */
  acknowledges = true;
  through = 0;
  readonly heard: string[] = [];
  /** Of the last `entered`. */
  rank: number;
  #own = 0;

  constructor(
    readonly exchange: Exchange,
    readonly name: string,
    readonly device: string,
    readonly host: string,
    before?: Somebody,
  ) {
    this.key = fakeSigner(device).key;
    this.endpoint = { host, port: 40_000 + exchange.people.length };
    this.process = before?.process ?? String(exchange.people.length);
    this.rank = before?.rank ?? 0;
  }

  connects(): this {
    this.link = this.exchange.nextLink();
    this.isClosed = false;
    this.entered = null;
    this.exchange.byLink.set(this.link, this);
    const { link, key: peer, process, host } = this;
    this.exchange.feed({ type: "link-up", link, peer, process, host });
    return this;
  }

  says(message: DirectoryMessage): void {
    this.exchange.feed({ type: "message", link: this.link, message });
  }

  enters(options: EnterOptions = {}): this {
    const { how = "guest", name = this.name, newPassword = "", port = 5_000 } = options;
    const isOpen = how === "guest" || how === "resume";
    const { password = isOpen ? "" : PASSWORD, busy = false, seen = null } = options;
    const store = options.store ?? Uint8Array.fromHex(this.exchange.store);
    this.says({
      type: "enter",
      how,
      name,
      password,
      newPassword,
      port,
      busy,
      seen: seen === null ? null : { store, through: seen },
      rank: options.rank ?? (isOpen && name === this.name ? this.rank : 0),
      lists: options.lists ?? "told",
    });
    return this;
  }

  /** @param goodbye As it closed it. */
  goesDown(closed = false, goodbye = "quit"): void {
    const { link } = this;
    const reason = closed ? goodbye : "lost";
    this.exchange.feed({ type: "link-down", link, closed, reason });
  }

  // Calls.

  calls(name: string, id: number, refused: string[] = []): void {
    this.says({ type: "call", call: callId(id), name, refused });
  }

  answers(id: number, accepts = true, reason = ""): void {
    this.says({ type: "answer", call: callId(id), accepts, reason });
  }

  begins(id: number, route: "direct" | "relay" = "direct"): void {
    this.says({ type: "begun", call: callId(id), route });
    if (this.entered !== null) this.says({ type: "busy", busy: true });
  }

  hangsUp(id: number, reason = ""): void {
    this.says({ type: "hang-up", call: callId(id), reason });
    if (this.entered !== null) this.says({ type: "busy", busy: false });
  }

  // Broadcasts and datagrams.

  tells(text: string, own = ++this.#own): void {
    const from = this.entered?.name ?? this.name;
    const signature = signBroadcast(fakeSigner(this.device), {
      directory: OWN.key,
      from,
      own,
      sentAt: SENT_AT,
      text,
    });
    this.says({ type: "broadcast", own, sentAt: SENT_AT, text, signature });
  }

  sends(message: DatagramMessage): void {
    assert(this.path !== null);
    const bytes = this.path.seal(message);
    this.exchange.feed({ type: "datagram", from: this.endpoint, bytes });
  }

  /** Shows the directory where it receives datagrams. */
  isHere(): void {
    this.sends({ type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) });
  }

  takes(message: DirectoryMessage): void {
    this.got.push(message);
    switch (message.type) {
      case "entered":
        this.entered = message;
        this.rank = message.rank;
        this.path = new DatagramPath(
          message.index,
          new Uint8Array(message.toDirectory),
          new Uint8Array(message.toClient),
        );
        return;
      case "users":
        if (message.isFirst) this.list.clear();
        for (const user of listedIn(message)) this.list.set(user.name, user);
        return;
      case "presence":
        for (const user of listedIn(message)) this.list.set(user.name, user);
        for (const name of message.offline) this.list.delete(name);
        return;
    }
  }

  told(message: DirectoryMessageOf<"told">, isDatagram: boolean): void {
    if (!this.acknowledges) return;
    if (message.number > this.through) {
      this.heard.push(message.text);
      this.through = message.number;
    }
    const got = { type: "got", through: this.through } as const;
    if (isDatagram) this.sends(got);
    else this.says(got);
  }

  /** The list in words: `ann free, bob busy`. */
  get sees(): string {
    return [...this.list.values()].map(({ name, state }) => `${name} ${state}`).sort().join(", ");
  }

  last<Type extends DirectoryMessage["type"]>(type: Type): DirectoryMessageOf<Type> {
    const found = this.got.findLast((message) => message.type === type);
    assert(found !== undefined, `${this.name} got ${type}`);
    return found as DirectoryMessageOf<Type>;
  }
}

export class Exchange {
  readonly machine: Directory;
  readonly disk: DirectoryRecord[];
  readonly accounts: Map<string, StoredAccount>;
  /** Whether the accounts' disk takes changes; it can be read all the same. */
  writes = true;
  diskMode: "writes" | "refuses" | "holds" = "writes";
  /** `holds`: answered by `accountsAnswer`. */
  accountMode: "answers" | "holds" | "disk" | "doubts" | "damaged" | "full" = "answers";
  losesDatagrams = false;
  /** Of a directory with several instances. */
  registrar: Pick<Registrar, "ask" | "order"> | null = null;
  nowMs = 1_000;
  wallMs: number;
  readonly people: Somebody[] = [];
  readonly byLink = new Map<LinkId, Somebody>();
  readonly events: DirectoryEvent[] = [];
  readonly questions: AccountQuestion[] = [];
  /** How many datagrams, and messages to whomever, were sent. */
  datagrams = 0;
  sends = 0;
  #links = 0;
  #words: string[] = [];
  #inputs: DirectoryInput[] = [];
  #isFeeding = false;
  #heldWrites: Extract<DirectoryEffect, { readonly type: "persist" }>[] = [];
  #heldQuestions: Extract<DirectoryEffect, { readonly type: "account" }>[] = [];

  constructor(config: Partial<DirectoryConfig> = {}, before?: Exchange) {
    this.disk = before?.disk ?? [];
    this.accounts = before?.accounts ?? new Map();
    this.wallMs = before?.wallMs ?? WALL_MS;
    const random = new Random(before === undefined ? 1 : 1 + before.disk.length);
    const environment: Environment = {
      random: () => 0.5,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => this.wallMs,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    this.machine = new Directory(
      {
        listening: { host: "10.0.0.1", port: 4_400 },
        guests: true,
        broadcast: "all",
        ttlMs: 30 * 60_000,
        clientsMax: 1_000,
        signUpsMax: 10,
        relays: true,
        accountCount: () => this.accounts.size,
        records: [...this.disk],
        ...config,
      },
      OWN,
      environment,
    );
    this.feed({ type: "start" });
  }

  /** The process that comes after this one, on the same disk. */
  restarted(config: Partial<DirectoryConfig> = {}): Exchange {
    return new Exchange(config, this);
  }

  get store(): string {
    const record = this.disk.find(({ kind }) => kind === "store");
    assert(record?.kind === "store");
    return record.store;
  }

  nextLink(): LinkId {
    return ++this.#links as LinkId;
  }

  /** A client whose link is up. */
  somebody(name: string, { host = "10.0.0.2", device = name } = {}): Somebody {
    const somebody = new Somebody(this, name, device, host);
    this.people.push(somebody);
    return somebody.connects();
  }

  /** A client that was in before the directory's restart: its link is up. */
  again(before: Somebody): Somebody {
    const somebody = new Somebody(this, before.name, before.device, before.host, before);
    this.people.push(somebody);
    return somebody.connects();
  }

  guest(name: string): Somebody {
    return this.somebody(name).enters();
  }

  account(name: string, device = name): Somebody {
    const how = this.accounts.has(foldName(name)) ? "log-in" : "sign-up";
    return this.somebody(name, { device }).enters({ how });
  }

  /** What was done since the last time this was asked; who is there aside. */
  take(): Words {
    const words = this.#words;
    this.#words = [];
    return words;
  }

  feed(input: DirectoryInput): void {
    this.#inputs.push(input);
    if (this.#isFeeding) return; // an answer: after what it answers
    this.#isFeeding = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      for (const effect of this.machine.step(next, this.nowMs)) this.#perform(effect);
    }
    this.#isFeeding = false;
  }

  #perform(effect: DirectoryEffect): void {
    switch (effect.type) {
      case "send":
        this.sends += 1;
        for (const link of effect.links) this.#sent(link, effect.message);
        return;
      case "datagram":
        return this.#datagram(effect.to, effect.bytes);
      case "persist":
        if (this.diskMode === "holds") this.#heldWrites.push(effect);
        else this.#write(effect);
        return;
      case "account":
        this.questions.push(effect.question);
        if (this.accountMode === "holds") this.#heldQuestions.push(effect);
        else this.#answer(effect);
        return;
      case "registrar": {
        const { token } = effect;
        return this.registrar!.ask(effect.question, (answer) => {
          this.feed({ type: "registrar-answer", token, answer });
        });
      }
      case "registrar-order":
        return this.registrar!.order(effect.order);
      case "show":
        this.events.push(effect.event);
        this.#words.push(eventWords(effect.event) + (effect.ref ? ` [${effect.ref}]` : ""));
        return;
      case "close":
      case "ban":
        this.#closed(effect.link);
        this.#words.push(`${this.#nameOf(effect.link)}: ${effect.type} (${effect.reason})`);
        return;
      case "stop":
        this.#words.push(`stops: ${effect.outcome.kind}`);
        return;
      default:
        this.#words.push(effect.type);
    }
  }

  #closed(link: LinkId): void {
    const somebody = this.byLink.get(link);
    if (somebody?.link === link) somebody.isClosed = true;
  }

  #nameOf(link: LinkId): string {
    return this.byLink.get(link)?.name ?? "nobody";
  }

  #sent(link: LinkId, message: DirectoryMessage): void {
    const somebody = this.byLink.get(link);
    if (somebody === undefined || somebody.link !== link) return;
    somebody.takes(message);
    if (UNSPOKEN.has(message.type)) return;
    this.#words.push(`${somebody.name}: ${messageWords(message)}`);
    if (message.type === "told") somebody.told(message, false);
  }

  #datagram(to: Endpoint, bytes: Uint8Array): void {
    this.datagrams += 1;
    const somebody = this.people.find((each) => endpointText(each.endpoint) === endpointText(to));
    if (this.losesDatagrams || somebody === undefined) return;
    const transport = transportOf(bytes);
    assert(transport !== null && somebody.path !== null);
    if (transport.index !== somebody.path.index) return; // of a session before, on another link
    const message = somebody.path.open(transport)?.message ?? null;
    assert(message !== null);
    this.#words.push(`${somebody.name}~ ${messageWords(message)}`);
    if (message.type === "prove") somebody.sends({ type: "proof", challenge: message.challenge });
    if (message.type === "told") somebody.told(message, true);
  }

  // The disk and the accounts.

  #write({ token, records }: Extract<DirectoryEffect, { readonly type: "persist" }>): void {
    if (this.diskMode === "refuses") {
      return this.feed({ type: "persist-failed", token, text: "the disk is full" });
    }
    this.disk.push(...records);
    if (token !== null) this.feed({ type: "persisted", token });
  }

  diskAnswers(mode: "writes" | "refuses" = "writes"): void {
    this.diskMode = mode;
    for (const effect of this.#heldWrites.splice(0)) this.#write(effect);
  }

  /** @param then What becomes of questions that follow from the answers. */
  accountsAnswer(then: "answers" | "holds" = "answers"): void {
    this.accountMode = then;
    for (const effect of this.#heldQuestions.splice(0)) this.#answer(effect);
  }

  /** What was asked first of all that is held isn't done: too much waits. */
  tooManyAsk(): void {
    const { token } = this.#heldQuestions.shift()!;
    this.feed({ type: "account-answer", token, answer: { outcome: "full" } });
  }

  #answer({ token, question }: Extract<DirectoryEffect, { readonly type: "account" }>): void {
    const answer = this.#answerTo(question);
    this.feed({ type: "account-answer", token, answer });
  }

  #answerTo(question: AccountQuestion): AccountAnswer {
    if (!this.writes && question.ask !== "find" && question.ask !== "check-password") {
      return { outcome: "disk", text: "the disk is full" };
    }
    if (this.accountMode === "disk" && question.ask !== "find") {
      return { outcome: "disk", text: "the disk is full" };
    }
    if (this.accountMode === "doubts" && question.ask === "set-password") {
      return { outcome: "disk", text: "no answer", isInDoubt: true };
    }
    if (this.accountMode === "damaged") {
      return { outcome: "disk", text: "it can't be read", isDamaged: true };
    }
    if (this.accountMode === "full") return { outcome: "full" };
    const folded = foldName(question.name);
    const account = this.accounts.get(folded);
    const ok = ({ name, keys, password: version }: StoredAccount): AccountAnswer => {
      return { outcome: "ok", account: { name, keys: [...keys], version } };
    };
    if (question.ask === "sign-up") {
      if (account !== undefined) return { outcome: "name-taken" };
      const { name, password, key } = question;
      const added = { name, password, keys: [key] };
      this.accounts.set(folded, added);
      return ok(added);
    }
    if (account === undefined) return { outcome: "wrong" };
    switch (question.ask) {
      case "find":
        return ok(account);
      case "check-password":
        return question.password === account.password ? ok(account) : { outcome: "wrong" };
    }
    if (question.version !== account.password) return { outcome: "wrong" };
    switch (question.ask) {
      case "add-key":
        account.keys = [...withKey(account.keys, question.key)];
        break;
      case "set-password":
        account.password = question.password;
        account.keys = account.keys.filter((key) => key === question.key);
        break;
      case "remove":
        this.accounts.delete(folded);
        break;
    }
    return ok(account);
  }

  // Time, the operator.

  /** Lets time pass, with a tick whenever one is wanted. */
  pass(ms: number): void {
    const wallAtZero = this.wallMs - this.nowMs;
    passTime(this, ms, () => {
      this.wallMs = wallAtZero + this.nowMs;
      this.feed({ type: "tick" });
    });
    this.wallMs = wallAtZero + this.nowMs;
  }

  command(command: DirectoryCommand, ref?: string): void {
    this.feed({ type: "command", command, ref });
  }

  event<Type extends DirectoryEvent["event"]>(
    type: Type,
  ): Extract<DirectoryEvent, { readonly event: Type }> {
    const found = this.events.findLast(({ event }) => event === type);
    assert(found !== undefined, `there was ${type}`);
    return found as Extract<DirectoryEvent, { readonly event: Type }>;
  }
}

/** What stands in no test's words: it comes beside much else. */
const UNSPOKEN: ReadonlySet<DirectoryMessage["type"]> = new Set([
  "users",
  "presence",
  "online",
  "page",
  "rings",
]);
