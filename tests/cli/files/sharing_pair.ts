/** Two people at terminals who share files in a room, each with real files, and a link between them that can be held. */

import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { askedBy } from "../../../lib/cli/commands/question_kinds.ts";
import type { FileEvent } from "../../../lib/cli/files/file_events.ts";
import { fileLines } from "../../../lib/cli/files/file_rendering.ts";
import { SharedFiles } from "../../../lib/cli/files/shared_files.ts";
import type { CommonEvent } from "../../../lib/cli/rendering/user_interface.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import type { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { CONTEXT, signerOf } from "../../protocols/transfer/fixtures.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

/** The longest wait, also on a busy machine. */
const AWAIT_MS = 30_000;

export class Sharer {
  readonly signer;
  readonly files: SharedFiles;
  readonly options;
  /** What was shown, each as a line. */
  readonly shown: string[] = [];
  readonly events: (FileEvent | CommonEvent)[] = [];
  /** The line of progress, each time that it changed. */
  readonly progress: (string | null)[] = [];
  other: Sharer | null = null;
  /** Leaves that don't arrive yet; null: they do at once. */
  held: Uint8Array[] | null = null;
  /** To whom a file is that names nobody. */
  toAll: () => PeerKey | (() => Promise<PeerKey>) | null = () => null;
  /** The user has refused these keys. */
  refused: ReturnType<KnownPeers["refused"]> = [];
  /** Whether the other one is away. */
  isAlone = false;
  #shows = Promise.withResolvers<void>();

  constructor(public name: string, seed: number, readonly folder: string, interactive = true) {
    this.signer = signerOf(seed);
    const show = (event: FileEvent | CommonEvent) => {
      this.events.push(event);
      const context = { nowMs: NOON_MS, interactive: true, verbose: false };
      if ("text" in event && event.event !== "transfer") this.shown.push(event.text);
      else this.shown.push(printed(fileLines(event as FileEvent, context)).trimEnd());
      this.#happened();
    };
    this.options = {
      ...{ dataFolder: `${folder}/data`, json: false, downloads: `${folder}/${name}` },
      ...{ save: null as string | null, filesMax: 1_000_000_000 },
    };
    this.files = new SharedFiles({
      disk: new RealDisk(),
      environment: {
        ...{ random: () => 0, wallMs: () => NOON_MS, crypto: nodeCrypto, log: SILENT_LOGGER },
        randomBytes: (length) => new Uint8Array(length),
      },
      knownPeers: { refused: () => this.refused },
      signer: this.signer,
      options: this.options,
      ui: { interactive, show, progress: (text) => void this.progress.push(text) },
      nameOf: (key) => key === this.signer.key ? this.name : this.other!.name,
      ...{ isIgnored: () => false, receiver: () => this.other!.signer.key },
      isName: (each) => each === this.other?.name,
      receiverOfAll: () => this.toAll(),
      chanceOf: (name) => `your next call with ${name}`,
      isAbsent: () => this.isAlone,
      carrier: () => ({
        sendTo: (_, bytes, lane) => this.#send(bytes.slice(), lane === "bulk"),
        penalise: (_, text) => void this.shown.push(`penalised: ${text}`),
        seek: () => {}, // they are linked
      }),
      warn: (text) => void this.shown.push(text),
    });
  }

  /** Does what a letter does that answers the last question. */
  answers(letter: "y" | "n"): void {
    const asking = this.events.map((event) => askedBy(event)).findLast((each) => each !== null)!;
    const verb = letter === "y" ? asking.yes : asking.no;
    if (verb === null) return;
    const { command, texts: { n, name: to, file = "" } } = verb;
    if (command === "send") this.files.command({ command, to, file, isTyped: false }, undefined);
    const get = { command: command as "get", file: Number(n), as: undefined };
    if (command !== "send") this.files.command(get, undefined);
  }

  #happened(): void {
    this.#shows.resolve();
    this.#shows = Promise.withResolvers<void>();
  }

  #send(bytes: Uint8Array, isLeaf: boolean): void {
    if (isLeaf && this.held !== null) {
      this.held.push(bytes);
      return this.#happened();
    }
    const { other } = this;
    queueMicrotask(() => {
      other!.files.frame(this.signer.key, bytes);
      if (isLeaf) this.files.drained(other!.signer.key);
      other!.#happened();
    });
  }

  /** What is held arrives, and so does all that follows. */
  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const bytes of held) this.#send(bytes, true);
  }

  /** @throws With what was shown, where it never holds. */
  async until(holds: () => boolean): Promise<void> {
    const limit = Promise.withResolvers<never>();
    const late = () => limit.reject(new Error(`waited in vain; shown:\n${this.shown.join("\n")}`));
    const timer = setTimeout(late, AWAIT_MS);
    try {
      while (!holds()) await Promise.race([this.#shows.promise, limit.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits until so many leaves are held. */
  async sends(leaves: number): Promise<void> {
    await this.until(() => (this.held?.length ?? 0) >= leaves);
  }

  /** Waits for a line with this in it. */
  async says(part: string): Promise<string> {
    await this.until(() => this.shown.some((line) => line.includes(part)));
    return this.shown.findLast((line) => line.includes(part))!;
  }
}

/**
 * Ann and Bob, who have a link to each other; and a folder that is removed at the end.
 * @param interactive Whether Bob is at a terminal.
 */
export async function withPair(
  test: (ann: Sharer, bob: Sharer, folder: string) => Promise<void>,
  interactive = true,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
  const [ann, bob] = [new Sharer("Ann", 1, folder), new Sharer("Bob", 2, folder, interactive)];
  try {
    ann.other = bob;
    bob.other = ann;
    for (const each of [ann, bob]) {
      await each.files.start(CONTEXT, `${folder}/data/${each.name}`);
      const peer: PeerKey = each.other!.signer.key;
      each.files.peers(new Map([[peer, 1 as unknown as LinkId]]));
    }
    await test(ann, bob, folder);
  } finally {
    for (const each of [ann, bob]) each.files.close();
    await removed(folder);
  }
}

/** What was closed may still be writing: nobody waits for that. */
async function removed(folder: string): Promise<void> {
  for (let left = 1_000;; left--) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      if (left === 0 || !String(error).includes("not empty")) throw error;
    }
  }
}
