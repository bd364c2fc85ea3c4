/** Each mode with people in it who talk without end. */

import { Group, isEvent } from "../bench/group_rows.ts";
import { LineProcess, pause, PROGRAM } from "../bench/line_process.ts";
import { openRoom, p2pchatKind } from "../bench/rooms.ts";
import { RunningDirectory } from "../bench/running_directory.ts";
import { BrowserWindow } from "../e2e/browser_window.ts";
import { freePort } from "../e2e/ports.ts";

/** In turn, so that everybody says the same. */
const SIZE = 4;
/** A client may broadcast 20 times a minute. */
const BROADCAST_MS = 5_000;
/** Until callers have found each other, on a busy machine. */
const CALL_MS = 5_000;
/** Between two files in the room, each of 2 MiB. */
const FILE_MS = 60_000;
const FILE_CHUNKS = 32;
/** A browser that says nothing for 20 s is taken for gone. */
const PING_MS = 10_000;

export interface Chat extends AsyncDisposable {
  readonly processes: readonly { readonly role: string; readonly process: LineProcess }[];
  /** Those that show what is said. */
  readonly readers: readonly LineProcess[];
  /** How many of the readers show one line. */
  readonly shownBy: number;
  /** Of what else was to come, how much hasn't. @param said Lines. */
  owed?(said: number): number;
  /** The line number `at`, by whoever's turn it is. */
  say(at: number): Promise<void>;
}

export const CHATS: Readonly<Record<string, () => Promise<Chat>>> = {
  mesh: openMesh,
  group: openGroup,
  friends: openFriends,
  directory: openDirectory,
};

/** The first of them has a page open, and the second one sends a file now and then. */
async function openMesh(): Promise<Chat> {
  await using made = new AsyncDisposableStack();
  const folder = await folderIn(made);
  const page = (index: number) => index === 0 ? ["--web", "0"] : [];
  const kind = p2pchatKind("json", (at) => ["--save", `${folder}/${at}`, ...page(at)]);
  let web: Promise<string> | undefined;
  const start: typeof kind.start = (index, addresses) => {
    const process = kind.start(index, addresses);
    if (index === 0) web = process.until("web", urlIn);
    return process;
  };
  const { members } = made.use(await openRoom({ ...kind, start }, SIZE));
  const window = await openWindow(await web!, made);
  const files = new SentFiles(folder, members[1]!, members);
  const timer = setInterval(() => void files.send(), FILE_MS);
  made.defer(() => clearInterval(timer));
  const chat = {
    processes: members.map((process, at) => ({
      role: at === 0 ? "with a page" : "member",
      process,
    })),
    readers: members,
    shownBy: SIZE,
    owed: (said: number) => said - window.texts.filter(isSaid).length + files.owed,
    say: (at: number) => inTurn(members, at).type(textOf(at)),
  };
  return kept(chat, made);
}

function urlIn(line: string): string | undefined {
  return line.startsWith('{"event":"web"') ? JSON.parse(line).url : undefined;
}

async function openWindow(url: string, made: AsyncDisposableStack): Promise<BrowserWindow> {
  const window = made.use(await BrowserWindow.open({ event: "web", url }, "soak-window"));
  const ping = setInterval(() => window.visit.visitor.send({ type: "ping" }), PING_MS);
  made.defer(() => clearInterval(ping));
  return window;
}

/** One file after the other, each taken back when the next one is sent. */
class SentFiles {
  owed = 0;
  #count = 0;

  constructor(
    readonly folder: string,
    readonly by: LineProcess,
    readonly members: readonly LineProcess[],
  ) {
    for (const member of members) member.onLine((line) => this.#heard(member, line));
  }

  async send(): Promise<void> {
    const file = `${this.folder}/file-${this.#count++}`;
    const content = crypto.getRandomValues(new Uint8Array(65_536));
    for (let at = 0; at < FILE_CHUNKS; at++) await Deno.writeFile(file, content, { append: true });
    this.owed += this.members.length - 1;
    await this.by.type(JSON.stringify({ command: "send", file }));
  }

  #heard(member: LineProcess, line: string): void {
    if (line.startsWith('{"event":"transfer"')) {
      const { state, path } = JSON.parse(line);
      if (state !== "done" || path === undefined) return;
      this.owed--;
      Deno.removeSync(path);
    } else if (member === this.by && line.startsWith('{"event":"offer"')) {
      const { file } = JSON.parse(line);
      if (file > 1) void this.by.type(JSON.stringify({ command: "cancel", n: file - 1 }));
    }
  }
}

