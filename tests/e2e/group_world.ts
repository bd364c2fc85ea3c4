/** A group on loopback: a coordinator and members with a profile each, started, killed and stopped as a test likes. */

import { assertEquals } from "@std/assert";
import { isSameName } from "../../lib/base/names.ts";
import { holds, Node, type NodeOptions, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

export class Group implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-group-" }));
  /** Where the coordinator listens, also after another start. */
  readonly port: number = freePort();
  readonly nodes = new Nodes();
  readonly #ports = new Map<string, number>();

  /** A coordinator, ready. */
  static async open(...args: readonly string[]): Promise<Group> {
    const group = new Group();
    await group.serve(...args);
    return group;
  }

  /** The coordinator's data. */
  get serverData(): string {
    return `${this.folder}/data-serve`;
  }

  get server(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The coordinator, once it is ready; again after its end. */
  async serve(...args: readonly string[]): Promise<Node> {
    const words = ["serve", "--host", "127.0.0.1", "--port", String(this.port)];
    const node = this.nodes.add(Node.start(words, { data: this.serverData, args }));
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** The data folder of a member, the same each time. */
  data(name: string): string {
    return `${this.folder}/data-${name}`;
  }

  /** Where a member takes datagrams, the same each time. */
  datagramPort(name: string): number {
    let port = this.#ports.get(name);
    if (port === undefined) this.#ports.set(name, port = freePort());
    return port;
  }

  /** What a member is started with. */
  words(name: string): readonly string[] {
    const port = String(this.datagramPort(name));
    return ["peer", name, "--server", this.server, "--host", "127.0.0.1", "--port", port];
  }

  /** A member's program, whatever becomes of it. */
  launch(name: string, options: NodeOptions = {}): Node {
    return this.nodes.add(Node.start(this.words(name), { data: this.data(name), ...options }));
  }

  /** A member that is in the group. */
  async start(name: string, ...args: readonly string[]): Promise<Node> {
    const node = this.launch(name, { args });
    await node.until(isIn(name));
    return node;
  }

  /** One after the other, so that the first is the sequencer; once all see all. */
  async startAll(...names: readonly string[]): Promise<Node[]> {
    const members: Node[] = [];
    for (const name of names) members.push(await this.start(name));
    await Promise.all(members.map((node) => node.until(isView(...names))));
    return members;
  }

  /** The file of a member's log. */
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

  /** Waits until the logs of all have become the same, byte for byte. */
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

/** `p2pchat log verify`: how it ended, and what it printed. */
export async function verifiedLog(
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const args = ["log", "verify", path];
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM, { args }).output();
  const decoder = new TextDecoder();
  return { status: code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** A view with exactly these. */
export const isView = (...names: readonly string[]) => (event: ShownEvent): boolean =>
  event.event === "view" && [...event.members].sort().join() === [...names].sort().join();

/** A view with this one, whoever else is in it. */
export const isIn = (name: string) => (event: ShownEvent): boolean =>
  event.event === "view" && event.members.includes(name);

export const shows = (text: string) => (event: ShownEvent): boolean =>
  event.event === "message" && event.text === text;

export const isMessage = ({ event }: ShownEvent): boolean => event === "message";

export const coordinatorIs = (state: string) => (event: ShownEvent): boolean =>
  event.event === "coordinator" && event.state === state;

export const isError = (code: string) => (event: ShownEvent): boolean =>
  event.event === "error" && event.code === code;

/** Entries that a program has shown, checked: each once, numbered without gaps from the first. */
export function entriesOf(node: Node): readonly ShownEvent[] {
  const messages = node.events.filter(isMessage);
  const numbers = messages.map(({ seq }) => seq);
  const first = numbers[0] ?? 1;
  assertEquals(numbers, numbers.map((_, at) => first + at), "entries come in order, each once");
  assertEquals(new Set(messages.map(({ id }) => id)).size, messages.length);
  return messages;
}

/** `3 Bob: hi` for each entry shown. */
export function linesOf(node: Node): readonly string[] {
  return entriesOf(node).map(({ seq, from, text }) => `${seq} ${from}: ${text}`);
}

/** Of two histories one is a prefix of the other. */
export function assertPrefix(one: readonly string[], other: readonly string[]): void {
  const length = Math.min(one.length, other.length);
  assertEquals(one.slice(0, length), other.slice(0, length));
}

/** Fails where something unusual was told. */
export function assertCalm(...nodes: readonly Node[]): void {
  for (const node of nodes) {
    const told = node.events.filter(({ event, warning }) =>
      event === "error" || event === "fatal" || warning === true
    );
    assertEquals(told, []);
    assertEquals(node.stderr, []);
  }
}
