/**
 * Drives a world through its scenario: a room is founded, members join, talk and leave while faults start and end;
 * then everything heals, everybody who hasn't left for good returns, and in the end all promises must hold.
 */

import { endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import { channelSecret, type Invite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { ACTIVE_VIEW_MAX, INBOUND_LINKS_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshConfig } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { rememberedContacts } from "../../../lib/protocols/mesh/schema/records.ts";
import { fakeSigner } from "../fake_crypto.ts";
import { Random } from "../random.ts";
import type { Attack } from "./attacks.ts";
import { type MeshChecker, Violation } from "./checker.ts";
import type { Said } from "./ledger.ts";
import { Cuts, Episodes, knowsRoom } from "./episodes.ts";
import { Member, type MemberProcess, type Uninvited } from "./member.ts";
import { clockJumpsMs, type Scenario, type Trouble, TROUBLES } from "./scenario.ts";
import { type Subject, World } from "./world.ts";

/** The most members in addition to a scenario's nodes: copies and name clashes. */
const EXTRA_HOSTS = 8;
/** Members that can't find each other by themselves are helped after this time, and then at this interval. */
const HELP_AFTER_MS = 150_000;
const HELP_INTERVAL_MS = 30_000;
const SETTLE_LOOK_MS = 2_500;
/** Answers to commands may wait for a slow disk. */
const ANSWER_MS = 1_500;
const TEN_YEARS_MS = 10 * 365 * 24 * 60 * 60 * 1_000;
/** Whatever holds in a quiet room must still hold after this time. */
const STAYS_QUIET_MS = 20_000;
/** After this time all members know who can't be dialled. */
const UNREACHABLE_KNOWN_MS = 60_000;
/** Four addresses, some of which don't answer, and a few more attempts at a member that hung up. */
const INVITE_MS_MAX = 60_000;

/** Weights of further actions in a private room: a member rotates the invite, or a stranger tries to join. */
const INVITING = { rotate: 4, uninvited: 4 } as const;
/** Weights of the actions at a step, besides the kinds of trouble. */
const TALK = { say: 30, burst: 5, reply: 12, private: 4, join: 7, restart: 7, heal: 4 } as const;
type Action = keyof typeof TALK | keyof typeof INVITING | Trouble;

/** How a stranded member was started again. */
interface HelpGiven {
  readonly through: MemberProcess;
  /** Of a private room: that of the invite. */
  readonly epoch: number | undefined;
}

export class Driver {
  readonly world: World;
  readonly #random: Random;
  readonly #actions: readonly (readonly [Action, number])[];
  readonly #weight: number;
  readonly #isPrivate: boolean;
  /** The members through which stranded ones were started again. */
  readonly #askedForHelp = new Map<Member, HelpGiven>();
  /** Members that somebody has asked to be made deputies. */
  readonly #deputies = new Set<Member>();
  readonly #cuts: Cuts;
  readonly #episodes: Episodes;
  #joined = 0;
  /** The time from the heal until the room was quiet, ms; null before. */
  settledMs: number | null = null;

  constructor(
    readonly scenario: Scenario,
    readonly subject: Subject,
    checkers: readonly MeshChecker[],
    print: ((line: string) => void) | null,
  ) {
    this.world = new World(
      { ...scenario, hosts: scenario.nodes + scenario.attacks.length + EXTRA_HOSTS, print },
      subject,
      checkers,
    );
    this.#random = new Random(scenario.seed * 2 + 2);
    this.#cuts = new Cuts(this.world);
    this.#episodes = new Episodes(this.world, this.#random, this.#cuts, {
      pass: (forMs) => this.#pass(forMs),
      talk: () => this.#act(this.#random.pick(["say", "say", "reply", "burst", "private"])),
    });
    const troubles = [...scenario.troubles].map((name) => [name, TROUBLES[name]] as const);
    const talk = Object.entries(TALK) as [keyof typeof TALK, number][];
    const inviting = Object.entries(INVITING) as [keyof typeof INVITING, number][];
    this.#isPrivate = scenario.isPrivate && subject.features.privateRooms;
    this.#actions = [...talk, ...troubles, ...(this.#isPrivate ? inviting : [])];
    this.#weight = this.#actions.reduce((sum, [, weight]) => sum + weight, 0);
  }

  /** @throws {Violation} If a promise is broken. */
  run(): void {
    const { scenario, world } = this;
    const founder = this.#newMember(null);
    world.start(founder, { kind: "found", ...(this.#isPrivate ? { private: true } : {}) });
    this.#pass(2_000);
    founder.present?.command({ command: "invite", rotate: false });
    if (founder.present === null) throw new Violation("start", "the founder isn't ready after 2 s");
    for (let count = this.#random.below(scenario.nodes); count > 0; count--) this.#act("join");
    for (const attack of scenario.attacks) this.#enter(this.#newMember(null, attack));
    for (let step = 0; step < scenario.steps; step++) {
      this.#pass(this.#random.exponential(scenario.gapMs));
      this.#act(this.#pickAction());
    }
    if (this.#random.chance(0.5)) this.#act("say"); // the last word before silence
    this.#healAll();
    if (!this.#canMeet()) return;
    const healedMs = this.world.time.nowMs;
    this.#settle();
    this.settledMs = this.world.time.nowMs - healedMs;
    this.#loneWords();
    this.#pass(STAYS_QUIET_MS);
    this.#settle();
    if (scenario.troubles.has("age")) this.#ageAtPeace();
    if (this.#isPrivate) this.#tryInvites();
  }

  #pass(forMs: number): void {
    this.world.time.runUntil(this.world.time.nowMs + forMs);
  }

  #pickAction(): Action {
    let at = this.#random.next() * this.#weight;
    for (const [action, weight] of this.#actions) {
      at -= weight;
      if (at < 0) return action;
    }
    return "say";
  }

  // Who there is.

  #newMember(name: string | null, attack: Attack | null = null): Member {
    const { scenario, world } = this;
    const random = this.#random;
    const index = world.members.length;
    const reachable = index === 0 || attack !== null;
    const unknown = this.subject.features.unknownAddress && random.chance(0.6);
    const member = world.addMember({
      signer: fakeSigner(`${scenario.seed}/${index}`),
      name: name ?? `u${index}`,
      passive: !reachable && random.chance(scenario.passiveChance),
      natted: !reachable && random.chance(scenario.nattedChance),
      liar: attack ?? (this.#isEquivocator() ? "equivocates" : null),
      knowsAddress: !unknown,
      historyShown: scenario.historyShown,
      eager: random.chance(0.5),
    });
    member.wallOffsetMs = attack === "clockAhead"
      ? TEN_YEARS_MS
      : random.between(-1, 1) * scenario.wallErrorMs;
    return member;
  }

  #isEquivocator(): boolean {
    return this.subject.features.liars && this.#random.chance(this.scenario.liarChance);
  }

  #presentOne(): MemberProcess | null {
    const present = this.world.present().filter(({ sim }) => !sim.stalled);
    return present.length === 0 ? null : this.#random.pick(present);
  }

  /** Members that a newcomer can dial. Liars are excluded: they may tell a newcomer anything. */
  #contacts(): readonly MemberProcess[] {
    return this.world.judged().filter(({ member: { config } }) =>
      !config.natted && !config.passive
    );
  }

  #contact(): Member | null {
    const contacts = this.#contacts();
    return contacts.length === 0 ? null : this.#random.pick(contacts).member;
  }

  #roomForMore(): boolean {
    return this.world.members.length < this.world.config.hosts;
  }

  #enter(member: Member): void {
    const stored = knowsRoom(member);
    const contact = this.#contact();
    if (stored && (contact === null || this.#random.chance(0.7))) {
      this.world.start(member, { kind: "resume", room: member.room! });
    } else if (contact !== null) {
      this.world.start(member, this.#joining(member, contact));
    }
  }

  /** Joins through `contact`, with the member's own invite or else the one that the contact's user would give. */
  #joining(member: Member, contact: Member): MeshConfig["begin"] {
    const kept = knowsRoom(member) ? [member.room!] : [];
    const begin = { kind: "join", contact: contact.endpoint, kept } as const;
    if (!this.#isPrivate || member.uninvited === "none") return begin;
    if (member.invite !== null) return { ...begin, invite: member.invite };
    const secret = contact.present?.probe?.secrets()?.current() ?? null;
    if (secret === null || contact.room === null) return begin;
    const endpoints = this.#contacts().slice(0, 3).map(({ member: { endpoint } }) => endpoint);
    // Now and then the first address is one where nobody listens.
    const first = this.#random.chance(0.2) ? { host: "10.9.9.9", port: 1 } : contact.endpoint;
    const invite = { room: contact.room, secret, endpoints: [contact.endpoint, ...endpoints] };
    return { ...begin, contact: first, invite };
  }

  // What happens.

  #act(action: Action): void {
    this.world.note("", action, 0, null);
    switch (action) {
      case "join":
        if (this.#joined < this.scenario.nodes - 1) {
          this.#joined++;
          this.#enter(this.#newMember(null));
        }
        return;
      case "storm":
        for (let count = 2 + this.#random.below(6); count > 0; count--) this.#act("join");
        return;
      case "restart":
        return this.#restartOne();
      case "say":
        return this.#say(1);
      case "burst":
        return this.#say(2 + Math.floor(this.#random.exponential(12)));
      case "reply":
        return this.#reply();
      case "private":
        return this.#private();
      case "rotate":
        return this.#presentOne()?.command({ command: "invite", rotate: true });
      case "uninvited":
        if (this.#roomForMore()) {
          this.#enterUninvited(this.#random.pick(["void", "made up", "none"]));
        }
        return;
      case "heal":
        return this.#cuts.set(() => false);
      default:
        return this.#trouble(action);
    }
  }

  #say(count: number): void {
    const process = this.#presentOne();
    if (process === null || process.pausedBecause !== null) return;
    for (let n = 0; n < count && process.sim.alive; n++) {
      this.world.say(process, this.#words(), null);
    }
  }

  #words(): string {
    if (!this.#random.chance(this.scenario.longTextChance)) return "";
    return "x".repeat(this.#random.below(this.#random.pick([300, 6_000, 40_000])));
  }

  #reply(): void {
    const process = this.#presentOne();
    const last = process?.member.shown.order.at(-1);
    if (process === null || last === undefined || process.pausedBecause !== null) return;
    this.world.say(process, `in answer to m${last.index}`, null);
  }

  /** Sends a private message to somebody who is or was present. */
  #private(): void {
    const from = this.#presentOne();
    if (!this.subject.features.privateMessages || !from?.member.isJudged) return;
    const { members } = this.world;
    const known = members.filter(({ readyAtMs, key, isJudged }) =>
      readyAtMs !== null && key !== from.member.key && isJudged
    );
    if (known.length === 0) return;
    const member = this.#random.pick(known);
    const shared = members.some((other) => other !== member && other.names.has(member.name));
    if (shared || member.names.size > 1) return;
    const count = this.#random.chance(0.2) ? 2 + this.#random.below(80) : 1;
    for (let n = 0; n < count && from.sim.alive; n++) {
      this.world.say(from, "", { name: member.name, key: member.key });
    }
  }

  /**
   * A stranger joins with a void invite, an invented one, or none. @returns The stranger; null without such an
   * invite.
   */
  #enterUninvited(uninvited: Uninvited): Member | null {
    const shown = [...this.world.invites.values()];
    const last = shown.at(-1);
    if (last === undefined || last.secret === null) return null;
    const secret = { epoch: last.secret.epoch, secret: this.#random.bytes(16) };
    const invite = uninvited === "void" ? this.#voidInvite(shown) : { ...last, secret };
    if (invite === null) return null;
    const member = this.#newMember(null);
    member.uninvited = uninvited;
    member.invite = uninvited === "none" ? null : invite;
    this.#enter(member);
    return member;
  }

  /** An invite that isn't the current one of any present member; null where there is none. */
  #voidInvite(shown: readonly Invite[]): Invite | null {
    const present = this.world.present();
    const old = shown.filter(({ room, secret }) =>
      secret !== null &&
      present.every(({ probe }) =>
        probe?.secrets()?.isCurrent(channelSecret(room, secret)) !== true
      )
    );
    return old.length === 0 ? null : this.#random.pick(old);
  }

  /** In a quiet room everybody knows the current invite: no stranger is admitted, whoever is asked. */
  #tryInvites(): void {
    for (const uninvited of ["void", "made up", "none"] as const) {
      if (!this.#roomForMore()) return;
      const stranger = this.#enterUninvited(uninvited);
      if (stranger === null) continue;
      this.#pass(INVITE_MS_MAX);
      const { process } = stranger;
      if (process !== null || stranger.readyAtMs !== null) {
        throw new Violation(
          "invites",
          `${stranger.label} isn't refused, its invite is ${uninvited}`,
        );
      }
    }
    // A member whose clock is behind may not follow a liar's late epochs: the invite counts at whoever gives it.
    const asked = this.#contact();
    if (!this.#roomForMore() || asked === null) return;
    // Where the present invite admits nobody, since its maker knew of other removals, this makes another one.
    asked.present!.command({ command: "invite", rotate: false });
    this.#pass(INVITE_MS_MAX);
    // Liars make up members under the others' names.
    const newcomer = this.#newMember(`invited${this.world.members.length}`);
    this.world.start(newcomer, this.#joining(newcomer, asked));
    this.#pass(INVITE_MS_MAX);
    if (newcomer.present === null) {
      throw new Violation("invites", `${newcomer.label} isn't let in with the present invite`);
    }
  }

  #restartOne(): void {
    const down = this.world.members.filter((member) => member.process === null && !member.over);
    if (down.length > 0) this.#enter(this.#random.pick(down));
  }

  #trouble(trouble: Trouble): void {
    const process = this.#presentOne();
    if (process === null) return;
    const { world } = this;
    const random = this.#random;
    switch (trouble) {
      case "kill":
        return this.#kill(process);
      case "powerLoss":
        this.#mayBeForGood(process.member);
        return world.end(process, true, 0);
      case "killWithNeighbours": {
        const near = new Set<PeerKey>(process.probe?.activeView() ?? []);
        for (const other of world.present()) {
          if (other === process || near.has(other.member.key)) world.end(other, false, 0.5);
        }
        return;
      }
      case "quit":
        return this.#quit(process);
      case "cut": {
        const partOf = this.#episodes.parts();
        return this.#cuts.set((from, to) => partOf[from] !== partOf[to]);
      }
      case "oneWayCut": {
        const deaf = random.below(world.members.length);
        const others = random.chance(0.5);
        const to = random.below(world.members.length);
        return this.#cuts.set((from, at) => at === deaf && (others || from === to));
      }
      case "sever": {
        const ends = [...process.links.values()];
        if (ends.length > 0) random.pick(ends).sever();
        return;
      }
      case "stall":
        return world.stall(process, random.between(500, 15_000));
      case "sleep":
        return this.#episodes.sleep(process);
      case "roam":
        if (this.subject.features.roams) this.#episodes.roam(process);
        return;
      case "permute":
        if (this.subject.features.roams) this.#episodes.permute();
        return;
      case "deaf":
        if (this.subject.features.deaf) this.#deafen();
        return;
      case "split":
        return this.#episodes.split();
      case "deadMiddle":
        return this.#episodes.deadMiddle(process);
      case "quietHalf":
        return this.#episodes.quietHalf();
      case "clockJump":
        process.member.wallOffsetMs += random.between(-1, 1) *
          random.pick(clockJumpsMs(this.scenario));
        return;
      case "slowReader":
        process.readIntervalMs = process.readIntervalMs > 0 ? 0 : random.between(5, 100);
        return;
      case "fullDisk": {
        const { disk } = process.member;
        if (this.subject.features.fullDisk) disk.refuses = !disk.refuses;
        return;
      }
      case "move":
        return this.#move(process);
      case "oldImage":
        return this.#oldImage(process);
      case "copy":
        return this.#copy(process);
      case "compact":
        return process.sim.compactSoon();
      case "nameClash":
        if (this.subject.features.names && this.#roomForMore()) {
          // Names of those who are away, the founder's before all, are taken first.
          const away = this.world.members.find((each) => each.process === null) ?? process.member;
          this.#enter(this.#newMember(away.name));
        }
        return;
      case "rename":
        if (this.subject.features.names) {
          const name = `v${random.below(1_000)}`;
          process.member.names.add(name);
          process.command({ command: "name", name });
        }
        return;
      case "age":
        return this.#age(process);
      case "killComer":
        return this.#killComer();
      case "rule":
        if (this.subject.features.removals) this.#rule();
        return;
      case "storm":
        return;
    }
  }

  /** The founder rules, or a deputy, or somebody who has no say. */
  #rule(): void {
    const random = this.#random;
    const { world } = this;
    const present = world.present().filter(({ sim, member }) => !sim.stalled && member.isJudged);
    const [founder] = world.members;
    const inOffice = present.filter(({ member }) =>
      member === founder || this.#deputies.has(member)
    );
    if (present.length === 0) return;
    const by = random.pick(inOffice.length > 0 && random.chance(0.85) ? inOffice : present);
    const others = world.members.filter((member) => {
      const { key, readyAtMs, names, name } = member;
      const isMeant = world.members.every((other) => other === member || !other.names.has(name));
      return member !== founder && key !== by.member.key && readyAtMs !== null &&
        names.size === 1 && isMeant;
    });
    const removed = others.filter(({ key }) => world.removals.has(key));
    const command = random.pick(["remove", "remove", "allow", "deputy"] as const);
    const subjects = command === "allow" ? removed : others;
    // Enough stay for a room.
    const isEnough = removed.length >= this.scenario.nodes / 2;
    if (subjects.length === 0 || (command === "remove" && isEnough)) return;
    const member = random.pick(subjects);
    const { name, key } = member;
    if (command === "deputy") {
      this.#deputies.add(member);
      return by.command({ command, name, appoint: random.chance(0.7) });
    }
    if (command === "remove") world.removals.add(key);
    by.command({ command, name });
    if (command === "allow") this.#comesBack(key);
  }

  /** Who was removed tries again. */
  #comesBack(key: PeerKey): void {
    for (const member of this.world.members) {
      if (member.key === key && member.isKicked) [member.isKicked, member.over] = [false, false];
    }
  }

  /**
   * Kills a joining member while others, having read that it joined, talk to it; they may not know the whole room
   * yet.
   */
  #killComer(): void {
    const comers = () =>
      this.world.members.flatMap(({ process, readyAtMs }) =>
        process === null || readyAtMs !== null ? [] : [process]
      );
    if (comers().length === 0) this.#act(this.#random.chance(0.5) ? "join" : "restart");
    const comer = comers().at(-1);
    if (comer === undefined) return;
    comer.effectsLeft = 1 + this.#random.below(60);
    comer.onDoom = () => this.world.end(comer, false, 0.5);
    this.#episodes.talkTo();
  }

  /**
   * Makes links too old: all in the room, as if all members had joined at once, those of one member, or one. One end
   * closes each link, or both do.
   */
  #age(process: MemberProcess): void {
    const random = this.#random;
    const own = [...process.links.values()];
    const all = this.world.present().flatMap(({ links }) => [...links.values()]);
    const aged = random.pick([all, own, own.slice(0, 1)]);
    for (const end of aged) {
      const ends = random.pick([[end], [end.other], [end, end.other]]);
      for (const one of ends) one.close("this link is a day old; dial again");
    }
  }

  /** Quits a member that is still joining, if there is one; otherwise the present one. */
  #quit(present: MemberProcess): void {
    const comers = this.world.members.flatMap(({ process }) =>
      process === null || process.readyAtMs !== null ? [] : [process]
    );
    const process = comers.length === 0 ? present : this.#random.pick(comers);
    this.#mayBeForGood(process.member);
    process.command({ command: "quit" });
  }

  /**
   * Some never return. The founder does, or else a copy of its profile, but where it was started again beside that copy:
   * then the copy ends for good, and so does the founder with its next end.
   */
  #mayBeForGood(member: Member): void {
    if (member.key !== this.world.members[0]!.key && this.#random.chance(0.2)) member.over = true;
  }

  #deafen(): void {
    const { length } = this.world.members;
    this.#cuts.deafen(this.#random.below(length), this.#random.below(length));
  }

  #kill(process: MemberProcess): void {
    this.#mayBeForGood(process.member);
    if (this.#random.chance(0.3)) return this.world.end(process, false, 0.5);
    process.effectsLeft = 1 + this.#random.below(30);
    process.onDoom = () => this.world.end(process, false, 0.5);
  }

  #move(process: MemberProcess): void {
    const { member } = process;
    const { network } = this.world;
    this.world.end(process, this.#random.chance(0.3), 0.5);
    const { host, port } = member.endpoint;
    const answer = this.#random.pick(["wrong-room", "wrong-key", null]);
    if (answer !== null) network.listen(member.endpoint, { host: member.index, answer });
    member.endpoint = { host, port: port + 1 };
    this.#enter(member);
  }

  /** Keeps an image of the disk, or restores the kept one. */
  #oldImage(process: MemberProcess): void {
    const { member } = process;
    if (!this.subject.features.copies) return;
    if (member.image === null) {
      member.image = this.world.imageOf(member);
      return;
    }
    this.world.end(process, false, 0.5);
    this.world.restore(member, member.image);
    member.image = null;
    this.#enter(member);
  }

  /** Starts a second process with a copy of this profile, on another host. */
  #copy(process: MemberProcess): void {
    if (!this.subject.features.copies || !this.#roomForMore()) return;
    const { world } = this;
    const { member } = process;
    const image = world.imageOf(member);
    const copy = world.addMember({ ...member.config, natted: false, passive: false });
    copy.name = member.name;
    for (const name of member.names) copy.names.add(name);
    world.restore(copy, image);
    member.over = true; // of the two, the later start stays
    this.#enter(copy);
  }

  // The end.

  #healAll(): void {
    const { world } = this;
    world.note("", "heal all", 0, null);
    if (!this.#maySomeStayDeaf()) this.#cuts.endDeafness();
    this.#cuts.set(() => false);
    for (const member of world.members) {
      member.disk.refuses = false;
      const { process } = member;
      if (process === null) continue;
      process.readIntervalMs = 0;
      process.effectsLeft = -1;
    }
  }

  /** Whether each member can reach at least two others even if one link breaks, so that deafness needn't end. */
  #maySomeStayDeaf(): boolean {
    const staying = this.world.members.filter(({ over, process }) => !over || process !== null);
    return staying.length >= 5 &&
      staying.every(({ config }) => config.knowsAddress && !config.natted && !config.passive);
  }

  /**
   * Whether all remaining members can be in one overlay. If all are behind routers, none can dial another; if more
   * are than the others have inbound slots, besides the links among those others, some find no place.
   */
  #canMeet(): boolean {
    const staying = this.world.members.filter(({ over, process }) => !over || process !== null);
    const open = staying.filter(({ config }) => !config.natted && !config.passive).length;
    const amongThem = Math.floor(Math.min(open * (open - 1), open * ACTIVE_VIEW_MAX) / 2);
    return open > 0 && staying.length - open <= open * INBOUND_LINKS_MAX - amongThem;
  }

  /** Waits until everything that must hold in the end does. @throws {Violation} If that takes too long. */
  #settle(): void {
    const { time } = this.world;
    const untilMs = time.nowMs + this.scenario.settleMsMax;
    let helpMs = time.nowMs + HELP_AFTER_MS;
    for (;;) {
      this.#returnAll();
      if (time.nowMs >= helpMs) {
        helpMs += HELP_INTERVAL_MS;
        if (this.#mayBeStranded()) {
          this.#askForInvite();
          this.#helpStranded();
        }
      }
      this.#pass(SETTLE_LOOK_MS);
      try {
        this.#look();
        this.#ask();
        return;
      } catch (error) {
        if (!(error instanceof Violation) || time.nowMs >= untilMs) throw error;
      }
    }
  }

  /**
   * Whether members may have lost each other for good, because all members that one knew have moved, left for ever
   * or can't be dialled. Otherwise no help is given, and each must find its room by itself.
   */
  #mayBeStranded(): boolean {
    const { world } = this;
    const { members } = world;
    const keys = new Set(members.map(({ key }) => key));
    // Two that roam at once look for each other at the old addresses. One that roams alone finds all others where it
    // has met them. Where addresses were handed out anew, somebody may be there whom the others don't know.
    const { roamed } = this.#episodes;
    const { troubles } = this.scenario;
    const haveMoved = roamed.size > 0 || troubles.has("permute");
    const hasLostAll = roamed.size > 1 || (haveMoved && !canMeet(this.world.present()));
    return hasLostAll || this.#cuts.someAreDeaf || troubles.has("move") ||
      keys.size < members.length || world.removals.size > 0 ||
      members.some(({ over, config }) => over || config.natted || config.passive);
  }

  /**
   * Does what users would do: starts stranded members again with an address that works. Each is helped only once,
   * unless the member through which it was started has gone: a bug that keeps it from joining through a present
   * member must not be hidden by another attempt. It is helped again, too, where the room has another invite since: to
   * somebody who had heard of a removal before the room did, the one of then was no good, and it was told to ask for the
   * present one. A member that only a liar connects with the others is stranded, too.
   */
  #helpStranded(): void {
    const open = this.#contacts();
    const honest = this.world.judged();
    const room = this.#roomOf(honest, open);
    if (room === undefined) return;
    const contacts = open.filter((process) => room.includes(process));
    for (const process of honest) {
      const asked = this.#askedForHelp.get(process.member);
      const isInvited = asked?.epoch === asked?.through.probe?.secrets()?.current()?.epoch;
      if (room.includes(process) || (asked?.through.gone === false && isInvited)) continue;
      this.world.note(process.label, "stranded", 0, null);
      // Who was away while somebody was removed and allowed back knows of the removal alone, and parts with that one.
      const others = contacts.filter(({ member: { key } }) =>
        key !== process.member.key && process.probe?.isRemoved(key) !== true
      );
      this.world.end(process, false, 0);
      if (others.length === 0) process.member.over = true;
      else {
        const contact = this.#random.pick(others);
        const epoch = contact.probe?.secrets()?.current()?.epoch;
        this.#askedForHelp.set(process.member, { through: contact, epoch });
        this.world.start(process.member, this.#joining(process.member, contact.member));
      }
    }
  }

  /** The part of the room into which all others are helped; the first one where nobody can be dialled. */
  #roomOf(
    honest: readonly MemberProcess[],
    open: readonly MemberProcess[],
  ): readonly MemberProcess[] | undefined {
    const all = islands(honest);
    const founder = this.world.removals.size > 0 ? this.#presentFounder(honest) : null;
    // Where nobody can be dialled, those beside the first ones can only give up.
    return all.find((island) =>
      island.some((process) => founder === null ? open.includes(process) : process === founder)
    ) ?? all[0];
  }

  /**
   * Whoever of the room is asked for its invite types `/invite`: where the present one admits nobody, this makes another
   * one. A room with somebody who may remove others needs no asking: that one's program has to have made it by now.
   */
  #askForInvite(): void {
    const open = this.#contacts();
    const room = this.#roomOf(this.world.judged(), open) ?? [];
    const asked = room.find((process) => open.includes(process));
    const probe = asked?.probe ?? null;
    if (asked === undefined || probe === null || !probe.isInviteVoid()) return;
    if (room.some(({ member: { key } }) => probe.mayRemove(key))) return;
    asked.command({ command: "invite", rotate: false });
    this.#pass(ANSWER_MS);
  }

  /**
   * The founder, to whom all go where somebody was removed. Where a copy of the profile has removed somebody in another
   * half, that one whose secret wins, without which the others are out.
   */
  #presentFounder(honest: readonly MemberProcess[]): MemberProcess | null {
    const { key } = this.world.members[0]!;
    const [first, ...others] = honest.filter(({ member }) => member.key === key);
    let wins = first ?? null;
    for (const other of others) {
      const secrets = other.probe?.secrets();
      const theirs = wins?.probe?.secrets()?.currentRotation;
      if (!secrets?.currentRotation || !theirs) continue;
      if (secrets.compare(secrets.currentRotation, theirs) < 0) wins = other;
    }
    return wins;
  }

  #returnAll(): void {
    for (const member of this.world.members) {
      if (member.process === null && !member.over) this.#enter(member);
    }
  }

  #look(): void {
    const { world } = this;
    for (const member of world.members) {
      if (!member.isJudged) continue;
      // A member that never joined, and finds nobody to dial, is in no room.
      const comesBack = knowsRoom(member) || this.#contacts().length > 0;
      if (member.present === null && !member.over && comesBack) {
        throw new Violation("return", `${member.label} isn't back in the room`);
      }
      if (member.process?.pausedBecause) {
        throw new Violation(
          "input",
          `${member.label} takes no input: ${member.process.pausedBecause}`,
        );
      }
    }
    for (const checker of world.checkers) checker.atQuiet?.(world);
  }

  #ask(): void {
    const { world } = this;
    for (const process of world.judged()) {
      process.peers = null;
      process.history = null;
      process.command({ command: "peers" });
      process.command({ command: "history", count: 10_000 });
    }
    this.#pass(ANSWER_MS);
    this.#look();
    for (const checker of world.checkers) checker.atAnswers?.(world);
  }

  /**
   * Sends messages in a quiet room while a link breaks just before or after some of them: severed, or cut so that
   * nobody notices for seconds. No later message could reveal what was missed.
   */
  #loneWords(): void {
    const { world, scenario } = this;
    for (let count = 1 + this.#random.below(3); count > 0; count--) {
      const process = this.#presentOne();
      if (process === null) return;
      // With two members, or members that can't be dialled, the cut link may be the only path.
      const present = world.judged();
      const hasOtherWays = present.length > 2 &&
        present.every(({ member: { config } }) =>
          config.knowsAddress && !config.natted && !config.passive
        );
      const trouble = this.#random.pick(["none", "torn", hasOtherWays ? "cut" : "torn"]);
      if (trouble === "cut") this.#cutOneLink();
      const said = world.say(process, "into the silence", null);
      this.#pass(this.#random.exponential(scenario.delayMs));
      if (trouble === "torn") this.#trouble("sever");
      this.#awaitWord(said);
      this.#cuts.set(() => false);
      this.#pass(this.#random.exponential(2_000));
    }
  }

  /** Where nothing else is wrong, redialling old links must not be reported to users. */
  #ageAtPeace(): void {
    this.#pass(UNREACHABLE_KNOWN_MS);
    const process = this.#presentOne();
    if (process === null) return;
    this.world.note(process.label, "age at peace", 0, null);
    this.#age(process);
    this.world.isAtPeace = true;
    this.#pass(STAYS_QUIET_MS);
    this.world.isAtPeace = false;
    this.#settle();
  }

  /** Cuts one link in use, in both directions. */
  #cutOneLink(): void {
    const ends = [...this.world.network.ends];
    if (ends.length === 0) return;
    const { owner, other } = this.#random.pick(ends);
    const [one, two] = [owner.host, other.owner.host];
    this.#cuts.set((from, to) => (from === one && to === two) || (from === two && to === one));
  }

  #awaitWord(said: Said): void {
    const { world, scenario } = this;
    const untilMs = world.time.nowMs + scenario.loneWordMsMax;
    for (;;) {
      const missing = world.judged().find(({ member }) => !member.shown.has(said));
      if (missing === undefined || said.lie || said.refused) return;
      if (world.time.nowMs >= untilMs) {
        const text =
          `${missing.label} wasn't shown "${said.text}" within ${scenario.loneWordMsMax} ms`;
        throw new Violation("lone word", text);
      }
      this.#pass(100);
    }
  }
}

