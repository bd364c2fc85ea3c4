/**
 * Members of a group in one process: their machines, with channels, disks and a coordinator in place of all that is
 * around them. Each channel and each disk is a row of its own; which row goes on next is drawn, or in turn.
 *
 * The coordinator does what a test says: `change` leads the next view, `isUp` lets it vanish.
 */

import { assert } from "@std/assert";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Hash, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { Refusal } from "../../../lib/protocols/group/coordinator/places.ts";
import {
  compareBallots,
  type Epoch,
  type Member as InView,
  signEpoch,
} from "../../../lib/protocols/group/schema/epoch.ts";
import { Agreement } from "../../../lib/protocols/group/views/agreement.ts";
import { signFormerKeys } from "../../../lib/protocols/group/schema/former_keys.ts";
import { type EditPolicy } from "../../../lib/protocols/group/schema/edit.ts";
import type { MemberCommand, MemberEvent } from "../../../lib/protocols/group/schema/events.ts";
import type { HistoryEnd, SignedBatch } from "../../../lib/protocols/group/schema/history.ts";
import { Member } from "../../../lib/protocols/group/member/member.ts";
import type {
  LoggedEntryState,
  MemberConfig,
  MemberEffect,
  MemberInput,
} from "../../../lib/protocols/group/schema/member_io.ts";
import {
  GROUP_MESSAGES,
  type GroupMessage,
  type GroupMessageOf,
} from "../../../lib/protocols/group/schema/messages.ts";
import type { MemberRecord } from "../../../lib/protocols/group/schema/records.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { accessText, groupIdOf } from "../../../lib/protocols/group/schema/founding.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { SimLog } from "../../sim/group/group_disk.ts";
import { foundedBy } from "./founded.ts";

const CODEC = createCodec(GROUP_MESSAGES);
export const COORDINATOR = fakeSigner("coordinator");
export const FOUNDING = foundedBy(COORDINATOR.key);
export const GROUP = groupIdOf(fakeCrypto, FOUNDING);
const WALL_MS = 1_700_000_000_000;
/** So many batches are read at once: little, that more than one read is frequent. */
const READ_MAX = 8;

type Draw = (below: number) => number;

/** What outlives a process: what was written, and how much of it was synced. */
class Disk {
  records: MemberRecord[] = [];
  log: SignedBatch[] = [];
  syncedRecords = 0;
  syncedLog = 0;
  #read = new SimLog(GROUP);

  write(records: readonly MemberRecord[], sync: boolean): void {
    for (const record of records) {
      if (record.kind === "log") this.log.push(record.batch);
      else if (record.kind === "new-log") {
        this.log = [];
        this.syncedLog = 0;
      } else this.records.push(record);
    }
    if (!sync) return;
    this.syncedRecords = this.records.length;
    this.syncedLog = this.log.length;
  }

  /** What wasn't synced is lost. */
  losePower(): void {
    this.records.length = this.syncedRecords;
    this.log.length = this.syncedLog;
  }

  /** Another disk with the same. */
  copy(): Disk {
    const copy = new Disk();
    Object.assign(copy, this, { records: [...this.records], log: [...this.log] });
    return copy;
  }

