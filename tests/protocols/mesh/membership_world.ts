/**
 * Members of a mesh reduced to admission, roster and names: enough to see who is believed to be there, under which
 * name. Links come and go as a plain overlay would have it.
 */

import { HERE } from "../../../lib/base/machine/user_presence.ts";
import { Admission } from "../../../lib/protocols/mesh/joining/admission.ts";
import {
  ADMISSION_LAN,
  type AdmissionEffect,
  type AdmissionInput,
  type AdmissionTiming,
} from "../../../lib/protocols/mesh/joining/admission_io.ts";
import { earlierMembership, foundRoom } from "../../../lib/protocols/mesh/joining/genesis.ts";
import type {
  AdmissionMessage,
  RosterMessage,
} from "../../../lib/protocols/mesh/schema/messages.ts";
import { RoomNames } from "../../../lib/protocols/mesh/names/room_names.ts";
import { NAME_RACE_MS, type NamesEffect } from "../../../lib/protocols/mesh/names/names_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { Roster } from "../../../lib/protocols/mesh/roster/roster.ts";
import {
  ROSTER_LAN,
  type RosterEffect,
  type RosterInput,
  type RosterTiming,
} from "../../../lib/protocols/mesh/roster/roster_io.ts";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Hash, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { invariant, unreachable } from "../../../lib/base/invariant.ts";
import { AwakeClock } from "../../../lib/base/machine/clock.ts";
import { earliestMs } from "../../../lib/base/machine/machine.ts";
import { foldName, parseName } from "../../../lib/base/text/names.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { PROCESS } from "./membership_fixtures.ts";
import { LinkEnd, MeshNetwork, MeshNode } from "./mesh_network.ts";

/** What a member's user would be shown. */
export type Shown =
  | { readonly event: "ready"; readonly name: string }
  | { readonly event: "joined"; readonly name: string; readonly key: PeerKey }
  | {
    readonly event: "left";
    readonly name: string;
    readonly key: PeerKey;
    readonly reason: "quit" | "lost" | "replaced" | "removed";
  }
  | { readonly event: "renamed"; readonly from: string; readonly name: string }
  | { readonly event: "error"; readonly code: string }
  | { readonly event: "fatal"; readonly code: string }
  | { readonly event: "notice"; readonly about: NamesEffect["type"]; readonly name: string };

class End extends LinkEnd<Member> {
  isMember = false;

  constructor(readonly id: LinkId, readonly isDialled: boolean, owner: Member, delayMs: number) {
    super(owner, delayMs);
  }
}

export interface MemberOptions {
  /** The same seed is the same key. Default: the name. */
  readonly seed?: string;
  readonly host?: string;
  /** What is on its disk from before. */
  readonly records?: readonly MeshRecord[];
  /** How far its wall clock is off. */
  readonly clockMs?: number;
}

export class Member extends MeshNode {
  readonly shown: (Shown & { readonly atMs: number })[] = [];
  readonly records: MeshRecord[] = [];
  readonly signer: Signer;
  readonly admission: Admission;
  readonly roster: Roster;
  readonly names: RoomNames;
  readonly ends = new Map<LinkId, End>();
  readonly #awake = new AwakeClock();
  /** Stopped for a while: it neither hears nor speaks. */
  isStopped = false;
  isReady = false;
  group = 0;

