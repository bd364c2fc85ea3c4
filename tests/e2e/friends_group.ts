/** Friends on loopback: one table, a profile for each, who are started, killed and moved as a test likes. */

import { Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

/** What the table says of a friend. */
export interface Row {
  readonly port: number;
  readonly fingerprint?: string;
}

/** One message as the receiver's log has it. */
export interface StoredMessage {
  readonly from: string;
  readonly text: string;
  readonly id: string;
}

export class FriendsGroup implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-friends-" }));
  /** The table that all use. */
  readonly file = `${this.folder}/users.txt`;
  readonly rows = new Map<string, Row>();
  readonly nodes = new Nodes();

  /** A table with these names, at free ports. */
  constructor(...names: readonly string[]) {
    for (const name of names) this.rows.set(name, { port: freePort() });
    this.writeTable();
  }

  /** Writes the table anew, in one piece as editors do. */
  writeTable(text: string = this.#table()): void {
    Deno.writeTextFileSync(`${this.file}.new`, text);
    Deno.renameSync(`${this.file}.new`, this.file);
  }

  /** Changes some rows, and writes the table. */
  edit(rows: Readonly<Record<string, Row>>): void {
    for (const [name, row] of Object.entries(rows)) this.rows.set(name, row);
    this.writeTable();
  }

  /** A table of somebody's own, beside the one that all use. */
  otherTable(file: string, rows: Readonly<Record<string, Row>>): string {
    const path = `${this.folder}/${file}`;
    Deno.writeTextFileSync(path, tableOf(Object.entries(rows)));
    return path;
  }

  row(name: string): Row {
    const row = this.rows.get(name);
    if (row === undefined) throw new Error(`${name} is in the table`);
    return row;
  }

  /** The data folder of a friend, the same each time. */
  data(name: string): string {
    return `${this.folder}/data-${name}`;
  }

  /** A friend's program, whatever becomes of it. */
  launch(name: string, options: NodeOptions & { readonly users?: string } = {}): Node {
    const { users = this.file, ...rest } = options;
    return this.nodes.add(Node.friend(name, users, { data: this.data(name), ...rest }));
  }

  /** The same, once it is ready. */
  async start(name: string, ...args: readonly string[]): Promise<Node> {
    const node = this.launch(name, { args });
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** All of the table, in its order. */
  startAll(...args: readonly string[]): Promise<Node[]> {
    return Promise.all([...this.rows.keys()].map((name) => this.start(name, ...args)));
  }

  /** The messages that `name` has stored, in the order in which they came. */
  stored(name: string): readonly StoredMessage[] {
    const folder = `${this.data(name)}/users/${name}/friends`;
    return [...Deno.readDirSync(folder)].flatMap((entry) => {
      const lines = Deno.readTextFileSync(`${folder}/${entry.name}/log`).split("\n");
      return lines.map((line) => line.split("\t")).filter(([, , kind]) => kind === "received")
        .map(([, , , , from = "", text = "", id = ""]) => ({ from, text, id }));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  #table(): string {
    return tableOf(this.rows);
  }
}

function tableOf(rows: Iterable<readonly [name: string, row: Row]>): string {
  const lines = [...rows].map(([name, { port, fingerprint = "" }]) =>
    `${name} 127.0.0.1 ${port} ${fingerprint}`.trimEnd()
  );
  return `# name address port [fingerprint]\n${lines.join("\n")}\n`;
}

/** What a node shows of one message. */
export const shows = (text: string) => (event: ShownEvent): boolean =>
  event.event === "message" && event.text === text;

/** What becomes of a message to `to`. */
export const delivery = (state: string, to?: string) => (event: ShownEvent): boolean =>
  event.event === "delivery" && event.state === state && (to === undefined || event.to === to);

export const connection = (state: string, friend: string) => (event: ShownEvent): boolean =>
  event.event === "connection" && event.state === state && event.friend === friend;

/** A failure that the program goes on after. */
export const failure = (code: string) => (event: ShownEvent): boolean =>
  event.event === "error" && event.code === code;
