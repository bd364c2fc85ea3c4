/**
 * The coordinator's machine with a test in place of all that is around it: members, disk and clock. What it does is
 * told in words, in order; `disk` stands where something was synced.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Hash, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import {
  type Ballot,
  ballotText,
  compareBallots,
  NO_BALLOT,
  recordedView,
  type SignedEpoch,
} from "../../../lib/protocols/group/schema/epoch.ts";
import { abortText } from "../../../lib/protocols/group/edits/edit_phases.ts";
import { Coordinator } from "../../../lib/protocols/group/coordinator/coordinator.ts";
import type {
  CoordinatorConfig,
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/schema/coordinator_io.ts";
import type {
  CoordinatorCommand,
  CoordinatorEvent,
} from "../../../lib/protocols/group/schema/events.ts";
import {
  HistoryEnd,
  type HistoryPoint,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import { INCARNATION_BYTES } from "../../../lib/protocols/group/schema/limits.ts";
import {
  type RebuildingConfig,
  RebuildingCoordinator,
} from "../../../lib/protocols/group/recovery/rebuilding_coordinator.ts";
import {
  GROUP_MESSAGES,
  type GroupMessage,
  type GroupMessageOf,
} from "../../../lib/protocols/group/schema/messages.ts";
import type { SignedFormerKeys } from "../../../lib/protocols/group/schema/former_keys.ts";
import { groupIdOf } from "../../../lib/protocols/group/schema/founding.ts";
import type { CoordinatorRecord } from "../../../lib/protocols/group/schema/records.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { SimLog } from "../../sim/group/group_disk.ts";
import { foundedBy } from "./founded.ts";
import { passTime } from "../passing_time.ts";

export type Words = readonly string[];

export const OWN = fakeSigner("coordinator");
const CODEC = createCodec(GROUP_MESSAGES);
export const FOUNDING = foundedBy(OWN.key, 3);
export const GROUP = groupIdOf(fakeCrypto, FOUNDING);
const NAMES = ["ann", "bob", "cem", "dan", "eve"] as const;
export type Name = typeof NAMES[number];
const NAME_BY_KEY = new Map<string, string>(
  NAMES.map((name) => [fakeSigner(name).key as string, name]),
);

/** Of processes, so that each is another one. */
let incarnations = 0;

export function keyOf(name: string): PeerKey {
  return fakeSigner(name).key;
}

/** A member's program, as far as the coordinator sees it. What it answers by itself is in `answers`. */
export class Somebody {
  readonly key: PeerKey;
  readonly signer;
  link: LinkId | null = null;
  incarnation = 1;
  /** Null: that of its incarnation, as of honest programs. */
  process: string | null = null;
  begun: Ballot = NO_BALLOT;
  promised: Ballot = NO_BALLOT;
  levelled: Ballot = NO_BALLOT;
  /** The last epoch that has begun for it, and that one's view where it is a round. */
  epoch: SignedEpoch | null = null;
  view: SignedEpoch | null = null;
  isLost = false;
  isOut = false;
  /** What it told last of whom it hears and shows as joining. */
  heard: GroupMessageOf<"heard"> = {
    type: "heard",
    peers: [],
    isCaughtUp: false,
    joining: [],
    left: [],
  };
  /** What it was told by the last `welcome`. */
  former: SignedFormerKeys | null = null;
  founding = FOUNDING;
  readonly batches: SignedBatch[] = [];
  end: HistoryEnd;
  /** Kinds of message that it answers as it should. */
  answers = new Set(["probe", "flush", "level", "begin", "fetch", "parted", "recount", "peers"]);
  /** The last message of each kind that came, and all of them. */
  readonly got = new Map<string, GroupMessage>();
  readonly all: GroupMessage[] = [];

  constructor(readonly name: string, readonly group: Hash) {
    this.end = new HistoryEnd(fakeCrypto, group);
    this.signer = fakeSigner(name);
    this.key = this.signer.key;
  }

  get incarnationBytes(): Uint8Array {
    return Uint8Array.fromHex(this.incarnation.toString(16).padStart(16, "0"));
  }

  /** Another batch of the history is in its log. */
  says(text: string, author: Somebody = this): SignedBatch {
    const incarnation = author.incarnationBytes;
    const batch = signBatch(author.signer, {
      kind: "texts",
      signedIn: { number: 1, round: 0 },
      rules: null,
      edits: [],
      group: this.group,
      author: author.key,
      name: author.name,
      incarnation,
      counter: this.end.through(author.key, incarnation.toHex()) + 1,
      sentAt: 0,
      texts: [text],
    });
    return this.has(batch);
  }

