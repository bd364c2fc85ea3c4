/** Describes an edit of the table of friends in words. */

import { endpointText } from "../base/ids.ts";
import { foldName, shownName } from "../base/names.ts";
import type { UserInfoRow } from "../store/user_info.ts";

/** The most rows named for each kind of change. */
const NAMED_MAX = 8;

/** The effect of an edit; null where it has none, as with a comment. */
export function editText(
  before: readonly UserInfoRow[],
  after: readonly UserInfoRow[],
): string | null {
  const old = byName(before);
  const now = byName(after);
  const added = after.filter(({ name }) => !old.has(foldName(name)));
  const removed = before.filter(({ name }) => !now.has(foldName(name)));
  const changes = after.flatMap((row) => {
    const was = old.get(foldName(row.name));
    return (was === undefined ? null : changeText(was, row)) ?? [];
  });
  const texts = [
    ...named("added", added),
    ...named("removed", removed),
    ...changes.slice(0, NAMED_MAX),
    ...(changes.length > NAMED_MAX ? [`${changes.length - NAMED_MAX} more have changed`] : []),
  ];
  return texts.length === 0 ? null : texts.join("; ");
}

function byName(rows: readonly UserInfoRow[]) {
  return new Map(rows.map((row) => [foldName(row.name), row]));
}

function changeText(was: UserInfoRow, { name, endpoint, fingerprint }: UserInfoRow): string | null {
  const place = endpointText(endpoint);
  const facts = [
    ...(place === endpointText(was.endpoint) ? [] : [`is at ${place} now`]),
    ...(fingerprint === was.fingerprint ? [] : [
      fingerprint === null ? "has no key there now" : `has the key ${fingerprint} now`,
    ]),
  ];
  return facts.length === 0 ? null : `${shownName(name)} ${facts.join(" and ")}`;
}

function named(what: string, rows: readonly UserInfoRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const names = rows.slice(0, NAMED_MAX).map(({ name }) => shownName(name)).join(", ");
  const more = rows.length > NAMED_MAX ? ` and ${rows.length - NAMED_MAX} more` : "";
  return [`${what} ${names}${more}`];
}