  /** What can be read from the log as it is now: tests change it, too. */
  read(): SimLog {
    if (this.#read.batches.some((batch, at) => batch !== this.log[at])) {
      this.#read = new SimLog(GROUP);
    }
    for (const batch of this.log.slice(this.#read.batches.length)) this.#read.append(batch);
    return this.#read;
  }

  history(): HistoryEnd {
    return this.read().end.copy();
  }
}

interface Row {
  readonly name: string;
  readonly waiting: (() => void)[];
}

/** One member, through all its processes. */
export class Node {
  readonly signer;
  disk = new Disk();
  machine: Member | null = null;
  /** Counts processes. */
  process = 0;
  /** With whom datagrams are exchanged: the other's process; and those it has met. */
  readonly sessions = new Map<PeerKey, number>();
  readonly met = new Set<PeerKey>();
  /** Of the present process. */
  events: MemberEvent[] = [];
  effects: MemberEffect[] = [];
  /** What it showed of a group that it joined: no part of `effects`. */
  readonly shownAtJoining: string[] = [];
  link: LinkId | null = null;
  stopped: Extract<MemberEffect, { type: "stop" }>["outcome"] | null = null;
  /** What it tells another one instead. */
  lies: (to: Node, message: GroupMessage) => readonly GroupMessage[] = (_, message) => [message];
  #ids = 0;

  constructor(readonly net: GroupNet, readonly name: string) {
    this.signer = fakeSigner(name);
  }

  get key(): PeerKey {
    return this.signer.key;
  }

  start(config: Partial<MemberConfig> = {}): void {
    this.process++;
    this.events = [];
    this.stopped = null;
    const environment: Environment = {
      random: () => 0.5,
      randomBytes: (length) => {
        const hex = fakeCrypto.sha256<Hash>(
          new TextEncoder().encode(`${this.name} ${this.process} ${++this.#ids}`),
        );
        return Uint8Array.fromHex(hex).slice(0, length);
      },
      wallMs: () => WALL_MS,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    const records = [...this.disk.records];
    const hasGroup = records.some(({ kind }) => kind === "group");
    this.machine = new Member(
      {
        name: this.name,
        coordinator: { host: "10.0.0.100", port: 6_000 },
        server: "chat.example",
        expect: null,
        given: null,
        port: 9_000,
        host: `10.0.0.${this.net.nodes.length}`,
        listening: { host: "10.0.0.1", port: 9_000 },
        pins: new Map(),
        records,
        history: hasGroup ? this.disk.history() : null,
        last: null,
        files: { log: "/data/log", knownPeers: "/data/known_peers" },
        wait: true,
        ...config,
      },
      this.signer,
      environment,
    );
    this.feed({ type: "start" });
  }

  /** @param power What wasn't synced is lost too. */
  kill({ power = false } = {}): void {
    this.machine = null;
    this.sessions.clear();
    this.met.clear();
    if (power) this.disk.losePower();
    this.net.forget(this);
  }

  command(command: MemberCommand, ref?: string): void {
    this.feed({ type: "command", command, ref });
  }

  say(text: string, ref?: string): void {
    this.command({ command: "msg", text }, ref);
  }

  feed(input: MemberInput): void {
    if (this.machine === null || this.stopped !== null) return;
    const effects = this.machine.step(input, this.net.nowMs);
    for (const effect of effects) this.#execute(effect);
  }

  #execute(effect: MemberEffect): void {
    if (isShownAtJoining(effect)) return void this.shownAtJoining.push(effect.event.text);
    this.effects.push(effect);
    const { net, process } = this;
    switch (effect.type) {
      case "persist": {
        const { token, records, sync } = effect;
        return net.later(this, "disk", () => {
          if (this.process !== process || this.machine === null) return;
          this.disk.write(records, sync);
          if (token !== null) this.feed({ type: "persisted", token });
        });
      }
      case "tell":
        for (const key of effect.peers) {
          for (const message of this.lies(net.byKey(key), effect.message)) {
            net.tell(this, key, message);
          }
        }
        return;
      case "send":
        return net.later(
          this,
          "disk",
          () => net.later(this, "coordinator", () => net.coordinator.says(this, effect.message)),
        );
      case "dial":
        return net.later(this, "coordinator", () => {
          if (this.process === process) net.coordinator.dialled(this, effect.attempt);
        });
      case "close":
        this.link = null;
        return net.later(this, "disk", () =>
          this.process === process &&
          this.feed({ type: "link-down", link: effect.link, closed: true, reason: "closed" }));
      case "meet":
        this.met.add(effect.peer);
        return net.meet(this, effect.peer);
      case "part":
        this.met.delete(effect.peer);
        return;
      case "read": {
        const { token, after } = effect;
        return net.later(this, "disk", () => {
          if (this.process !== process) return;
          const { batches, ...at } = this.disk.read().read(after, Infinity);
          this.feed({ type: "read", token, read: { batches: batches.slice(0, READ_MAX), ...at } });
        });
      }
      case "look": {
        const { token, seq, id } = effect;
        return net.later(this, "disk", () => {
          if (this.process === process) {
            this.feed({ type: "looked", token, entry: this.disk.read().look(seq, id) });
          }
        });
      }
      case "show":
        return net.later(this, "disk", () => {
          if (this.process === process) this.events.push(effect.event);
        });
      case "stop":
        return net.later(this, "disk", () => {
          this.stopped = effect.outcome;
        });
      default:
    }
  }

  /** What the user has before their eyes, of this process. */
  get shown(): readonly string[] {
    return this.events.flatMap((event) => event.event === "message" ? [event.text] : []);
  }

  /** All texts of the log on disk, what isn't written yet aside. */
  get logged(): readonly string[] {
    return this.disk.log.flatMap(({ batch }) => batch.value.texts);
  }

  told<Name extends MemberEvent["event"]>(
    event: Name,
  ): readonly Extract<MemberEvent, { readonly event: Name }>[] {
    return this.events.filter((told): told is Extract<MemberEvent, { readonly event: Name }> =>
      told.event === event
    );
  }

  /** An entry as it reads now in its log. */
  entryNow(seq: number): LoggedEntryState | null {
    return this.disk.read().look(seq, null);
  }

  get incarnationBytes(): Uint8Array {
    return this.machine!.self.incarnation;
  }
}

/** Leads views as a test says. */
class ScriptedCoordinator {
  isUp = true;
  /** What it tells whoever comes; null: there is room. */
  refusal: Refusal | null = null;
  signer = COORDINATOR;
  /** What `welcome` names. */
  former: readonly PeerKey[] = [];
  founding = FOUNDING;
  /** Whether it names the key under which the group was founded, where it has another one. */
  namesFounder = true;
  /** Answers in its place while it is away. */
  stranger: PeerKey | null = null;
  /** Why it can't be dialled while it is away. */
  dialFault = "refused";
  epoch: Epoch | null = null;
  number = 0;
  readonly heard = new Map<Node, GroupMessageOf<"heard">>();
  readonly got: { readonly from: Node; readonly message: GroupMessage }[] = [];
  readonly #linked = new Map<Node, Uint8Array>();
  #links = 0;
  #agreement: Agreement | null = null;
  #members: readonly Node[] = [];

  constructor(readonly net: GroupNet) {}

  /** What a member told it of a kind, the oldest first. */
  gotFrom<Type extends GroupMessage["type"]>(
    node: Node,
    type: Type,
  ): readonly GroupMessageOf<Type>[] {
    return this.got.flatMap(({ from, message }) =>
      from === node && message.type === type ? [message as GroupMessageOf<Type>] : []
    );
  }

  /** It is there again: whoever dials is answered. */
  comeBack(): void {
    this.isUp = true;
  }

  dialled(node: Node, attempt: number): void {
    if (!this.isUp) {
      const key = this.stranger;
      const reason = key === null ? this.dialFault : "wrong-key";
      const failure = { reason, text: reason, key } as const;
      return node.feed({ type: "dial-failed", attempt, ...failure });
    }
    this.#linked.delete(node);
    node.link = ++this.#links as LinkId;
    node.feed({ type: "link-up", link: node.link, peer: this.signer.key });
  }

  /** @param goodbye What it says of that; null: nothing. */
  vanish(goodbye: string | null = null): void {
    this.isUp = false;
    this.#linked.clear();
    this.#agreement = null;
    for (const node of this.net.nodes) {
      const { link } = node;
      node.link = null;
      if (link === null) continue;
      const end = { closed: goodbye !== null, reason: goodbye ?? "lost" };
      node.feed({ type: "link-down", link, ...end });
    }
  }

  dropLink(node: Node): void {
    const link = node.link!;
    node.link = null;
    this.lost(node);
    node.feed({ type: "link-down", link, closed: false, reason: "lost" });
  }

  lost(node: Node): void {
    this.#linked.delete(node);
  }

  send(node: Node, message: GroupMessage): void {
    const { link, process } = node;
    if (link === null || !this.isUp) return;
    const decoded = roundTrip(message);
    this.net.later(node, "from-coordinator", () => {
      if (node.link === link && node.process === process) {
        node.feed({ type: "message", link, message: decoded });
      }
    });
  }

  says(node: Node, message: GroupMessage): void {
    if (!this.isUp || node.link === null) return;
    this.got.push({ from: node, message });
    switch (message.type) {
      case "hello": {
        if (this.refusal !== null) {
          return this.send(node, { type: "refuse", ...this.refusal });
        }
        this.number = Math.max(this.number, message.promised.number);
        this.#linked.set(node, message.incarnation);
        const isMember = this.epoch?.members.some(({ key }) => key === node.key) ?? false;
        // Another key proves by its former ones that the group is its own.
        const isFounder = this.signer.key === COORDINATOR.key || !this.namesFounder;
        const founder = isFounder ? [] : [COORDINATOR.key];
        const keys = [...new Set([...founder, ...this.former])];
        const former = keys.length === 0
          ? null
          : signFormerKeys(this.signer, { group: GROUP, keys });
        const welcome = {
          group: GROUP,
          founding: this.founding,
          isMember,
          told: 0,
          awaited: [],
          former,
        };
        this.send(node, { type: "welcome", ...welcome });
        this.tellPeers();
        return;
      }
      case "heard":
        this.heard.set(node, message);
        return;
      case "outdone":
        this.number = Math.max(this.number, message.promised.number);
        return;
      case "report":
        return this.#report(node, message);
      case "ready":
        if (this.#agreement?.isReady(node.key, message.ballot)) this.#decide();
        return;
      case "equivocated":
        for (const one of this.#linked.keys()) this.send(one, message);
        return;
      default:
    }
  }

  /** Tells all who are here, and which of them are joining. */
  tellPeers(...newcomers: readonly Node[]): void {
    const members = [...this.#linked.keys()].map((one) => this.#inView(one));
    const joining = newcomers.map(({ key }) => key);
    for (const one of this.#linked.keys()) {
      this.send(one, { type: "peers", members, joining, paths: [] });
    }
  }

  #inView(node: Node): InView {
    const { key, name } = node;
    const incarnation = this.#linked.get(node) ?? node.incarnationBytes;
    return { key, name, incarnation, host: `10.0.0.${name.length}`, port: 9_000 };
  }

  /** @param others Who else is in the view. */
  catchUp(node: Node, source: Node, ...others: readonly Node[]): void {
    this.tellPeers(node);
    this.net.settle(); // it is shown first
    this.send(node, {
      type: "catch-up",
      source: source.key,
      others: others.map(({ key }) => key),
    });
  }

  /** The next view has these; all of the last one who are linked have a say. */
  change(...members: readonly Node[]): void {
    const old = this.net.nodes.filter((node) =>
      this.#linked.has(node) && this.epoch?.members.some(({ key }) => key === node.key)
    );
    const participants = [...new Set([...old, ...members])];
    const ballot = { number: ++this.number, round: 0 };
    this.#members = members;
    this.#agreement = new Agreement(ballot, participants.map(({ key }) => key));
    const newcomers = members.filter((node) => !old.includes(node));
    // They may still fetch what the others have.
    if (old.length > 0 && newcomers.length > 0) this.tellPeers(...newcomers);
    for (const node of participants) {
      this.send(node, {
        type: "flush",
        ballot,
        view: ballot.number,
        isLeaving: !members.includes(node),
      });
    }
  }

  /** Leads a view of all who are linked, where those of the last one are among them that are needed. */
  reconcile(): void {
    const linked = [...this.#linked.keys()].filter(({ machine }) => machine !== null);
    const last = this.epoch?.members ?? [];
    if (linked.length === 0) return;
    if (last.length > 0 && !linked.some(({ key }) => last.some((one) => one.key === key))) return;
    this.change(...linked);
  }

  /** All views that were decided, the oldest first. */
  readonly #allDecided: Epoch[] = [];

  /** Whether nothing that anybody may have shown is beyond what was reported. */
  #isValid(agreement: Agreement): boolean {
    const { best } = agreement;
    return this.#allDecided.every(({ ballot, members }) =>
      compareBallots(ballot, best) <= 0 ||
      members.some(({ key }) => agreement.participants.includes(key))
    );
  }

  #report(node: Node, report: GroupMessageOf<"report">): void {
    const { ballot, begun, levelled, incarnation, held, log } = report;
    const agreement = this.#agreement;
    const holding = { begun, levelled, incarnation: incarnation.toHex(), held, log };
    if (agreement === null || !agreement.reported(node.key, ballot, holding)) return;
    if (!this.#isValid(agreement)) return;
    for (const key of agreement.participants) {
      this.send(this.net.byKey(key), { type: "level", ballot, ...agreement.level });
    }
  }

  /** What was decided last, signed; it is sent unless a test holds it back. */
  decided: GroupMessageOf<"begin"> | null = null;
  holdsBegin = false;

  #decide(): void {
    const { ballot, level: { start } } = this.#agreement!;
    const agreement = this.#agreement!;
    const members = this.#members.map((node) => {
      const incarnation = Uint8Array.fromHex(agreement.holding(node.key)!.incarnation);
      return { key: node.key, name: node.name, incarnation, host: "10.0.0.9", port: 9_000 };
    });
    const by = this.signer.key;
    const epoch = { group: GROUP, by, view: ballot.number, ballot, members, start };
    this.epoch = epoch;
    this.#allDecided.push(epoch);
    this.decided = { type: "begin", signed: signEpoch(this.signer, epoch) };
    this.#agreement = null;
    if (this.holdsBegin) return;
    for (const node of this.#members) this.send(node, this.decided);
  }
}

function roundTrip<Message extends GroupMessage>(message: Message): Message {
  const decoded = CODEC.decode(CODEC.encode(message));
  assert(decoded.type === message.type);
  return decoded as Message;
}

export class GroupNet {
  nowMs = 1_000;
  readonly nodes: Node[] = [];
  readonly coordinator = new ScriptedCoordinator(this);
  #rows: Row[] = [];
  /** What is told from one to the other is lost, and the other isn't met. */
  readonly cut = new Set<string>();
  #next = 0;
  #probeAtMs = 0;

