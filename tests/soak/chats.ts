/** Each mode with people in it who talk without end. */

import { Group, isEvent } from "../bench/group_rows.ts";
import { LineProcess, pause, PROGRAM } from "../bench/line_process.ts";
import { openRoom, p2pchatKind } from "../bench/rooms.ts";
import { RunningDirectory } from "../bench/running_directory.ts";
import { freePort } from "../e2e/ports.ts";

/** In turn, so that everybody says the same. */
const SIZE = 4;
/** A client may broadcast 20 times a minute. */
const BROADCAST_MS = 5_000;
/** Until callers have found each other, on a busy machine. */
const CALL_MS = 5_000;

export interface Chat extends AsyncDisposable {
  readonly processes: readonly { readonly role: string; readonly process: LineProcess }[];
  /** Those that show what is said. */
  readonly readers: readonly LineProcess[];
  /** How many of the readers show one line. */
  readonly shownBy: number;
  /** The line number `at`, by whoever's turn it is. */
  say(at: number): Promise<void>;
}

export const CHATS: Readonly<Record<string, () => Promise<Chat>>> = {
  mesh: openMesh,
  group: openGroup,
  friends: openFriends,
  directory: openDirectory,
};

async function openMesh(): Promise<Chat> {
  const room = await openRoom(p2pchatKind(), SIZE);
  const { members } = room;
  return {
    processes: members.map((process) => ({ role: "member", process })),
    readers: members,
    shownBy: SIZE,
    say: (at) => inTurn(members, at).type(textOf(at)),
    [Symbol.asyncDispose]: () => room[Symbol.asyncDispose](),
  };
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
