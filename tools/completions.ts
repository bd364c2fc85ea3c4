/** What shells complete after `p2pchat`, from the table of commands. */

import { quotedForShell } from "../lib/base/text/command_to_type.ts";
import { COMMON_FLAGS, type ProgramCommand } from "../lib/cli/args/arguments.ts";
import { type Flag, takesValue } from "../lib/cli/args/flags.ts";

/** What follows a flag, or the words of a command. */
type Kind = "file" | "folder" | "words" | "nothing";

/** A command as a shell knows it: all of one name, such as those of `peer`, are one. */
interface Completed {
  readonly name: string;
  readonly help: string;
  readonly takesFile: boolean;
  readonly flags: readonly Flag[];
}

const HELP_HELP = "the commands, or one with its flags";
const KIND_BY_VALUE: Readonly<Record<string, Kind>> = { FILE: "file", DIR: "folder" };

export function bashCompletion(commands: readonly ProgramCommand[]): string {
  const all = completed(commands);
  const flags = flagsOf(all);
  const values = flags.flatMap((flag): string[] => {
    const reply = bashReply(kindOf(flag), takesValue(flag) ? flag.words ?? [] : []);
    return takesValue(flag) ? [`    --${flag.name}) ${reply}; return ;;`] : [];
  });
  return `# bash completion for p2pchat

_p2pchat() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  local command= at=1 taken flags files
  COMPREPLY=()
  case $before in
${values.join("\n")}
  esac
  # The command: its first word or two, with flags before or between them.
  while [ "$at" -lt "$COMP_CWORD" ]; do
    taken=\${COMP_WORDS[at]}
    case $taken in
    ${flags.filter(takesValue).map(({ name }) => `--${name}`).join("|")}) at=$((at + 1)) ;;
    -*) ;;
    *)
      command=\${command:+$command }$taken
      case $command in ${twoWords(all).join("|")}) ;; *) break ;; esac
      ;;
    esac
    at=$((at + 1))
  done
  case $command in
  "") mapfile -t COMPREPLY < <(compgen -W "${[...firstWords(all), "help"].join(" ")} ${
    names(COMMON_FLAGS)
  } --version" -- "$word"); return ;;
  help) mapfile -t COMPREPLY < <(compgen -W "${firstWords(all).join(" ")}" -- "$word"); return ;;
${
    twoWords(all).map((first) =>
      `  ${first}) mapfile -t COMPREPLY < <(compgen -W "${
        secondWords(all, first).join(" ")
      }" -- "$word"); return ;;`
    ).join("\n")
  }
${
    all.map(({ name, flags, takesFile }) =>
      `  "${name}") flags="${names(flags)}" files=${takesFile ? "yes" : ""} ;;`
    ).join("\n")
  }
  *) return ;;
  esac
  case $word in
  -*) mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word") ;;
  *) if [ -n "$files" ]; then ${bashReply("file", [])}; fi ;;
  esac
}

complete -F _p2pchat p2pchat
`;
}

function bashReply(kind: Kind, words: readonly string[]): string {
  const reply = (how: string) =>
    `compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen ${how} -- "$word")`;
  switch (kind) {
    case "file":
      return reply("-f");
    case "folder":
      return reply("-d");
    case "words":
      return `mapfile -t COMPREPLY < <(compgen -W "${words.join(" ")}" -- "$word")`;
    case "nothing":
      return ":";
  }
}

export function zshCompletion(commands: readonly ProgramCommand[]): string {
  const all = completed(commands);
  const described = (entries: readonly (readonly [word: string, help: string])[]) =>
    entries.map(([word, help]) => `    ${quotedForShell(`${word}:${help}`)}`).join("\n");
  const firsts = firstWords(all).map((word) => [word, helpOf(all, word)] as const);
  const parts = all.map(({ name, flags, takesFile }) =>
    [
      `  ${quotedForShell(name)})`,
      "    _arguments -S \\",
      ...flags.map((flag) => `      ${quotedForShell(zshFlag(flag))} \\`),
      // Nothing to offer. A message instead (`*: :`) would keep the only flag that fits from being put in.
      `      ${quotedForShell(takesFile ? "*:file:_files" : "*: :()")} ;;`,
    ].join("\n")
  );
  return `#compdef p2pchat

_p2pchat() {
  local -a commands seconds
  local name=$words[2]
  commands=(
${described([...firsts, ["help", HELP_HELP]])}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $name in
  help)
    (( CURRENT == 3 )) && _describe command commands
    return ;;
${
    twoWords(all).map((first) =>
      `  ${first})
    if (( CURRENT == 3 )); then
      seconds=(
${
        described(
          secondWords(all, first).map((word) => [word, helpOf(all, `${first} ${word}`)] as const),
        )
      }
      )
      _describe command seconds
      return
    fi
    name="$name $words[3]"
    shift 2 words
    (( CURRENT -= 2 )) ;;`
    ).join("\n")
  }
  *)
    shift words
    (( CURRENT -= 1 )) ;;
  esac
  case $name in