  /** @param draw Which row goes on; in turn where it is left out. */
  constructor(readonly draw: Draw | null = null) {}

  add(name: string): Node {
    const node = new Node(this, name);
    this.nodes.push(node);
    return node;
  }

  /** The group was founded with this rule, as far as its members know. */
  ruleIs(edits: EditPolicy): void {
    for (const { machine } of this.nodes) {
      const standing = machine?.standing;
      if (standing?.founding) standing.founding = { ...standing.founding, edits };
    }
  }

  byKey(key: PeerKey): Node {
    return this.nodes.find((node) => node.key === key)!;
  }

  later(node: Node, of: string, action: () => void): void {
    const name = `${node.name} ${of}`;
    let row = this.#rows.find((one) => one.name === name);
    if (row === undefined) this.#rows.push(row = { name, waiting: [] });
    row.waiting.push(action);
  }

  /** What waits for a process that is gone, or comes from it, is lost. */
  forget(node: Node): void {
    this.#rows = this.#rows.filter(({ name }) =>
      !name.startsWith(`${node.name} `) && !name.endsWith(` ${node.name}`)
    );
    node.link = null;
    this.coordinator.lost(node);
  }

  isCut(a: Node, b: Node): boolean {
    return this.cut.has(`${a.name} ${b.name}`) || this.cut.has(`${b.name} ${a.name}`);
  }

