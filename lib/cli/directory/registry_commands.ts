/** The commands of `p2pchat peer --registry`: each becomes one `ClientCommand`. */

import { usageOf } from "../../base/text/words.ts";
import { parseHost, parsePort } from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import { foldName, nameFault, shownName, withoutMark } from "../../base/text/names.ts";
import { quotedStart, startOf, wordBeforeText } from "../../base/text/text.ts";
import type { ClientCommand } from "../../protocols/directory/schema/events.ts";
import { FOUND_COUNT_DEFAULT, memberName, messageText } from "../commands/command_arguments.ts";
import {
  type Argument,
  type Command,
  command,
  CommandTable,
  type Invocation,
} from "../commands/commands.ts";
import { fileCommands, fileNumber } from "../files/file_commands.ts";
import type { FileCommand } from "../files/file_events.ts";
import { meansLeaving, writesToOne } from "../commands/foreign_commands.ts";
import {
  type CommandSink,
  exitCommand,
  historyCommand,
  meCommand,
  type OwnCommand,
  ownCommands,
  presenceCommands,
  searchCommand,
  statusCommand,
} from "../commands/mode_commands.ts";
import type { Whereabouts } from "./prompt_state.ts";

export interface RegistryTarget extends CommandSink<ClientCommand | FileCommand | OwnCommand> {
  /** Asks for passwords first, where somebody can be asked. Rejects with `usage` where nobody can. */
  readonly changePassword: () => Promise<void>;
  readonly forgetAccount: (ref: string | undefined) => Promise<void>;
}

const CALL_FORM = "call somebody with NAME or /call NAME; 2 TEXT tells all, /help shows more";

/** Whom to call: a name, or an address in the list. */
const calledOne: Argument<ClientCommand> = {
  parse(text) {
    const address = /^(.+):([0-9]+)$/.exec(text);
    if (address === null) return { command: "call", name: withoutMark(text).normalize("NFC") };
    const host = parseHost(address[1]!);
    const port = parsePort(address[2]!);
    if (host !== null && port !== null) return { command: "call-address", host, port };
    const form = "an address is HOST:PORT as /list shows it";
    throw new P2pchatError("unknown-user", `Nobody takes calls at ${quotedStart(text)}: ${form}`);
  },
  completesNames: true,
};

/** Words with which people answer a question; those that do, `y` and `n`, aren't seen here. */
const ANSWERS = /^(?:y|n|yes|no|ok|accept|decline)$/i;

/** For a user who ends a call, ringing or connected, just after the other side has ended it. */
export const JUST_OVER_TEXT = "The call has just ended; the same input again logs you out";

const partOfName: Argument<string | undefined> = { parse: (text) => text, completesNames: true };

const caller: Argument<string | undefined> = memberName;

const cancelledFile: Argument<number | undefined> = fileNumber;

const reason: Argument<string | undefined> = { parse: (text) => text, takesRest: true };

