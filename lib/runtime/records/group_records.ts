/**
 * What a member and the coordinator store besides the log, as lines of a separate file. Fields that people search
 * with `grep` and `cut` are plain text and come first: when, who, what; then what is needed to restore the bytes
 * that were signed.
 */

import { MalformedError } from "../../base/errors.ts";
import type { Hash, PeerKey, RequestId } from "../../base/ids.ts";
import {
  type Fingerprint,
  FINGERPRINT_CHARACTERS,
  fingerprintFault,
  fingerprintOf,
} from "../../base/text/fingerprint.ts";
import { quotedStart } from "../../base/text/text.ts";
import { unreachable } from "../../base/invariant.ts";
import { type Ballot, ballotText } from "../../protocols/group/schema/ballot.ts";
import type { SignedEditRequest } from "../../protocols/group/schema/edit.ts";
import { type SignedEpoch, signedEpochSchema } from "../../protocols/group/schema/epoch.ts";
import {
  type SignedFormerKeys,
  signedFormerKeysSchema,
} from "../../protocols/group/schema/former_keys.ts";
import type { Founding } from "../../protocols/group/schema/founding.ts";
import type { HistoryPoint } from "../../protocols/group/schema/history.ts";
import { INCARNATION_BYTES, INCARNATION_START_BYTES } from "../../protocols/group/schema/limits.ts";
import type {
  CoordinatorRecord,
  LogRecord as HistoryRecord,
  MemberRecord,
  NewLogRecord,
} from "../../protocols/group/schema/records.ts";
import { GROUP_SECRET_BYTES } from "../../protocols/group/schema/group_secrets.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import { batchCells, batchOfCells } from "./group_batch_cells.ts";
import { REQUEST_CELLS, requestCells, requestOfCells } from "./group_edit_cells.ts";
import {
  FOUNDING_CELLS,
  foundingCells,
  foundingOfCells,
  policyOf,
} from "./group_founding_cells.ts";
import { bytesOf, countOf, hexOf, packedText, unpacked } from "../../base/schema/cells.ts";
import { type FieldOf, line, parseLine } from "./log_fields.ts";

/** Formats of the files; the version is incremented with each change that older programs cannot read. */
export const MEMBER_STATE_FORMAT = { format: "group-member", version: 4 } as const;
export const COORDINATOR_STATE_FORMAT = { format: "group-coordinator", version: 4 } as const;

/** All records but those that are stored in the log. */
export type StateOf<Stored> = Exclude<Stored, HistoryRecord | NewLogRecord>;

/** The store's own record: up to this point the log is certainly on the device. */
export interface LoggedRecord {
  readonly kind: "logged";
  readonly point: HistoryPoint;
}

export type MemberState = StateOf<MemberRecord> | LoggedRecord;
export type CoordinatorState = StateOf<CoordinatorRecord> | LoggedRecord;

/** Follows a ballot that a leaving member has promised, after which it is in no view. */
const LEAVING = "leaving";
/** Whether a member's user was asked before the member agreed to an edit. */
const CONSENTED = "consented";
const UNASKED = "unasked";
/** Follows a member that is kept out for equivocation, not by the operator. */
const EQUIVOCATED = "equivocated";

/** The line of a member's record. */
export function memberLine(record: MemberState): LogRecord {
  switch (record.kind) {
    case "group":
      return line(
        record.kind,
        record.group,
        record.coordinator,
        ...foundingCells(record.founding),
        ...(record.starts ?? []),
      );
    case "former":
      return line(record.kind, ...formerCells(record.signed));
    case "promised":
      return line(record.kind, ballotText(record.ballot), ...(record.isLeaving ? [LEAVING] : []));
    case "view":
    case "begun":
      return line(record.kind, ...epochCells(record.signed));
    case "recovered":
    case "out":
      return line(record.kind);
    case "held":
      return line(record.kind, String(record.after), ...batchCells(record.batch));
    case "dropped":
      return line(
        record.kind,
        String(record.position),
        ...(record.givenUp === undefined ? [] : [String(record.givenUp)]),
      );
    case "levelling":
      return line(record.kind, String(record.position));
    case "levelled":
      return line(record.kind, ballotText(record.ballot));
    case "said":
      return line(record.kind, ...batchCells(record.batch));
    case "prepared":
      return line(
        record.kind,
        String(record.edit),
        String(record.view),
        record.isConsented ? CONSENTED : UNASKED,
        ...requestFields(record.signed),
      );
    case "asked":
      return line(record.kind, String(record.edit), ...requestFields(record.signed));
    case "settled":
      return line(record.kind, record.id);
    case "logged":
      return loggedLine(record);
    default:
      return unreachable(record);
  }
}

