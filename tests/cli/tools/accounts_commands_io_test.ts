/** `p2pchat accounts`: what each command shows operators and scripts, and what it leaves on disk, run in this process. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { foldName } from "../../../lib/base/text/names.ts";
import { accountLines, accountRow } from "../../../lib/store/accounts/accounts_csv.ts";
import { accountOf } from "../../contracts/accounts_contract.ts";
import { printedEvents, type Ran, ran } from "../ran.ts";
import { slow } from "../../given.ts";

const PASSWORD = "correct horse";

/** A temporary folder with the data of a directory. */
class AccountsFolder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "p2pchat-accounts-" });
  readonly data = `${this.path}/data`;
  readonly file = `${this.data}/regserver/accounts.csv`;

  /** With accounts of these names, whose hashes no password fits. */
  constructor(...names: readonly string[]) {
    Deno.mkdirSync(`${this.data}/regserver`, { recursive: true, mode: 0o700 });
    const rows = names.map((name) => [foldName(name), accountRow(accountOf(name))] as const);
    const text = [...accountLines(new Map(rows))].join("");
    if (rows.length > 0) Deno.writeTextFileSync(this.file, text, { mode: 0o600 });
  }

  /** Runs `p2pchat LINE`, where `./` begins a file of the folder, as if in the folder. */
  async program(line: string): Promise<Ran> {
    const words = line.split(" ").map((word) => word.replace(/^\.\//, `${this.path}/`));
    const { status, stdout, stderr } = await ran(words, this.data);
    return { status, stdout: this.#shortened(stdout), stderr: this.#shortened(stderr) };
  }

  run(line: string): Promise<Ran> {
    return this.program(`accounts ${line}`);
  }

  /** Runs the command with `--json`. @returns The objects, without their times. */
  async json(line: string) {
    const printed = await this.run(`${line} --json`);
    return { status: printed.status, events: printedEvents(printed) };
  }

  /** The names in the table of accounts. */
  async names(): Promise<readonly string[]> {
    const { status, events: [table] } = await this.json("list");
    assertEquals(status, 0);
    return table.accounts.map(({ name }: { readonly name: string }) => name);
  }

  write(name: string, text: string, mode = 0o600): Promise<void> {
    return Deno.writeTextFile(`${this.path}/${name}`, text, { mode });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }

  #shortened(text: string): string {
    return text.replaceAll(`${this.path}/`, "");
  }
}

Deno.test("accounts: what is refused changes nothing, and no password is in any answer", async () => {
  await using folder = new AccountsFolder("bob");
  const before = await Deno.readTextFile(folder.file);
  await folder.write("short", "hunter2");
  await folder.write("good", "hunter2hunter2");
  await folder.write("lines", "hunter2hunter2\nhunter2hunter2\n");
  await Deno.writeFile(`${folder.path}/bytes`, Uint8Array.of(0xff, 0xfe, 0x31), { mode: 0o600 });
  await folder.write("long", "hunter2".repeat(1_000));
  const cases: readonly (readonly [line: string, status: number, text: RegExp])[] = [
    [
      "add BOB --password-file ./good",
      4,
      /^Cannot add BOB: there has been an account bob since .* passwd bob$/,
    ],
    [
      "add eve --password-file ./short",
      4,
      /^The password is too short: at least 8 characters/,
    ],

    [
      "add eve --password-file ./long",
      4,
      /^The password is too long: at most 1024 bytes/,
    ],
    [
      "add eve --password-file ./lines",
      5,
      /^Cannot take the password from lines: it has several lines/,
    ],
    [
      "add eve --password-file ./bytes",
      5,
      /^Cannot take the password from bytes: it isn't UTF-8/,
    ],
    [
      "add eve --password-file ./none",
      5,
      /^Cannot take the password from none: there is no such file; check the name/,
    ],
    ["add eve --password-file ./data", 5, /^Cannot take the password from data: /],
    [
      "add eve",
      2,
      /^There is no password, and nobody to ask for one; name a file with --password-file/,
    ],
    ["passwd eve --password-file ./good", 2, /^There is no account eve in .*; nothing was changed/],
    ["passwd bob --password-file ./short", 4, /^The password is/],
    ["remove bob eve zoe", 2, /^There is no account eve, zoe in/],
    [
      "import ./none.csv",
      5,
      /^Cannot read none\.csv: there is no such file; check the name$/,
    ],
    ["list ./none.csv", 5, /^Cannot read none\.csv: there is no such file/],
  ];
  for (const [line, status, sentence] of cases) {
    const text = await folder.run(line);
    const json = await folder.json(line);

    assertEquals([text.status, text.stdout], [status, ""], line);
    assertMatch(text.stderr, /^error: .*\n$/);
    assertMatch(text.stderr.slice("error: ".length, -1), sentence, line);
    assertEquals([json.status, json.events.length, json.events[0].event], [status, 1, "fatal"]);
    assertEquals(`error: ${json.events[0].text}\n`, text.stderr);
    assert(!JSON.stringify([text, json]).includes("hunter2"), line);
  }
  assertEquals(await Deno.readTextFile(folder.file), before);
});

Deno.test("accounts list tells all damage with its line, and exits 5; nothing is changed until it is mended", async () => {
  await using folder = new AccountsFolder("bob", "eve", "al");
  const good = await Deno.readTextFile(folder.file);
  const lines = good.split("\n");
  const damaged = [lines[0], lines[1]!.replace("bob", "rob"), lines[2], lines[3]!.slice(0, 30), ""]
    .join("\n");
  await Deno.writeTextFile(folder.file, damaged);
  const sentence = (line: number, found: string) =>
    `error: Cannot read data/regserver/accounts.csv: line ${line} is damaged, ${found}; restore the file from a copy, or ` +
    "move it away to start without any account; to go on without what this line says, delete the line\n";
  const first = sentence(2, "its checksum doesn't fit");

  const listed = await folder.run("list");
  const added = await folder.run("add zoe");

  assertEquals(listed, {
    status: 5,
    stdout: "",
    stderr: first + sentence(4, "it is no row of CSV"),
  });
  assertEquals(added, { status: 5, stdout: "", stderr: first });
  assertEquals(await Deno.readTextFile(folder.file), damaged);
});

Deno.test("accounts list says of another file what to do, where it was named and where it lies in the folder", async () => {
  await using folder = new AccountsFolder("bob");
  await folder.write("notes.md", "# notes\n");
  await Deno.copyFile(`${folder.path}/notes.md`, folder.file);
  const found = "a table of accounts begins with name,hash,created,keys,check, this file doesn't";

  const named = await folder.run("list ./notes.md");
  const usual = await folder.run("list");

  assertEquals([named.status, usual.status], [5, 5]);
  assertEquals(
    named.stderr,
    `error: Cannot read notes.md, line 1: ${found}; name another file, or move this one away\n`,
  );
  assertEquals(
    usual.stderr,
    `error: Cannot read data/regserver/accounts.csv, line 1: ${found}; move it away, or choose another folder ` +
      "with --data\n",
  );
});

Deno.test("accounts behind a symbolic link are changed there, and one that leads nowhere is told", async () => {
  await using folder = new AccountsFolder("bob");
  await Deno.mkdir(`${folder.path}/elsewhere`);
  const target = `${folder.path}/elsewhere/table.csv`;
  await Deno.rename(folder.file, target);
  await Deno.symlink("../../elsewhere/table.csv", folder.file);

  await folder.write("password", PASSWORD);
  await folder.run("add eve --password-file ./password");
  await folder.run("remove bob");

  assertEquals(await folder.names(), ["eve"]);
  assertEquals((await Deno.lstat(folder.file)).isSymlink, true);
  assertEquals((await Deno.readTextFile(target)).split("\n").length, 3);
  assertEquals(
    [...Deno.readDirSync(`${folder.path}/elsewhere`)].length,
    1,
    "the lock is in the folder",
  );

  await Deno.remove(target);
  for (const line of ["accounts list", "accounts add zoe", "regserver --port 0"]) {
    const { status, stderr } = await folder.program(line);
    assertEquals(status, 5);
    assertMatch(stderr, /^error: Cannot use .*accounts\.csv: it is a symbolic link to .*, which /);
  }
});

slow.test("accounts import adds what it can, tells all else with its line, and goes on where it stopped", async () => {
  await using folder = new AccountsFolder("ALICE");
  const good = `bob,${PASSWORD}\n"Zoë","with, ""quotes"""\n`;
  await folder.write(
    "in.csv",
    `name,password\nalice,${PASSWORD}\n${good}a b,${PASSWORD}\ncy,hunter2\n`,
  );
  await Deno.chmod(`${folder.path}/in.csv`, 0o644);

  const first = await folder.run("import ./in.csv");
  const again = await folder.json("import ./in.csv");
  await folder.write("taken.csv", `name,password\n${good}`);
  const taken = await folder.run("import ./taken.csv");

  const because = (line: number, found: string) => `Cannot add line ${line} of in.csv: ${found}`;
  const warning = "Others can read in.csv, which has passwords in it; chmod 600 keeps it yours";
  const there = "there is an account of that name";
  const blank = 'its name is invalid: letters, digits, "_", "-" and "." only, not blanks';
  const weak = "its password is too short: at least 8 characters";
  assertEquals(first, {
    status: 5,
    stdout: "",
    stderr: `${warning}\n` +
      [
        because(2, there),
        because(5, blank),
        because(6, weak),
        "Added 2 of the 5 accounts of in.csv; 3 refused (see above)",
      ].map((text) => `error: ${text}\n`).join(""),
  });
  const error = (code: string, line: number, found: string) => ({
    event: "error",
    code,
    text: because(line, found),
  });
  assertEquals(again, {
    status: 5,
    events: [
      { event: "notice", text: warning },
      error("name-taken", 2, there),
      error("name-taken", 3, there),
      error("name-taken", 4, there),
      error("bad-name", 5, blank),
      error("weak-password", 6, weak),
      { event: "imported", from: "in.csv", names: [], refused: 5, untried: 0 },
      {
        event: "fatal",
        code: "bad-file",
        text: "Added 0 of the 5 accounts of in.csv; 5 refused (see above)",
      },
    ],
  });
  assertEquals(taken.status, 4, "all of them for one reason");
  assertEquals(await folder.names(), ["ALICE", "bob", "Zoë"]);
});

Deno.test("accounts import of a file that isn't one adds nothing", async () => {
  await using folder = new AccountsFolder();
  for (
    const [text, line] of [["alice,hunter2hunter2\n", 1], [
      'name,password\nbob,"hunter2hunter2\n',
      2,
    ]] as const
  ) {
    await folder.write("in.csv", text);
    const { status, stdout, stderr } = await folder.run("import ./in.csv");
    assertEquals([status, stdout], [5, ""]);
    assertMatch(
      stderr,
      new RegExp(`^error: Cannot read in\\.csv, line ${line}: .*; nothing was added\\n$`),
    );
  }
  assertEquals(await folder.names(), []);
});
