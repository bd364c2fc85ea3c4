/**
 * Somebody with a profile on a host of their own, whose program is started, killed, stopped and started again. What
 * each of its processes has shown stays.
 */

import { Node, type ShownEvent } from "../e2e/node.ts";
import type { Hosts } from "../e2e/hosts.ts";
import { fill, mount, unmount } from "../e2e/small_disk.ts";
import { setting } from "../settings.ts";
import type { Random } from "../sim/random.ts";

/** How long a program may take to end when it is told to: as SPEC's longest wait, and the machine is busy. */
const END_MS = 30_000;
/** Far more than an hour's talk; small enough that filling it takes no time. */
const DISK = "32m";
/** As a clock that was set, one of another time zone, one whose battery is empty. */
const CLOCKS_MOVED_MS = [0, 5_000, 600_000, 7_200_000, 86_400_000, 365 * 86_400_000];

export interface ActorOptions {
  readonly name: string;
  readonly hosts: Hosts;
  /** What it is started with. */
  readonly words: (actor: Actor) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The program whose clock can be moved; without it the built one is run. */
  readonly module?: string | undefined;
  /** By so much at most: for one that keeps something for a time. */
  readonly clockMsMax?: number;
}

/** One process from its start to its end. */
export interface Life {
  readonly events: readonly ShownEvent[];
  /** It left as it was told, and could write down what it had shown. */
  endedWell: boolean;
}

export class Actor implements AsyncDisposable {
  readonly name: string;
  readonly lives: Life[] = [];
  /** Ends that no user, file or network may cause. */
  readonly faults: string[] = [];
  node: Node | null = null;
  isPaused = false;
  isFull = false;

  private constructor(
    readonly options: ActorOptions,
    readonly folder: string,
    readonly clock: string,
  ) {
    this.name = options.name;
  }

  /** On a disk of its own. */
  static async make(options: ActorOptions): Promise<Actor> {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-torture-" });
    await mount(folder, DISK);
    const clock = await Deno.makeTempFile({ prefix: "p2pchat-torture-" });
    return new Actor(options, folder, clock);
  }

  get data(): string {
    return `${this.folder}/data`;
  }

  get isUp(): boolean {
    return this.node !== null;
  }

  /** Takes input now. */
  get isAwake(): boolean {
    return this.node !== null && !this.isPaused;
  }

  get life(): Life | undefined {
    return this.lives.at(-1);
  }

  /** One of its processes was. */
  get wasReady(): boolean {
    return this.lives.some(isReady);
  }

  /** All that was ever shown here, in order. */
  get events(): readonly ShownEvent[] {
    return this.lives.flatMap(({ events }) => events);
  }

  start(): void {
    if (this.node !== null) return;
    const node = this.#launch();
    const life: Life = { events: node.events, endedWell: false };
    this.node = node;
    this.lives.push(life);
    void node.over().then(({ code, last }) => this.#ended(node, life, code, last));
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    await this.node?.kill();
    this.node = null;
    this.isPaused = false;
  }

  /** As Ctrl+C or SIGTERM. */
  async leave(): Promise<void> {
    const node = this.node;
    if (node === null) return;
    this.resume();
    node.signal("SIGTERM");
    const timer = setTimeout(() => {
      this.faults.push(`${this.name} doesn't leave within ${END_MS} ms`);
      node.signal("SIGKILL");
    }, END_MS);
    await node.ended();
    clearTimeout(timer);
    this.node = null;
  }

  pause(): void {
    this.node?.signal("SIGSTOP");
    this.isPaused = this.node !== null;
  }

  resume(): void {
    this.node?.signal("SIGCONT");
    this.isPaused = false;
  }

  /** Its disk takes nothing more, until `empty`. */
  async fill(): Promise<void> {
    this.isFull = true;
    await fill(this.folder);
  }

  /** Its wall clock is so far from the right one from now on. */
  async moveClock(ms: number): Promise<void> {
    await Deno.writeTextFile(this.clock, String(ms));
  }

  async empty(): Promise<void> {
    if (this.isFull) await Deno.remove(`${this.folder}/filling`);
    this.isFull = false;
  }

  /** The second program of one profile is refused, and the first one goes on. */
  async startTwice(): Promise<void> {
    await using second = this.#launch();
    const ended = await Promise.race([second.ended(), after(END_MS)]);
    const isRefused = ended?.last?.code === "in-use" || ended?.last?.code === "disk";
    // The first one may have ended meanwhile.
    if (!isRefused && this.isUp) this.faults.push(`two programs of ${this.name} run at once`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node?.[Symbol.asyncDispose]();
    await this.#dump(setting("DUMP", ""));
    await unmount(this.folder);
    await Deno.remove(this.folder, { recursive: true });
    await Deno.remove(this.clock);
  }

  /** To a folder, a file for each process. */
  async #dump(folder: string): Promise<void> {
    if (folder === "") return;
    await Deno.mkdir(folder, { recursive: true });
    for (const [at, { events }] of this.lives.entries()) {
      const lines = events.map((event) => `${JSON.stringify(event)}\n`);
      await Deno.writeTextFile(`${folder}/${this.name}-${at}`, lines.join(""));
    }
  }

  #launch(): Node {
    const { hosts, name, words, env = {}, module } = this.options;
    return Node.start(words(this), {
      data: this.data,
      within: hosts.within(name),
      env: { ...env, P2PCHAT_CLOCK: this.clock },
      ...(module === undefined ? {} : { module }),
    });
  }

