/** What a running program could do if somebody took it over: no more than its command line needs. */

import { assert, assertEquals } from "@std/assert";
import { Node, type NodeOptions, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const TEXT = new TextDecoder("utf-8", { fatal: false });

/** The rights with which the self-extracting file starts the runtime; null where it is of the other form. */
async function builtRights(): Promise<readonly string[] | null> {
  using file = await Deno.open(PROGRAM);
  const head = new Uint8Array(65_536);
  await file.read(head);
  const launcher = TEXT.decode(head);
  if (!launcher.startsWith("#!")) return null;
  const flags = /^ *exec .*--no-npm (.*) \\$/m.exec(launcher)?.[1];
  assert(flags !== undefined, "the launcher tells the rights, or these tests would be left out");
  return flags.split(" ").filter((flag) => !flag.startsWith("--v8"));
}

const rights = await builtRights();

interface Pried {
  readonly folder: string;
  readonly data: string;
  readonly open: readonly string[];
}

/**
 * Starts the program in a folder of its own and has it try to read and to write.
 * @param start The command with the paths in that folder.
 */
async function pried(
  start: (folder: string) => readonly string[],
  tries: (
    folder: string,
  ) => { readonly read: readonly string[]; readonly write: readonly string[] },
  test: (pried: Pried) => void,
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-rights-", dir: "/var/tmp" });
  try {
    const data = `${folder}/data`;
    await Deno.writeTextFile(`${folder}/users.txt`, `alice 127.0.0.1 ${freePort()}\n`);
    const options: NodeOptions = {
      data,
      module: "liars/prying_program.ts",
      rights: rights!,
      env: { ...variables, P2PCHAT_PASSWORD: JSON.stringify(tries(folder)) },
    };
    await using node = Node.start(start(folder), options);
    await node.until(isUp);
    if (start(folder).includes("--registry")) await node.until(({ event }) => event === "session");
    node.signal("SIGUSR1");
    const { open } = await node.until(({ event }) => event === "pried");
    test({ folder, data, open });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const isUp = ({ event }: ShownEvent) => event === "ready" || event === "coordinator";
const listen = ["--host", "127.0.0.1", "--port", "0"];
const options = { ignore: rights === null };

/** What lies in and around a data folder whose program is that of alice. */
function around(folder: string): readonly string[] {
  const data = `${folder}/data`;
  const others = ["users", "users/Bob", "serve", "regserver", "tables"];
  return [...others.map((name) => `${data}/${name}`), data, folder, "/", "/etc", "/proc/self"];
}

/** The profile of alice, its key, and what else may be in it. */
function profile(folder: string): readonly string[] {
  const alice = `${folder}/data/users/alice`;
  return [alice, `${alice}/identity`, `${alice}/mesh`];
}

Deno.test(
  "a member of a room can use its profile, and nothing else of the user's, at its first start too",
  options,
  async () => {
    await pried(
      (folder) => ["mesh", "alice", ...listen, "--log-file", `${folder}/p.log`],
      (folder) => ({
        read: [...around(folder), ...profile(folder)],
        write: [
          ...around(folder).map((path) => `${path}/own`),
          `${folder}/data/users/alice/own`,
          `${folder}/.bashrc`,
          `${folder}/p.log`,
          `${folder}/users.txt`,
          Deno.execPath(),
          PROGRAM,
        ],
      }),
      ({ folder, data, open }) =>
        assertEquals(open, [
          `read ${data}/users/alice/mesh`,
          `write ${data}/users/alice/own`,
          `write ${folder}/p.log`,
        ]),
    );
  },
);

/** Who can send files reads what it could send, no hidden folder of the home, and writes to --save. */
async function sendsAndSaves(args: (folder: string) => readonly string[]): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "p2pchat-home-", dir: "/var/tmp" });
  try {
    for (const name of [".ssh", "Pictures"]) Deno.mkdirSync(`${home}/${name}`);
    const folders = [home, `${home}/.ssh`, `${home}/Pictures`, "/etc", "/"];
    const save = `${home}/in`;
    await pried(
      (folder) => [...args(folder), "--save", save],
      () => ({ read: folders, write: [...folders, save].map((path) => `${path}/own`) }),
      ({ open }) => assertEquals(open, [`read ${home}/Pictures`, `write ${save}/own`]),
      { HOME: home },
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("a member reads what it could send, and writes to --save", options, async () => {
  await sendsAndSaves(() => ["mesh", "alice", ...listen]);
});

Deno.test("a friend reads what could be sent, and writes to --save", options, async () => {
  await sendsAndSaves((folder) => ["peer", "alice", "--users", `${folder}/users.txt`]);
});

Deno.test(
  "a directory's client reads what it could send, and writes to --save",
  options,
  async () => {
    await using server = Node.start(["regserver", ...listen]);
    await server.until(isUp);
    const registry = `127.0.0.1:${server.port}`;
    await sendsAndSaves(() => ["peer", "alice", "--registry", registry, "--guest", ...listen]);
  },
);

Deno.test(
  "a directory's client that knows its name can use its profile, and nothing else of the user's",
  options,
  async () => {
    await using server = Node.start(["regserver", ...listen]);
    await server.until(isUp);
    await pried(
      () => ["peer", "alice", "--registry", `127.0.0.1:${server.port}`, "--guest", ...listen],
      (folder) => ({
        read: [...around(folder), ...profile(folder)],
        write: [...around(folder), `${folder}/data/users/alice`].map((path) => `${path}/own`),
      }),
      ({ data, open }) =>
        assertEquals(open, [`read ${data}/users/alice/mesh`, `write ${data}/users/alice/own`]),
    );
  },
);

Deno.test("a server can use its own folder, and no profile", options, async () => {
  await pried(
    () => ["serve", ...listen],
    (folder) => ({ read: around(folder), write: around(folder).map((path) => `${path}/own`) }),
    ({ data, open }) => assertEquals(open, [`read ${data}/serve`, `write ${data}/serve/own`]),
  );
});

Deno.test(
  "friends read their table and may replace it, as /add does, and can't change anything beside it",
  options,
  async () => {
    await pried(
      (folder) => ["peer", "alice", "--users", `${folder}/users.txt`],
      (folder) => ({
        read: [folder, `${folder}/users.txt`],
        write: [`${folder}/users.txt`, `${folder}/other`],
      }),
      ({ folder, open }) =>
        assertEquals(open, [`read ${folder}/users.txt`, `write ${folder}/users.txt`]),
    );
  },
);

Deno.test(
  "a log that --db names is written, and nothing beside it, at later starts too",
  options,
  async () => {
    const tries = (folder: string) => ({
      read: ["/etc", folder],
      write: [
        `${folder}/group.log`,
        `${folder}/group.log.new`,
        `${folder}/users.txt`,
        `${folder}/x`,
      ],
    });
    const data = await Deno.makeTempDir({ prefix: "p2pchat-rights-", dir: "/var/tmp" });
    try {
      await using server = Node.start(["serve", "--host", "127.0.0.1", "--port", "0"]);
      await server.until(({ event }) => event === "ready");
      const peer = ["peer", "alice", "--server", `127.0.0.1:${server.port}`, "--host", "127.0.0.1"];
      for (const args of [["--db", `${data}/group.log`], []]) {
        await using member = Node.start([...peer, ...args], {
          data: `${data}/data`,
          module: "liars/prying_program.ts",
          rights: rights!,
          env: { P2PCHAT_PASSWORD: JSON.stringify(tries(data)) },
        });
        await member.until(({ event }) => event === "ready");
        member.signal("SIGUSR1");
        const { open } = await member.until(({ event }) => event === "pried");

        assertEquals(open, [`write ${data}/group.log`]);
        await member.type("/exit");
        assertEquals((await member.ended()).code, 0);
      }
      assert((await Deno.stat(`${data}/group.log`)).size > 0);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  },
);
