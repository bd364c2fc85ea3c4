/** One run of a group over an engine: it talks and edits while who leads, or the engine, fails; then all must hold. */

import type { Changed } from "../../../lib/engine/shared_store.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers/all.ts";
import { EngineWorld, type InstanceMutation } from "./engine_world.ts";
import { scenarioOf } from "./scenario.ts";
import { bringBack, checkSettled, heal, restart, unite } from "./settling.ts";
import { Violation } from "./violation.ts";
import type { VoteWanted } from "./world.ts";
import type { MemberProcess } from "./member_process.ts";

/** What happens, and how often. */
const ACTIONS = {
  say: 30,
  edit: 12,
  join: 4,
  memberKill: 3,
  memberFreeze: 2,
  leaderKill: 4,
  leaderExit: 2,
  leaderFreeze: 4,
  leaderCut: 4,
  leaderCutFromMembers: 2,
  leaderCompact: 3,
  restart: 4,
  othersKill: 2,
  othersCut: 2,
  noQuorum: 2,
  election: 3,
  engineCompact: 3,
  full: 1,
  heal: 10,
} as const;
type Action = keyof typeof ACTIONS;

const GAP_MS = 700;
/** Within this time members are with another instance than one that is cut off from the engine. */
const MOVED_MS = 8_000;
/** Longer than a lease, and than the time in which it is trusted. */
const TROUBLE_MS_MAX = 12_000;

export interface EngineRun {
  readonly seed: number;
  readonly steps: number;
  readonly mutation?: InstanceMutation;
  readonly print?: (line: string) => void;
}

/** Runs one seed, within `simulated`. @throws {Violation} If a promise is broken. */
export function runEngineGroup(run: EngineRun): EngineWorld {
  const world = worldOf(run);
  const { founders } = scenarioOf(run.seed, run.steps, { members: 5 });
  new EngineDriver(world, run.seed).run(run.steps, founders);
  return world;
}

/**
 * Runs one seed, within `simulated`, in which whoever trusts its lease for far too long is cut off from the engine while it
 * is asked for edits, and comes back when another one leads.
 * @throws {Violation} If a promise is broken.
 */
export function runTrustingLeader(run: EngineRun): EngineWorld {
  const world = worldOf(run);
  new EngineDriver(world, run.seed).trust(run.steps);
  return world;
}

/**
 * Runs one seed, within `simulated`, in which whoever leads stands still while it is asked for edits, and wakes when another
 * one leads.
 * @throws {Violation} If a promise is broken.
 */
export function runWokenLeader(run: EngineRun): EngineWorld {
  const world = worldOf(run);
  new EngineDriver(world, run.seed).wake(run.steps);
  return world;
}

/**
 * Runs one seed, within `simulated`, in which whoever leads is cut off from the engine for good.
 * @throws {Violation} If the members aren't with another one in time.
 */
export function runCutLeader(run: EngineRun): void {
  const world = worldOf(run);
  const [first, ...others] = world.instances;
  first!.start();
  for (const party of world.members) world.start(party);
  world.time.runUntil(10_000);
  for (const instance of others) instance.start();
  first!.program.isCut = true;
  world.time.runUntil(10_000 + MOVED_MS);
  const [leader, ...more] = world.leaders;
  const moved = leader?.leading?.links.size ?? 0;
  if (leader === first || more.length > 0 || moved < world.members.length) {
    throw new Violation(
      `${leader?.name} leads with ${moved} members, ${more.length} others do too`,
    );
  }
}

/**
 * Runs one seed, within `simulated`, in which the engine is compacted while those that stand by are cut off from it, and
 * whoever led is gone.
 * @throws {Violation} If nobody leads in time.
 */
export function runCompacted(run: EngineRun): void {
  const world = worldOf(run);
  const [first, ...others] = world.instances;
  first!.start();
  world.time.runUntil(5_000);
  for (const instance of others) instance.start();
  world.time.runUntil(10_000);
  for (const { program } of others) program.isCut = true;
  first!.kill();
  world.time.runUntil(20_000);
  world.engine.compact();
  for (const { program } of others) program.isCut = false;
  world.time.runUntil(20_000 + MOVED_MS);
  if (world.leaders.length !== 1) throw new Violation(`${world.leaders.length} lead`);
}

/**
 * Runs one seed, within `simulated`, in which whoever leads is killed during a compaction, and the next one compacts while
 * what deletes the rest of the first compaction is held up.
 * @throws {Violation} If what the next one has written is gone.
 */
export function runHeldUp(run: EngineRun): void {
  const world = worldOf(run);
  const [first, second, third] = world.instances;
  first!.start();
  for (const party of world.members) world.start(party);
  world.time.runUntil(10_000);
  const stopsAt = (changes: readonly Changed[]) => {
    if (!changes.some(({ key }) => key.includes("/base/"))) return;
    world.engine.memory.followers.delete(stopsAt);
    world.time.after(0, () => first!.kill());
  };
  world.engine.memory.followers.add(stopsAt);
  world.engine.isHeldUp = ({ deletes }) => deletes !== undefined;
  first!.compacts();
  const driver = new EngineDriver(world, run.seed);
  driver.editsUntil(() => !first!.isRunning);
  second!.start();
  while (world.leaders.length === 0) world.time.runUntil(world.time.nowMs + 10);
  second!.compacts();
  world.time.runUntil(world.time.nowMs + MOVED_MS);
  third!.start();
  second!.kill();
  driver.settle();
}

