/** A group on loopback: a coordinator and members, each with its own profile; a test starts, stops and kills them. */

import { assertEquals } from "@std/assert";
import { isSameName } from "../../lib/base/text/names.ts";
import { holds, Node, type NodeOptions, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

export class Group implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-group-" }));
  /** The coordinator's port, the same after a restart. */
  readonly port: number = freePort();
  readonly nodes = new Nodes();
  readonly #ports = new Map<string, number>();
  /** The coordinator that was started last. */
  #serving: Node | undefined;
  /** By name, the program of each member that was started last. */
  readonly #launched = new Map<string, Node>();

  /** Starts a coordinator, and waits until it is ready. */
  static async open(...args: readonly string[]): Promise<Group> {
    const group = new Group();
    await group.serve(...args);
    return group;
  }

  /** The coordinator's data folder. */
  get serverData(): string {
    return `${this.folder}/data-serve`;
  }

  get server(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts or restarts the coordinator, and waits until it is ready. */
  async serve(...args: readonly string[]): Promise<Node> {
    const words = ["serve", "--host", "127.0.0.1", "--port", String(this.port)];
    const node = this.nodes.add(Node.start(words, { data: this.serverData, args }));
    this.#serving = node;
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** The data folder of a member, the same each time. */
  data(name: string): string {
    return `${this.folder}/data-${name}`;
  }

  /** A member's port for datagrams, the same each time. */
  datagramPort(name: string): number {
    let port = this.#ports.get(name);
    if (port === undefined) this.#ports.set(name, port = freePort());
    return port;
  }

  /** The command-line arguments of a member. */
  words(name: string): readonly string[] {
    const port = String(this.datagramPort(name));
    return ["peer", name, "--server", this.server, "--host", "127.0.0.1", "--port", port];
  }

  /** Starts a member's program without waiting. */
  launch(name: string, options: NodeOptions = {}): Node {
    const node = this.nodes.add(
      Node.start(this.words(name), { data: this.data(name), ...options }),
    );
    this.#launched.set(name, node);
    return node;
  }

  /** Starts a member, and waits until it is in the group. */
  async start(name: string, ...args: readonly string[]): Promise<Node> {
    const node = this.launch(name, { args });
    await node.until(isIn(name));
    return node;
  }

  /** Starts members one after the other, so that the first is the sequencer, and waits until all see all. */
  async startAll(...names: readonly string[]): Promise<Node[]> {
    const members: Node[] = [];
    for (const name of names) members.push(await this.start(name));
    await Promise.all(members.map((node) => node.until(isView(...names))));
    return members;
  }

  /**
   * Makes the group whole: the coordinator and these members run, nobody else is in it, all that was said is shown, and
   * forgotten.
   * @returns With the number of the last entry.
   */
  async whole<Names extends readonly string[]>(names: Names, ...args: readonly string[]) {
    if (this.#serving?.hasEnded !== false) await this.serve(...args);
    const server = this.#serving!;
    for (const [name, node] of this.#launched) {
      if (names.includes(name) || node.hasEnded) continue;
      await node.type("/exit");
      await node.ended();
    }
    for (const name of names) {
      if (this.#launched.get(name)?.hasEnded !== false) await this.start(name);
    }
    const members = names.map((name) => this.#launched.get(name)!);
    const wanted = [...names].sort().join();
    let seq = 0;
    await holds(`all are in the view of ${wanted}`, async () => {
      const [{ view, members: there }, ...answers] = await Promise.all(
        [server, ...members].map((node) => node.ask("status")),
      ) as [ShownEvent, ...ShownEvent[]];
      seq = answers[0]!.seq;
      return there.map(({ name }: ShownEvent) => name).sort().join() === wanted &&
        answers.every((answer) =>
          answer.view === view && answer.coordinator === "up" && answer.seq === seq &&
          answer.unsent === 0
        );
    });
    for (const node of [server, ...members]) node.forget();
    return { server, members: members as { -readonly [Index in keyof Names]: Node }, seq };
  }

  /** The path of a member's log. */
  logPath(name: string): string {
    const users = `${this.data(name)}/users`;
    const folder = [...Deno.readDirSync(users)].find((entry) => isSameName(entry.name, name));
    const groups = `${users}/${folder?.name}/group`;
    const [entry] = [...Deno.readDirSync(groups)].filter(({ isDirectory }) => isDirectory);
    if (entry === undefined) throw new Error(`${name} has a group's folder`);
    return `${groups}/${entry.name}/log`;
  }

  logText(name: string): string {
    return Deno.readTextFileSync(this.logPath(name));
  }

  /** Waits until all these logs are identical, byte for byte. */
  async sameLogs(...names: readonly string[]): Promise<void> {
    await holds(`the logs of ${names.join(", ")} are the same`, () => {
      const [first, ...others] = names.map((name) => this.logText(name));
      return others.every((text) => text === first);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/**
 * A group that the tests of a file share: the first of them opens it, and it is closed after the last.
 * @param names The members, in the order of their starts.
 * @returns Asks for the group, and gets it whole: a test may have killed anybody, the coordinator too, which is then
 * started with these arguments.
 */
export function sharedGroup<const Names extends readonly string[]>(
  names: Names,
  ...usual: readonly string[]
) {
  let opened: Group | undefined;
  // Its programs outlive each test of the file.
  Deno.test.sanitizer({ ops: false, resources: false });
  Deno.test.afterAll(async () => await opened?.[Symbol.asyncDispose]());
  return async (...args: readonly string[]) => {
    opened ??= new Group();
    return { group: opened, ...await opened.whole(names, ...usual, ...args) };
  };
}

/** Runs `p2pchat log verify`, as whoever has the log in a data folder. @returns Its exit status and output. */
export async function verifiedLog(
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const args = ["log", "verify", path, "--data", path.replace(/\/(?:users|serve)\/.*/, "")];
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM, { args }).output();
  const decoder = new TextDecoder();
  return { status: code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** A view with exactly these members. */
export const isView = (...names: readonly string[]) => (event: ShownEvent): boolean =>
  event.event === "view" && [...event.members].sort().join() === [...names].sort().join();

/** A view with this member. */
export const isIn = (name: string) => (event: ShownEvent): boolean =>
  event.event === "view" && event.members.includes(name);

export const shows = (text: string) => (event: ShownEvent): boolean =>
  event.event === "message" && event.text === text;

export const isMessage = ({ event }: ShownEvent): boolean => event === "message";

export const coordinatorIs = (state: string) => (event: ShownEvent): boolean =>
  event.event === "coordinator" && event.state === state;

export const isError = (code: string) => (event: ShownEvent): boolean =>
  event.event === "error" && event.code === code;

/** The entries that a program has shown, after checking that each was shown once, in order and without gaps. */
export function entriesOf(node: Node): readonly ShownEvent[] {
  const messages = node.events.filter(isMessage);
  const numbers = messages.map(({ seq }) => seq);
  const first = numbers[0] ?? 1;
  assertEquals(numbers, numbers.map((_, at) => first + at), "entries come in order, each once");
  assertEquals(new Set(messages.map(({ id }) => id)).size, messages.length);
  return messages;
}

/** The shown entries, as `3 Bob: hi`. */
export function linesOf(node: Node): readonly string[] {
  return entriesOf(node).map(({ seq, from, text }) => `${seq} ${from}: ${text}`);
}

/** Checks that one of the two histories is a prefix of the other. */
export function assertPrefix(one: readonly string[], other: readonly string[]): void {
  const length = Math.min(one.length, other.length);
  assertEquals(one.slice(0, length), other.slice(0, length));
}

/** Checks that no errors or warnings were shown; that what one writes waits is told wherever the machine is busy. */
export function assertCalm(...nodes: readonly Node[]): void {
  for (const node of nodes) {
    const told = node.events.filter(({ event, warning, text }) =>
      event === "error" || event === "fatal" ||
      warning === true && !/^Waiting for .*: what you write is kept$/.test(text)
    );
    assertEquals(told, []);
    assertEquals(node.stderr, []);
  }
}
