// deno-lint-ignore-file no-console -- a program of its own: says what it found
/**
 * Writes the tables in `PROTOCOL.md` that come from the declarations of messages and structures.
 *
 *     deno run --allow-read --allow-write tools/protocol_tables.ts            writes them
 *     deno run --allow-read tools/protocol_tables.ts --check                  fails where they differ
 */

import * as directory from "../lib/protocols/directory/schema/limits.ts";
import * as friends from "../lib/protocols/friends/messages.ts";
import * as ballots from "../lib/protocols/group/schema/epoch.ts";
import * as consents from "../lib/protocols/group/identity/consents.ts";
import * as epochs from "../lib/protocols/group/schema/epoch.ts";
import * as foundings from "../lib/protocols/group/schema/founding.ts";
import * as histories from "../lib/protocols/group/schema/history.ts";
import * as cuts from "../lib/protocols/group/schema/cut.ts";
import * as states from "../lib/protocols/group/schema/cut.ts";
import * as group from "../lib/protocols/group/schema/limits.ts";
import * as meetings from "../lib/protocols/meeting_point/limits.ts";
import * as messages from "../lib/protocols/mesh/schema/messages.ts";
import * as structures from "../lib/protocols/mesh/schema/structures.ts";
import * as reliable from "../lib/protocols/reliable_datagram/limits.ts";
import * as sealed from "../lib/protocols/sealed_datagram/limits.ts";
import * as transfer from "../lib/protocols/transfer/limits.ts";
import * as offers from "../lib/protocols/transfer/messages.ts";
import * as words from "../lib/protocols/words/limits.ts";
import type { Fields, MessageSpec, NameOf, Schema } from "../lib/base/schema/schema.ts";
import { CALL_PHASES } from "../lib/protocols/directory/client_calls/client_call.ts";
import {
  DIRECTORY_CALL_PHASES,
  SESSION_PHASES,
} from "../lib/protocols/directory/sessions/client_session.ts";
import { DIRECTORY_MESSAGES } from "../lib/protocols/directory/schema/messages.ts";
import { LINK_PHASES } from "../lib/protocols/friends/friend_links.ts";
import {
  EDIT_PHASES,
  REQUEST_PHASES,
  VOTE_PHASES,
} from "../lib/protocols/group/edits/edit_phases.ts";
import { groupSecretSchema } from "../lib/protocols/group/schema/group_secrets.ts";
import { GROUP_DATAGRAMS } from "../lib/protocols/group/schema/datagram_messages.ts";
import { GROUP_MESSAGES } from "../lib/protocols/group/schema/messages.ts";
import { MEETING_MESSAGES } from "../lib/protocols/meeting_point/messages.ts";
import { MESH_PHASES } from "../lib/protocols/mesh/mesh_phases.ts";
import { CHANNEL_PHASES } from "../lib/protocols/noise/channel.ts";
import { CONNECTION_PHASES } from "../lib/protocols/reliable_datagram/connection.ts";
import { FRAME_ABOUT, FRAME_TYPES } from "../lib/protocols/reliable_datagram/packet.ts";
import {
  DATAGRAM_ABOUT,
  DATAGRAM_TYPES,
  PAYLOAD_BYTES_MAX,
} from "../lib/protocols/sealed_datagram/formats.ts";
import { WORDS_MESSAGES } from "../lib/protocols/words/messages.ts";
import { markdownTable, type Tables, withTables } from "./generated_tables.ts";

/** Schemas by the names that the tables give them. */
export type NamedSchemas = ReadonlyMap<string, Schema<unknown>>;

