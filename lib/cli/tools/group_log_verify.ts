/** `p2pchat log verify`: verifies every digest and signature of a group's log. */

import { nodeCrypto } from "../../base/crypto/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import { countText } from "../../base/text/words.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { visibleText } from "../../base/text/text.ts";
import {
  accessText,
  type Founding,
  type Rules,
  rulesAt,
  rulesText,
} from "../../protocols/group/schema/founding.ts";
import { COORDINATOR_NAME } from "../../protocols/group/schema/history.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import type { CheckedLogOptions } from "./group_log_arguments.ts";
import { textWidth } from "../rendering/graphemes.ts";
import { showAnswer } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import { openProgressLine } from "../streams/write_whole.ts";
import {
  type Coordinating,
  type Deciders,
  decidersFor,
  GroupLogVerifier,
  isOf,
  type LogAuthor,
} from "./group_log_verifier.ts";
import { faultError, scanLogFile } from "./group_log_scan.ts";
import { type LoggedName, namesText } from "./logged_names.ts";

/** The result for a log that is valid. */
interface VerifiedLog {
  readonly group: string;
  readonly entries: number;
  readonly edits: number;
  /** The digest of the history up to the last entry or edit. */
  readonly digest: string;
  /** In the order of each author's first entry or request. */
  readonly authors: readonly Readonly<LogAuthor>[];
  /** Who had which name, from which entry on, in the order in which they came. */
  readonly names: readonly LoggedName[];
  /** The coordinator's key, and the rules, when the group was founded. */
  readonly founded: { readonly by: PeerKey } & Rules & Pick<Founding, "private">;
  /** The rules at the log's end. */
  readonly rules: Rules;
  /** The keys that decided on edits, set rules or signed views; a coordinator that lost its key has a new one. */
  readonly coordinators: readonly Readonly<Coordinating>[];
  /** Whether all of those are known to be the coordinator's: the log itself can't prove whose the first one is. */
  readonly coordinatorsKnown: boolean;
}

interface VerifyOptions {
  /** As in `ScanOptions`, with the number of entries and edits checked so far. */
  readonly between?: (places: number) => Promise<boolean>;
  /** The keys that may decide; null: not known, so that of the log's founding alone, as nothing says which follow it. */
  readonly deciders?: Deciders | null;
}

/**
 * Verifies every digest and signature, and that only permitted keys have decided on edits.
 * @throws {P2pchatError} `store-corrupt` with line, entry and reason; `bad-file` where the file isn't a log;
 *   `disk`.
 */
export async function verifiedLog(
  disk: Disk,
  path: string,
  { between = () => Promise.resolve(true), deciders = null }: VerifyOptions = {},
): Promise<VerifiedLog> {
  const verifier = new GroupLogVerifier(nodeCrypto, deciders);
  const scan = await scanLogFile(disk, path, {
    crypto: nodeCrypto,
    digests: true,
    between: () => between(verifier.entries + verifier.edits),
    visit: verifier.visit,
  });
  const { end, first } = scan;
  if (scan.fault !== null || end === null || first?.kind !== "group") {
    throw faultError(path, scan, "trust", verifier.cause ?? undefined);
  }
  verifier.names.markImitations();
  const { coordinator: by, edits: foundedEdits, private: isPrivate } = first.founding;
  return {
    group: end.group,
    entries: verifier.entries,
    edits: verifier.edits,
    digest: end.digest,
    authors: verifier.authors,
    names: verifier.names.all,
    founded: { by, edits: foundedEdits, private: isPrivate },
    rules: rulesAt(first.founding, end),
    coordinators: verifier.coordinators,
    coordinatorsKnown: isOf(deciders, end.group),
  };
}

/** `p2pchat log verify`. @throws {P2pchatError} As `verifiedLog`. */
export async function verifyLog(options: CheckedLogOptions): Promise<void> {
  await openLog(options);
  const { file } = options;
  const progress = openProgressLine(options);
  const between = async (places: number) => {
    await progress?.tell(() => `Checked ${places} entries and edits`);
    return true;
  };
  const disk = new RealDisk();
  const deciders = await decidersFor(disk, options);
  let verified: VerifiedLog;
  try {
    verified = await verifiedLog(disk, file, { between, deciders });
  } finally {
    await progress?.clear();
  }
  const [authors, names, coordinators] = [
    verified.authors.map((one) => ({ ...one, key: fingerprintOf(one.key) })),
    verified.names.map((one) => ({ ...one, key: fingerprintOf(one.key) })),
    verified.coordinators.map((one) => ({ ...one, key: fingerprintOf(one.key) })),
  ];
  const founded = { ...verified.founded, by: fingerprintOf(verified.founded.by) };
  const event = { event: "log-verified", file, ...verified, authors, names, coordinators, founded };
  await showAnswer(options, event, verifiedText(file, verified));
}

/** Advice where the permitted keys aren't known. */
const COMPARE_KEYS =
  `who may decide on edits, and on who has which name, isn't known here: compare the key of ` +
  `${COORDINATOR_NAME} with that of its /status, or name its keys by --keys\n`;

function verifiedText(file: string, verified: VerifiedLog): string {
  const {
    entries,
    edits,
    digest,
    authors,
    names,
    founded,
    rules,
    coordinators,
    coordinatorsKnown,
  } = verified;
  const rows = [
    ...authors.map((author): readonly [string, PeerKey, string] => {
      const counts = [
        ...(author.entries > 0 ? [countText(author.entries, "entry", "entries")] : []),
        ...(author.edits > 0 ? [`${countText(author.edits, "edit", "edits")} asked for`] : []),
      ];
      return [shownName(author.name), author.key, counts.join(", ")];
    }),
    ...coordinators.map((one): readonly [string, PeerKey, string] => {
      return [COORDINATOR_NAME, one.key, coordinatingText(one)];
    }),
  ];
  const width = Math.max(0, ...rows.map(([name]) => textWidth(name)));
  const lines = rows.map(([name, key, counts]) =>
    `  ${name}${" ".repeat(width - textWidth(name))}  ${fingerprintOf(key)}  ${counts}\n`
  );
  const speakers = authors.filter((author) => author.entries > 0).length;
  const changes = edits === 0 ? "" : ` and ${countText(edits, "edit", "edits")}`;
  return `${visibleText(file)}: ${countText(entries, "entry", "entries")} of ` +
    `${countText(speakers, "author", "authors")}${changes}, every digest and signature fits\n` +
    `${lines.join("")}${namesText(names)}founded under the key ${fingerprintOf(founded.by)}: ` +
    `${rulesText(founded)}${rules.edits === founded.edits ? "" : `; now ${rulesText(rules)}`}\n` +
    `${accessText(founded)}\ndigest ${digest}\n${coordinatorsKnown ? "" : COMPARE_KEYS}`;
}

function coordinatingText({ edits, views }: Coordinating): string {
  const done = [
    ...(edits > 0 ? [`${countText(edits, "edit", "edits")} decided`] : []),
    ...(views > 0 ? [`${countText(views, "view", "views")} signed`] : []),
  ];
  return done.length === 0 ? "rules set" : done.join(", ");
}
