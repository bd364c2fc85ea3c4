/** `p2pchat users`: what each command shows people and scripts, and what it leaves on disk, run in this process. */

import { assertEquals, assertMatch } from "@std/assert";
import { printedEvents, type Ran, ran } from "../ran.ts";

/** A temporary folder with the table `users.txt`. */
class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "p2pchat-users-" });

  /** Runs `p2pchat users LINE`, whose second word is a file of the folder, as if in the folder. */
  async run(line: string): Promise<Ran> {
    const [command, file, ...words] = line.split(" ");
    const { status, stdout, stderr } = await ran(
      ["users", command!, `${this.path}/${file}`, ...words],
      `${this.path}/data`,
    );
    return { status, stdout: this.#shortened(stdout), stderr: this.#shortened(stderr) };
  }

  /** Runs the command with `--json`. @returns Its status, and the objects without their times. */
  async json(line: string): Promise<{ readonly status: number; readonly events: unknown[] }> {
    const printed = await this.run(`${line} --json`);
    return { status: printed.status, events: printedEvents(printed) };
  }

  write(text: string): Promise<void> {
    return Deno.writeTextFile(`${this.path}/users.txt`, text);
  }

  read(): Promise<string> {
    return Deno.readTextFile(`${this.path}/users.txt`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }

  #shortened(text: string): string {
    return text.replaceAll(`${this.path}/`, "");
  }
}

const BYE = { event: "bye", reason: "done" };

Deno.test("users add keeps what is there, and users check shows it in columns", async () => {
  await using folder = new Folder();
  await folder.write("# ours\r\nalice a.example 5001 # me");

  const added = await folder.run("add users.txt 李明 [::1] 80");
  const json = await folder.json("add users.txt Bоb b 6000");
  const mixed = await folder.run("add other.txt Bоb b 6000");
  const checked = await folder.run("check users.txt");
  const listed = await folder.json("check users.txt");

  assertEquals(added, {
    status: 0,
    stdout: "Added 李明 ::1 80 to users.txt, line 3.\n",
    stderr: "",
  });
  const bob = { name: "Bоb", host: "b", port: 6000, key: null, line: 4 };
  const warning = "≈Bоb mixes scripts: it may imitate another name";
  assertEquals(json.events, [
    { event: "notice", text: warning },
    { event: "users", file: "users.txt", users: [bob] },
    BYE,
  ]);
  assertEquals(mixed, {
    status: 0,
    stdout: "Added Bоb b 6000 to other.txt, line 2.\n",
    stderr: `${warning}\n`,
  });
  assertEquals(
    await folder.read(),
    "# ours\r\nalice a.example 5001 # me\r\n李明 ::1 80\r\nBоb b 6000\r\n",
  );
  assertEquals(checked, {
    status: 0,
    stdout: "# name  address    port  [fingerprint]\n" +
      "alice   a.example  5001\n" +
      "李明    ::1        80\n" +
      "Bоb     b          6000  # ≈Bоb mixes scripts: it may imitate another name\n" +
      "# 3 users, 3 without a fingerprint\n",
    stderr: "",
  });
  const alice = { name: "alice", host: "a.example", port: 5001, key: null, line: 2 };
  const ming = { name: "李明", host: "::1", port: 80, key: null, line: 3 };
  assertEquals(listed, {
    status: 0,
    events: [{ event: "users", file: "users.txt", users: [alice, ming, bob] }, BYE],
  });
});

Deno.test("users add through a symbolic link leaves the link", async () => {
  await using folder = new Folder();
  await folder.write("alice a 1\n");
  await Deno.symlink("users.txt", `${folder.path}/link.txt`);

  const { status } = await folder.run("add link.txt bob b 1");

  assertEquals(status, 0);
  assertEquals((await Deno.lstat(`${folder.path}/link.txt`)).isSymlink, true);
  assertEquals(await folder.read(), "alice a 1\nbob b 1\n");
});

