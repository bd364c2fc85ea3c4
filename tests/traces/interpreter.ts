/**
 * Runs a trace: a script of commands over the members of a simulated room, with what each of them makes
 * happen below it, indented. The mesh is the program's; network, disks, clocks and cryptography are the
 * simulator's, but for chance: every path takes 10 ms, every sync 1 ms, and a silent link 3.5 s to break.
 *
 * To be read in this order: joining, tree, answer_before_question, own_message, two_of_one_name,
 * accused_and_denied, lost_and_back, cut_and_heal.
 *
 *     found ann                     ann founds a room
 *     join bob through ann [as X]   bob, who is new, comes in; by the name Bob, or X
 *     run 2s                        time goes on; `run 300ms`
 *     say ann hello there           ann's user types this; `quit ann`, as well
 *     hold ann -> bob               what ann sends to bob is held up; after 3.5 s the link breaks
 *     release ann -> bob            and arrives 200 ms later
 *     cut ann bob / carol           nothing gets from one side to the other, in either direction
 *     heal                          all cuts and holds end
 *     kill bob, restart bob         bob's process ends at once; another one begins on its disk
 *     disk bob full, disk bob free  writes to bob's disk are refused, or no longer
 *     mute on, mute off             nothing is printed between them
 *     watch KIND... [of NAME...]    lines of these kinds are printed, where one of these takes part
 *     watch KIND... [among NAME...] the same where nobody else does; several with commas between
 *     status                        of each member, whom it knows and what it has
 *     tree ann                      along which links texts of ann are pushed, and where announced
 */

import type { PeerKey } from "../../lib/base/ids.ts";
import { Mesh } from "../../lib/protocols/mesh/mesh.ts";
import type { MeshConfig } from "../../lib/protocols/mesh/schema/mesh_io.ts";
import type { Room } from "../../lib/protocols/mesh/room/room.ts";
import { fakeSigner } from "../sim/fake_crypto.ts";
import type { Member, MemberProcess } from "../sim/mesh/member.ts";
import { EvenWorld } from "../sim/mesh/even_world.ts";
import { Random } from "../sim/random.ts";
import { Printer, type Watch } from "./printer.ts";
import { Words } from "./words.ts";

const HOSTS_MAX = 16;

/** What is spread over a range takes its mean: a trace tells of one thing, not of chance. */
class EvenRandom extends Random {
  override between(low: number, high: number): number {
    return (low + high) / 2;
  }

  override exponential(mean: number): number {
    return mean;
  }

  override fork(): Random {
    return new EvenRandom(this.bits());
  }
}

/** @returns The script with the output that it has now; equal to `trace` where nothing changed. */
export function runTrace(trace: string): string {
  const lines: string[] = [];
  const stage = new Stage((line) => lines.push(`  ${line}`));
  trace.trimEnd().split("\n").forEach((line, at) => {
    if (line.startsWith(" ")) return; // what came out last time
    lines.push(line);
    if (line === "" || line.startsWith("#")) return;
    try {
      stage.run(line);
    } catch (cause) {
      throw new Error(`Cannot run line ${at + 1} of the trace: ${line}`, { cause });
    }
  });
  return `${lines.join("\n")}\n`;
}

class Stage {
  readonly #words = new Words();
  readonly #printer: Printer;
  readonly #world: EvenWorld;
  readonly #cast = new Map<string, Member>();
  /** Pairs of hosts, `from to`. */
  readonly #cuts = new Set<string>();

  constructor(readonly print: (line: string) => void) {
    this.#printer = new Printer(this.#words, print);
    this.#world = new EvenWorld(HOSTS_MAX, [this.#printer], { random: new EvenRandom(1) });
  }

  run(line: string): void {
    const [name = "", ...words] = line.split(" ");
    const command = this.#commands.get(name);
    if (command === undefined) throw new Error(`No command is called ${name}: see interpreter.ts`);
    command(...words);
  }