/** The tables of the channel, datagrams and all modes. */
export function protocolTables(): Tables {
  const groupNamed = namedSchemas({
    ...ballots,
    ...consents,
    ...epochs,
    ...foundings,
    ...histories,
    ...cuts,
    ...states,
    groupSecretSchema,
  });
  const named = namedSchemas({ ...structures, ...messages });
  return {
    "channel phases": phaseTable(CHANNEL_PHASES),
    "datagrams": datagramTable(),
    "connection phases": phaseTable(CONNECTION_PHASES),
    "frames": frameTable(),
    "datagram bounds": boundTable(DATAGRAM_BOUNDS),
    "mesh phases": phaseTable(MESH_PHASES),
    "mesh messages": messageTable(messages.MESH_MESSAGES),
    "mesh fields": fieldTable(messages.MESH_MESSAGES, named),
    "mesh structures": structureTables(named),
    "friends phases": phaseTable(LINK_PHASES),
    "friends messages": messageTable(friends.FRIENDS_MESSAGES),
    "friends fields": fieldTable(friends.FRIENDS_MESSAGES, namedSchemas(friends)),
    "edit phases": phaseTable(EDIT_PHASES),
    "vote phases": phaseTable(VOTE_PHASES),
    "request phases": phaseTable(REQUEST_PHASES),
    "group messages": messageTable(GROUP_MESSAGES),
    "group fields": fieldTable(GROUP_MESSAGES, groupNamed),
    "group datagrams": messageTable(GROUP_DATAGRAMS),
    "group datagram fields": fieldTable(GROUP_DATAGRAMS, namedSchemas({})),
    "group structures": structureTables(groupNamed),
    "group bounds": boundTable(GROUP_BOUNDS),
    "session phases": phaseTable(SESSION_PHASES),
    "directory call phases": phaseTable(DIRECTORY_CALL_PHASES),
    "client call phases": phaseTable(CALL_PHASES),
    "directory messages": messageTable(DIRECTORY_MESSAGES),
    "directory fields": fieldTable(DIRECTORY_MESSAGES, namedSchemas({})),
    "directory bounds": boundTable(DIRECTORY_BOUNDS),
    "transfer messages": messageTable(offers.TRANSFER_MESSAGES),
    "transfer fields": fieldTable(offers.TRANSFER_MESSAGES, namedSchemas(offers)),
    "transfer structures": structureTables(namedSchemas(offers)),
    "transfer bounds": boundTable(TRANSFER_BOUNDS),
    "meeting messages": messageTable(MEETING_MESSAGES),
    "meeting fields": fieldTable(MEETING_MESSAGES, namedSchemas({})),
    "meeting bounds": boundTable(MEETING_BOUNDS),
    "words messages": messageTable(WORDS_MESSAGES),
    "words fields": fieldTable(WORDS_MESSAGES, namedSchemas({})),
    "words bounds": boundTable(WORDS_BOUNDS),
  };
}

/** Every export `signedClaimSchema` of a module, as `signed claim`. */
export function namedSchemas(module: Readonly<Record<string, unknown>>): NamedSchemas {
  const named = new Map<string, Schema<unknown>>();
  for (const [name, value] of Object.entries(module)) {
    const camel = /^(.+)Schema$/.exec(name)?.[1];
    if (camel === undefined) continue;
    named.set(
      camel.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      value as Schema<unknown>,
    );
  }
  return new Map([...named].sort(([one], [other]) => one < other ? -1 : 1));
}

/** Bounds of meeting points that another implementation must know. */
const MEETING_BOUNDS: readonly (readonly [string, number])[] = [
  ["bytes of a piece at most", meetings.PIECE_BYTES_MAX],
  ["bytes in each direction of a stream that weren't granted anew", meetings.CREDIT_BYTES],
  ["visitors at once", meetings.VISITORS_MAX],
  ["of these from one address", meetings.VISITORS_EACH_MAX],
  ["streams at once", meetings.STREAMS_MAX],
  ["of these of one visitor", meetings.STREAMS_EACH_MAX],
  ["numbers registered from one address", meetings.NUMBERS_PER_ADDRESS_MAX],
  ["streams asked for at once from one address", meetings.CONNECTS_BURST],
  ["and then in a second", meetings.CONNECTS_PER_S],
  ["numbers asked for at once from one address", meetings.LOOKUPS_BURST],
  ["and then in a second", meetings.LOOKUPS_PER_S],
  ["ms until a visitor of no use is closed", meetings.SILENT_MS],
  ["ms until the called side has answered", meetings.ANSWER_MS],
  ["ms without bytes until a stream is closed", meetings.IDLE_MS],
  ["ms for what was sent before the end", meetings.LINGER_MS],
];

/** Bounds of word codes that another implementation must know. */
const WORDS_BOUNDS: readonly (readonly [string, number])[] = [
  ["ms for which a code is good", words.CODE_MS],
  ["codes open at once", words.OPEN_CODES_MAX],
  ["ms from the link until the invite has passed", words.EXCHANGE_MS],
  ["links of guessers at once", words.GUESS_LINKS_MAX],
  ["of these from one address", words.GUESS_LINKS_PER_ADDRESS_MAX],
  ["guesses at once from one address, then one a minute", words.GUESSES_PER_ADDRESS],
];

