/** What a running program could do if somebody took it over: no more than its command line needs. */

import { assert, assertEquals } from "@std/assert";
import { Node, type NodeOptions, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const TEXT = new TextDecoder("utf-8", { fatal: false });

/** The rights with which the self-extracting file starts the runtime; null where it is of the other form. */
async function builtRights(): Promise<readonly string[] | null> {
  using file = await Deno.open(PROGRAM);
  const head = new Uint8Array(12_288);
  await file.read(head);
  const flags = /^ *exec .*--no-npm (.*) \\$/m.exec(TEXT.decode(head))?.[1];
  return flags?.split(" ").filter((flag) => !flag.startsWith("--v8")) ?? null;
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
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-rights-" });
  try {
    const data = `${folder}/data`;
    // At its first start the program makes these, and may read the folder above for that.
    for (const name of ["users", "serve", "regserver", "tables"]) {
      await Deno.mkdir(`${data}/${name}`, { recursive: true });
    }
    await Deno.writeTextFile(`${folder}/users.txt`, `alice 127.0.0.1 ${freePort()}\n`);
    const options: NodeOptions = {
      data,
      module: "liars/prying_program.ts",
      rights: rights!,
      env: { P2PCHAT_PASSWORD: JSON.stringify(tries(folder)) },
    };
    await using node = Node.start(start(folder), options);
    await node.until(isUp);
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

Deno.test(
  "a member of a room can use its data folder, and nothing else of the user's",
  options,
  async () => {
    await pried(
      () => ["mesh", "alice", ...listen],
      (folder) => ({
        read: [`${folder}/data/users`, `${folder}/data`, folder, "/", "/etc", "/proc/self"],
        write: [
          `${folder}/data/users/own`,
          `${folder}/data/other`,
          `${folder}/.bashrc`,
          `${folder}/users.txt`,
          `${folder}/data.txt`,
          Deno.execPath(),
          PROGRAM,
        ],
      }),
      ({ data, open }) => assertEquals(open, [`read ${data}/users`, `write ${data}/users/own`]),
    );
  },
);

Deno.test(
  "friends read their table, and can't change it or anything beside it",
  options,
  async () => {
    await pried(
      (folder) => ["peer", "alice", "--users", `${folder}/users.txt`],
      (folder) => ({
        read: [folder, `${folder}/users.txt`],
        write: [`${folder}/users.txt`, `${folder}/other`],
      }),
      ({ folder, open }) => assertEquals(open, [`read ${folder}/users.txt`]),
    );
  },
);

Deno.test(
  "a log that --db names is written, and nothing beside it, at later starts too",
  options,
  async () => {
    const tries = (folder: string) => ({
      read: ["/etc"],
      write: [
        `${folder}/group.log`,
        `${folder}/group.log.new`,
        `${folder}/users.txt`,
        `${folder}/x`,
      ],
    });
    const data = await Deno.makeTempDir({ prefix: "p2pchat-rights-" });
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