  readonly #commands = new Map<string, (...words: string[]) => void>([
    ["found", (label = "") => {
      this.#start(this.#add(label, capitalised(label)), { kind: "found" });
    }],
    ["join", (label = "", _through, contact = "", _as, name = capitalised(label)) => {
      const { endpoint } = this.#member(contact);
      this.#start(this.#add(label, name), { kind: "join", contact: endpoint });
    }],
    ["run", (duration = "") => {
      this.#world.pass(durationMs(duration));
    }],
    ["say", (label = "", ...text) => {
      this.#ofProcess(label, (process) => this.#world.say(process, text.join(" "), null));
    }],
    [
      "quit",
      (label = "") => this.#ofProcess(label, (process) => process.command({ command: "quit" })),
    ],
    ["hold", (from = "", _to, to = "") => this.#cut([from], [to])],
    ["release", (from = "", _to, to = "") => {
      this.#cuts.delete(this.#pair(from, to));
      this.#applyCuts();
    }],
    ["cut", (...labels) => {
      const middle = labels.indexOf("/");
      const [left, right] = [labels.slice(0, middle), labels.slice(middle + 1)];
      this.#cut(left, right);
      this.#cut(right, left);
    }],
    ["heal", () => {
      this.#cuts.clear();
      this.#applyCuts();
    }],
    [
      "kill",
      (label = "") => this.#ofProcess(label, (process) => this.#world.end(process, false, 0)),
    ],
    ["restart", (label = "") => {
      const member = this.#member(label);
      if (member.process !== null) this.print(`${label} runs already`);
      else if (member.room === null) this.print(`${label} was in no room`);
      else this.#start(member, { kind: "resume", room: member.room });
    }],
    ["disk", (label = "", state = "") => {
      this.#member(label).disk.refuses = oneOf(state, ["full", "free"]) === "full";
    }],
    ["mute", (state = "") => this.#printer.muted = oneOf(state, ["on", "off"]) === "on"],
    ["watch", (...words) => this.#printer.watches = words.join(" ").split(", ").map(watchOf)],
    ["status", () => {
      for (const [label, member] of this.#cast) this.print(`${label}: ${this.#status(member)}`);
    }],
    ["tree", (label = "") => this.#tree(this.#member(label).key)],
  ]);

  #add(label: string, name: string): Member {
    if (this.#cast.has(label)) throw new Error(`${label} is there already: call it otherwise`);
    const signer = fakeSigner(label);
    const member = this.#world.add(name, { signer });
    this.#cast.set(label, member);
    this.#words.name(signer.key, label);
    return member;
  }

  #start(member: Member, begin: MeshConfig["begin"]): void {
    this.#world.start(member, begin);
  }

  #member(label: string): Member {
    const member = this.#cast.get(label);
    if (member === undefined) throw new Error(`Nobody is called ${label}: let it join first`);
    return member;
  }

  /** Whether it still runs is for the trace to tell: a change of behaviour is a diff, no error. */
  #ofProcess(label: string, act: (process: MemberProcess) => void): void {
    const { process } = this.#member(label);
    if (process === null) this.print(`${label} doesn't run`);
    else act(process);
  }

  #pair(from: string, to: string): string {
    return `${this.#member(from).index} ${this.#member(to).index}`;
  }

  #cut(from: readonly string[], to: readonly string[]): void {
    for (const one of from) for (const other of to) this.#cuts.add(this.#pair(one, other));
    this.#applyCuts();
  }

  #applyCuts(): void {
    this.#world.network.setCuts((from, to) => this.#cuts.has(`${from} ${to}`));
  }

  #status(member: Member): string {
    const room = roomOf(member);
    if (room === null) return member.process === null ? "ended" : "not in";
    const { roster, names, order, overlay } = room.machines;
    const roll: string[] = [];
    for (const { key, state, suspected } of roster.members()) {
      if (key === member.key) continue;
      const who = this.#words.who(key);
      const name = names.shownName(key) ?? who;
      const called = [who, capitalised(who)].includes(name) ? name : `${name}=${who}`;
      const doubt = suspected ? "suspected" : state;
      roll.push(doubt === "alive" ? called : `${called}(${doubt})`);
    }
    const neighbours = this.#list(overlay.activeView());
    const has = sorted([...order.streams()].map((entry) => this.#words.place(entry)), "nothing");
    return `knows ${sorted(roll, "nobody")}; neighbours ${neighbours}; has ${has}`;
  }

  #tree(source: PeerKey): void {
    for (const [label, member] of this.#cast) {
      const room = roomOf(member);
      if (room === null) continue;
      const { broadcast } = room.machines;
      const [eager, lazy] = [broadcast.eager(source), broadcast.lazy(source)];
      this.print(`${label}: pushes to ${this.#list(eager)}, announces to ${this.#list(lazy)}`);
    }
  }

  #list(keys: readonly PeerKey[]): string {
    return sorted(keys.map((key) => this.#words.who(key)), "nobody");
  }
}

function roomOf({ process }: Member): Room | null {
  return process?.machine instanceof Mesh ? process.machine.room : null;
}

function watchOf(clause: string): Watch {
  const words = clause.split(" ");
  const at = words.findIndex((word) => word === "of" || word === "among");
  if (at < 0) return { kinds: words, who: "everybody", labels: [] };
  const who = words[at] === "of" ? "any" : "only";
  return { kinds: words.slice(0, at), who, labels: words.slice(at + 1) };
}

function sorted(items: readonly string[], none: string): string {
  return items.length === 0 ? none : items.toSorted().join(" ");
}

function capitalised(label: string): string {
  return label.slice(0, 1).toUpperCase() + label.slice(1);
}

function durationMs(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`Not a duration: ${text}; it is like 2s or 300ms`);
  return Number(number) * (unit === "s" ? 1_000 : 1);
}

function oneOf(text: string, allowed: readonly string[]): string {
  if (allowed.includes(text)) return text;
  throw new Error(`Not ${allowed.join(" or ")}: ${text}`);
}