${parts.join("\n")}
  esac
}

_p2pchat "$@"
`;
}

function zshFlag(flag: Flag): string {
  const help = flag.help.replace(/[[\\\]:]/g, "\\$&");
  if (!takesValue(flag)) return `--${flag.name}[${help}]`;
  const mayBeLeftOut = flag.like !== undefined;
  const value = (mayBeLeftOut ? flag.value.replace(/^\[(.*)\]$/, "$1") : flag.value)
    .replace(/[[\\\]:]/g, "\\$&");
  const action = {
    file: "_files",
    folder: "_files -/",
    words: `(${(flag.words ?? []).join(" ")})`,
    nothing: " ",
  };
  const separator = mayBeLeftOut ? "::" : ":";
  return `--${flag.name}=[${help}]${separator}${value}:${action[kindOf(flag)]}`;
}

export function fishCompletion(commands: readonly ProgramCommand[]): string {
  const all = completed(commands);
  const withValue = names(flagsOf(all).filter(takesValue));
  const lines = [
    `# fish completion for p2pchat

# The words before the cursor, without flags and their values.
function __p2pchat_words
    set -l is_value no
    for token in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
        else if contains -- $token ${withValue}
            set is_value yes
        else if not string match -q -- '-*' $token
            echo $token
        end
    end
end

# Whether these are all.
function __p2pchat_after
    set -l words (__p2pchat_words)
    test "$words" = "$argv"
end

# Whether they begin with these.
function __p2pchat_of
    set -l words (__p2pchat_words)
    set -l count (count $argv)
    test "$words[1..$count]" = "$argv"
end

complete -c p2pchat -f`,
  ];
  const add = (when: string, rest: string) =>
    lines.push(`complete -c p2pchat -n ${quotedForShell(when)} ${rest}`);
  const word = (after: string, one: string, help: string) =>
    add(
      `__p2pchat_after ${after}`.trimEnd(),
      `-a ${quotedForShell(one)} -d ${quotedForShell(help)}`,
    );
  for (const first of firstWords(all)) {
    word("", first, helpOf(all, first));
    word("help", first, helpOf(all, first));
  }
  word("", "help", HELP_HELP);
  add("__p2pchat_after", "-l version -d 'the version'");
  for (const flag of COMMON_FLAGS) add("__p2pchat_after", fishFlag(flag));
  for (const first of twoWords(all)) {
    for (const second of secondWords(all, first)) {
      word(first, second, helpOf(all, `${first} ${second}`));
    }
  }
  for (const { name, flags, takesFile } of all) {
    const when = `__p2pchat_of ${name}`;
    if (takesFile) add(when, "-F");
    for (const flag of flags) add(when, fishFlag(flag));
  }
  return `${lines.join("\n")}\n`;
}

function fishFlag(flag: Flag): string {
  const head = `-l ${flag.name} -d ${quotedForShell(flag.help)}`;
  if (!takesValue(flag)) return head;
  const value = {
    file: "-r -F",
    folder: "-x -a '(__fish_complete_directories)'",
    words: `-x -a ${quotedForShell((flag.words ?? []).join(" "))}`,
    nothing: "-x",
  };
  return `${head} ${value[kindOf(flag)]}`;
}

function completed(commands: readonly ProgramCommand[]): readonly Completed[] {
  return [...Map.groupBy(commands, ({ name }) => name)].map(([name, those]) => ({
    name,
    help: those.length === 1
      ? those[0]!.help
      : those.map(({ chosenBy }) => `--${chosenBy}`).join(" or "),
    takesFile: those.some(({ form }) => /^\[?FILE/.test(form)),
    flags: uniqueFlags([...those.flatMap(({ flags }) => flags), ...COMMON_FLAGS]),
  }));
}

function flagsOf(all: readonly Completed[]): readonly Flag[] {
  return uniqueFlags(all.flatMap(({ flags }) => flags));
}

/** The first of each name. */
function uniqueFlags(flags: readonly Flag[]): readonly Flag[] {
  return [...Map.groupBy(flags, ({ name }) => name).values()].map(([flag]) => flag!);
}

function names(flags: readonly Flag[]): string {
  return flags.map(({ name }) => `--${name}`).join(" ");
}

function firstWords(all: readonly Completed[]): readonly string[] {
  return [...new Set(all.map(({ name }) => name.split(" ")[0]!))];
}

/** First words that a second one follows. */
function twoWords(all: readonly Completed[]): readonly string[] {
  return firstWords(all).filter((first) => secondWords(all, first).length > 0);
}

function secondWords(all: readonly Completed[], first: string): readonly string[] {
  return all.flatMap(({ name }) =>
    name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []
  );
}

function helpOf(all: readonly Completed[], words: string): string {
  const whole = all.find(({ name }) => name === words);
  return whole?.help ?? secondWords(all, words).join(", ");
}

function kindOf(flag: Flag): Kind {
  if (!takesValue(flag)) return "nothing";
  return flag.words !== undefined ? "words" : KIND_BY_VALUE[flag.value] ?? "nothing";
}
