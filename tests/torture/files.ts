/**
 * Files that people send each other meanwhile. Whoever was told that one has come has its sender's bytes where it was
 * told; whatever is offered comes to everybody it is for once all has healed, and nothing else is left.
 */

import { LEAF_BYTES } from "../../lib/protocols/transfer/limits.ts";
import { safeList } from "../e2e/files_folder.ts";
import type { ShownEvent } from "../e2e/node.ts";
import type { Random } from "../sim/random.ts";
import type { Actor } from "./actors.ts";
import { eventually } from "./torture.ts";

/** Of a file; with those of a round there is room on everybody's small disk. */
const SIZES = [0, 1, LEAF_BYTES, LEAF_BYTES + 1, 1_000_000, 4_000_000] as const;
/** That hosts send, so that a file is on its way for some seconds. */
export const FILES_BYTES_PER_S = 2_000_000;
/** More than anybody sends in a round: 16 may be open. */
const OPEN_MAX = 12;
/** An offer is told and taken back within seconds; of a file that nobody sends, others are tried for a while. */
const SETTLE_MS = 180_000;
/** Nobody changes a file here. */
const REASONS = ["disk", "withdrawn", "no-holder", "waits"];

interface Sent {
  readonly digest: string;
  readonly by: Actor;
  /** Null: all others. */
  readonly to: Actor | null;
}

type Listed = ShownEvent;

