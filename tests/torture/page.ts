/** Somebody's page, open all the time: it shows what their program's `--json` shows, once, in that order. */

import { fileURLToPath } from "node:url";
import type { Hosts } from "../e2e/hosts.ts";
import type { ShownEvent } from "../e2e/node.ts";
import type { Actor } from "./actors.ts";

/** What everybody is shown: answers go to whoever asked. */
const KINDS = ["message", "joined", "left", "removed", "allowed", "renamed"];

interface Shown {
  readonly run: string;
  readonly id: number;
  readonly fields: ShownEvent;
  /** The program no longer had what came before. */
  readonly missed?: boolean;
}

export class TorturedPage implements AsyncDisposable {
  readonly #shown: Shown[] = [];
  #window: Deno.ChildProcess | null = null;
  #reading: Promise<void> = Promise.resolve();
  #windows = 0;

  private constructor(readonly actor: Actor, readonly hosts: Hosts, readonly url: string) {}

  /** @param actor With `--web`, and ready. */
  static async open(actor: Actor, hosts: Hosts): Promise<TorturedPage> {
    const { url } = await actor.node!.until(({ event }) => event === "web");
    const page = new TorturedPage(actor, hosts, url);
    page.#open();
    return page;
  }

  get figures(): Readonly<Record<string, number>> {
    const runs = new Set(this.#shown.map(({ run }) => run));
    return { "shown on the page": this.#shown.length, windows: this.#windows, runs: runs.size };
  }

  /** As a browser that is killed, and starts with the pages that it had. */
  async reopen(): Promise<void> {
    await this.#close();
    this.#open();
  }

  /** Whether it shows all that the program that runs now has shown. */
  get isUpToDate(): boolean {
    const run = this.#shown.at(-1)?.run;
    const { events = [] } = this.actor.life ?? {};
    return textsOf(events).join() === this.#textsOf(run).join();
  }

  get broken(): readonly string[] {
    const wrong: string[] = [];
    const runs = [...new Set(this.#shown.map(({ run }) => run))];
    for (const run of runs) {
      const shown = this.#shown.filter((one) => one.run === run);
      if (shown.some(({ missed }) => missed)) wrong.push("the page has missed something");
      const ids = shown.flatMap(({ id }) => id ?? []);
      if (ids.some((id, at) => at > 0 && id <= ids[at - 1]!)) {
        wrong.push("the page was shown an id again");
      }
      const texts = this.#textsOf(run);
      const lives = this.actor.lives.map(({ events }) => textsOf(events));
      // A program that is killed may have told one of the two more than the other.
      const differences = lives.map((life) => difference(texts, life));
      if (differences.includes(null)) continue;
      const [longest] = differences.toSorted((one, other) => other!.at - one!.at);
      wrong.push(`the page of ${this.actor.name} was shown ${JSON.stringify(longest)}`);
    }
    return wrong;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  #textsOf(run: string | undefined): readonly string[] {
    return textsOf(this.#shown.flatMap((one) => one.run === run ? one.fields ?? [] : []));
  }

  #open(): void {
    const module = fileURLToPath(new URL("page_window.ts", import.meta.url));
    const { run = "", id = 0 } = this.#shown.findLast(({ id }) => id !== undefined) ?? {};
    const words = [
      ...this.hosts.within(this.actor.name),
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "-A",
    ];
    const [command = "", ...args] = [...words, module, this.url, run, String(id)];
    const child = new Deno.Command(command, { args, stdin: "null", stdout: "piped" }).spawn();
    this.#window = child;
    this.#reading = this.#read(child.stdout);
    this.#windows++;
  }

  async #close(): Promise<void> {
    this.#window?.kill("SIGKILL");
    await this.#window?.status;
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#shown.push(JSON.parse(line));
    }
  }
}

/** Without the time, which is that of each output. */
function textsOf(events: readonly ShownEvent[]): readonly string[] {
  return events.filter(({ event }) => KINDS.includes(event)).map(({ at: _, ...more }) =>
    JSON.stringify(more)
  );
}

/** Null where one of them only goes on. */
function difference(page: readonly string[], life: readonly string[]) {
  const length = Math.min(page.length, life.length);
  const at = page.findIndex((text, at) => text !== life[at]);
  return at < 0 || (at >= length && length > 0) ? null : { at, page: page[at], life: life[at] };
}