/**
 * The record in a member's line.
 * @throws {P2pchatError} `store-corrupt`; its text is part of a sentence.
 */
export function memberRecord(record: LogRecord): MemberState {
  return parseLine(record, parseMember);
}

function parseMember({ kind, fields }: LogRecord, field: FieldOf): MemberState {
  switch (kind) {
    case "group":
      return groupOf(fields, hexOf<Hash>(field(0)), hexOf<PeerKey>(field(1)));
    case "former":
      return { kind, signed: formerOf(field) };
    case "promised":
      return { kind, ballot: ballotOf(field(0)), isLeaving: fields[1] === LEAVING };
    case "view":
    case "begun":
      return { kind, signed: epochOf(field) };
    case "recovered":
    case "out":
      return { kind };
    case "held":
      return { kind, after: countOf(field(0)), batch: batchOfCells(fields, 1) };
    case "dropped":
      return droppedOf(fields, countOf(field(0)));
    case "levelling":
      return { kind, position: countOf(field(0)) };
    case "levelled":
      return { kind, ballot: ballotOf(field(0)) };
    case "said":
      return { kind, batch: batchOfCells(fields, 0) };
    case "prepared": {
      const [edit, view] = [countOf(field(0)), countOf(field(1))];
      const isConsented = field(2) === CONSENTED;
      if (!isConsented && field(2) !== UNASKED) {
        throw new MalformedError("who was asked is missing");
      }
      return { kind, edit, view, isConsented, signed: requestOf(fields, 3) };
    }
    case "asked":
      return { kind, edit: countOf(field(0)), signed: requestOf(fields, 1) };
    case "settled":
      return { kind, id: hexOf<RequestId>(field(0)) };
    case "logged":
      return loggedRecord(field);
    default:
      throw new MalformedError("no such kind is known");
  }
}

/** The line of a coordinator's record. */
export function coordinatorLine(record: CoordinatorState): LogRecord {
  switch (record.kind) {
    case "group":
      return line(record.kind, record.group, ...foundingCells(record.founding));
    case "rules":
      return line(record.kind, ...(record.rules === null ? [] : [record.rules.edits]));
    case "key":
      return line(record.kind, record.key);
    case "number":
    case "edits":
      return line(record.kind, String(record.number));
    case "decided":
    case "recounted":
      return line(record.kind, ...epochCells(record.signed));
    case "fresh":
    case "lost":
      return line(record.kind);
    case "confirmed":
    case "given-up":
      return line(record.kind, ballotText(record.ballot));
    case "kicked":
      return line(
        record.kind,
        record.name,
        record.key,
        ...(record.because === undefined ? [] : [record.because]),
      );
    case "allowed":
      return line(record.kind, record.key);
    case "secret":
      return line(record.kind, String(record.secret.epoch), record.secret.secret.toHex());
    case "committed":
      return line(record.kind, ...batchCells(record.batch));
    case "applied":
      return line(record.kind, record.incarnation, String(record.counter));
    case "aborted":
      return line(record.kind, String(record.edit), record.reason, record.id);
    case "logged":
      return loggedLine(record);
    default:
      return unreachable(record);
  }
}

/**
 * The record in a coordinator's line.
 * @throws {P2pchatError} `store-corrupt`; its text is part of a sentence.
 */
export function coordinatorRecord(record: LogRecord): CoordinatorState {
  return parseLine(record, parseCoordinator);
}

