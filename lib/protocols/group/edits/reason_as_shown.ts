/** Why an edit was aborted, in the coordinator's words: it calls members by the names that they have given themselves. */

import type { PeerKey } from "../../../base/ids.ts";
import { shownName, withoutMark } from "../../../base/text/names.ts";
import type { MemberNames } from "../identity/member_names.ts";

/** Of somebody absent only an author is spoken. */
const NAMED =
  /^(its author, )?(.+?)( said no$|: |, isn't in the group|, was asked, and| didn't answer in time$)/su;

/**
 * The reason with those who are named in it as they are shown here; as it is where that isn't certain.
 * @param present The members of the view.
 */
export function reasonAsShown(
  reason: string,
  names: Pick<MemberNames, "called">,
  present: readonly PeerKey[],
): string {
  const [start, author = "", whom = "", what = ""] = NAMED.exec(reason) ?? [""];
  if (start === "") return reason;
  const isPresent = author === "";
  const asShown = (name: string) => {
    const found = names.called(withoutMark(name))
      .filter(([key]) => present.includes(key) === isPresent);
    return found.length === 1 ? shownName(found[0]![1]) : name;
  };
  // Between the names, at odd places, is what joins them.
  const all = whom.split(/(, | and )/u).map((part, at) => at % 2 === 0 ? asShown(part) : part);
  return author + all.join("") + what + reason.slice(start.length);
}