  /** @returns The batch as its log has it: with the view, where its names aren't recorded. */
  has(batch: SignedBatch): SignedBatch {
    const { epoch } = this;
    const value = epoch?.epoch.value;
    const isNew = value !== undefined && value.ballot.round === 0 && this.end.lacksNames(value);
    const recorded = isNew ? { ...batch, view: recordedView(epoch!) } : batch;
    this.batches.push(recorded);
    this.end.append(recorded);
    return recorded;
  }

  /** What it says to a message. */
  answer(message: GroupMessage): readonly GroupMessage[] {
    this.got.set(message.type, message);
    this.all.push(message);
    if (message.type === "welcome") ({ former: this.former, founding: this.founding } = message);
    if (message.type === "recover") this.heard = { ...this.heard, isCaughtUp: false };
    if (!this.answers.has(message.type)) return [];
    switch (message.type) {
      case "probe":
        return [{ type: "alive", end: this.end.point, seq: this.end.seq }];
      case "flush":
        return [this.report(message)];
      case "level":
        this.levelled = message.ballot;
        return [{ type: "ready", ballot: message.ballot }];
      case "begin": {
        this.begun = message.signed.epoch.value.ballot;
        this.epoch = message.signed;
        return [{ type: "begun", ballot: this.begun }];
      }
      case "fetch":
        return [this.history(message)];
      case "recount":
        return [this.account()];
      case "peers": {
        const { joining } = message;
        if (joining.join() === this.heard.joining.join()) return [];
        return [this.heard = { ...this.heard, joining }];
      }
      default:
        return [];
    }
  }

  account(changes: Partial<GroupMessageOf<"account">> = {}): GroupMessageOf<"account"> {
    const { epoch, view, promised, isLost, isOut } = this;
    const told = { epoch, view, promised, isLost, isOut, edit: 0, former: this.former };
    const [group, founding] = epoch === null ? [null, null] : [this.group, this.founding];
    return { type: "account", group, founding, ...told, ...changes };
  }

  report({ ballot }: GroupMessageOf<"flush">): GroupMessage {
    this.promised = ballot;
    const { begun, end: { point }, incarnationBytes: incarnation } = this;
    const levelled = compareBallots(this.levelled, begun) > 0 ? this.levelled : begun;
    return { type: "report", ballot, begun, levelled, incarnation, held: point, log: point };
  }

  history({ after, through }: GroupMessageOf<"fetch">): GroupMessage {
    const end = new HistoryEnd(fakeCrypto, this.group);
    const rest = [...this.batches];
    while (end.position < after.position && rest.length > 0) end.append(rest.shift()!);
    if (end.digest !== after.digest) return { type: "unlike", after };
    const batches = rest.slice(0, through - after.position);
    const { position: stable } = this.end;
    return { type: "history", after: after.position, batches, isLast: true, stable };
  }
}

export class Program {
  readonly machine: Coordinator | RebuildingCoordinator;
  /** The group that it founds with such rules. */
  readonly group: Hash;
  readonly disk: CoordinatorRecord[];
  /** `holds-log`: all but the log is written; so with what is committed. */
  diskMode:
    | "writes"
    | "refuses"
    | "holds"
    | "holds-log"
    | "holds-committed"
    | "holds-decided"
    | "holds-recounted" = "writes";
  nowMs = 1_000_000;
  readonly told: string[] = [];
  readonly events: CoordinatorEvent[] = [];
  /** The `ref` of each of these events. */
  readonly refs: (string | undefined)[] = [];
  readonly members: Somebody[] = [];
  /** What it has in its log's file. */
  readonly log: SignedBatch[];
  #held: Extract<CoordinatorEffect, { readonly type: "persist" }>[] = [];
  #links = 0;