function parseCoordinator({ kind, fields }: LogRecord, field: FieldOf): CoordinatorState {
  switch (kind) {
    case "group":
      return { kind, group: hexOf<Hash>(field(0)), founding: foundingIn(fields, 1) };
    case "rules":
      return { kind, rules: fields.length === 0 ? null : { edits: policyOf(field(0)) } };
    case "key":
      return { kind, key: hexOf<PeerKey>(field(0)) };
    case "number":
    case "edits":
      return { kind, number: countOf(field(0)) };
    case "decided":
    case "recounted":
      return { kind, signed: epochOf(field) };
    case "fresh":
    case "lost":
      return { kind };
    case "confirmed":
    case "given-up":
      return { kind, ballot: ballotOf(field(0)) };
    case "kicked":
      return {
        kind,
        name: field(0),
        key: fingerprintIn(field(1)),
        ...(fields[2] === EQUIVOCATED ? { because: EQUIVOCATED } : {}),
      };
    case "allowed":
      return { kind, key: fingerprintIn(field(0)) };
    case "secret":
      return {
        kind,
        secret: { epoch: countOf(field(0)), secret: bytesOf(field(1), GROUP_SECRET_BYTES) },
      };
    case "committed":
      return { kind, batch: batchOfCells(fields, 0) };
    case "applied":
      return { kind, incarnation: incarnationOf(field(0)), counter: countOf(field(1)) };
    case "aborted":
      return { kind, edit: countOf(field(0)), reason: field(1), id: hexOf<RequestId>(field(2)) };
    case "logged":
      return loggedRecord(field);
    default:
      throw new MalformedError("no such kind is known");
  }
}

/** Fingerprints were written as keys before. */
function fingerprintIn(text: string): Fingerprint {
  if (text.length !== FINGERPRINT_CHARACTERS) return fingerprintOf(hexOf<PeerKey>(text));
  const fault = fingerprintFault(text);
  if (fault !== null) throw new MalformedError(`no fingerprint is ${quotedStart(text)}: ${fault}`);
  return text as Fingerprint;
}

function droppedOf([, givenUp]: readonly string[], position: number): MemberState {
  return {
    kind: "dropped",
    position,
    ...(givenUp === undefined ? {} : { givenUp: countOf(givenUp) }),
  };
}

function groupOf(fields: readonly string[], group: Hash, coordinator: PeerKey): MemberState {
  const founding = foundingIn(fields, 2);
  const starts = fields.slice(2 + FOUNDING_CELLS, 4 + FOUNDING_CELLS);
  starts.forEach((start, at) =>
    bytesOf(start, at === 0 ? INCARNATION_START_BYTES : INCARNATION_BYTES)
  );
  return {
    kind: "group",
    group,
    founding,
    coordinator,
    ...(starts.length === 0 ? {} : { starts }),
  };
}

function foundingIn(fields: readonly string[], first: number): Founding {
  return foundingOfCells(fields.slice(first, first + FOUNDING_CELLS));
}

/** The request and its group as fields. */
function requestFields(signed: SignedEditRequest): readonly string[] {
  return [...requestCells(signed), signed.request.value.group];
}

function requestOf(fields: readonly string[], first: number): SignedEditRequest {
  const group = fields.at(first + REQUEST_CELLS);
  if (group === undefined) throw new MalformedError("the group of an edit is missing");
  return requestOfCells(fields, first, hexOf<Hash>(group));
}

function incarnationOf(text: string): string {
  bytesOf(text, INCARNATION_BYTES);
  return text;
}

function loggedLine({ kind, point }: LoggedRecord): LogRecord {
  return line(kind, String(point.position), point.digest);
}

function loggedRecord(field: FieldOf): LoggedRecord {
  return { kind: "logged", point: { position: countOf(field(0)), digest: hexOf<Hash>(field(1)) } };
}

/** An epoch as fields: ballot, start and names for readers, then its exact signed bytes. */
function epochCells(signed: SignedEpoch): readonly string[] {
  const { ballot, start, members } = signed.epoch.value;
  const names = members.map(({ name }) => name).join(" ");
  return [
    ballotText(ballot),
    String(start.position),
    names,
    packedText(signedEpochSchema, signed),
  ];
}

function epochOf(field: FieldOf): SignedEpoch {
  return unpacked(signedEpochSchema, field(3));
}

/** Former keys as fields: the keys for readers, then the exact signed bytes. */
function formerCells(signed: SignedFormerKeys): readonly string[] {
  const { keys } = signed.former.value;
  return [keys.join(" "), packedText(signedFormerKeysSchema, signed)];
}

function formerOf(field: FieldOf): SignedFormerKeys {
  return unpacked(signedFormerKeysSchema, field(1));
}

/** The ballot that `ballotText` wrote. */
function ballotOf(text: string): Ballot {
  const [, number = "", round = "0"] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const ballot = { number: countOf(number), round: countOf(round) };
  if (ballotText(ballot) !== text) throw new MalformedError(`no ballot is ${quotedStart(text)}`);
  return ballot;
}