/** Bounds of datagrams that another implementation must know. */
const DATAGRAM_BOUNDS: readonly (readonly [string, number])[] = [
  ["bytes of a datagram at most", sealed.DATAGRAM_BYTES_MAX],
  ["bytes of a datagram that may be relayed", sealed.RELAYED_BYTES_MAX],
  ["bytes of its payload at most", PAYLOAD_BYTES_MAX],
  ["half-open handshakes without a cookie", sealed.HALF_OPEN_MAX],
  ["half-open handshakes with a cookie", sealed.HALF_OPEN_PROVEN_MAX],
  ["ms after which a session takes fresh keys", sealed.REKEY_AFTER_MS],
  ["ms for which the old keys still open datagrams", sealed.PREVIOUS_SESSION_MS],
  ["size of the replay window, in counters", sealed.REPLAY_WINDOW],
  ["bytes to an unproven address for each byte received from it", sealed.UNPROVEN_FACTOR],
  ["bytes of a message at most", reliable.MESSAGE_BYTES_MAX],
  ["bytes of a one-shot message at most", reliable.ONE_SHOT_BYTES_MAX],
  ["bytes of the control lane that may be sent at first", reliable.LANE_WINDOW_BYTES.control],
  ["bytes of the data lane that may be sent at first", reliable.LANE_WINDOW_BYTES.data],
  ["packets that are acknowledged together", reliable.ACK_EVERY],
  ["ms that an acknowledgement waits at most", reliable.ACK_DELAY_MS],
  ["ranges in an acknowledgement", reliable.ACK_RANGES_MAX],
  ["ms between probes into silence at most", reliable.PROBE_TIMEOUT_MS_MAX],
];

/** Bounds of a group that another implementation must know. */
const GROUP_BOUNDS: readonly (readonly [string, number])[] = [
  ["members of a view", group.MEMBERS_MAX],
  ["newcomers at once", group.JOINERS_MAX],
  ["texts in a batch", group.BATCH_TEXTS_MAX],
  ["bytes of text in a batch", group.BATCH_TEXTS_BYTES_MAX],
  ["own texts that aren't entries yet", group.WINDOW_TEXTS],
  ["bytes of own texts that aren't entries yet", group.WINDOW_BYTES],
  ["bytes of one member's batches that wait for their `order`", group.UNORDERED_BYTES_MAX],
  [
    "bytes of history in one message, unless a single batch is longer",
    group.HISTORY_BYTES_MAX,
  ],
  ["bytes of history for one `fetch`", group.FETCH_BYTES],
  [
    "ms of silence after which a member is removed, unless told otherwise",
    group.FAIL_AFTER_MS_DEFAULT,
  ],
  ["ms between two heartbeats", group.HEARTBEAT_MS],
  ["ms of silence after which a coordinator is down", group.COORDINATOR_SILENT_MS],
  ["ms that a restarted coordinator waits for members", group.RETURN_MS],
  ["ms for which members try to send directly before the coordinator relays", group.RELAY_AFTER_MS],
  ["relayed bytes each second from one member to another", group.RELAY_PAIR_BYTES_PER_S],
  ["the same where one of the two isn't listed", group.RELAY_STRANGER_BYTES_PER_S],
  ["the same for all these pairs together", group.RELAY_STRANGERS_BYTES_PER_S],
  ["relayed bytes each second in all", group.RELAY_BYTES_PER_S],
  ["ms between two attempts at a direct path, at most", group.DIRECT_AGAIN_MS_MAX],
];

/** Bounds of the directory that another implementation must know. */
const DIRECTORY_BOUNDS: readonly (readonly [string, number])[] = [
  ["ms within which a new link must send its first message", directory.HELLO_MS_MAX],
  ["messages of a client each second, not counting relayed bytes", directory.CONTROL_PER_S],
  ["messages of a client at once", directory.CONTROL_BURST],
  ["ms that a call rings", directory.RINGING_MS_MAX],
  ["ms from a call's answer until both sides have sent `begun`", directory.CONNECTING_MS_MAX],
  ["ms for which both dial before they ask for a relay", directory.DIRECT_MS_MAX],
  [
    "relayed bytes that the receiver hasn't acknowledged, in each direction",
    directory.RELAY_CREDIT_BYTES,
  ],
  ["relayed bytes each second, in each direction", directory.RELAY_BYTES_PER_S],
  ["pieces relayed for a client each second", directory.RELAY_PIECES_PER_S],
  [
    "lines of a call shown before `heard` is sent, at most",
    directory.HEARD_LINES_MAX,
  ],
  ["ms after which `heard` is sent for fewer lines", directory.HEARD_MS],
  ["broadcasts of a sender in a minute", directory.BROADCASTS_MAX],
  ["broadcasts sent to a client and not acknowledged", directory.WINDOW_MAX],
  ["bytes of text that may go in a datagram", directory.DATAGRAM_TEXT_BYTES_MAX],
  ["ms for which a guest's name is held when its link is lost", directory.GUEST_HELD_MS],
];