  /** @param config With `mayFound`: as its program runs it, which asks members where the disk is lost or old. */
  constructor(
    config: Partial<RebuildingConfig> = {},
    log: readonly SignedBatch[] = [],
    readonly signer: Signer = OWN,
  ) {
    this.disk = [...config.records ?? []];
    this.log = [...log];
    const environment: Environment = {
      random: () => 0.5,
      randomBytes: (length) =>
        length === INCARNATION_BYTES
          ? new Uint8Array(length).fill(++incarnations)
          : FOUNDING.nonce.slice(0, length),
      wallMs: () => 0,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    const { mayFound, ...rest } = config;
    const whole: CoordinatorConfig = {
      listening: { host: "10.0.0.9", port: 6_000 },
      failAfterMs: 3_000,
      membersMax: 64,
      edits: "own",
      voteTimeoutMs: 30_000,
      snapshotEveryMs: null,
      pins: new Map(),
      records: [],
      history: log.length === 0 ? null : SimLog.of(GROUP, log).end,
      ...rest,
    };
    this.group = groupIdOf(fakeCrypto, {
      ...FOUNDING,
      edits: whole.edits,
      private: Boolean(whole.secrets),
    });
    this.machine = mayFound === undefined
      ? new Coordinator(whole, signer, environment)
      : new RebuildingCoordinator({ ...whole, mayFound }, signer, environment);
  }

  static started(config: Partial<RebuildingConfig> = {}): Program {
    const program = new Program(config);
    program.feed({ type: "start" });
    return program;
  }

  /** The group of these, who joined one after the other. */
  static of(...names: readonly Name[]): Program {
    return Program.with({}, ...names);
  }

  static with(config: Partial<CoordinatorConfig>, ...names: readonly Name[]): Program {
    const program = Program.started(config);
    for (const name of names) program.joins(name);
    return program;
  }

  /** The program after its disk was lost, all but the key; members know what they knew. */
  withoutDisk(config: Partial<RebuildingConfig> = {}): Program {
    this.disk.length = 0;
    this.log.length = 0;
    return this.restarted({ mayFound: false, ...config });
  }

  /** The process that comes after a crash of this one, on the same disk. @param signer Where the key was lost. */
  restarted(config: Partial<RebuildingConfig> = {}, signer: Signer = this.signer): Program {
    const program = new Program({ records: this.disk, ...config }, this.log, signer);
    program.nowMs = this.nowMs;
    program.members.push(...this.members);
    for (const member of this.members) member.link = null;
    program.feed({ type: "start" });
    return program;
  }

  somebody(name: string): Somebody {
    const known = this.members.find((member) => member.name === name);
    if (known !== undefined) return known;
    const fresh = new Somebody(name, this.group);
    this.members.push(fresh);
    return fresh;
  }

  /** What comes of one input, answers of members and disk included. */
  feed(input: CoordinatorInput): Words {
    const words: string[] = [];
    const inputs = [input];
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      if (next.type === "link-down") this.#unlink(next.link);
      for (const effect of this.machine.step(next, this.nowMs)) {
        const said = this.#words(effect);
        if (said !== null) words.push(said);
        inputs.push(...this.#follows(effect));
      }
    }
    return words;
  }

  #follows(effect: CoordinatorEffect): readonly CoordinatorInput[] {
    switch (effect.type) {
      case "persist":
        return this.#persist(effect);
      case "send": {
        const { link, message } = effect;
        CODEC.encode(message); // as its program does: what can't be said ends it
        const member = this.#on(link);
        if (member === null) return [];
        const isOut = message.type === "parted" && message.why !== "silent";
        if (isOut && member.answers.has("parted")) return [down(link, true)];
        return member.answer(message).map((message) => ({ type: "message", link, message }));
      }
      case "close":
      case "ban":
        return [down(effect.link, true)];
      case "read":
        return [this.#read(effect.token, effect.after)];
      default:
        return [];
    }
  }

  #unlink(link: LinkId): void {
    const member = this.#on(link);
    if (member !== null) member.link = null;
  }