  /** Both are up to each other as soon as both have met; a new process is a reset for the other. */
  meet(node: Node, key: PeerKey): void {
    const other = this.byKey(key);
    if (other.machine === null || this.isCut(node, other)) return;
    if (!other.met.has(node.key)) return;
    for (const [one, two] of [[node, other], [other, node]] as const) {
      const known = one.sessions.get(two.key);
      if (known === two.process) continue;
      one.sessions.set(two.key, two.process);
      const type = known === undefined ? "peer-up" as const : "peer-reset" as const;
      const { process } = one;
      this.later(one, `from ${two.name}`, () => {
        if (one.process === process) one.feed({ type, peer: two.key });
      });
    }
  }

  tell(from: Node, key: PeerKey, message: GroupMessage): void {
    const to = this.byKey(key);
    const decoded = roundTrip(message);
    const { process } = to;
    const send = () => {
      if (to.process !== process || to.sessions.get(from.key) === undefined) return;
      to.feed({ type: "peer-message", peer: from.key, message: decoded });
    };
    if (from.sessions.get(key) !== process) {
      // Not up yet: it goes out when it is, unless another process comes.
      if (!from.met.has(key) || from.sessions.has(key)) return;
    }
    this.later(to, `from ${from.name}`, send);
  }

  /** Whether anything went on. */
  next(): boolean {
    const busy = this.#rows.filter(({ waiting }) => waiting.length > 0);
    if (busy.length === 0) return false;
    const index = this.draw === null ? this.#next++ % busy.length : this.draw(busy.length);
    busy[index]!.waiting.shift()!();
    return true;
  }

