/** One run: a group talks during faults; then the faults end, and every promise must hold. */

import { OFFENDER_BAN_MS } from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupSecret } from "../../../lib/protocols/group/schema/group_secrets.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers/all.ts";
import type { Checker } from "./checker.ts";
import { Intruder } from "./intruder.ts";
import type { Mutation } from "./mutations.ts";
import { probe } from "./probes.ts";
import {
  changeRules,
  loseDisk,
  putBackDisk,
  putBackMember,
  recover,
  spoilLog,
} from "./disasters.ts";
import { type Scenario, scenarioOf, type Trouble, TROUBLES } from "./scenario.ts";
import { bringBack, checkSettled, heal, isFound, restart, unite } from "./settling.ts";
import type { Lie } from "./liar.ts";
import { Violation } from "./violation.ts";
import type { MemberProcess } from "./member_process.ts";
import { type MemberParty, type VoteWanted, World } from "./world.ts";

export interface GroupRun {
  readonly seed: number;
  readonly steps: number;
  readonly members?: number;
  /** The share of lost datagrams, with the real datagram layer below the members. */
  readonly loss?: number;
  /** Whether the group is private. */
  readonly private?: boolean;
  readonly print?: (line: string) => void;
  readonly mutation?: Mutation;
  readonly checkers?: () => Checker[];
  readonly scenario?: Partial<Scenario>;
  /** The second member sometimes tells lies of this kind. */
  readonly lie?: Lie;
}

/** Actions without trouble, and their weights. */
const TALK = { say: 30, burst: 6, join: 4, restart: 12, heal: 8 } as const;
/** The weight of setting other rules, in a run that has it. */
const RULES = 2;
/** The weights of what happens in a private group, beside that. */
const PRIVATE = { rotate: 3, intrude: 12 } as const;
type Action = keyof typeof TALK | keyof typeof PRIVATE | "edit" | "rules" | Trouble;

const LONG_TEXT_BYTES_MAX = 65_000;

/** The share of lies among a liar's messages. */
const LIES = 0.2;
/** The most attempts to lie once more after the heal: the liar has to be admitted first, perhaps after a pause. */
const LIES_MAX = 50;
const FOUND_MS = 3_000;

/** Runs one seed. @throws {Violation} If a promise is broken. */
export function runGroup(run: GroupRun): World {
  const { seed, steps, members, loss, print, mutation, lie, checkers = allCheckers } = run;
  const given = {
    ...(members === undefined ? {} : { members }),
    ...(loss === undefined ? {} : { loss }),
    ...(run.private === undefined ? {} : { private: run.private }),
  };
  const scenario = { ...scenarioOf(seed, steps, given), ...run.scenario };
  const undo = mutation?.install?.() ?? (() => {});
  try {
    const world = new World(
      { ...scenario, print: print ?? null, mutation: mutation ?? null },
      checkers(),
    );
    const liar = lie === undefined ? null : world.members[1]!;
    if (liar !== null) liar.lie = { kind: lie!, chance: LIES };
    new Driver(world, scenario, liar).run();
    return world;
  } finally {
    undo();
  }
}

class Driver {
  readonly #random: Random;
  /** What users say of themselves leaves all else as it is. */
  readonly #users: Random;
  #intruders = 0;
  readonly #actions: readonly (readonly [Action, number])[];