  #persist(
    effect: Extract<CoordinatorEffect, { readonly type: "persist" }>,
  ): readonly CoordinatorInput[] {
    const { token, records } = effect;
    const { diskMode } = this;
    if (diskMode === "holds" || records.some(({ kind }) => diskMode === `holds-${kind}`)) {
      this.#held.push(effect);
      return [];
    }
    switch (this.diskMode) {
      case "refuses":
        return [{ type: "persist-failed", token, text: "Cannot write: the disk is full" }];
      default:
        for (const record of records) {
          if (record.kind === "log") this.log.push(record.batch);
          else if (record.kind === "new-log") this.log.length = 0;
          else this.disk.push(record);
        }
        return token === null ? [] : [{ type: "persisted", token }];
    }
  }

  diskAnswers(): Words {
    this.diskMode = "writes";
    const held = this.#held;
    this.#held = [];
    return held.flatMap((effect) => this.#persist(effect)).flatMap((input) => this.feed(input));
  }

  #read(token: number, after: number): CoordinatorInput {
    return { type: "read", token, read: SimLog.of(GROUP, this.log).read(after, Infinity) };
  }

  #on(link: LinkId): Somebody | null {
    return this.members.find((member) => member.link === link) ?? null;
  }

  /** Lets time pass, with a tick whenever one is wanted. */
  pass(ms: number): Words {
    const words: string[] = [];
    passTime(this, ms, () => words.push(...this.feed({ type: "tick" })));
    return words.filter((word) => !word.endsWith("probe"));
  }

  // The others.

  /** @param host Where it comes from; where it is left out, nobody else comes from there. */
  links(name: string, host?: string | null): Words {
    const member = this.somebody(name);
    const link = member.link = ++this.#links as LinkId;
    const from = host === undefined ? `10.0.0.${link}` : host;
    const process = member.process ?? `${member.incarnation}`;
    return this.feed({ type: "link-up", link, peer: member.key, process, host: from });
  }

  says(name: string, message: GroupMessage): Words {
    const { link } = this.somebody(name);
    if (link === null) throw new Error(`${name} isn't linked`);
    return this.feed({ type: "message", link, message });
  }

  /** Links, and says hello. */
  comes(
    name: string,
    changes: Partial<GroupMessageOf<"hello">> = {},
    from?: string | null,
  ): Words {
    const { begun, promised, group: own, incarnationBytes: incarnation } = this.somebody(name);
    this.links(name, from);
    const group = begun === NO_BALLOT ? null : own;
    const place = { host: null, port: 9_000 };
    return this.says(name, {
      type: "hello",
      name,
      incarnation,
      ...place,
      group,
      begun,
      promised,
      ...changes,
    });
  }

  hears(name: string, names: readonly string[], isCaughtUp = false): Words {
    const somebody = this.somebody(name);
    somebody.heard = { ...somebody.heard, peers: names.map(keyOf), isCaughtUp };
    return this.says(name, somebody.heard);
  }

  /** All who are linked exchange datagrams. */
  allHear(...except: readonly string[]): Words {
    const here = this.members.filter(({ link, name }) => link !== null && !except.includes(name));
    const names = here.map(({ name }) => name);
    return here.flatMap(({ name }) =>
      this.hears(name, names.filter((other) => other !== name), true)
    );
  }

  /** Comes, meets everybody, catches up, and is let in. */
  joins(name: string): Words {
    return [...this.comes(name), ...this.allHear()];
  }

  /** @param goodbye What it says at last; null where the link is just lost. */
  goesDown(name: string, goodbye: string | null = null): Words {
    const { link } = this.somebody(name);
    return link === null ? [] : this.feed(down(link, goodbye !== null, goodbye ?? "lost"));
  }

  command(command: CoordinatorCommand, ref?: string): Words {
    return this.feed({ type: "command", command, ref });
  }

  status(): Extract<CoordinatorEvent, { readonly event: "status" }> {
    this.command({ command: "status" });
    const event = this.events.at(-1)!;
    if (event.event !== "status") throw new Error("no status");
    return event;
  }

  // Words.

  #words(effect: CoordinatorEffect): string | null {
    switch (effect.type) {
      case "send":
        return `${this.#on(effect.link)?.name ?? effect.link}: ${messageWords(effect.message)}`;
      case "close":
        return `closes ${this.#on(effect.link)?.name ?? effect.link}`;
      case "ban":
        return `bans ${this.#on(effect.link)?.name ?? effect.link}: ${effect.reason}`;
      case "persist":
        return `disk: ${effect.records.map(recordWords).join(", ")}`;
      case "show":
        this.events.push(effect.event);
        this.refs.push(effect.ref);
        return this.#eventWords(effect.event);
      case "pin":
        return `pins ${nameOf(effect.key)} as ${effect.name}${effect.again ? " again" : ""}`;
      case "stop":
        return `stops: ${effect.outcome.kind}`;
      case "keep-snapshot":
        return `snapshot of ${effect.cut.members.map(({ name }) => name).join(" ")}`;
      case "read":
      case "show-snapshots":
      case "datagram":
      case "input":
      case "shown":
        return null;
    }
  }

  #eventWords(event: CoordinatorEvent): string {
    switch (event.event) {
      case "view":
        return `view ${event.view}: ${event.members.join(" ")}`;
      case "joining":
      case "joined":
        return `${event.event} ${event.name}`;
      case "left":
        return `left ${event.name}: ${event.reason}${event.joining ? " while joining" : ""}`;
      case "entry":
        return `entry ${event.seq} of ${event.from}`;
      case "notice":
        this.told.push(event.text);
        return event.warning ? "warning" : "notice";
      case "error":
        this.told.push(event.text);
        return `error ${event.code}`;
      case "edit":
        return `edit ${event.edit} ${event.outcome}: ${event.reason}`;
      default:
        return event.event;
    }
  }
}