/** Processes grouped by open links, the largest group first. */
function islands(processes: readonly MemberProcess[]): MemberProcess[][] {
  return joined(
    processes,
    ({ links }) => [...links.values()].map(({ other }) => other.owner as MemberProcess),
  );
}

/**
 * Whether all are linked, directly or by dialling addresses that one side of each gap has on its disk, where the other
 * side answers: the member that is looked for there, or another one known by then.
 */
function canMeet(processes: readonly MemberProcess[]): boolean {
  const all = islands(processes);
  const dials = (one: readonly MemberProcess[], { member: { endpoint, key } }: MemberProcess) => {
    const linked = new Set(one.map(({ member }) => member.key));
    return one.some(({ member }) => {
      const contacts = rememberedContacts(member.disk.records, member.key);
      const wanted = contacts.filter((contact) => !linked.has(contact.key));
      return wanted.some((contact) => contact.key === key) &&
        wanted.some((contact) => endpointText(contact.endpoint) === endpointText(endpoint));
    });
  };
  const canDial = (one: readonly MemberProcess[], other: readonly MemberProcess[]) =>
    other.some((process) => dials(one, process)) || one.some((process) => dials(other, process));
  return joined(all, (one) => all.filter((other) => canDial(one, other))).length <= 1;
}

/** The connected components by a symmetric relation, the largest first. */
function joined<T>(all: readonly T[], neighbours: (one: T) => readonly T[]): T[][] {
  const left = new Set(all);
  const found: T[][] = [];
  for (const first of left) {
    const group = [first];
    left.delete(first);
    for (const one of group) {
      for (const other of neighbours(one)) if (left.delete(other)) group.push(other);
    }
    found.push(group);
  }
  return found.sort((a, b) => b.length - a.length);
}