  constructor(readonly world: World, readonly name: string, readonly options: MemberOptions) {
    super(world);
    this.signer = fakeSigner(options.seed ?? name);
    this.records.push(...options.records ?? []);
    const env: Environment = {
      random: world.random.next,
      randomBytes: (length) => new Uint8Array(length).map(() => world.random.below(256)),
      wallMs: () => 1_700_000_000_000 + world.time.nowMs + (options.clockMs ?? 0),
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    this.env = env;
    const earlier = earlierMembership(fakeCrypto, this.key, this.records);
    const records = [...this.records];
    this.roster = new Roster(
      { records, timing: world.rosterTiming, own: { lateMs: 0 } },
      env,
      this.signer,
      {
        frontier: () => "00".repeat(32) as Hash,
        latest: () => 0,
        isClaimKept: () => false,
        epoch: () => 0,
        isRemoved: () => false,
      },
    );
    this.names = new RoomNames(
      {
        self: this.key,
        records,
        raceMs: NAME_RACE_MS,
        isVouched: (claim) => this.roster.isVouched(claim),
        claimants: (folded) => this.roster.claimants(folded),
      },
      (key) => key,
    );
    this.admission = new Admission(
      {
        name: parseName(name),
        room: earlier?.room ?? null,
        private: false,
        incarnationMin: earlier?.incarnationMin ?? 1,
        endpoint: { host: "", port: 1 },
        ownClaims: earlier?.ownClaims ?? [],
        timing: world.admissionTiming,
      },
      env,
      this.signer,
      {
        ownerOf: (folded) => this.names.ownerOf(folded),
        precedes: (claim) => this.names.precedes(this.roster.knownClaim(claim)),
        incarnationOf: (key) => this.roster.incarnationOf(key),
        isLive: (key) => this.roster.isLive(key),
        isOfCopy: (beacon) => this.roster.isOfCopy(beacon),
        goneSince: (beacon) => this.roster.goneSince(beacon),
        credentialsOf: (key) => this.roster.credentialsOf(key),
        liveMembers: () => this.roster.liveCount,
        isClaimKnown: (id) => this.roster.isClaimKnown(id),
        latestHead: () => null,
        selfBeacon: () => this.roster.selfBeacon(),
        selfClaim: () => this.roster.selfClaim(),
      },
    );
  }

  readonly env: Environment;
  /** Keys of which it has met two processes that say they are one. */
  readonly copied: PeerKey[] = [];

  get key(): PeerKey {
    return this.signer.key;
  }

  get host(): string {
    return this.options.host ?? "127.0.0.1";
  }

  neighbours(): readonly End[] {
    const byPeer = new Map<PeerKey, End>();
    for (const end of this.ends.values()) if (end.isMember) byPeer.set(end.peer.key, end);
    return [...byPeer.values()];
  }

  isNeighbourOf(other: Member): boolean {
    return this.neighbours().some(({ peer }) => peer === other);
  }

  say(shown: Shown): void {
    this.shown.push({ ...shown, atMs: this.world.time.nowMs });
  }

  lines(): readonly string[] {
    return this.shown.map((shown) => {
      switch (shown.event) {
        case "left":
          return `left ${shown.name} ${shown.reason}`;
        case "renamed":
          return `renamed ${shown.from} ${shown.name}`;
        case "error":
        case "fatal":
          return `${shown.event} ${shown.code}`;
        case "notice":
          return `${shown.about} ${shown.name}`;
        default:
          return `${shown.event} ${shown.name}`;
      }
    });
  }

  tick(): void {
    if (this.isStopped) return;
    this.admit({ type: "tick" });
    this.enrol({ type: "tick" });
    this.arm();
  }

  /** As the composition does: a process that was stopped blames nobody. */
  #nowMs(): number {
    const nowMs = this.#awake.step(this.world.time.nowMs);
    if (this.#awake.stalledMs > 0) this.roster.awoke(this.#awake.stalledMs, nowMs);
    return nowMs;
  }

  nextDeadlineMs(): number | null {
    this.#awake.dueMs = earliestMs(this.admission.nextDeadlineMs(), this.roster.nextDeadlineMs());
    return this.#awake.nextDeadlineMs();
  }

  linkUp(end: End): void {
    if (this.isGone) return;
    this.admit({
      type: "link-up",
      link: end.id,
      peer: end.peer.key,
      process: PROCESS,
      dialled: end.isDialled,
      remote: { host: end.peer.host, port: 1 },
    });
    this.arm();
  }

  linkDown(end: End, closed: boolean): void {
    this.ends.delete(end.id);
    if (this.isGone || this.isStopped) return;
    const { key: peer } = end.peer;
    this.admit({ type: "link-down", link: end.id });
    const hasAnother = this.neighbours().some((other) => other.peer.key === peer);
    if (end.isMember && !hasAnother) {
      this.enrol({ type: "neighbour-down", peer });
      if (!closed) this.enrol({ type: "link-lost", peer });
    }
    this.arm();
  }

  receive(end: End, message: AdmissionMessage | RosterMessage): void {
    const from = end.peer.key;
    switch (message.type) {
      case "beacons":
      case "claims":
      case "statements":
      case "roster-want":
      case "roster-summary":
      case "roster-part":
        return this.enrol({ type: "message", from, message });
      default:
        return this.admit({ type: "message", link: end.id, message });
    }
  }

  found(): void {
    const { room, genesis, claim, incarnation, records } = foundRoom(this.env, this.signer, {
      name: this.name,
      isPrivate: false,
    });
    this.records.push(...records);
    this.admit({ type: "in-room", room, genesis });
    this.enrol({
      type: "enter",
      room,
      genesis,
      incarnation,
      self: { claim, endpoint: { host: this.host, port: 1 }, ...SELF },
    });
    this.adopt();
    this.ready();
    this.arm();
  }

  ready(): void {
    this.isReady = true;
    this.say({ event: "ready", name: this.name });
  }

  /** Names learn of our own claim. */
  adopt(): void {
    const { beacon } = this.roster.selfBeacon();
    const claim = this.roster.claim(beacon.value.claim)!;
    this.showNames(this.names.step({ type: "own", claim }, this.#nowMs()));
  }

  end(shown: Shown): void {
    this.say(shown);
    this.quit();
  }

  quit(): void {
    if (this.isGone) return;
    this.enrol({ type: "quit" });
    this.isGone = true;
    for (const end of [...this.ends.values()]) this.world.closeLink(end, true);
  }

  admit(input: AdmissionInput): void {
    for (const effect of this.admission.step(input, this.#nowMs())) {
      if (!this.isGone) this.doAdmission(effect);
    }
  }

  enrol(input: RosterInput): void {
    for (const effect of this.roster.step(input, this.#nowMs())) {
      if (!this.isGone) this.doRoster(effect);
    }
  }

  doAdmission(effect: AdmissionEffect): void {
    switch (effect.type) {
      case "send": {
        const end = this.ends.get(effect.link);
        return end && this.world.deliver(end, effect.message);
      }
      case "close": {
        const end = this.ends.get(effect.link);
        return end && this.world.closeLink(end, true);
      }
      case "member": {
        const end = this.ends.get(effect.link);
        if (end === undefined) return;
        const isFirst = !this.isNeighbourOf(end.peer);
        end.isMember = true;
        const { beacon, claim } = effect;
        this.enrol({ type: "member", from: effect.peer, beacon, claim });
        if (isFirst) this.enrol({ type: "neighbour-up", peer: effect.peer });
        return;
      }
      case "claimed": {
        const { beacon, claim } = effect;
        return this.enrol({ type: "member", from: effect.peer, beacon, claim });
      }
      case "renew":
        return this.enrol(effect);
      case "persist":
        this.records.push(...effect.records);
        return;
      case "admitted": {
        const { room, genesis, incarnation, claim, endpoint } = effect;
        if (effect.rename) this.enrol({ type: "self", change: { claim } });
        else {
          const self = { claim, endpoint, ...SELF };
          this.enrol({ type: "enter", room, genesis, incarnation, self });
        }
        this.adopt();
        return this.admit({ type: "entered", link: effect.link });
      }
      case "came-in":
        return this.ready();
      case "name-claimed":
        return;
      case "refused":
        if (effect.rename) return this.say({ event: "error", code: effect.code });
        return this.end({ event: "fatal", code: effect.code });
      case "replaced-self":
        return this.end({ event: "fatal", code: "replaced" });
      case "copied":
        this.copied.push(effect.peer);
        return;
      case "penalise":
        this.world.penalties.push(`${this.name}: ${effect.text}`);
        return;
      default:
        unreachable(effect);
    }
  }

  doRoster(effect: RosterEffect): void {
    const nowMs = this.#nowMs();
    switch (effect.type) {
      case "send": {
        const end = this.neighbours().find(({ peer }) => peer.key === effect.to);
        return end && this.world.deliver(end, effect.message);
      }
      case "joined": {
        const changes = this.names.step(effect, nowMs);
        const name = this.names.shownName(effect.key)!;
        this.say({ event: "joined", name, key: effect.key });
        return this.showNames(changes);
      }
      case "left": {
        const name = this.names.shownName(effect.key)!;
        this.say({ event: "left", name, key: effect.key, reason: effect.reason });
        return this.showNames(this.names.step(effect, nowMs));
      }
      case "absent":
      case "forgotten":
      case "reclaimed":
      case "vouched":
        return this.showNames(this.names.step(effect, nowMs));
      case "replaced-self":
        return this.end({ event: "fatal", code: "replaced" });
      case "penalise":
        this.world.penalties.push(`${this.name}: ${effect.text}`);
        return;
      case "persist":
        this.records.push(...effect.records);
        return;
      case "copied":
        this.copied.push(effect.key);
        return;
      case "presence":
      case "updated":
      case "suspected":
      case "unsuspected":
      case "claim-known":
        return;
      default:
        unreachable(effect);
    }
  }

  showNames(effects: readonly NamesEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "renamed":
          this.say({ event: "renamed", from: effect.from, name: effect.name });
          break;
        case "name-lost-self":
          if (effect.consequence === "leave") this.end({ event: "fatal", code: "name-taken" });
          else this.say({ event: "error", code: "name-taken" });
          break;
        case "persist":
          this.records.push(...effect.records);
          break;
        case "pin":
          break; // as the record that is persisted with it
        default:
          this.say({ event: "notice", about: effect.type, name: effect.name });
      }
    }
  }
}

const SELF = { passive: false, process: PROCESS, boxKey: new Uint8Array(32), ...HERE };

export interface WorldOptions {
  readonly seed?: number;
  /** Neighbours that each member keeps; default all. */
  readonly degree?: number;
  readonly rosterTiming?: RosterTiming;
  readonly admissionTiming?: AdmissionTiming;
  /** One way, ms. */
  readonly latencyMs?: number;
}

/** A dead link is noticed after so long where nobody said that it is closed. */
const SILENCE_MS = 3_000;
const REPAIR_MS = 1_000;

export class World extends MeshNetwork {
  readonly members: Member[] = [];
  readonly penalties: string[] = [];
  readonly rosterTiming: RosterTiming;
  readonly admissionTiming: AdmissionTiming;
  readonly #degree: number;
  readonly #latencyMs: number;
  #nextLink = 1;

  constructor(options: WorldOptions = {}) {
    super(options.seed ?? 1);
    this.#degree = options.degree ?? Infinity;
    this.#latencyMs = options.latencyMs ?? 1;
    this.rosterTiming = options.rosterTiming ?? ROSTER_LAN;
    this.admissionTiming = options.admissionTiming ?? ADMISSION_LAN;
    this.#repairLater();
  }

  /** A process starts; `via` null founds a room. */
  start(name: string, via: Member | null, options: MemberOptions = {}): Member {
    const member = new Member(this, name, options);
    member.group = via?.group ?? 0;
    this.members.push(member);
    if (via === null) member.found();
    else this.connect(member, via);
    return member;
  }

  live(): readonly Member[] {
    return this.members.filter(({ isGone, isReady }) => !isGone && isReady);
  }

  connect(from: Member, to: Member): void {
    const near = this.#end(from, true).to(this.#end(to, false));
    this.at(this.#latencyMs, () => {
      for (const end of [near.other, near]) if (end.isUp) end.owner.linkUp(end);
    });
  }

  #end(owner: Member, isDialled: boolean): End {
    const end = new End(this.#nextLink++ as LinkId, isDialled, owner, this.#latencyMs);
    owner.ends.set(end.id, end);
    return end;
  }

  deliver(end: End, message: AdmissionMessage | RosterMessage): void {
    end.send((at) => {
      const { owner } = at;
      if (owner.isGone || owner.isStopped || owner.group !== end.owner.group) return;
      owner.receive(at, message);
      owner.arm();
    });
  }

  /** Both ends go; the other side hears it after what was sent before. */
  closeLink(end: End, closed: boolean): void {
    end.down(closed);
    end.other.downIn(end.delayMs, closed);
  }

  /** As `kill -9`: its links end at once, without a word. */
  kill(member: Member): void {
    member.isGone = true;
    for (const end of [...member.ends.values()]) this.closeLink(end, false);
  }

  /** Stops a process for a while, as a closed laptop does. */
  stop(member: Member, forMs: number): void {
    member.isStopped = true;
    const ends = [...member.ends.values()];
    for (const { other } of ends) other.downIn(SILENCE_MS);
    this.at(forMs, () => {
      member.isStopped = false;
      if (!member.isGone) member.tick();
      for (const end of ends) end.down();
    });
  }

  /** From now on only members of one group hear each other. */
  split(groupOf: (member: Member) => number): void {
    for (const member of this.members) member.group = groupOf(member);
    for (const member of this.members) {
      for (const end of [...member.ends.values()]) {
        if (end.peer.group === member.group) continue;
        this.at(SILENCE_MS, () => {
          if (end.peer.group !== member.group) end.down();
        });
      }
    }
  }

  heal(): void {
    for (const member of this.members) member.group = 0;
  }

  /** The overlay's work: within each group a ring in random order and some chords. */
  #repairLater(): void {
    this.at(REPAIR_MS, () => {
      const groups = new Map<number, Member[]>();
      for (const member of this.live()) {
        if (member.isStopped) continue;
        const group = groups.get(member.group);
        if (group === undefined) groups.set(member.group, [member]);
        else group.push(member);
      }
      for (const group of groups.values()) this.#repair(group);
      this.#repairLater();
    });
  }

  #repair(group: readonly Member[]): void {
    for (const [index, member] of group.entries()) {
      const wanted = this.#degree === Infinity
        ? group.slice(index + 1)
        : [group[(index + 1) % group.length]!];
      while (wanted.length < Math.min(this.#degree / 2, group.length - 1)) {
        wanted.push(group[this.random.below(group.length)]!);
      }
      const degree = member.neighbours().length;
      for (const [place, other] of wanted.entries()) {
        const isRing = place === 0;
        if (other === member || other.key === member.key || member.isNeighbourOf(other)) continue;
        if (!isRing && degree >= this.#degree) continue;
        this.connect(member, other);
      }
    }
  }
}

/** What is wrong in a room that has been quiet: nothing, where the machines do what they promise. */
export function faultsAfterQuiet(world: World): readonly string[] {
  const faults = [...world.penalties];
  const live = world.live();
  const expected = live.map(({ key }) => key).sort().join();
  for (const member of live) {
    const seen = [...member.roster.members()].filter(({ state }) => state === "alive");
    const keys = seen.map(({ key }) => key).sort().join();
    if (keys !== expected) {
      const names = seen.map(({ claim }) => claim.signed.claim.value.name).sort();
      faults.push(`${member.name} sees ${names.length} members: ${names.join(" ")}`);
    }
    if (member.roster.digest() !== live[0]!.roster.digest()) {
      faults.push(`${member.name} has another digest than ${live[0]!.name}`);
    }
    for (const other of live) {
      const folded = foldName(other.name);
      const [mine, first] = [member.names.ownerOf(folded), live[0]!.names.ownerOf(folded)];
      if (mine !== first) faults.push(`${member.name} and ${live[0]!.name} differ on "${folded}"`);
    }
    faults.push(...faultsOfEvents(member));
  }
  return faults;
}

/** Every `joined` of a key is followed by one `left` before the next. */
function faultsOfEvents(member: Member): readonly string[] {
  const present = new Set<PeerKey>();
  const faults: string[] = [];
  for (const shown of member.shown) {
    if (shown.event === "joined") {
      if (present.has(shown.key)) faults.push(`${member.name}: ${shown.name} joined twice`);
      present.add(shown.key);
    } else if (shown.event === "left" && !present.delete(shown.key)) {
      faults.push(`${member.name}: ${shown.name} left without having joined`);
    }
  }
  invariant(!present.has(member.key), "nobody is shown as joining to themselves");
  return faults;
}