function down(link: LinkId, closed: boolean, reason = ""): CoordinatorInput {
  return { type: "link-down", link, closed, reason };
}

function nameOf(key: PeerKey | null): string {
  return key === null ? "coordinator" : NAME_BY_KEY.get(key) ?? fingerprintOf(key);
}

/** Why each is lost that was told as lost. */
export function whyLost({ events }: Program): readonly (string | undefined)[] {
  return events.flatMap((event) =>
    event.event === "left" && event.reason === "lost" ? [event.why] : []
  );
}

/** Of whom no reason speaks as "you". */
const NOBODY = { self: null, asker: OWN.key, written: nameOf };

export function messageWords(message: GroupMessage): string {
  switch (message.type) {
    case "refuse":
      return `refuse ${message.code}`;
    case "welcome": {
      const awaited = message.awaited.length === 0
        ? ""
        : `, waits for ${message.awaited.join(" ")}`;
      return `welcome${message.isMember ? " member" : ""}${awaited}`;
    }
    case "peers":
      return `peers ${
        message.members.map(({ key, name }) => message.joining.includes(key) ? `${name}?` : name)
          .join(" ")
      }`;
    case "catch-up":
      return `catch-up from ${nameOf(message.source)}`;
    case "recount":
      return message.awaited.length === 0
        ? "recount"
        : `recount waits for ${message.awaited.join(" ")}`;
    case "flush":
      return `flush ${ballotText(message.ballot)}`;
    case "level":
      return `level ${ballotText(message.best)} at ${message.start.position} from ${
        nameOf(message.source)
      }`;
    case "begin":
      return `begin ${ballotText(message.signed.epoch.value.ballot)}`;
    case "departed":
      return message.left.map(({ key, reason }) => `${nameOf(key)} is gone: ${reason}`).join(", ");
    case "parted":
      return `parted ${message.why}${message.pauseMs === 0 ? "" : ` for ${message.pauseMs} ms`}`;
    case "fetch":
      return `fetch ${message.after.position} to ${message.through}`;
    case "history":
      return `history of ${message.batches.length} after ${message.after}`;
    case "edit-accepted":
      return `edit-accepted ${message.edit}`;
    case "edit-refused":
      return `edit-refused ${message.code}`;
    case "prepare":
      return `prepare ${message.edit}`;
    case "committed":
      return `committed ${message.signed.batch.value.edits.map(({ edit }) => edit).join(" ")}`;
    case "aborted":
      return `aborted ${message.edit}: ${abortText(message.reason, NOBODY)}`;
    default:
      return message.type;
  }
}

export function recordWords(record: CoordinatorRecord): string {
  switch (record.kind) {
    case "lost": {
      const { told } = record;
      if (told === undefined) return "lost";
      return `lost, view ${told.signed.epoch.value.view} is told of`;
    }
    case "recounted":
      return `recounted ${record.signed.epoch.value.view}`;
    case "number":
      return `number ${record.number}`;
    case "decided":
      return `decided ${ballotText(record.signed.epoch.value.ballot)}`;
    case "confirmed":
    case "given-up":
      return `${record.kind} ${ballotText(record.ballot)}`;
    case "kicked":
    case "allowed":
      return `${record.kind} ${NAMES.find((name) => fingerprintOf(keyOf(name)) === record.key)}`;
    case "edits":
      return `edits to ${record.number}`;
    case "committed":
      return `committed ${record.batch.batch.value.edits.map(({ edit }) => edit).join(" ")}`;
    case "applied":
      return `applied to ${record.counter}`;
    case "aborted":
      return `aborted ${record.edit}`;
    default:
      return record.kind;
  }
}

/** A point of no history of ours. */
export const ELSEWHERE: HistoryPoint = { position: 7, digest: "7".repeat(64) as Hash };
