/** The command line of `p2pchat serve`. */

import { serveFolder } from "../../store/disk/paths.ts";
import { SERVE_PORT_DEFAULT } from "../args/default_ports.ts";
import {
  FAIL_AFTER_MS_DEFAULT,
  FAIL_AFTER_MS_MIN,
  MEMBERS_MAX,
  SNAPSHOT_EVERY_MS_MAX,
  SNAPSHOT_EVERY_MS_MIN,
  VOTE_TIMEOUT_MS_DEFAULT,
  VOTE_TIMEOUT_MS_MAX,
  VOTE_TIMEOUT_MS_MIN,
} from "../../protocols/group/schema/limits.ts";
import { EDIT_POLICIES, type EditPolicy } from "../../protocols/group/schema/edit.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import {
  advertiseFlag,
  durationWithin,
  hostFlag,
  listenPort,
  oneOf,
  wholeNumber,
} from "../args/flags.ts";
import type { AdvertisedAddress, ServeOptions } from "../args/options.ts";

/** The longest time allowed: an operator who would wait longer for a failed member prefers to remove it by hand. */
const FAIL_AFTER_MS_MAX = 10 * 60_000;

const words = { name: "serve", form: "", example: "p2pchat serve" };

export const serveProgramCommand: ProgramCommand = {
  ...words,
  keeps: { folder: serveFolder, use: "make" },
  help:
    "the coordinator of a group: decides who is a member and whether edits are made; it sees edits and the last leaver's log, but no chat",
  flags: [
    hostFlag("listen"),
    {
      name: "port",
      value: "N",
      help: `listen at this TCP port (${SERVE_PORT_DEFAULT})`,
      parse: listenPort,
    },
    advertiseFlag("members"),
    {
      name: "fail-after",
      value: "TIME",
      help: `how long a silent member may hold up the others (${FAIL_AFTER_MS_DEFAULT / 1_000}s)`,
      parse: durationWithin(FAIL_AFTER_MS_MIN, FAIL_AFTER_MS_MAX),
    },
    {
      name: "edits",
      value: "WHO",
      help:
        "who must agree to an edit: own (default), the entry's author if somebody else edits it; " +
        "ask, all other members; auto, nobody",
      ...oneOf(EDIT_POLICIES),
    },
    {
      name: "vote-timeout",
      value: "TIME",
      help: `how long the members asked have to answer (${VOTE_TIMEOUT_MS_DEFAULT / 1_000}s)`,
      parse: durationWithin(VOTE_TIMEOUT_MS_MIN, VOTE_TIMEOUT_MS_MAX),
    },
    {
      name: "snapshot-every",
      value: "TIME",
      help: "how often to take a snapshot, as /snapshot does (never)",
      parse: durationWithin(SNAPSHOT_EVERY_MS_MIN, SNAPSHOT_EVERY_MS_MAX),
    },
    {
      name: "max-members",
      value: "N",
      help: `members at most (${MEMBERS_MAX})`,
      parse: wholeNumber(1, MEMBERS_MAX),
    },
    {
      name: "private",
      help: "a group that only those join, and read, who have its invite (/invite)",
    },
    {
      name: "new",
      help:
        "create a group if what was known of one is lost, instead of asking its members, or if the one " +
        "that there is was founded with --private, and this one isn't to be, or the other way round",
    },
  ],
  prepare(line) {
    const options = serveOptions(line);
    return async () => {
      const { runServe } = await import("./serve_mode.ts");
      await runServe(options);
    };
  },
};

/**
 * The options of `serve`.
 * @throws {P2pchatError} `usage`.
 */
export function serveOptions(line: CommandLine): ServeOptions {
  if (line.words.length > 0) throw wrongWords(words, line.words[0]);
  return {
    ...line.common,
    host: line.value<string>("host") ?? null,
    port: line.value<number>("port") ?? SERVE_PORT_DEFAULT,
    advertise: line.value<AdvertisedAddress>("advertise") ?? null,
    failAfterMs: line.value<number>("fail-after") ?? FAIL_AFTER_MS_DEFAULT,
    edits: line.value<EditPolicy>("edits") ?? "own",
    voteTimeoutMs: line.value<number>("vote-timeout") ?? VOTE_TIMEOUT_MS_DEFAULT,
    membersMax: line.value<number>("max-members") ?? MEMBERS_MAX,
    private: line.isOn("private"),
    foundNew: line.isOn("new"),
    snapshotEveryMs: line.value<number>("snapshot-every") ?? null,
  };
}