function worldOf({ seed, steps, mutation = {}, print }: EngineRun): EngineWorld {
  const options = {
    ...scenarioOf(seed, steps, { members: 5 }),
    instances: 3,
    // The check of cuts counts what came to the coordinator as if it were one.
    snapshotEveryMs: null,
    datagramLoss: null,
    private: false,
    print: print ?? null,
    mutation: null,
  };
  return new EngineWorld(options, allCheckers(), mutation);
}

class EngineDriver {
  readonly #random: Random;

  constructor(readonly world: EngineWorld, seed: number) {
    this.#random = new Random(seed * 2 + 5);
    world.voteWanted = (process, event) => this.#vote(process, event);
  }

  run(steps: number, founders: number): void {
    const { world } = this;
    world.startCoordinator();
    for (const party of world.members.slice(0, founders)) world.start(party);
    for (let step = 0; step < steps; step++) {
      world.time.runUntil(world.time.nowMs + this.#random.exponential(GAP_MS));
      this.#act(this.#draw());
    }
    this.settle();
  }

  trust(steps: number): void {
    const { world } = this;
    const trusting = world.instances.at(-1)!;
    trusting.isTrusting = true;
    trusting.start();
    for (const party of world.members) world.start(party);
    world.time.runUntil(10_000);
    this.#act("say");
    world.time.runUntil(11_000);
    trusting.program.isCut = true;
    for (let step = 0; step < steps; step++) {
      if (step === 1) world.startCoordinator();
      world.time.runUntil(world.time.nowMs + this.#random.between(0, 2 * GAP_MS));
      this.#act("edit");
    }
    trusting.program.isCut = false;
    world.time.runUntil(world.time.nowMs + 5_000);
    this.settle();
  }

  wake(steps: number): void {
    const { world } = this;
    const [first] = world.instances;
    first!.start();
    for (const party of world.members) world.start(party);
    world.time.runUntil(10_000);
    for (let step = 0; step < steps; step++) this.#act("say");
    world.time.runUntil(12_000);
    world.startCoordinator();
    // From now on it has numbers for edits that it needn't write before it uses them.
    this.#act("edit");
    world.time.runUntil(20_000);
    first!.freeze(this.#random.between(5_500, 7_500));
    // They are sent to it, and then to whoever leads.
    for (let step = 0; step < steps; step++) this.#act("edit");
    world.time.runUntil(world.time.nowMs + 10_000);
    this.settle();
  }

  /** Ends all faults; then all must hold. */
  settle(): void {
    const { world } = this;
    this.#heal();
    heal(world);
    bringBack(world);
    unite(world);
    for (const process of world.running()) world.say(process, "the end");
    unite(world);
    checkSettled(world);
  }

  /** Whoever is there asks for edits until then. */
  editsUntil(isOver: () => boolean): void {
    this.#act("say");
    while (!isOver()) {
      this.world.time.runUntil(this.world.time.nowMs + GAP_MS);
      this.#act("edit");
    }
  }

  #draw(): Action {
    const all = Object.entries(ACTIONS) as [Action, number][];
    let at = this.#random.next() * all.reduce((sum, [, weight]) => sum + weight, 0);
    return all.find(([, weight]) => (at -= weight) < 0)?.[0] ?? "say";
  }

  #vote(process: MemberProcess, { edit, new: text }: VoteWanted): void {
    const agrees = this.#random.chance(0.8);
    this.world.time.after(this.#random.between(0, 2_000), () => {
      if (!process.gone) this.world.vote(process, edit, text, agrees);
    });
  }

  #heal(): void {
    this.world.healEngine();
    this.world.network.setCuts(() => false);
    restart(this.world);
  }

  #act(action: Action): void {
    const { world } = this;
    const random = this.#random;
    const running = world.running();
    const member = running.length === 0 ? null : random.pick(running);
    const leader = world.leaders.at(-1) ?? null;
    const other = random.pick(world.instances.filter((one) => one !== leader));
    const ms = random.between(0, TROUBLE_MS_MAX);
    world.note("", action);
    switch (action) {
      case "say":
        return member?.takesInput ? world.say(member, "word") : undefined;
      case "edit": {
        const seq = member?.shownThrough ?? 0;
        if (member?.takesInput && seq > 0) world.edit(member, 1 + random.below(seq));
        return;
      }
      case "join":
        return world.start(random.pick(world.members));
      case "memberKill":
        return member === null ? undefined : world.end(member, false);
      case "memberFreeze":
        return member === null ? undefined : world.freeze(member, ms / 3);
      case "leaderKill":
        return leader?.kill();
      case "leaderExit":
        return leader?.leading?.command({ command: "quit" });
      case "leaderFreeze":
        return leader?.freeze(ms);
      case "leaderCut":
        if (leader !== null) leader.program.isCut = true;
        return;
      case "leaderCutFromMembers": {
        const host = leader?.host;
        world.network.setCuts((from, to) => from === host || to === host);
        world.time.after(ms, () => world.network.setCuts(() => false));
        return;
      }
      case "leaderCompact":
        return leader?.compacts();
      case "othersKill":
        return other.kill();
      case "othersCut":
        other.program.isCut = true;
        return;
      case "noQuorum":
        world.engine.loseQuorum();
        return void world.time.after(ms, () => world.engine.electLeader());
      case "election":
        return world.engine.electLeader();
      case "restart":
        return random.pick(world.instances).restart();
      case "engineCompact":
        return world.engine.compact();
      case "full":
        world.engine.isFull = true;
        return void world.time.after(ms, () => world.engine.isFull = false);
      case "heal":
        return this.#heal();
    }
  }
}