export class TorturedFiles implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "p2pchat-torture-" });
  /** Of this round, by their names. */
  readonly #sent = new Map<string, Sent>();
  /** What was told and compared. */
  readonly #compared = new Set<ShownEvent>();
  /** What each of them listed last; of nobody before they are asked. */
  #lists: ReadonlyMap<Actor, readonly Listed[]> = new Map();
  #count = 0;

  constructor(readonly actors: readonly Actor[]) {}

  /** What an actor is started with. */
  static words(actor: Actor): readonly string[] {
    return ["--save", savedOf(actor)];
  }

  get figures(): Readonly<Record<string, number>> {
    return { files: this.#count, "files received": this.#compared.size };
  }

  /** @param to Null: all. */
  async send(random: Random, by: Actor, to: Actor | null): Promise<void> {
    if ([...this.#sent.values()].filter((sent) => sent.by === by).length >= OPEN_MAX) return;
    const name = `file-${this.#count++}.bin`;
    const content = random.bytes(random.pick(SIZES));
    await Deno.writeFile(`${this.#folder}/${name}`, content);
    this.#sent.set(name, { digest: await digestOf(content), by, to });
    const whom = to === null ? {} : { name: to.name };
    const file = `${this.#folder}/${name}`;
    await by.node?.command({ command: "send", file, ...whom, ref: name }).catch(() => {}); // it may end at any time
  }

  /** Waits until everything that is offered has come. All have healed, and run. @throws Where it doesn't. */
  async settle(): Promise<void> {
    await eventually("all files have come", SETTLE_MS, async () => {
      this.#lists = await this.#listed();
      for (const list of this.#lists.values()) {
        for (const file of list) if (file.self) await this.#hasCome(file);
      }
      for (const [actor, list] of this.#lists) {
        const fetching = list.find(({ state }) => state === "fetching");
        if (fetching !== undefined) throw new Error(`${actor.name} fetches ${fetching.name}`);
        const part = safeList(savedOf(actor)).find((name) => name.endsWith(".part"));
        if (part !== undefined) throw new Error(`${actor.name} has ${part}`);
      }
      return true;
    });
  }

  /** What is promised and doesn't hold; for after `settle`. */
  async broken(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const [actor, list] of this.#lists) {
      const here = list.filter(({ state, self, name }) =>
        state === "here" && !self && this.#sent.has(name)
      );
      wrong.push(...await this.#wronglySaved(actor, here), ...this.#leftOver(actor, here));
      wrong.push(...this.#forgotten(actor, list));
    }
    return [...wrong, ...await this.wronglyTold()];
  }

  /** Of this alone: what somebody was told has come is there as it was sent. */
  async wronglyTold(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const actor of this.actors) {
      const told = actor.events.filter((event) => isReceived(event) && !this.#compared.has(event));
      for (const event of told) this.#compared.add(event);
      wrong.push(...await this.#wronglySaved(actor, told), ...wrongReasons(actor));
    }
    return wrong;
  }

  /**
   * Takes back all offers, and clears away what has come. Whoever alone had one, and isn't linked now, lists it on as
   * here.
   */
  async clear(): Promise<void> {
    this.#lists = await this.#listed();
    for (const [{ node }, list] of this.#lists) {
      for (const { file } of list.filter(({ self }) => self)) {
        await node!.ask("cancel", { n: file });
      }
    }
    await eventually("nothing is offered any more", SETTLE_MS, async () => {
      const lists = [...await this.#listed()].map(([actor, list]) =>
        [actor, list.filter(({ self, to }) => self || to === undefined)] as const
      );
      const left = lists.find(([, list]) => list.length > 0);
      if (left === undefined) return true;
      throw new Error(
        `${left[0].name} lists ${left[1].map(({ from, name }) => `${from}'s ${name}`)}`,
      );
    });
    for (const actor of this.actors) {
      for (const name of safeList(savedOf(actor))) await Deno.remove(`${savedOf(actor)}/${name}`);
    }
    for (const name of this.#sent.keys()) await Deno.remove(`${this.#folder}/${name}`);
    this.#sent.clear();
    this.#lists = new Map();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #listed(): Promise<ReadonlyMap<Actor, readonly Listed[]>> {
    const lists = new Map<Actor, readonly Listed[]>();
    for (const actor of this.actors) {
      const { files } = await actor.node!.ask("files");
      lists.set(actor, files);
    }
    return lists;
  }

  /** @throws Where somebody doesn't have it yet whom it is for. */
  async #hasCome({ id, name }: Listed): Promise<void> {
    const { by, to } = this.#sent.get(name)!;
    const receivers = to === null ? this.actors.filter((one) => one !== by) : [to];
    for (const receiver of receivers) {
      const there = this.#lists.get(receiver)!.find((one) => one.id === id);
      if (there?.state === "here") continue;
      // Whoever had no room for it asks for it once more.
      const hasFailed = receiver.life!.events.some(({ event, state, file }) =>
        event === "transfer" && state === "failed" && file === there?.file
      );
      if (hasFailed) await receiver.node!.command({ command: "get", n: there!.file });
      throw new Error(`${receiver.name} has ${name} as ${there?.state ?? "never offered"}`);
    }
  }

  async #wronglySaved({ name }: Actor, files: readonly ShownEvent[]): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const { name: file, path } of files) {
      const digest = await digestAt(path);
      if (digest === this.#sent.get(file)?.digest) continue;
      wrong.push(`${name} was told that ${file} is ${path}, which is ${digest}`);
    }
    return wrong;
  }

  /** What is saved, and isn't told of. */
  #leftOver(actor: Actor, here: readonly Listed[]): readonly string[] {
    const told = [...here, ...actor.events.filter(isReceived)].map(({ path }) => path);
    return safeList(savedOf(actor)).filter((name) => !told.includes(`${savedOf(actor)}/${name}`))
      .map((name) => `${actor.name} has ${name}, and was told nothing of it`);
  }

  /** What was told as offered, and isn't listed. */
  #forgotten(actor: Actor, list: readonly Listed[]): readonly string[] {
    const offered = actor.events.filter(({ event, ref }) =>
      event === "offer" && this.#sent.has(ref)
    );
    return offered.filter(({ ref }) => !list.some(({ name }) => name === ref))
      .map(({ ref }) => `${actor.name} has offered ${ref}, and lists it no more`);
  }
}

/** Told to somebody whom a file was for. */
function isReceived({ event, state, path }: ShownEvent): boolean {
  return event === "transfer" && state === "done" && path !== undefined;
}

function wrongReasons({ name, events }: Actor): readonly string[] {
  return events.filter(({ event, state, reason }) =>
    event === "transfer" && state === "failed" && !REASONS.includes(reason)
  ).map((event) => `${name} was told ${JSON.stringify(event)}`);
}

function savedOf({ folder }: Actor): string {
  return `${folder}/saved`;
}

async function digestOf(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}

/** Null: nothing is there. */
async function digestAt(path: string): Promise<string | null> {
  try {
    return await digestOf(await Deno.readFile(path));
  } catch {
    return null;
  }
}