Deno.test("users check tells all that is wrong, and exits 5", async () => {
  await using folder = new Folder();
  await folder.write("alice a 1\nbob\nAlice b 2\n\ncarol c 70000\n");
  const sentences = [
    'Cannot read users.txt, line 2: it must be NAME ADDRESS PORT [FINGERPRINT], has 1 word: "bob"; correct it',
    'Cannot read users.txt, line 3: the name "Alice" is that of line 1 (alice) already; ' +
    "each row needs its own name, correct or remove one of the two",
    'Cannot read users.txt, line 5: the port must be a whole number from 1 to 65535, not "70000"; correct it',
  ];

  const text = await folder.run("check users.txt");
  const json = await folder.json("check users.txt");

  assertEquals(text, {
    status: 5,
    stdout: "",
    stderr: sentences.map((sentence) => `error: ${sentence}\n`).join(""),
  });
  assertEquals(json, {
    status: 5,
    events: sentences.map((text, at) => ({
      event: at < 2 ? "error" : "fatal",
      code: "bad-file",
      text,
    })),
  });
});

Deno.test("users check stops at 20 complaints, and says that there are more", async () => {
  await using folder = new Folder();
  await folder.write("bob\n".repeat(20));
  const twenty = await folder.run("check users.txt");
  await folder.write("bob\n".repeat(21));
  const more = await folder.run("check users.txt");

  assertEquals(twenty.stderr.trimEnd().split("\n").length, 20);
  const lines = more.stderr.trimEnd().split("\n");
  assertEquals(lines.slice(0, 20).join("\n"), twenty.stderr.trimEnd());
  assertEquals(lines.slice(20), [
    "error: Cannot use users.txt: more than 20 of its lines are wrong; " +
    "correct those above, and check it again",
  ]);
});

Deno.test("users add and users check refuse in a sentence, and change nothing", async () => {
  await using folder = new Folder();
  const table = "alice a 1\n";
  await folder.write(table);
  await Deno.mkdir(`${folder.path}/data`);
  await Deno.writeTextFile(`${folder.path}/data/fixed.txt`, table, { mode: 0o444 });
  await Deno.symlink("gone.txt", `${folder.path}/data/link.txt`);
  await new Deno.Command("mkfifo", { args: [`${folder.path}/data/pipe`] }).output();
  const cases: readonly (readonly [line: string, status: number, code: string, text: RegExp])[] = [
    [
      "add users.txt ALICE b 1",
      5,
      "bad-file",
      /^Cannot add ALICE to users\.txt: the name "ALICE" .*; change that row instead$/,
    ],
    ["add users.txt bob A 1", 5, "bad-file", /^Cannot add bob to .*: the address "A:1" is that of/],
    ["add users.txt bob b x", 2, "usage", /^PORT must be a whole number from 1 to 65535, not "x"/],
    ["add users.txt bob 0.0.0.0 1", 2, "usage", /^HOST is wrong: .* nobody can dial it; write the/],
    [
      "add users.txt bob 1.2.3 1",
      2,
      "usage",
      /^HOST must be a host name or an IP address, not "1\.2/,
    ],
    ["add users.txt b/b b 1", 2, "bad-name", /^Invalid name "b\/b": /],
    [
      "add none/users.txt bob b 1",
      5,
      "disk",
      /^Cannot write none\/users\.txt: No such file.*; check/,
    ],
    ["add data/fixed.txt bob b 1", 5, "disk", /^Cannot write data\/fixed\.txt: it is read-only; /],
    [
      "add data/link.txt bob b 1",
      5,
      "bad-file",
      /^Cannot use data\/link\.txt: it is a symbolic link to gone\.txt, which isn't there; make/,
    ],
    ["add data bob b 1", 5, "bad-file", /^Cannot read data: it is a folder; name the file/],
    [
      "check none.txt",
      5,
      "bad-file",
      /^Cannot read none\.txt: there is no such file; .* users add/,
    ],
    ["check data", 5, "bad-file", /^Cannot read data: it is a folder; name the file/],
    ["check data/pipe", 5, "bad-file", /^Cannot read data\/pipe: it is no ordinary file; name the/],
  ];
  for (const [line, status, code, pattern] of cases) {
    const text = await folder.run(line);
    const json = await folder.json(line);
    const sentence = text.stderr.slice("error: ".length, -1);

    assertEquals([text.status, text.stdout], [status, ""], line);
    assertMatch(sentence, pattern);
    assertEquals(json, { status, events: [{ event: "fatal", code, text: sentence }] });
  }
  assertEquals(await folder.read(), table);
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), [
    "data",
    "users.txt",
  ]);
});
