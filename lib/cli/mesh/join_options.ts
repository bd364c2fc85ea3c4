/** What follows `/join`: as the command line of `mesh` has it after NAME, or the title of a room. */

import { hasInvite, isWordCode } from "../../base/text/invite_text.ts";
import { P2pchatError } from "../../base/errors.ts";
import { inWords } from "../../base/text/words.ts";
import { isAddress as isIpAddress, parseHost, parsePort } from "../../base/text/endpoints.ts";
import type { Invite } from "../../protocols/mesh/schema/rotations.ts";
import { parseCommandLine, programCommand } from "../args/arguments.ts";
import { MESH_PORT_DEFAULT } from "../args/options.ts";
import { type MeshOptions, meshProgramCommand } from "./mesh_arguments.ts";

/** What is one room's; other flags are the program's, and were given when it was started. */
const FLAGS = [
  "room",
  "invite",
  "words",
  "key",
  "title",
  "new",
  "private",
  "port",
  "history",
] as const;

const FORM = "Usage: /join HOST PORT, /join --invite WORD, /join --words CODE, /join TITLE or " +
  "/join --new, for example /join 192.168.1.5 55107";

interface Joining {
  readonly options: MeshOptions;
  readonly invite: Invite | null;
}

/**
 * The options of a further room.
 * @param first Those of the program.
 * @throws {P2pchatError} `usage`, or `bad-credentials` for an invite that can't be read.
 */
export function joinOptions(where: string, first: MeshOptions): Joining {
  const args = argumentsOf(where);
  const [flag] = args.filter((arg) => arg.startsWith("--")).map((arg) =>
    arg.slice(2).split("=")[0]!
  );
  const unknown = args.filter((arg) => arg.startsWith("-"))
    .map((arg) => arg.replace(/^-+/, "").split("=")[0]!)
    .find((name) => !FLAGS.some((known) => known === name));
  if (unknown !== undefined) {
    const known = inWords(FLAGS.map((name) => `--${name}`), "and");
    throw new P2pchatError("usage", `/join takes no --${unknown}, but ${known}`);
  }
  const given = parsed(args, first.name);
  if (given.invite.from === "input") {
    const text = "Write the invite behind --invite: /join --invite WORD; what you type isn't kept";
    throw new P2pchatError("usage", text);
  }
  const leads = given.contact !== null || given.room !== null || given.invite.from === "argument" ||
    given.words !== null;
  if (!leads && !given.foundNew && !given.foundPrivate) {
    throw new P2pchatError(
      "usage",
      flag === undefined ? FORM : `--${flag} leads to no room. ${FORM}`,
    );
  }
  const { advertise } = first;
  return {
    options: {
      ...first,
      contact: given.contact,
      contactKey: given.contactKey,
      foundNew: given.foundNew,
      foundPrivate: given.foundPrivate,
      room: given.room,
      title: given.title,
      invite: given.invite,
      words: given.words,
      port: given.port,
      historyCount: given.historyCount ?? first.historyCount,
      // The port is that of the first room.
      advertise: advertise === null ? null : { ...advertise, port: null },
    },
    invite: given.invite.from === "argument" ? given.invite.invite : null,
  };
}

/** A start keeps its files there, and `/join` those of the first room: for it no variable says anything else. */
const variables = (name: string) => name === "HOME" ? "/" : "";

function parsed(args: readonly string[], name: string): MeshOptions {
  let options: MeshOptions | undefined;
  const command = programCommand(meshProgramCommand, (given) => {
    options = given;
    return Promise.resolve();
  });
  try {
    const request = parseCommandLine(["mesh", name, ...args], [command], variables);
    if (request.type === "run") void request.run();
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    const text = error.message.replace(/p2pchat mesh (?:NAME|Bob)/g, "/join")
      .replaceAll(`p2pchat mesh ${name} `, "/join ");
    throw new P2pchatError(error.code, text, { cause: error });
  }
  if (options === undefined) throw new P2pchatError("usage", FORM);
  return options;
}

/** A title may have blanks, in quotes or without. */
const WITH_BLANKS = /--(room|title)(?:=|\s+)("[^"]*"|'[^']*'|[^]*?(?=\s+--[a-z]|\s*$))/g;

function argumentsOf(where: string): readonly string[] {
  const text = where.trim();
  const [code = "", ...rest] = text.split(/\s+/);
  if (isWordCode(code) && isAddress(rest.join(" "))) return ["--words", code, ...rest];
  const invited = isWordCode(text) ? ["--words", text] : withInvite(text);
  if (invited !== null) return invited;
  if (text !== "" && !text.startsWith("-") && !isAddress(text)) {
    return [`--room=${unquoted(text.replace(/^#/, ""))}`];
  }
  const titles: string[] = [];
  const others = text.replace(WITH_BLANKS, (_, flag: string, value: string) => {
    titles.push(`--${flag}=${unquoted(value)}`);
    return "";
  });
  return [...others.split(/\s+/).filter((word) => word !== ""), ...titles];
}

/** An invite says by itself what it is, wherever it stands, without `--invite`; null where there is none such. */
function withInvite(text: string): readonly string[] | null {
  const words = text.split(/\s+/);
  const invite = words.find((word, at) =>
    !word.startsWith("--") && words[at - 1] !== "--invite" && hasInvite(word)
  );
  if (invite === undefined) return null;
  const rest = text.replace(invite, "").trim();
  // Whatever else isn't an argument is a part of it, which came broken.
  const isBroken = rest !== "" && !rest.includes("--") && !isAddress(rest);
  return isBroken ? ["--invite", text] : [...argumentsOf(rest), "--invite", invite];
}

function isAddress(text: string): boolean {
  const [host = "", port, ...more] = text.split(/\s+/);
  if (isMachine(host)) return true;
  if (port === undefined) return host.includes(":");
  return port.startsWith("--") || (parsePort(port) !== null && (more[0] ?? "--").startsWith("--"));
}

/** Whether it is no title that anybody would choose. */
function isMachine(host: string): boolean {
  return host.toLowerCase() === "localhost" || (parseHost(host) !== null && isIpAddress(host));
}

/** What is said of a word that is no room's title, and may be a machine's name; empty where it can't be. */
export function machineHint(word: string): string {
  const host = parseHost(word);
  if (host === null) return "";
  return `; if ${host} is a machine, its port is missing: /join ${host} ${MESH_PORT_DEFAULT}`;
}

function unquoted(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
