/** The manual page and what shells complete, in the shells that are on this machine. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMON_FLAGS, type ProgramCommand } from "../../lib/cli/args/arguments.ts";
import { takesValue } from "../../lib/cli/args/flags.ts";
import { COMMANDS } from "../../lib/cli/program.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "../../tools/completions.ts";
import { manPage } from "../../tools/man_page.ts";

Deno.test("the manual page has each command and each flag", () => {
  const page = manPage(COMMANDS, "1.2.3").replaceAll("\\-", "-");

  for (const { name, flags } of COMMANDS) {
    assertStringIncludes(page, `p2pchat ${name}`);
    for (const flag of [...flags, ...COMMON_FLAGS]) {
      assertStringIncludes(page, `\n.B "--${flag.name}`);
    }
  }
});

Deno.test("the manual page has what every command line can be, the files, and where to read more", () => {
  const lines = manPage(COMMANDS, "1.2.3").replaceAll("\\-", "-").split("\n");

  for (const form of ["p2pchat help [COMMAND]", "p2pchat --version"]) {
    assertEquals(lines.filter((line) => line === `.B "${form}"`).length, 2, form);
  }
  const heads = lines.filter((line) => line.startsWith(".SH ")).map((line) => line.slice(4));
  assertEquals(heads.slice(-3), ["ENVIRONMENT", "FILES", "SEE ALSO"]);
  for (const file of ["users/NAME/", "serve/", "regserver/", "$XDG_CACHE_HOME/p2pchat"]) {
    assert(lines.includes(`.B "${file}"`), file);
  }
});

Deno.test("the manual page has the values of flags as the program takes them", () => {
  const lines = manPage(COMMANDS, "1").replaceAll("\\-", "-").split("\n");

  for (const { flags } of COMMANDS) {
    for (const flag of flags.filter(takesValue)) {
      const text = lines[lines.indexOf(`.B "--${flag.name} ${flag.value}"`) + 1]!;
      for (const word of flag.words ?? []) assert(new RegExp(`\\b${word}\\b`).test(text), text);
    }
  }
});

Deno.test("the manual page has no text that is taken for a macro", () => {
  const help = "'quoted' at the start, a \\ and a - in it";
  const command: ProgramCommand = { ...COMMANDS[0]!, help, example: '.p2pchat "x"', flags: [] };

  const lines = manPage([command], "1").split("\n");

  assert(lines.includes("\\&'quoted' at the start, a \\e and a \\- in it."), lines.join("\n"));
  assert(lines.includes('.B "\\&.p2pchat ""x"""'), lines.join("\n"));
});

Deno.test("zsh knows which values may be left out", () => {
  const lines = zshCompletion(COMMANDS).split("\n").map((line) => line.trim());
  const ends = (flag: string) => {
    const found = lines.filter((line) => line.startsWith(`'--${flag}=`));
    return new Set(found.map((line) => line.slice(line.lastIndexOf("]"))));
  };

  assertEquals(ends("irc"), new Set(["]::PORT|PATH: ' \\"]));
  assertEquals(ends("irc-password-file"), new Set(["]:FILE:_files' \\"]));
});

/** What is offered for the last word of each line, as every shell must. */
const OFFERED: readonly (readonly [line: string, words: readonly string[]])[] = [
  ["p2pchat me", ["mesh"]],
  ["p2pchat users ", ["add", "card", "check", "key"]],
  ["p2pchat help reg", ["regserver"]],
  ["p2pchat mesh Bob --pa", ["--passive", "--passphrase-file"]],
  ["p2pchat peer Bob --reg", ["--registry"]],
  ["p2pchat regserver --accounts ", ["optional", "required"]],
  ["p2pchat mesh Bob ", []],
];

interface Shell {
  readonly name: string;
  readonly completion: string;
  /** Prints what is offered for a line, a word a line, where `file` is the completion. */
  readonly script: (file: string, line: string) => string;
}

const SHELLS: readonly Shell[] = [
  {
    name: "bash",
    completion: bashCompletion(COMMANDS),
    script: (file, line) =>
      `source ${file}; COMP_WORDS=(${words(line)}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); ` +
      `_p2pchat; printf '%s\\n' "\${COMPREPLY[@]}"`,
  },
  {
    name: "fish",
    completion: fishCompletion(COMMANDS),
    script: (file, line) => `source ${file}; complete -C '${line}' | string replace -r '\\t.*' ''`,
  },
];

function words(line: string): string {
  return line.split(" ").map((word) => `'${word}'`).join(" ");
}

for (const { name, completion, script } of SHELLS) {
  Deno.test({
    name: `${name} completes commands, flags and their words`,
    ignore: !await has(name),
    fn: async () => {
      const folder = await Deno.makeTempDir({ prefix: "p2pchat-completion-" });
      try {
        const file = `${folder}/completion`;
        await Deno.writeTextFile(file, completion);
        for (const [line, expected] of OFFERED) {
          const printed = await output(name, script(file, line), folder);
          assertEquals(printed.split("\n").filter((word) => word !== "").sort(), expected, line);
        }
        const ofFiles = await output(name, script(file, `p2pchat users check ${folder}/c`), folder);
        assertEquals(ofFiles.trim(), file);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** What the tabulator makes of the end of a line, in zsh. */
const PUT_IN: readonly (readonly [line: string, whole: string])[] = [
  ["p2pchat me", "p2pchat mesh"],
  ["p2pchat users ch", "p2pchat users check"],
  ["p2pchat help reg", "p2pchat help regserver"],
  ["p2pchat mesh Bob --pa", "p2pchat mesh Bob --passive"],
  ["p2pchat peer Bob --reg", "p2pchat peer Bob --registry"],
  ["p2pchat regserver --accounts=req", "p2pchat regserver --accounts=required"],
];

Deno.test({
  name: "zsh puts in what is the only thing that fits",
  ignore: !await has("zsh"),
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-completion-" });
    try {
      await Deno.writeTextFile(`${folder}/_p2pchat`, zshCompletion(COMMANDS));
      for (const [line, whole] of PUT_IN) {
        // A shell at a terminal of its own: completion needs one.
        const script = `zmodload zsh/zpty; zpty -b shell zsh -f
          zpty -w shell "PS1=REA'DY '; fpath=(${folder} \\$fpath); autoload -Uz compinit; compinit -D -u"
          zpty -r shell shown '*READY '
          zpty -wn shell '${line}'$'\\t'
          zpty -r shell shown '*${whole}*' && print -r -- put in
          zpty -d shell`;
        assertEquals((await output("zsh", script, folder)).trim(), "put in", line);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function has(shell: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${shell}`] })
    .output();
  return success;
}

/** @throws {Error} Where the shell complains. */
async function output(shell: string, script: string, home: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("timeout", {
    args: ["120", shell, "-c", script],
    env: { HOME: home },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}