const COMMANDS = [
  command({
    name: "list",
    aliases: ["users", "peers"],
    form: "[PART]",
    args: { part: partOfName },
    help: "who is online; PART: whose names have it",
    example: "/list al",
    run: (submit: RegistryTarget, { part }, ref) => submit({ command: "list", part }, ref),
  }),
  command({
    name: "more",
    help: "the next 100 of /list",
    run: (submit: RegistryTarget, _, ref) => submit({ command: "more" }, ref),
  }),
  command({
    name: "call",
    form: "NAME",
    args: { name: calledOne },
    help: "call NAME, or whoever is at ADDRESS:PORT",
    example: "/call bob",
    run: (submit: RegistryTarget, { name: called }, ref) => submit(called, ref),
  }),
  command({
    name: "accept",
    aliases: ["y"],
    form: "[NAME]",
    args: { name: caller },
    help: "accept the call; NAME: only of NAME",
    example: "/accept bob",
    run: (submit: RegistryTarget, { name }, ref) => submit({ command: "accept", name }, ref),
  }),
  command({
    name: "decline",
    aliases: ["n"],
    form: "[REASON]",
    args: { reason },
    help: "decline the call",
    example: "/decline in a meeting",
    isPrivate: "always",
    run: (submit: RegistryTarget, { reason = "" }, ref) =>
      submit({ command: "decline", reason }, ref),
  }),
  command({
    name: "cancel",
    form: "[N]",
    args: { n: cancelledFile },
    help: "withdraw your call; with N: file N, or your offer of it",
    run: (submit: RegistryTarget, { n }, ref) =>
      submit(n === undefined ? { command: "cancel" } : { command: "cancel", file: n }, ref),
  }),
  command({
    name: "msg",
    aliases: ["say"],
    form: "TEXT",
    args: { text: messageText },
    help: "say TEXT in the call, as a bare line does",
    example: "/msg at seven?",
    isPrivate: "always",
    run: (submit: RegistryTarget, { text }, ref) => submit({ command: "say", text }, ref),
  }),
  {
    ...meCommand((submit: RegistryTarget, text, ref) => submit({ command: "say", text }, ref)),
    isPrivate: "always" as const,
  },
  command({
    name: "hangup",
    aliases: ["hang-up"],
    help: "end the call",
    run: (submit: RegistryTarget, _, ref) => submit({ command: "hang-up" }, ref),
  }),
  command({
    name: "broadcast",
    form: "TEXT",
    args: { text: messageText },
    help: "tell TEXT to all",
    example: "/broadcast lunch is ready",
    run: (submit: RegistryTarget, { text }, ref) => submit({ command: "broadcast", text }, ref),
  }),
  command({
    name: "missed",
    help: "calls that you missed",
    run: (submit: RegistryTarget, _, ref) => submit({ command: "missed" }, ref),
  }),
  {
    ...historyCommand((submit: RegistryTarget, asked, ref) =>
      submit({ command: "history", ...asked }, ref)
    ),
    help: "the last N lines of calls; with NAME: of those",
    example: "/history bob /dinner/ 20",
  },
  searchCommand((submit: RegistryTarget, text, ref) =>
    submit({ command: "history", count: FOUND_COUNT_DEFAULT, text, everywhere: true }, ref)
  ),
  ...fileCommands("offer a file, in a call")
    .filter(({ name }) => name !== "cancel"),
  { ...statusCommand, help: "your call and its route, what is wrong" },
  ...presenceCommands,
  ...ownCommands,
  command({
    name: "passwd",
    help: "change your password",
    run: (target: RegistryTarget) => target.changePassword(),
  }),
  command({
    name: "forget-me",
    help: "remove your account from the directory",
    example: "/forget-me",
    run: (target: RegistryTarget, _, ref) => target.forgetAccount(ref),
  }),
  {
    ...exitCommand,
    name: "logout",
    aliases: ["exit", "quit", "q"],
    help: "log out and leave",
    example: "/logout",
  },
];

/**
 * @param where Where the user is now: what a line without a slash means depends on it.
 * @param isInteractive Whether a person types at a terminal.
 * @param isOnline Whether somebody of that name is online.
 */
export function registryCommands(
  where: () => Whereabouts,
  isInteractive: boolean,
  isOnline: (name: string) => boolean = () => false,
): CommandTable<RegistryTarget> {
  return new CommandTable<RegistryTarget>({
    bareLine: (line) => bareLine(line, where(), isInteractive, isOnline),
    chatIsSilent: () => where().place !== "talking",
    elsewhere: (name) => {
      const { place, peer } = where();
      const isInCall = place === "talking" || place === "calling";
      return isInCall && writesToOne(name) ? toOneAlone(peer) : null;
    },
    bareForms: [
      ["NAME", "call NAME, in the lobby"],
      ["1 [PART]", "show who is online, in the lobby"],
      ["2 TEXT", "tell all TEXT, in the lobby"],
      ["y, n", "accept a call, decline it"],
      ["TEXT", "say TEXT, in a call; //TEXT says /TEXT; a blank and q sends q"],
      ["q", "hang up, or withdraw a call; in the lobby: log out, as Ctrl+X does"],
    ],
    commands: COMMANDS.map((entry) => {
      return OF_CALL.has(entry.name)
        ? ofCall(entry, where, isInteractive ? isOnline : null)
        : entry;
    }),
  });
}

/** Commands about the current call: a line that was begun during an earlier call must not affect it. */
const OF_CALL: ReadonlySet<string> = new Set([
  "accept",
  "decline",
  "cancel",
  "msg",
  "me",
  "hangup",
]);

/** @param isOnline Null: nobody types. */
function ofCall(
  entry: Command<RegistryTarget>,
  where: () => Whereabouts,
  isOnline: ((name: string) => boolean) | null,
): Command<RegistryTarget> {
  const isSaid = entry.name === "msg";
  return {
    ...entry,
    ...isSaid ? { fieldOfObjects: "name" } : {},
    bind(texts, ref, isTyped) {
      const { wasInCall, peer } = where();
      if (wasInCall && texts["n"] === undefined) throw callWasOver();
      const name = isTyped ? wordBeforeText(texts["text"] ?? "") : undefined;
      const isName = isOnline !== null && name !== undefined &&
        (foldName(name) === foldName(peer) || isOnline(name));
      if (isName) throw new P2pchatError("usage", toOneAlone(peer));
      if (isSaid && texts["name"] !== undefined) checkReceiver(texts["name"], peer);
      return entry.bind(texts, ref, isTyped);
    },
  };
}

