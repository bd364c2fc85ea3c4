/** The commands about files, the same in every mode that carries them. */

import { P2pchatError } from "../../base/errors.ts";
import { FILE_NAME_BYTES_MAX } from "../../protocols/transfer/limits.ts";
import {
  memberName,
  numberOf,
  shortText,
  SHOWN_NAME_LENGTH_MAX,
} from "../commands/command_arguments.ts";
import { type Argument, type Command, command } from "../commands/commands.ts";
import type { CommandSink } from "../commands/mode_commands.ts";
import type { FileCommand } from "./file_events.ts";
import { unquoted } from "./path_typed.ts";

type FileSink = CommandSink<FileCommand>;

export const fileNumber = numberOf("a file", "/files lists them");
/** A longer word, or one with a slash, is the beginning of a path that has a blank in it. */
const receiver: Argument<string | undefined> = {
  ...memberName,
  typedAs: `[^\\s/]{1,${SHOWN_NAME_LENGTH_MAX}}`,
};

const path: Argument<string> = {
  parse(text) {
    if (text.trim() !== "") return text;
    throw new P2pchatError("usage", "FILE is empty: name a file");
  },
  takesRest: true,
  completesPaths: async (typed, dataFolder) => {
    const { findPaths, ownFolders } = await import("./path_completion.ts"); // for the first Tab
    return await findPaths(typed, ownFolders(dataFolder));
  },
};

const savedName = shortText("The name", FILE_NAME_BYTES_MAX);

/** @param sendHelp To whom a file is offered, and what follows. */
export const fileCommands = (sendHelp: string): readonly Command<FileSink>[] => [
  command({
    name: "send",
    form: "[NAME] FILE",
    args: { name: receiver, file: path },
    help: sendHelp,
    example: "/send Bob report.pdf",
    isPrivate: "to-one",
    run: (submit: FileSink, { name, file }, ref, isTyped) =>
      submit({ command: "send", to: name, file, isTyped }, ref),
  }),
  command({
    name: "files",
    help: "the files offered, by number",
    run: (submit: FileSink, _, ref) => submit({ command: "files" }, ref),
  }),
  command({
    name: "get",
    form: "N [AS]",
    args: { n: fileNumber, as: savedName },
    help: "fetch file N; AS: under another name",
    example: "/get 2",
    run: (submit: FileSink, { n, as }, ref, isTyped) => {
      if (isTyped && as !== undefined && /^[\d\s]+$/.test(as)) {
        const text =
          "One file is fetched at a time: /get N [AS]; a name of digits alone goes in quotes";
        throw new P2pchatError("usage", text);
      }
      submit({ command: "get", file: n, as: isTyped ? as && unquoted(as) : as }, ref);
    },
  }),
  command({
    name: "cancel",
    form: "N",
    args: { n: fileNumber },
    help: "decline file N, stop it, or withdraw your offer",
    example: "/cancel 2",
    run: (submit: FileSink, { n }, ref) => submit({ command: "cancel", file: n }, ref),
  }),
];