/** Bounds of file transfer that another implementation must know. */
const TRANSFER_BOUNDS: readonly (readonly [string, number])[] = [
  ["bytes of a leaf", transfer.LEAF_BYTES],
  ["bytes of a file at most", transfer.FILE_BYTES_MAX],
  ["open offers of one person", transfer.OFFERS_EACH_MAX],
  ["leaves asked of one holder for one file at once", transfer.WINDOW_LEAVES_MAX],
  ["leaves that wait for one receiver at a holder", transfer.QUEUED_LEAVES_MAX],
  ["receivers that a holder serves at once", transfer.SERVED_MAX],
  ["ms without a leaf after which a holder is left for another", transfer.STALL_MS],
  ["ms after which it may be asked again", transfer.PAUSE_MS],
  ["`want`s of one peer answered each second", transfer.WANTS_PER_S],
  ["offers and withdrawals looked at each second, from one link", transfer.NEWS_PER_S],
];

/** Each datagram: its first byte, who sends it when, what answers it. */
function datagramTable(): string {
  return markdownTable(
    ["Type", "Datagram", "From", "When", "Answer", "Bytes"],
    Object.entries(DATAGRAM_ABOUT).map(([name, { from, when, answer, bytes }]) => [
      String(DATAGRAM_TYPES[name as keyof typeof DATAGRAM_TYPES]),
      `\`${name}\``,
      from,
      when,
      answer,
      name === "transport" ? `at most ${bytes}` : String(bytes),
    ]),
  );
}

/** Each frame of a packet. */
function frameTable(): string {
  return markdownTable(
    ["Type", "Frame", "Says", "Sent again when lost"],
    Object.entries(FRAME_ABOUT).map(([name, { about, again }]) => [
      String(FRAME_TYPES[name as keyof typeof FRAME_TYPES]),
      `\`${name}\``,
      about,
      again,
    ]),
  );
}

/** Bounds by what they bound. */
function boundTable(bounds: readonly (readonly [string, number])[]): string {
  return markdownTable(["Bound", "Value"], bounds.map(([what, value]) => [what, String(value)]));
}

/** Each phase of a machine, and those that may follow. */
export function phaseTable(
  phases: Readonly<Record<string, { readonly about: string; readonly next: readonly string[] }>>,
): string {
  return markdownTable(
    ["Phase", "Meaning", "Followed by"],
    Object.entries(phases).map(([name, { about, next }]) => [
      `\`${name}\``,
      about,
      next.length === 0 ? "nothing" : next.map((phase) => `\`${phase}\``).join(", "),
    ]),
  );
}

/** Code, name, from, to, when, answer, lane and greatest size of each message. */
export function messageTable(specs: readonly MessageSpec<string, Fields>[]): string {
  return markdownTable(
    ["Code", "Message", "From", "To", "When", "Answer", "Lane", "Bytes at most"],
    specs.map(({ code, name, about, schema }) => [
      String(code),
      `\`${name}\``,
      about.from,
      about.to,
      about.when,
      about.answer ?? "none",
      about.lane,
      String(schema.bytesMax + (code < 0x80 ? 1 : 2)),
    ]),
  );
}

/** The fields of each message, in wire order. */
export function fieldTable(
  specs: readonly MessageSpec<string, Fields>[],
  named: NamedSchemas,
): string {
  const rows = specs.flatMap(({ name, fields }) =>
    fieldRows(fields, named).map((row, index) => [index === 0 ? `\`${name}\`` : "", ...row])
  );
  return markdownTable(["Message", "Field", "Form"], rows);
}

/** A table for each structure that has a name; a line for one that isn't a record. */
export function structureTables(named: NamedSchemas): string {
  return [...named].map(([name, schema]) => {
    const { bytesMin, bytesMax } = schema;
    const bytes = bytesMin === bytesMax ? `${bytesMin}` : `${bytesMin} to ${bytesMax}`;
    const head = `**${name}**, ${bytes} bytes`;
    if (schema.fields === undefined) return `${head}: ${schema.describe(nameOfIn(named))}`;
    return `${head}\n\n${markdownTable(["Field", "Form"], fieldRows(schema.fields, named))}`;
  }).join("\n\n");
}

function fieldRows(fields: Fields, named: NamedSchemas): string[][] {
  const nameOf = nameOfIn(named);
  return Object.entries(fields).map(([name, schema]) => [
    `\`${name}\``,
    nameOf(schema) ?? schema.describe(nameOf),
  ]);
}

function nameOfIn(named: NamedSchemas): NameOf {
  const names = new Map([...named].map(([name, schema]) => [schema, `*${name}*`]));
  return (schema) => names.get(schema);
}

if (import.meta.main) {
  const path = new URL("../PROTOCOL.md", import.meta.url);
  const document = await Deno.readTextFile(path);
  const written = withTables(document, protocolTables());
  if (written === document) console.log("PROTOCOL.md: its tables are those of the code");
  else if (Deno.args.includes("--check")) {
    console.error("PROTOCOL.md: its tables differ from the code; run tools/protocol_tables.ts");
    Deno.exit(1);
  } else {
    await Deno.writeTextFile(path, written);
    console.log("PROTOCOL.md: tables written");
  }
}