  settle(): void {
    for (let count = 0; this.next(); count++) assert(count < 200_000, "nothing comes to rest");
  }

  /** Lets time pass; the coordinator gives a sign of life every 500 ms. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    this.settle();
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, this.nowMs + 100);
      for (const node of this.nodes) {
        const dueMs = node.machine?.nextDeadlineMs() ?? null;
        if (dueMs !== null && dueMs <= this.nowMs) node.feed({ type: "tick" });
        if (this.nowMs >= this.#probeAtMs) this.coordinator.send(node, { type: "probe" });
      }
      if (this.nowMs >= this.#probeAtMs) this.#probeAtMs = this.nowMs + 500;
      this.settle();
    }
  }

  /** A net in which these are in view 1. */
  static started(names: readonly string[], draw: Draw | null = null): GroupNet {
    const net = new GroupNet(draw);
    for (const name of names) net.add(name).start();
    net.settle();
    net.coordinator.change(...net.nodes);
    net.settle();
    return net;
  }
}

/** Whether a member shows who can join the group, and who is asked before an edit. */
function isShownAtJoining(
  effect: MemberEffect,
): effect is Extract<MemberEffect, { readonly type: "show" }> & {
  readonly event: { readonly event: "notice"; readonly text: string };
} {
  return effect.type === "show" && effect.event.event === "notice" &&
    effect.event.text.startsWith(accessText(FOUNDING));
}
