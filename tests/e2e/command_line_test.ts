import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../lib/cli/session/version.ts";
import { PROGRAM } from "./node.ts";

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The names in the data folder afterwards. */
  readonly files: readonly string[];
}

/** Runs the program with the words of `line`, and without input. */
async function run(line: string): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-args-" });
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM, {
    args: line.split(" ").filter((word) => word !== ""),
    env: { P2PCHAT_HOME: `${folder}/home` },
    stdin: "null",
  }).output();
  const files = [...Deno.readDirSync(folder)].map((entry) => entry.name);
  await Deno.remove(folder, { recursive: true });
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), files };
}

Deno.test("p2pchat --version prints the version", async () => {
  assertEquals(await run("--version"), {
    status: 0,
    stdout: `p2pchat ${VERSION}\n`,
    stderr: "",
    files: [],
  });
});

Deno.test("p2pchat prints the usage that help prints, with status 2", async () => {
  const asked = await run("help");
  assertEquals([asked.status, asked.stderr], [0, ""]);
  assertStringIncludes(asked.stdout, "p2pchat mesh NAME [HOST PORT]");
  assertEquals(await run(""), { ...asked, status: 2 });
  assertEquals(await run("--help"), asked);
});

Deno.test("p2pchat COMMAND --help is p2pchat help COMMAND", async () => {
  const asked = await run("help mesh");
  assertEquals([asked.status, asked.stderr], [0, ""]);
  assertStringIncludes(asked.stdout, "for example: p2pchat mesh");
  assertEquals(await run("mesh --help"), asked);
});

Deno.test("p2pchat users --help is p2pchat help users: all three commands", async () => {
  const asked = await run("help users");
  assertEquals([asked.status, asked.stderr, asked.files], [0, "", []]);
  for (const command of ["check", "add", "key"]) {
    assertStringIncludes(asked.stdout, `for example: p2pchat users ${command}`);
  }
  assertEquals(await run("users --help"), asked);
});

/** In each form of output; what else is refused, and how, is in tests/cli/args/refused_lines_test.ts. */
const REFUSED: readonly (readonly [line: string, code: string, sentence: string])[] = [
  ["mehs Alice", "usage", "No command mehs; did you mean mesh?"],
  ["mesh a/b", "bad-name", 'Invalid name "a/b"'],
];

for (const [line, code, sentence] of REFUSED) {
  Deno.test(`p2pchat ${line}: one line on stderr, status 2, no file touched`, async () => {
    const { status, stdout, stderr, files } = await run(line);
    assertEquals([status, stdout, files], [2, "", []]);
    assertStringIncludes(stderr, `error: ${sentence}`);
    assertEquals(stderr.indexOf("\n"), stderr.length - 1);
  });

  Deno.test(`p2pchat ${line} --json: a fatal event on stdout`, async () => {
    const { status, stdout, stderr, files } = await run(`${line} --json`);
    assertEquals([status, stderr, files], [2, "", []]);
    const { event, code: given, text, at } = JSON.parse(stdout);
    assertEquals([event, given], ["fatal", code]);
    assertStringIncludes(text, sentence);
    assert(!Number.isNaN(Date.parse(at)));
  });
}

Deno.test("p2pchat refuses what isn't UTF-8 rather than write somewhere else", async () => {
  const start = [
    `"$0" mesh A --data "$1/$(printf '\\377')"`,
    `P2PCHAT_HOME="$1/$(printf '\\377')" "$0" mesh A`,
  ];
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-args-" });
  for (const script of start) {
    const args = ["-c", script, PROGRAM, folder];
    const { code, stderr } = await new Deno.Command("sh", { args, stdin: "null" }).output();
    assertEquals(code, 2);
    assertStringIncludes(new TextDecoder().decode(stderr), "UTF-8");
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});