  #ended(node: Node, life: Life, code: number, last: ShownEvent | undefined): void {
    if (this.node === node) this.node = null;
    life.endedWell = last?.event === "bye" && !this.isFull;
    const isFault = code === 1 || last?.code === "internal" || node.stderr.length > 0;
    if (!isFault) return;
    this.faults.push(`${this.name} ended with ${code}: ${JSON.stringify(last)} ${node.stderr}`);
  }
}

/** Whether it takes input, or did. */
export function isReady(life: Life | undefined): boolean {
  return life?.events.some(({ event }) => event === "ready") === true;
}

/** For after all have healed: nobody was told to end. */
export function endedByItself({ name, life, isUp }: Actor): readonly string[] {
  return isUp ? [] : [`${name} has ended by itself: ${JSON.stringify(life?.events.at(-1))}`];
}

/**
 * What can happen to any of them, and how often beside what else can.
 * @param others Hosts besides theirs that may be cut off.
 */
export function troublesOf(
  actors: readonly Actor[],
  hosts: Hosts,
  others: readonly string[] = [],
): CommonTroubles {
  const names = [...actors.map(({ name }) => name), ...others];
  const cuts = new Set<string>();
  const drop = async (from: string, to: string) => {
    if (cuts.has(`${from} ${to}`)) return;
    cuts.add(`${from} ${to}`);
    await hosts.drop(from, to);
  };
  const troubles: CommonTroubles["troubles"] = {
    kill: { weight: 3, happen: (random) => random.pick(actors).kill() },
    leave: { weight: 2, happen: (random) => random.pick(actors).leave() },
    start: {
      weight: 10,
      happen: (random) => {
        const down = actors.filter(({ isUp }) => !isUp);
        if (down.length > 0) random.pick(down).start();
      },
    },
    pause: { weight: 2, happen: (random) => random.pick(actors).pause() },
    resume: {
      weight: 6,
      happen: (random) => {
        const paused = actors.filter(({ isPaused }) => isPaused);
        if (paused.length > 0) random.pick(paused).resume();
      },
    },
    drop: {
      weight: 3,
      happen: async (random) => {
        const [from, to] = random.shuffled(names) as [string, string];
        await drop(from, to);
      },
    },
    split: {
      weight: 1,
      happen: async (random) => {
        const mixed = random.shuffled(names);
        const part = mixed.slice(0, 1 + random.below(names.length - 1));
        for (const one of part) {
          for (const other of names.filter((name) => !part.includes(name))) {
            await drop(one, other);
            await drop(other, one);
          }
        }
      },
    },
    heal: { weight: 2, happen: () => healAll(cuts, hosts) },
    fill: { weight: 1, happen: (random) => random.pick(actors).fill() },
    empty: {
      weight: 4,
      happen: async () => {
        for (const actor of actors) await actor.empty();
      },
    },
    twice: { weight: 1, happen: (random) => startTwice(actors, random) },
    ...(actors.some(({ options }) => options.module !== undefined)
      ? { clock: { weight: 2, happen: (random) => moveClock(random.pick(actors), random) } }
      : {}),
  };
  const recover = async () => {
    await healAll(cuts, hosts);
    for (const actor of actors) {
      actor.resume();
      await actor.empty();
      actor.start();
    }
  };
  return { troubles, recover };
}

export interface CommonTroubles {
  readonly troubles: Readonly<Record<string, Trouble>>;
  /** All at once: nothing is under way any more. */
  recover(): Promise<void>;
}

export interface Trouble {
  readonly weight: number;
  readonly happen: (random: Random) => Promise<void> | void;
}

async function startTwice(actors: readonly Actor[], random: Random): Promise<void> {
  const awake = actors.filter(({ isAwake, isFull }) => isAwake && !isFull);
  if (awake.length > 0) await random.pick(awake).startTwice();
}

/** By seconds to a year, either way; it stays so when all else heals. */
async function moveClock(actor: Actor, random: Random): Promise<void> {
  const { clockMsMax = Infinity } = actor.options;
  const ms = random.pick(CLOCKS_MOVED_MS.filter((ms) => ms <= clockMsMax));
  await actor.moveClock(random.chance(0.5) ? ms : -ms);
}

async function healAll(cuts: Set<string>, hosts: Hosts): Promise<void> {
  for (const cut of cuts) {
    const [from, to] = cut.split(" ") as [string, string];
    await hosts.passOn(from, to);
  }
  cuts.clear();
}

/** Bytes of nobody's protocol, from a host to a port; whoever listens there may hang up. */
export async function sendTcp(
  within: readonly string[],
  address: string,
  port: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const send = 'cat > "/dev/tcp/$0/$1"';
  const [command, ...args] = [...within, "timeout", "2", "bash", "-c", send, address, `${port}`];
  const quiet = { stdout: "null", stderr: "null" } as const;
  const child = new Deno.Command(command!, { args, stdin: "piped", ...quiet }).spawn();
  const writer = child.stdin.getWriter();
  // It may hang up, or not be there.
  await writer.write(bytes).then(() => writer.close()).catch(() => {});
  await child.status;
}

export function after(ms: number): Promise<null> {
  return new Promise((resolve) => {
    Deno.unrefTimer(setTimeout(() => resolve(null), ms));
  });
}