  constructor(
    readonly world: World,
    readonly scenario: Scenario,
    readonly liar: MemberParty | null,
  ) {
    this.#random = new Random(scenario.seed * 2 + 3);
    this.#users = new Random(scenario.seed * 2 + 4);
    const troubles = Object.entries(TROUBLES) as [Trouble, number][];
    this.#actions = [
      ...Object.entries(TALK) as [Action, number][],
      ["edit", scenario.editing],
      ["rules", scenario.changesRules ? RULES : 0],
      ...troubles.filter(([trouble]) => scenario.troubles.has(trouble)),
      ...(scenario.private ? Object.entries(PRIVATE) as [Action, number][] : []),
    ];
  }

  run(): void {
    const { world, scenario } = this;
    world.voteWanted = (process, event) => this.#answer(process, event);
    world.startCoordinator();
    for (const party of world.members.slice(0, scenario.founders)) world.start(party);
    for (let step = 0; step < scenario.steps; step++) {
      world.time.runUntil(world.time.nowMs + this.#random.exponential(scenario.gapMs));
      this.#act(this.#draw());
      if (this.#users.chance(0.05)) this.#goes(this.#users.pick(world.members));
    }
    this.#settle();
  }

  /** Its user goes away, or is back. */
  #goes({ process }: MemberParty): void {
    const change = { away: this.#users.pick(["", "lunch", null]) };
    process?.command({ command: "presence", change });
  }

  #draw(): Action {
    const total = this.#actions.reduce((sum, [, weight]) => sum + weight, 0);
    let at = this.#random.next() * total;
    return this.#actions.find(([, weight]) => (at -= weight) < 0)?.[0] ?? "say";
  }

  /** Brings back everybody who was ever in the group; each sends a message. */
  #settle(): void {
    const { world } = this;
    heal(world);
    bringBack(world);
    // Members that were removed earlier have been told so by now, before they are allowed in again.
    world.time.runUntil(world.time.nowMs + 1_000);
    for (const party of world.members) if (!isFound(world, party)) world.start(party);
    if (this.liar !== null) this.#endLies(this.liar);
    unite(world);
    for (const process of world.running()) world.say(process, "the end");
    unite(world);
    checkSettled(world);
  }

  /** A member that signs two batches with one number must be removed in the end; any other liar stops lying. */
  #endLies(liar: MemberParty): void {
    const { world } = this;
    if (liar.lie!.kind === "texts") {
      liar.lie!.chance = 1;
      for (let times = 0; times < LIES_MAX && !isFound(world, liar); times++) {
        world.start(liar);
        if (liar.process !== null) world.say(liar.process, "the last lie");
        world.time.runUntil(world.time.nowMs + FOUND_MS);
      }
      if (!isFound(world, liar)) throw new Violation(`${liar.name} has lied, and isn't out`);
    }
    liar.lie!.chance = 0;
    // Members don't reconnect before this to a peer of which they have complained.
    world.time.runUntil(world.time.nowMs + OFFENDER_BAN_MS);
  }

  #act(action: Action): void {
    const { world } = this;
    const random = this.#random;
    const party = random.pick(world.members);
    world.note("", `${action} ${party.name}`);
    switch (action) {
      case "say":
        return this.#say(party, 1);
      case "burst":
        return this.#say(party, 2 + random.below(random.chance(0.2) ? 600 : 60));
      case "edit":
        return this.#edit(party);
      case "rules":
        return changeRules(world, random);
      case "join":
        if (party.process === null && !party.isKicked) world.start(party);
        return;
      case "rotate":
        return world.coordinator.process?.command({ command: "invite", rotate: true });
      case "intrude":
        return this.#intrude(party);
      case "restart":
        return restart(world);
      case "heal":
        return heal(world);
      case "probe":
        // A probe needs everybody; members that were kept out would be missing.
        return probe(world, random);
      case "coordinatorKill":
      case "coordinatorKillSoon":
      case "coordinatorPowerLoss":
      case "coordinatorFreeze":
      case "coordinatorFullDisk":
      case "coordinatorCompact":
        return this.#toCoordinator(action);
      case "coordinatorLoss":
        return loseDisk(world);
      case "coordinatorImage":
        return putBackDisk(world);
      case "cutTcp":
      case "cutUdp":
      case "cutBoth":
        return this.#cut(action);
      case "killAll":
      case "powerLossOfAll":
        return this.#all(action === "powerLossOfAll");
      default:
        return this.#toMember(action, party);
    }
  }

  #say({ process }: MemberParty, count: number): void {
    const random = this.#random;
    for (let n = 0; n < count; n++) {
      if (process === null || process.gone || !process.takesInput) return;
      const isLong = random.chance(this.scenario.longTextChance);
      const length = isLong ? random.below(LONG_TEXT_BYTES_MAX) : random.below(50);
      this.world.say(process, "x".repeat(length));
    }
  }

  /** Requests an edit of an entry that it has; sometimes several at once, or of an entry that others edit, too. */
  #edit({ process }: MemberParty): void {
    const random = this.#random;
    const count = random.chance(0.2) ? 2 + random.below(8) : 1;
    for (let n = 0; n < count; n++) {
      if (process === null || process.gone || process.shownThrough === 0) return;
      const isLate = random.chance(0.5);
      const last = process.shownThrough;
      this.world.edit(process, isLate ? last : 1 + random.below(last));
    }
  }

  #answer(process: MemberProcess, { edit, new: text }: VoteWanted): void {
    const random = this.#random;
    const { goes, aborts, strays, delayMs } = this.scenario.voters;
    const drawn = random.next();
    if (drawn > goes + aborts) return;
    const times = random.chance(strays) ? 2 : 1;
    for (let n = 0; n < times; n++) {
      this.world.time.after(random.between(0, delayMs), () => {
        if (process.gone) return;
        this.world.vote(process, edit, text, drawn < goes);
        if (random.chance(strays)) process.command({ command: "go", edit: edit + 1_000 });
      });
    }
  }

  #toCoordinator(action: Trouble): void {
    const { world } = this;
    const random = this.#random;
    const { process, disk } = world.coordinator;
    if (process === null) return;
    switch (action) {
      case "coordinatorKill":
        return world.end(process, false);
      case "coordinatorKillSoon":
        return process.fault.after(
          1 + random.below(30),
          () => world.end(process, random.chance(0.2)),
        );
      case "coordinatorPowerLoss":
        return world.end(process, true);
      case "coordinatorFreeze":
        return world.freeze(process, random.between(200, 8_000));
      case "coordinatorFullDisk":
        disk.refuses = true;
        return;
      case "coordinatorCompact":
        if (process.isEager) process.sim.compactSoon();
        return;
    }
  }

  #toMember(action: Trouble, party: MemberParty): void {
    const { world } = this;
    const random = this.#random;
    const { process } = party;
    if (action === "clockJump") party.wallOffsetMs += random.between(-1, 1) * 7_200_000;
    if (action === "image") return putBackMember(world, party);
    if (action === "remove") return this.#remove(party);
    if (action === "spoilLog") return spoilLog(world, party, random);
    if (action === "recover") return recover(world, party);
    if (process === null) return;
    switch (action) {
      case "kill":
        return world.end(process, false);
      case "killSoon":
        return process.fault.after(
          1 + random.below(40),
          () => world.end(process, random.chance(0.2)),
        );
      case "powerLoss":
        return world.end(process, true);
      case "quit":
        party.isWanted = false;
        return process.command({ command: "quit" });
      case "sever": {
        const ends = [...process.links.values()];
        if (ends.length > 0) random.pick(ends).sever();
        return;
      }
      case "freeze":
        return world.freeze(process, random.between(200, 8_000));
      case "slowReader":
        process.readIntervalMs = random.pick([0, 1, 30]);
        return;
      case "fullDisk":
        party.disk.refuses = true;
        party.diskRefused = true;
        return;
      case "compact":
        if (process.isEager) process.sim.compactSoon();
        return;
      case "move":
        world.end(process, false);
        party.endpoint = { host: party.endpoint.host, port: party.endpoint.port + 1 };
        return world.start(party);
    }
  }

  #cut(action: "cutTcp" | "cutUdp" | "cutBoth"): void {
    const { world } = this;
    const random = this.#random;
    const hosts = world.members.length + 1;
    const oneWay = random.chance(0.4);
    const side = Array.from({ length: hosts }, () => random.chance(0.5));
    const a = random.below(hosts);
    const b = random.below(hosts);
    const isPair = random.chance(0.5);
    const isCut = (from: number, to: number) => {
      if (isPair) return (from === a && to === b) || (!oneWay && from === b && to === a);
      return oneWay ? side[from]! && !side[to]! : side[from] !== side[to];
    };
    if (action !== "cutUdp") world.network.setCuts(isCut);
    if (action !== "cutTcp") world.channels.setCuts(isCut);
  }

  #all(powerLost: boolean): void {
    const { world } = this;
    const { process } = world.coordinator;
    if (process !== null && this.#random.chance(0.5)) world.end(process, powerLost);
    for (const process of world.running()) world.end(process, powerLost);
  }

  /** Somebody tries to come in by an invite that is void, or as somebody who was removed. */
  #intrude(party: MemberParty): void {
    const { world } = this;
    const random = this.#random;
    const { secrets } = world;
    const known = party.secrets[0] ?? party.invite;
    const isCurrent = (secret: GroupSecret | null) => secret?.epoch === world.secrets.at(-1)?.epoch;
    const name = random.pick([party.name, "mal"]);
    if (party.isKicked && party.process === null && random.chance(0.5)) {
      party.hasDouble = true;
      const maySpeak = () => party.isKicked && party.process === null;
      return new Intruder(world, { signer: party.signer, name, secret: known, maySpeak }).comes();
    }
    const secret = random.pick([null, ...secrets]);
    const signer = Intruder.signerOf(world, ++this.#intruders);
    new Intruder(world, { signer, name, secret, maySpeak: () => !isCurrent(secret) }).comes();
  }

  #remove(party: MemberParty): void {
    const { process } = this.world.coordinator;
    // What is typed while it stands still is lost where it is killed before it goes on.
    if (process === null || process.frozen) return;
    if (!party.isKicked) {
      party.isKicked = party.wasRemoved = true;
      return process.command({ command: "remove", name: party.name });
    }
    party.isKicked = false;
    process.command({ command: "allow", name: party.name });
  }
}
