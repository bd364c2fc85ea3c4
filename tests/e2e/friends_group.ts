/** Friends on loopback with one table and a profile each; a test starts, kills and moves them. */

import { Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

/** A friend's row in the table. */
export interface Row {
  readonly port: number;
  readonly fingerprint?: string;
}

/** A message in its receiver's log. */
export interface StoredMessage {
  readonly from: string;
  readonly text: string;
  readonly id: string;
}

export class FriendsGroup implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-friends-" }));
  /** The table that all use, unless a test says otherwise. */
  readonly file = `${this.folder}/users.txt`;
  readonly rows = new Map<string, Row>();
  readonly nodes = new Nodes();

  /** Creates a table with these names, at free ports. */
  constructor(...names: readonly string[]) {
    for (const name of names) this.rows.set(name, { port: freePort() });
    this.writeTable();
  }

  /** Writes the table again, atomically as editors do. */
  writeTable(text: string = this.#table()): void {
    Deno.writeTextFileSync(`${this.file}.new`, text);
    Deno.renameSync(`${this.file}.new`, this.file);
  }

  /** Changes some rows, and writes the table. */
  edit(rows: Readonly<Record<string, Row>>): void {
    for (const [name, row] of Object.entries(rows)) this.rows.set(name, row);
    this.writeTable();
  }

  /** Writes a table for one friend only. @returns Its path. */
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

  /** Starts a friend's program without waiting until it is ready. */
  launch(name: string, options: NodeOptions & { readonly users?: string } = {}): Node {
    const { users = this.file, ...rest } = options;
    return this.nodes.add(Node.friend(name, users, { data: this.data(name), ...rest }));
  }

  /** Starts a friend's program, and waits until it is ready. */
  async start(name: string, ...args: readonly string[]): Promise<Node> {
    const node = this.launch(name, { args });
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** Starts everybody in the table, in its order. */
  startAll(...args: readonly string[]): Promise<Node[]> {
    return Promise.all([...this.rows.keys()].map((name) => this.start(name, ...args)));
  }

  /** The messages that `name` has stored, in the order of their arrival. */
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

/** The event that shows a message with this text. */
export const shows = (text: string) => (event: ShownEvent): boolean =>
  event.event === "message" && event.text === text;

/** The event that reports this state of a message to `to`. */
export const delivery = (state: string, to?: string) => (event: ShownEvent): boolean =>
  event.event === "delivery" && event.state === state && (to === undefined || event.to === to);

export const connection = (state: string, friend: string) => (event: ShownEvent): boolean =>
  event.event === "connection" && event.state === state && event.friend === friend;

/** An error after which the program goes on. */
export const failure = (code: string) => (event: ShownEvent): boolean =>
  event.event === "error" && event.code === code;
