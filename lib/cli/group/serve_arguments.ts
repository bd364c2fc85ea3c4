/** The command line of `p2pchat serve`. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import { serveFolder } from "../../store/disk/paths.ts";
import { type CommonOptions, SERVE_PORT_DEFAULT } from "../args/options.ts";
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
import { EDIT_POLICIES } from "../../protocols/group/schema/edit.ts";
import { ENGINE_FLAGS, type EngineOptions, engineOptions } from "../engine/engine_flags.ts";
import { type CommandOf, wrongWords } from "../args/arguments.ts";
import {
  advertiseFlag,
  checkMapPort,
  durationWithin,
  type Flags,
  hostFlag,
  listenPort,
  MAPPED_ALONE,
  MAPPED_OR_NAMED,
  mapPortFlag,
  metricsFlag,
  oneOf,
  type OptionsOf,
  optionsOf,
  wholeNumber,
} from "../args/flags.ts";

/** The longest time allowed: an operator who would wait longer for a failed member prefers to remove it by hand. */
const FAIL_AFTER_MS_MAX = 10 * 60_000;

const flags = {
  host: hostFlag("listen"),
  port: {
    name: "port",
    value: "N",
    help: `listen at this TCP port (${SERVE_PORT_DEFAULT})`,
    parse: listenPort,
    default: SERVE_PORT_DEFAULT,
  },
  advertise: advertiseFlag("members"),
  mapPort: mapPortFlag,
  failAfterMs: {
    name: "fail-after",
    value: "TIME",
    help: `how long a silent member may hold up the others (${FAIL_AFTER_MS_DEFAULT / 1_000}s)`,
    parse: durationWithin(FAIL_AFTER_MS_MIN, FAIL_AFTER_MS_MAX),
    default: FAIL_AFTER_MS_DEFAULT,
  },
  edits: {
    name: "edits",
    value: "WHO",
    help: "who must agree: own (default: the author), ask (all), auto",
    ...oneOf(EDIT_POLICIES),
    default: "own" as const,
  },
  voteTimeoutMs: {
    name: "vote-timeout",
    value: "TIME",
    help: `how long the members asked have to answer (${VOTE_TIMEOUT_MS_DEFAULT / 1_000}s)`,
    parse: durationWithin(VOTE_TIMEOUT_MS_MIN, VOTE_TIMEOUT_MS_MAX),
    default: VOTE_TIMEOUT_MS_DEFAULT,
  },
  snapshotEveryMs: {
    name: "snapshot-every",
    value: "TIME",
    help: "how often to take a snapshot, as /snapshot does (never)",
    parse: durationWithin(SNAPSHOT_EVERY_MS_MIN, SNAPSHOT_EVERY_MS_MAX),
  },
  membersMax: {
    name: "max-clients",
    value: "N",
    help: `members at most (${MEMBERS_MAX})`,
    parse: wholeNumber(1, MEMBERS_MAX),
    default: MEMBERS_MAX,
  },
  private: {
    name: "private",
    help: "a group by invite only (/invite)",
  },
  group: {
    name: "group",
    value: "NAME",
    help: "its name in the engine, the same for all instances",
    parse: engineGroup,
  },
  metrics: metricsFlag,
  foundNew: {
    name: "new",
    help: "create another group; the files of the last are set aside",
  },
} satisfies Flags;

/** `p2pchat serve`. */
export interface ServeOptions extends CommonOptions, OptionsOf<typeof flags>, EngineOptions {}

export const serveProgramCommand: CommandOf<ServeOptions> = {
  name: "serve",
  form: "",
  example: "p2pchat serve",
  keeps: { folder: serveFolder, use: "make" },
  help: "the coordinator of a group; it sees edits, but no chat",
  flags: [...Object.values(flags), ...ENGINE_FLAGS],
  options(line) {
    if (line.words.length > 0) throw wrongWords(serveProgramCommand, line.words[0]);
    const options = { ...line.common, ...optionsOf(line, flags), ...engineOptions(line) };
    checkMapPort({ ...options }, { advertise: MAPPED_OR_NAMED, engine: MAPPED_ALONE });
    const [one, other] = options.engine === null ? ["group", "engine"] : ["engine", "group"];
    if ((options.group === null) !== (options.engine === null)) {
      throw new P2pchatError(
        "usage",
        `--${one} is given without --${other}: a group in an engine has both`,
      );
    }
    return options;
  },
};

/** As the names in an engine's prefix. */
const ENGINE_GROUP = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

function engineGroup(text: string, what: string): string {
  if (ENGINE_GROUP.test(text)) return text;
  throw new P2pchatError(
    "usage",
    `${what} must be at most 64 letters, digits and ._-, not ${quotedStart(text)}`,
  );
}