async function openGroup(): Promise<Chat> {
  await using made = new AsyncDisposableStack();
  const folder = await folderIn(made);
  const group = made.use(await Group.open(folder, SIZE));
  const { members, coordinator } = group;
  const chat = {
    processes: [
      { role: "coordinator", process: coordinator },
      ...members.map((process) => ({ role: "member", process })),
    ],
    readers: members,
    shownBy: SIZE,
    say: (at: number) => inTurn(members, at).type(textOf(at)),
  };
  return kept(chat, made);
}

async function openFriends(): Promise<Chat> {
  await using made = new AsyncDisposableStack();
  const folder = await folderIn(made);
  const users = `${folder}/users.txt`;
  const names = Array.from({ length: SIZE }, (_, at) => `f${at}`);
  const rows = names.map((name) => `${name} 127.0.0.1 ${freePort()}\n`);
  await Deno.writeTextFile(users, rows.join(""));
  const friends: LineProcess[] = [];
  for (const name of names) {
    const place = ["--users", users, "--data", `${folder}/${name}`, "--host", "127.0.0.1"];
    const friend = made.use(new LineProcess([PROGRAM, "peer", name, ...place, "--json"]));
    await friend.until("ready", isEvent("ready"));
    friends.push(friend);
  }
  const chat = {
    processes: friends.map((process) => ({ role: "friend", process })),
    readers: friends,
    shownBy: 1,
    say: (at: number) => {
      const to = names[(at + 1) % SIZE];
      return inTurn(friends, at).type(
        JSON.stringify({ command: "msg", name: to, text: textOf(at) }),
      );
    },
  };
  return kept(chat, made);
}

/** Calls of two, and broadcasts from the first of them. */
async function openDirectory(): Promise<Chat> {
  await using made = new AsyncDisposableStack();
  const directory = made.use(await RunningDirectory.open());
  const clients: LineProcess[] = [];
  for (let at = 0; at < SIZE; at++) {
    const registry = ["--registry", `127.0.0.1:${directory.port}`, "--guest"];
    const place = ["--host", "127.0.0.1", "--port", "0", "--data", `${directory.folder}/c${at}`];
    const command = [PROGRAM, "peer", `c${at}`, ...registry, ...place, "--json"];
    const client = made.use(new LineProcess(command));
    await client.until("session", (line) => line.includes('"state":"up"') || undefined);
    client.onLine((line) => {
      if (line.startsWith('{"event":"incoming"')) void client.type('{"command":"accept"}');
    });
    clients.push(client);
  }
  for (let at = 0; at < SIZE; at += 2) {
    const connected = clients[at]!.until(
      "connected",
      (line) => line.includes('"state":"connected"') || undefined,
    );
    await clients[at]!.type(JSON.stringify({ command: "call", name: `c${at + 1}` }));
    await connected;
  }
  await pause(CALL_MS);
  const timer = setInterval(() => {
    void clients[0]!.type(JSON.stringify({ command: "broadcast", text: "to all" }));
  }, BROADCAST_MS);
  made.defer(() => clearInterval(timer));
  const chat = {
    processes: [
      { role: "directory", process: directory.process },
      ...clients.map((process) => ({ role: "client", process })),
    ],
    readers: clients,
    shownBy: 2,
    say: (at: number) => inTurn(clients, at).type(textOf(at)),
  };
  return kept(chat, made);
}

function textOf(at: number): string {
  return `line ${at}: as long as what people write to each other in one go, more or less`;
}

function isSaid(text: string): boolean {
  return text.startsWith("line ");
}

/** Whether a line of a process shows such a line. */
export function showsText(line: string): boolean {
  return line.startsWith('{"event":"message"') && line.includes('"line ');
}

function inTurn(processes: readonly LineProcess[], at: number): LineProcess {
  return processes[at % processes.length]!;
}

async function folderIn(made: AsyncDisposableStack): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-soak-" });
  made.defer(() => Deno.remove(folder, { recursive: true }));
  return folder;
}

function kept(chat: Omit<Chat, typeof Symbol.asyncDispose>, made: AsyncDisposableStack): Chat {
  const all = made.move();
  return { ...chat, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
