/**
 * The coordinator while it doesn't know its group: its disk is lost, or is an old copy. It decides nothing and lets
 * nobody in; it asks all that come, as `recount.ts` says, until it knows what there was. Meanwhile members go on
 * chatting by themselves, as if the coordinator were away.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Hash, LinkId, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { isSameName, namesInWords, shownName } from "../../../base/text/names.ts";
import { nobodyKeptOutText } from "../../../base/trust/name_answers.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { type Member, NO_BALLOT } from "../schema/epoch.ts";
import type { CoordinatorConfig, CoordinatorInput } from "../schema/coordinator_io.ts";
import { groupOf, isLost, proofsIn } from "../coordinator/coordinator_log.ts";
import { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { inviteView } from "../coordinator/coordinator_view.ts";
import { type CoordinatorCommand, membersEvent } from "../schema/events.ts";
import type { Founding } from "../schema/founding.ts";
import {
  ATTENDEES_MAX,
  CONTROL_BURST,
  CONTROL_PER_S,
  HEARTBEAT_MS,
  HELLO_MS_MAX,
  NUMBER_GAP,
  OFFENDER_BAN_MS,
  RETURN_HEARD_MS,
  RETURN_MS,
} from "../schema/limits.ts";
import {
  COORDINATOR_GOODBYE,
  type GroupMessage,
  type GroupMessageOf,
  VOID_INVITE,
} from "../schema/messages.ts";
import { type Account, checkedAccount, Recount } from "./recount.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import { isSameView, Views } from "../detector/views.ts";

type Hello = GroupMessageOf<"hello">;

interface Caller {
  readonly id: LinkId;
  readonly peer: PeerKey;
  readonly process: string;
  readonly host: string | null;
  readonly bucket: TokenBucket;
  heardAtMs: number;
  readonly unknownMessages: UnknownMessages;
  hello: Hello | null;
}

/** A member that is linked when the group is known, and its hello. */
export interface Awaiting {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly process: string;
  readonly host: string | null;
  readonly hello: Hello | null;
}

const UNCERTAIN =
  "Who is in the group isn't certain yet: this coordinator asks its members; /status " +
  "says whom it waits for";

export class Recounting {
  readonly out = new CoordinatorOutput(() => false);
  /** Everything that is on disk, except for the history. */
  readonly records: CoordinatorRecord[];
  /** Whether the group is known, and that is on disk. */
  #isKnown = false;
  readonly #recount: Recount;
  readonly #kicked = new Map<Fingerprint, string>();
  readonly #callers = new Map<LinkId, Caller>();
  #sinceMs = 0;
  /** Since when those that have told are enough; null where they aren't. */
  #completeMs: number | null = null;
  #beatAtMs = Infinity;
  /** What is missing, as members were asked about it last. */
  #awaitedTold = "";
  /** What the operator was told is missing. */
  #warned = "";
  #isStoring = false;
  #isStopped = false;

  readonly #views: Views;

  /** @param hasLog False: what counts is the last view that had members, and only they know it. */
  constructor(
    readonly config: CoordinatorConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    records: readonly CoordinatorRecord[],
    hasLog: boolean,
  ) {
    this.records = [...records];
    this.#views = Views.of(records);
    for (const record of records) {
      if (record.kind === "kicked") this.#kicked.set(record.key, record.name);
      else if (record.kind === "allowed") this.#kicked.delete(record.key);
    }
    this.#recount = new Recount(hasLog ? this.#views.present : null, (key) => this.#isOut(key));
    for (const proof of proofsIn(records)) this.#recount.proves(proof);
  }

  /** Whether the group is known, and all that was written and said here is done: the coordinator goes on. */
  get isOver(): boolean {
    return this.#isKnown && !this.#isStopped && !this.out.isWriting;
  }

  /** Whether the key was ever in a view of this group, as the disk or what members told proves. */
  wasMember(key: PeerKey): boolean {
    return this.#views.wasMember(key) || this.#recount.wasMember(key);
  }