/** An object may say for whom its text is. @throws {P2pchatError} Where the call is with somebody else. */
function checkReceiver(name: string, peer: string): void {
  if (foldName(withoutMark(name).normalize("NFC")) === foldName(peer)) return;
  const text = `Not sent: you aren't in a call with ${shownName(startOf(name, 40))}`;
  throw new P2pchatError("not-allowed", text);
}

/** `/msg NAME TEXT` is private in other modes; here all of it would be said, the name too. */
function toOneAlone(peer: string): string {
  const then = peer === ""
    ? "to write to somebody alone, call them"
    : `what you type goes to ${shownName(peer)} alone: leave the name out`;
  return `Nothing was sent: ${then}`;
}

function callWasOver(): P2pchatError {
  return new P2pchatError(
    "not-allowed",
    "Nothing was done: the call ended before you finished that line; Up recalls the line",
  );
}

/** What a line without a slash means where the user is now. */
function bareLine(
  line: string,
  where: Whereabouts,
  isInteractive: boolean,
  isOnline: (name: string) => boolean,
): Invocation {
  const { place, peer } = where;
  const word = line.trimEnd();
  if (where.wasInCall) throw callWasOver();
  if (where.isJustOver && word === "q" && isInteractive) {
    throw new P2pchatError("not-allowed", JUST_OVER_TEXT);
  }
  if (place === "refused" && word !== "q") return { command: "msg", texts: { text: line } };
  if (word === "q") return { command: place === "lobby" ? "logout" : "hangup", texts: {} };
  // Text waits until the call is connected; at a terminal it is refused before the callee has accepted.
  const isKept = place === "calling" && (!isInteractive || where.isAccepted);
  if (place === "talking" || isKept) {
    return { command: "msg", texts: { text: word === " q" ? "q" : line } };
  }
  const listed = /^1(?:\s+(\S+))?$/.exec(word);
  if (listed !== null) return { command: "list", texts: { part: listed[1] } };
  const told = /^2(?:\s+([^]*))?$/.exec(word)?.[1];
  if (told !== undefined) {
    // A user who hasn't noticed yet that a call isn't connected may mean this text for its other side alone.
    if (place !== "lobby" && isInteractive) {
      const text =
        "Not sent, as a call is ringing or being connected: /broadcast TEXT sends it anyway";
      throw new P2pchatError("not-allowed", text);
    }
    return { command: "broadcast", texts: { text: told } };
  }
  if (word === "2") {
    throw new P2pchatError("usage", usageOf("2 TEXT", "2 lunch is ready"));
  }
  const isAsked = place === "asked"; // what answers that never comes here as a letter alone
  if (word === "y" && !isAsked) return { command: "accept", texts: {} };
  const declined = (isAsked ? /^n\s+([^]*)$/ : /^n(?:\s+([^]*))?$/).exec(word);
  if (declined !== null) return { command: "decline", texts: { reason: declined[1] } };
  if (place === "calling") {
    const text = `Not sent: ${shownName(peer)} hasn't answered yet; q withdraws the call`;
    throw new P2pchatError("not-allowed", text);
  }
  const name = withoutMark(word.trim()).normalize("NFC");
  const isName = nameFault(name.replace(/~[a-z2-7]+$/i, "")) === null; // as the list shows it
  if (isAsked && (!isName || ANSWERS.test(name)) && !isOnline(name)) {
    const text = `Nothing was done: /accept or /decline answers ${shownName(peer)}`;
    throw new P2pchatError(isName ? "not-allowed" : "unknown-user", text);
  }
  const isHelp = name.toLowerCase() === "help";
  if ((isHelp || meansLeaving(name)) && !isOnline(name)) {
    const advice = isHelp ? "/help shows what can be typed here" : "/logout logs out and leaves";
    throw new P2pchatError("unknown-user", `Nobody called ${shownName(name)} is online; ${advice}`);
  }
  if (isName) return { command: "call", texts: { name } };
  throw new P2pchatError(
    "unknown-user",
    `${quotedStart(word)} isn't a possible name: ${CALL_FORM}`,
  );
}
