/** The manual page, from the table of commands: macros of man(7), which every system's `man` reads. */

import {
  commandForm,
  commandTitle,
  COMMON_FLAGS,
  type ProgramCommand,
} from "../lib/cli/args/arguments.ts";
import { type Flag, takesValue } from "../lib/cli/args/flags.ts";
import { FORCED_EXIT_STATUS } from "../lib/cli/streams/interrupts.ts";

/** As `docs/scripting.md` has them. */
export const EXIT_STATUSES: readonly (readonly [status: number, text: string])[] = [
  [0, "done, or left as asked"],
  [1, "a fault of the program itself"],
  [2, "the command line, or the name, is wrong"],
  [3, "network: nobody answers, the port is taken, too late, not the right protocol"],
  [
    4,
    "refused: the name is taken, the password wrong, the key another one, the profile in use, replaced by a later process",
  ],
  [5, "data: a file is damaged, or can't be written, standard output included"],
  [FORCED_EXIT_STATUS, "ended at once: a second Ctrl+C or SIGTERM while it was leaving"],
];

const VARIABLES = [
  ["P2PCHAT_HOME", "Where files are kept, without --data."],
  [
    "XDG_DATA_HOME",
    "Its folder p2pchat has the files, without --data and P2PCHAT_HOME; by default ~/.local/share.",
  ],
  ["P2PCHAT_INVITE", "The invite of a room or group, without --invite."],
  ["P2PCHAT_PASSWORD", "The password of an account, without --password-file."],
  [
    "P2PCHAT_HANGUP",
    "If it is ignored, SIGHUP doesn't end the program, as in the units for systemd.",
  ],
  ["NO_COLOR", "As --no-color."],
] as const;

/** Forms of the command line that aren't in the table of commands. */
const OTHER_FORMS = [
  ["help", "p2pchat help [COMMAND]", "All commands, or one with its flags."],
  ["--version", "p2pchat --version", "The version."],
] as const;

const FILES = [
  [
    "~/.local/share/p2pchat/",
    "The data folder, where neither --data nor P2PCHAT_HOME nor XDG_DATA_HOME names another. What follows is in it.",
  ],
  [
    "users/NAME/",
    "The profile of NAME: the identity key, known_peers with the keys of others, logs, and what is yet to be sent.",
  ],
  ["serve/", "The coordinator's key, state and snapshots."],
  [
    "regserver/",
    "The directory's key, its accounts (accounts.csv) and the broadcasts that it keeps.",
  ],
  [
    "$XDG_CACHE_HOME/p2pchat",
    "What an executable that unpacks itself has unpacked, otherwise in ~/.cache/p2pchat; it can be removed.",
  ],
] as const;

/** What --once, --wait and --mcp do, together with how they end. */
const SCRIPTS = [
  "A script that lives for a moment starts the program once for each thing, in a room, a group or among friends.",
  "--once TEXT says one thing, and ends with status 0 when it has arrived; otherwise with 3, and the error says whether it",
  "may be said again. --wait prints the next message of somebody else, or the next of the events that --event names, in",
  "one line, and ends with 0; with 3 where none comes within --timeout, which is 10 seconds unless it is given. Between",
  "calls nothing that others say is missed or printed twice, so --wait and --no-history don't go together. A call ends",
  "with 4 where another program of the profile is in the same place. With --mcp standard input and output speak the",
  "Model Context Protocol, and the program ends with 0 when its input ends.",
];

const SEE_ALSO = [
  "In the folder docs of the sources: mesh.md, group.md, friends.md and directory.md for the four ways to find each",
  "other, scripting.md and bots.md for scripts, bots and agents, operations.md for servers, security.md for what p2pchat protects.",
];

export function manPage(commands: readonly ProgramCommand[], version: string): string {
  return [
    `.TH P2PCHAT 1 "" "p2pchat ${roff(version)}" "User Commands"`,
    ".SH NAME",
    roff("p2pchat - chat from a terminal, end to end encrypted, without an account"),
    ".SH SYNOPSIS",
    ...[...commands.map(commandForm), ...OTHER_FORMS.map(([, form]) => form)]
      .flatMap((form) => [".br", strong(form)]).slice(1),
    ".SH DESCRIPTION",
    "What you type is a message to the room, the group, or whoever you are talking to. Among friends, NAME/TEXT sends",
    "TEXT to NAME; in a directory's lobby, a name calls that user. Lines that begin with / are commands, which /help lists.",
    "Piped input is taken in the same way, line by line; the program leaves once all of it has gone out.",
    ".SH COMMANDS",
    ...commands.flatMap(commandPart),
    ...OTHER_FORMS.flatMap(([title, form, text]) => [
      `.SS ${quoted(title)}`,
      strong(form),
      ".PP",
      roff(text),
    ]),
    ".SH SCRIPTS AND AGENTS",
    ...SCRIPTS.map(roff),
    ".SH OPTIONS",
    "All commands take these:",
    ...COMMON_FLAGS.flatMap(flagPart),
    ".SH EXIT STATUS",
    ...EXIT_STATUSES.flatMap(([status, text]) => item(String(status), sentence(text))),
    ".SH ENVIRONMENT",
    ...VARIABLES.flatMap(([name, text]) => item(name, text)),
    ".SH FILES",
    ...FILES.flatMap(([path, text]) => item(path, text)),
    ".SH SEE ALSO",
    ...SEE_ALSO.map(roff),
    "",
  ].join("\n");
}

function commandPart(command: ProgramCommand): readonly string[] {
  return [
    `.SS ${quoted(commandTitle(command))}`,
    strong(commandForm(command)),
    ".PP",
    roff(sentence(command.help)),
    ".PP",
    "For example:",
    ".PP",
    ".RS",
    strong(command.example),
    ".RE",
    ...command.flags.flatMap(flagPart),
  ];
}

function flagPart(flag: Flag): readonly string[] {
  if (!takesValue(flag)) return item(`--${flag.name}`, sentence(flag.help));
  const [first = ""] = /^[a-z]+/.exec(flag.help) ?? [];
  // A value stays as the program takes it.
  const isValue = flag.words?.includes(first) ?? false;
  return item(`--${flag.name} ${flag.value}`, isValue ? `${flag.help}.` : sentence(flag.help));
}

function item(head: string, text: string): readonly string[] {
  return [".TP", strong(head), roff(text)];
}

function strong(text: string): string {
  return `.B ${quoted(text)}`;
}

function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', '""')}"`;
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** Hyphens and tildes that can be copied, and no line that begins with what macros begin with. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("~", "\\(ti").replace(
    /^[.']/,
    "\\&$&",
  );
}
