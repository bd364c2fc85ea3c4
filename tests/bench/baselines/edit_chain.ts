/**
 * What no group can save that commits edits on all disks, in one order, under the same Deno: four programs that read,
 * write, sync and pass on as an edit goes, in lines over TCP. No JSON, no codec, no signature, no encryption, no view.
 *
 *     deno run -A tests/bench/baselines/edit_chain.ts coordinator FILE MEMBERS
 *     deno run -A tests/bench/baselines/edit_chain.ts member FILE PORT
 *
 * The coordinator prints its port; a member prints `ready` once all are there, then each line that it was given, when
 * all have it. The first member puts in order what the coordinator has decided.
 */

type Passed = (line: string) => void;

/** Lines that are on disk when they are passed on; what comes during a sync shares the next one. */
class Disk {
  readonly #file: Deno.FsFile;
  #waiting: { readonly line: string; readonly done: Passed }[] = [];
  #isBusy = false;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { create: true, append: true });
  }

  write(line: string, done: Passed): void {
    this.#waiting.push({ line, done });
    if (!this.#isBusy) queueMicrotask(() => this.#sync());
  }

  async #sync(): Promise<void> {
    if (this.#isBusy || this.#waiting.length === 0) return;
    this.#isBusy = true;
    const taken = this.#waiting;
    this.#waiting = [];
    this.#file.writeSync(encoder.encode(taken.map(({ line }) => `${line}\n`).join("")));
    await this.#file.syncData();
    for (const { line, done } of taken) done(line);
    this.#isBusy = false;
    this.#sync();
  }
}

/** Lines to one other; those of one turn leave together. */
class Lines {
  #lines: string[] = [];

  constructor(readonly write: (bytes: Uint8Array) => Promise<unknown>) {}

  send(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > 1) return;
    queueMicrotask(() => {
      const bytes = encoder.encode(`${this.#lines.join("\n")}\n`);
      this.#lines = [];
      void this.write(bytes);
    });
  }
}

const encoder = new TextEncoder();

async function eachLine(
  read: (buffer: Uint8Array) => Promise<number | null>,
  heard: Passed,
): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let rest = "";
  for (let count; (count = await read(buffer)) !== null;) {
    const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) heard(line);
  }
}

function linesTo(connection: Deno.TcpConn): Lines {
  connection.setNoDelay(true);
  return new Lines((bytes) => connection.write(bytes));
}

const stdout = new Lines((bytes) => Deno.stdout.write(bytes));
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

async function coordinate(disk: Disk, size: number): Promise<void> {
  stdout.send(`${listener.addr.port}`);
  const members: Lines[] = [];
  const votes = new Map<string, number>();
  const ports: string[] = [];
  const toAll = (line: string) => members.forEach((member) => member.send(line));
  const said = (line: string) => {
    const [kind, id] = line.split(" ") as [string, string];
    if (kind === "at") {
      ports.push(id);
      if (ports.length === size) toAll(`all ${ports.join(" ")}`);
    } else if (kind === "edit") {
      votes.set(id, 0);
      toAll(line.replace("edit", "prepare"));
    } else {
      const count = votes.get(id)! + 1;
      votes.set(id, count);
      if (count === size) disk.write(line.replace("vote", "commit"), toAll);
    }
  };
  while (members.length < size) {
    const connection = await listener.accept();
    members.push(linesTo(connection));
    void eachLine((buffer) => connection.read(buffer), said);
  }
}

async function takePart(disk: Disk, port: number): Promise<void> {
  const coordinator = await Deno.connect({ hostname: "127.0.0.1", port });
  const toCoordinator = linesTo(coordinator);
  const others: Lines[] = [];
  const own = new Set<string>();
  const acks = new Map<string, number>();
  let isFirst = false;
  let size = Infinity;

  const acknowledged = (line: string) => {
    const [, id, text] = line.split(" ") as [string, string, string];
    const count = (acks.get(id) ?? 0) + 1;
    acks.set(id, count);
    if (count < size) return;
    acks.delete(id);
    disk.write(`log ${id} ${text}`, () => {});
    if (own.delete(id)) stdout.send(`${id} ${text}`);
  };
  const hold = (line: string) =>
    disk.write(line.replace(/^\w+/, "ack"), (ack) => {
      others.forEach((other) => other.send(ack));
      acknowledged(ack);
    });
  const peerSays = (line: string) => line.startsWith("order") ? hold(line) : acknowledged(line);
  const meet = (connection: Deno.TcpConn) => {
    others.push(linesTo(connection));
    void eachLine((buffer) => connection.read(buffer), peerSays);
    if (others.length === size - 1) stdout.send("ready");
  };
  const coordinatorSays = async (line: string) => {
    const kind = line.split(" ", 1)[0];
    if (kind === "prepare") {
      disk.write(line.replace("prepare", "vote"), (vote) => toCoordinator.send(vote));
    } else if (kind === "commit" && isFirst) {
      const order = line.replace("commit", "order");
      others.forEach((other) => other.send(order));
      hold(order);
    } else if (kind === "all") {
      const ports = line.split(" ").slice(1).map(Number);
      const place = ports.indexOf(listener.addr.port);
      isFirst = place === 0;
      size = ports.length;
      for (const port of ports.slice(0, place)) {
        meet(await Deno.connect({ hostname: "127.0.0.1", port }));
      }
      for (let left = ports.length - 1 - place; left > 0; left--) meet(await listener.accept());
    }
  };
  void eachLine((buffer) => coordinator.read(buffer), (line) => void coordinatorSays(line));
  toCoordinator.send(`at ${listener.addr.port}`);
  await eachLine((buffer) => Deno.stdin.read(buffer), (line) => {
    own.add(line.split(" ", 1)[0]!);
    toCoordinator.send(`edit ${line}`);
  });
}

const [role, path, number] = Deno.args as [string, string, string];
if (role === "coordinator") await coordinate(new Disk(path), Number(number));
else await takePart(new Disk(path), Number(number));