  /** All that are linked. */
  get awaiting(): readonly Awaiting[] {
    return Array.from(this.#callers.values(), ({ id, peer, process, host, hello }) => {
      return {
        link: id,
        peer,
        process,
        host,
        hello: hello === null ? null : this.#presentHello(peer, hello),
      };
    });
  }

  /** The hello with what the member reported last instead of what it said at first. */
  #presentHello(peer: PeerKey, hello: Hello): Hello {
    const account = this.#recount.get(peer);
    if (account === null || account.group === null) return hello;
    const { group, epoch, isLost, hasSay } = account;
    // Without a say it has told what it knew: it hasn't what its view had.
    const promised = hasSay ? account.promised : NO_BALLOT;
    const begun = isLost || epoch === null ? NO_BALLOT : epoch.epoch.value.ballot;
    return { ...hello, group, promised, begun };
  }

  /** Members of the last view that have told what they knew, but have lost their logs, and have no say. */
  get lostLogs(): readonly PeerKey[] {
    return this.#recount.lostLogs;
  }

  get dueMs(): number | null {
    if (this.#isStopped) return null;
    // Then it ends, or the operator is told what is missing.
    const isDone = this.#isStoring || (!this.#isComplete && this.#awaitedTold === this.#warned);
    const endsAtMs = isDone ? Infinity : this.#endsAtMs;
    let dueMs = Math.min(this.#beatAtMs, endsAtMs);
    for (const caller of this.#callers.values()) dueMs = Math.min(dueMs, this.#goneAtMs(caller));
    return dueMs === Infinity ? null : dueMs;
  }

  #goneAtMs({ heardAtMs, hello }: Caller): number {
    return heardAtMs + (hello === null ? HELLO_MS_MAX : this.config.failAfterMs);
  }

  /** @param because What shows that the disk is old, as a sentence; null where it has no group at all. */
  begin(because: string | null): void {
    const { out } = this;
    this.#sinceMs = out.nowMs;
    this.#awaitedTold = this.#problem;
    // Whom it waits for is told in the end, where this disk names them.
    if (this.#recount.newest === null) this.#warned = this.#problem;
    if (!isLost(this.records)) this.#store({ kind: "lost" });
    out.warn(
      because === null
        ? "This coordinator's key was used before, but its disk has no group: its files are lost. It " +
          "asks the members who come what there was; to begin another group instead, start it with --new"
        : `${because}: the disk of this coordinator is lost, or an old copy. It asks all members what ` +
          "there was, and decides nothing until then; they come by themselves, in some seconds",
    );
  }

  #store(...records: readonly CoordinatorRecord[]): void {
    this.records.push(...records);
    this.out.store(...records);
  }

  handle(input: CoordinatorInput): void {
    if (this.#isStopped) {
      if (input.type === "persisted") this.out.persisted(input.token);
      return;
    }
    switch (input.type) {
      case "start":
      case "drained":
      case "datagram":
      case "read":
      case "read-failed":
      case "snapshot-kept":
        return;
      case "link-up":
        return this.#linkUp(input);
      case "link-down":
        return this.#forget(input.link);
      case "message":
        return this.#message(input.link, input.message);
      case "unknown-message":
        return this.#unknown(input.link, input.code);
      case "persisted":
        return this.out.persisted(input.token);
      case "persist-failed":
        // A note was written by the earlier machine.
        return input.token === null ? undefined : this.#stop("disk", input.text);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  // Who is there.

  #linkUp({ link, peer, process, host }: Extract<CoordinatorInput, { type: "link-up" }>): void {
    const bucket = new TokenBucket(CONTROL_PER_S, CONTROL_BURST);
    const heardAtMs = this.out.nowMs;
    this.#callers.set(link, {
      id: link,
      peer,
      process,
      host,
      bucket,
      heardAtMs,
      unknownMessages: new UnknownMessages(),
      hello: null,
    });
    this.#beatAtMs = Math.min(this.#beatAtMs, heardAtMs + HEARTBEAT_MS);
    if (this.#callers.size > ATTENDEES_MAX) this.#makeRoom();
  }

  /** Closes the link of one that has reported no epoch, if there is one. */
  #makeRoom(): void {
    const all = [...this.#callers.values()];
    const idle = all.find(({ peer }) => (this.#recount.get(peer)?.epoch ?? null) === null);
    this.#close(idle ?? all[0]!, "too many wait to come in");
  }

  #close({ id }: Caller, reason: string): void {
    this.#forget(id);
    this.out.close(id, reason);
  }

  #forget(id: LinkId): void {
    if (this.#drop(id)) this.#look();
  }

  /** Nothing more goes to this link. @returns Whether it was there. */
  #drop(id: LinkId): boolean {
    const caller = this.#callers.get(id);
    if (caller === undefined) return false;
    this.#callers.delete(id);
    const isLinked = [...this.#callers.values()].some(({ peer }) => peer === caller.peer);
    if (!isLinked) this.#recount.remove(caller.peer);
    return true;
  }

  #message(id: LinkId, message: GroupMessage): void {
    const caller = this.#callers.get(id);
    if (caller === undefined) return;
    if (message.type === "unknown") return void this.#isPastUnknown(caller);
    if (!caller.bucket.take(this.out.nowMs)) return this.#offends(caller, "too many messages");
    caller.heardAtMs = this.out.nowMs;
    if (message.type === "hello") return this.#hello(caller, message);
    if (message.type === "account") this.#account(caller, message);
  }

  #unknown(id: LinkId, code: number): void {
    const caller = this.#callers.get(id);
    if (caller === undefined || this.#isPastUnknown(caller)) return;
    this.out.send(id, { type: "unknown", code });
  }

  /** Counts a message of an unknown type. @returns Whether there were too many. */
  #isPastUnknown(caller: Caller): boolean {
    const fault = caller.unknownMessages.fault(this.out.nowMs);
    if (fault !== null) this.#offends(caller, fault);
    return fault !== null;
  }

  #offends({ id }: Caller, reason: string): void {
    this.#forget(id);
    this.out.push({ type: "ban", link: id, reason, durationMs: OFFENDER_BAN_MS });
  }

  #isOut(key: PeerKey): boolean {
    return this.#kicked.has(fingerprintOf(key));
  }

  #hello(caller: Caller, hello: Hello): void {
    const { peer, id } = caller;
    if (caller.hello !== null) return this.#offends(caller, "hello twice");
    if (this.#isOut(peer)) {
      const text = "You were removed from this group; its operator may let you in by /allow";
      this.out.send(id, { type: "refuse", code: "kicked", text });
      return this.#close(caller, "kicked");
    }
    for (const other of [...this.#callers.values()]) {
      const isBefore = other !== caller && other.peer === peer && other.hello !== null;
      if (isBefore) this.#close(other, "another link took its place");
    }
    caller.hello = hello;
    this.#ask(caller);
  }

  #ask({ id, peer }: Caller): void {
    const others = this.#recount.awaited.filter(({ key }) => key !== peer);
    const awaited = others.map(({ name }) => name);
    this.out.send(id, { type: "recount", isLost: true, awaited });
  }

  #account(caller: Caller, message: GroupMessageOf<"account">): void {
    const { hello } = caller;
    if (hello === null) return this.#offends(caller, "account before hello");
    const account = checkedAccount(this.environment.crypto, this.signer.key, hello, message);
    if (typeof account === "string") return this.#offends(caller, account);
    this.believe(account);
    this.#recount.put(caller.peer, account);
    this.#look();
  }

  /** What a member proves stays told after another start, too: whoever comes then may know of less. */
  believe({ view: signed, founding }: Account): void {
    if (signed === null || founding === null) return;
    const told = { founding, signed };
    if (this.#recount.proves(told)) this.#store({ kind: "lost", told });
  }

  // Whether it is enough.

  get #isComplete(): boolean {
    return this.#recount.newest !== null && this.#recount.awaited.length === 0 &&
      this.#founding !== null;
  }

  /** How the group was founded, as our disk or its members tell. */
  get #founding(): Founding | null {
    const own = groupOf(this.records);
    const group = this.#recount.newest?.epoch.value.group;
    return own?.group === group ? own!.founding : this.#recount.founding;
  }

  /** By then, members that know of something later have had the time to come, and those that are here to tell. */
  get #endsAtMs(): number {
    const comeMs = this.#sinceMs + (this.#recount.isLeft ? RETURN_HEARD_MS : RETURN_MS);
    const isTold = this.#callers.values().every(({ peer, hello }) =>
      hello === null || this.#recount.get(peer) !== null
    );
    if (isTold || this.#completeMs === null) return comeMs;
    // Nobody who says nothing keeps the others waiting for longer than a dead member would.
    return Math.max(comeMs, this.#completeMs + this.config.failAfterMs);
  }

  #look(): void {
    if (this.#isStoring) return;
    this.#completeMs = this.#isComplete ? this.#completeMs ?? this.out.nowMs : null;
    const isTime = this.out.nowMs >= this.#endsAtMs;
    if (this.#isComplete && isTime) return this.#end();
    const text = this.#problem;
    if (text !== this.#awaitedTold) {
      this.#awaitedTold = text;
      for (const caller of this.#callers.values()) if (caller.hello !== null) this.#ask(caller);
    }
    // Until then members come by themselves: nobody is to be removed for that.
    if (this.#isComplete || !isTime || text === this.#warned) return;
    this.#warned = text;
    this.out.warn(text);
  }

  get #problem(): string {
    const { groups, newest, awaited } = this.#recount;
    if (groups.length > 1) {
      const names = groups.map((group) => namesInWords(this.#membersOf(group))).join("; ");
      return "Members of several groups of this coordinator have come: /remove those whose group is " +
        `given up, one by one: ${names}`;
    }
    if (newest === null) return "Nobody has come yet who was in the group";
    if (awaited.length === 0) return "All have come who were in the last view that is known";
    const { view } = newest.epoch.value;
    const all = newest.epoch.value.members.filter(({ key }) => !this.#isOut(key));
    const isAll = awaited.length === all.length &&
      awaited.every(({ key }) => this.#recount.get(key));
    const [first, second] = awaited;
    const one = second === undefined ? `${shownName(first!.name)} goes` : "each of them to go";
    return isAll
      ? `Nobody who has come has the log of view ${view}, the last one that is known: put back a copy ` +
        `of the files of ${
          namesInWords(awaited, "or")
        }, or /remove all of them, which gives up what they had`
      : `View ${view} is the last one that is known; waiting for ${
        namesInWords(awaited)
      }, who may know of ` +
        `a later one; /remove ${one} on without`;
  }

  #membersOf(group: Hash): readonly { readonly name: string }[] {
    return [...this.#callers.values()].flatMap(({ peer, hello }) => {
      const isIn = this.#recount.get(peer)?.view?.epoch.value.group === group;
      return hello !== null && isIn ? [hello] : [];
    });
  }

  /** Everything is known that can be: goes on with it. */
  #end(): void {
    const newest = this.#recount.newest!;
    const { group, view, members } = newest.epoch.value;
    const founding = this.#founding!;
    const { number, edit } = this.#recount.highest;
    const isOld = groupOf(this.records)?.group === group &&
      !isSameView(this.#views.present, newest);
    const records: CoordinatorRecord[] = [
      ...(groupOf(this.records)?.group === group
        ? []
        : [{ kind: "group" as const, group, founding }]),
      ...[...this.#recount.former, this.signer.key].map((key) => ({ kind: "key" as const, key })),
      { kind: "number", number: number + NUMBER_GAP },
      // Before what ends the asking: part of this write must not leave a void invite.
      ...(isOld ? this.#rotated() : []),
      { kind: "recounted", signed: newest },
      ...(isOld ? [] : this.#recount.formerMembers).map((key) => ({
        kind: "member" as const,
        key,
      })),
      { kind: "rules", rules: null },
      // Nobody may know of aborted edits any more: fewer than this were numbered since the last committed one. Where none
      // is committed before the disk is lost again, only the ballots' number has grown.
      { kind: "edits", number: edit + number + NUMBER_GAP },
    ];
    const missing = members.filter(({ key }) => this.#isOut(key));
    const isNobodyLeft = members.length > 0 && missing.length === members.length;
    if (isNobodyLeft) records.push({ kind: "given-up", ballot: newest.epoch.value.ballot });
    if (isOld && this.config.secrets) this.#keepOut(members);
    this.#isStoring = true;
    this.out.storeThen([...this.#logRecords(group, founding), ...records], () => {
      this.records.push(...records);
      this.#isKnown = true;
    });
    if (isNobodyLeft) {
      return this.out.warn(
        `What only ${namesInWords(members)} had is given up; the group goes on without it`,
      );
    }
    this.out.warn(
      `The group is known again from what ${
        namesInWords(members.filter((one) => !missing.includes(one)))
      } ` +
        `told: view ${view} goes on, under numbers above ${number + NUMBER_GAP}. Lost: ` +
        "who was kept out by /remove before, why edits were aborted" +
        (missing.length === 0 ? "" : `, what only ${namesInWords(missing)} knew`) +
        (this.#recount.isLeft ? ", who joined after these members had left" : ""),
    );
  }

  /**
   * Of a private group: the invite of an old disk may be void, and who was removed since isn't known. So whoever isn't
   * in the last view needs the present invite, which is another one.
   */
  #keepOut(members: readonly Member[]): void {
    for (const caller of [...this.#callers.values()]) {
      if (members.some(({ key }) => key === caller.peer)) continue;
      this.#callers.delete(caller.id);
      this.out.close(caller.id, VOID_INVITE);
    }
    this.out.warn(
      "This group's invite is another one now (/invite shows it), as the one on this disk may have been void: whoever " +
        "isn't in the last view needs it to come back, in case they were removed since",
    );
  }

  /** Another secret, where the group is private. */
  #rotated(): readonly CoordinatorRecord[] {
    const { environment, config: { secrets } } = this;
    return secrets ? [secrets.rotate((length) => environment.randomBytes(length))] : [];
  }

  /** The record that sets aside a log that was kept for another group, before anything follows it. */
  #logRecords(group: Hash, founding: Founding): readonly CoordinatorRecord[] {
    const { history } = this.config;
    if (history === null || history.group === group) return [];
    return [{ kind: "new-log", founding, because: "foreign" }];
  }

  #tick(): void {
    const { nowMs } = this.out;
    for (const caller of [...this.#callers.values()]) {
      if (this.#goneAtMs(caller) <= nowMs) this.#close(caller, "no sign of life");
    }
    if (this.#beatAtMs <= nowMs) {
      for (const { id, hello } of this.#callers.values()) {
        if (hello !== null) this.out.send(id, { type: "probe" });
      }
      this.#beatAtMs = this.#callers.size === 0 ? Infinity : nowMs + HEARTBEAT_MS;
    }
    this.#look();
  }

  // The operator.

  #command(command: CoordinatorCommand, ref: string | undefined): void {
    switch (command.command) {
      case "list": {
        this.out.show(membersEvent(this.#recount.present, []), ref);
        return this.out.notice(UNCERTAIN, ref);
      }
      case "status":
        return this.#status(ref);
      case "edits":
        return this.out.show({ event: "edits", edits: [] }, ref);
      case "invite": {
        if (command.rotate) return this.#mustWait(command, ref);
        const { config: { secrets, listening }, signer: { key } } = this;
        const secret = secrets?.current ?? null;
        return this.out.show(inviteView(key, secret, listening, command.as), ref);
      }
      case "remove":
        return this.#remove(command.name, ref);
      case "allow":
        return this.#allow(command.name, ref);
      case "quit":
        for (const { id } of this.#callers.values()) {
          this.out.close(id, COORDINATOR_GOODBYE);
        }
        this.#isStopped = true;
        return this.out.push({ type: "stop", outcome: { kind: "bye", reason: "quit", ref } });
      default:
        return this.#mustWait(command, ref);
    }
  }

  #mustWait({ command }: CoordinatorCommand, ref: string | undefined): void {
    const text = `/${command} must wait until the group is known again: /status says what for`;
    this.out.error("not-allowed", text, ref);
  }

  #status(ref: string | undefined): void {
    const newest = this.#recount.newest?.epoch.value ?? null;
    const { host, port } = this.config.listening;
    this.out.show({
      event: "status",
      key: fingerprintOf(this.signer.key),
      group: newest?.group ?? "",
      view: newest?.view ?? 0,
      seq: null,
      members: (newest?.members ?? []).map((member) => ({
        name: member.name,
        key: fingerprintOf(member.key),
        host: member.host ?? host,
        port: member.port === 0 ? port : member.port,
        heard: false,
        seq: 0,
        digest: "",
        state: this.#recount.get(member.key) === null ? "silent" as const : "joining" as const,
      })),
      problems: [
        "This coordinator doesn't know its group: its disk is lost, or is an old copy",
        this.#problem,
      ],
    }, ref);
  }

  #remove(name: string, ref: string | undefined): void {
    const callers = [...this.#callers.values()].flatMap(({ peer, hello }) =>
      hello === null ? [] : [{ key: peer, name: hello.name }]
    );
    const members = this.#recount.newest?.epoch.value.members ?? [];
    const found = [...members, ...callers].find((one) => isSameName(one.name, name));
    if (found === undefined) {
      const text = `Cannot find ${shownName(name)} among those who are known: /status shows them`;
      return this.out.error("unknown-user", text, ref);
    }
    const { key, name: known } = found;
    const { config: { secrets } } = this;
    // One write: after a crash nobody is kept out by name alone.
    this.#store({ kind: "kicked", key: fingerprintOf(key), name: known }, ...this.#rotated());
    this.#kicked.set(fingerprintOf(key), known);
    this.out.notice(`${shownName(known)} stays out until /allow ${shownName(known)}`, ref);
    // None of them is asked for what is missing now: that says who is awaited.
    for (const { id, peer } of [...this.#callers.values()]) {
      const isIt = peer === key;
      if (!isIt && (!secrets || this.wasMember(peer))) continue;
      this.#drop(id);
      const text = "The operator removed you from the group; ask to be let in again";
      if (isIt) this.out.send(id, { type: "refuse", code: "kicked", text });
      this.out.close(id, isIt ? "kicked" : VOID_INVITE);
    }
    this.#look();
  }

  #allow(name: string, ref: string | undefined): void {
    const found = [...this.#kicked].find(([, known]) => isSameName(known, name));
    if (found === undefined) {
      const text = this.#kicked.size === 0
        ? nobodyKeptOutText(name)
        : `Cannot find ${shownName(name)} among those who are kept out`;
      return this.out.error("unknown-user", text, ref);
    }
    const [key, known] = found;
    this.#store({ kind: "allowed", key });
    this.#kicked.delete(key);
    this.out.notice(`${shownName(known)} may come in again`, ref);
    this.#look();
  }

  #stop(code: "disk", text: string): void {
    this.#isStopped = true;
    const sentence = `The coordinator can't store what it decides: ${text}`;
    this.out.stop({ type: "stop", outcome: { kind: "fatal", code, text: sentence } });
  }
}
