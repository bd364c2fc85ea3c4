/**
 * What the command line names for writing mustn't be what another user of this machine chose: a link of theirs leads to
 * any file of ours, and what is written into a file of theirs they read.
 */

import { otherUser } from "../../store/disk/other_users.ts";
import { othersError } from "./owner.ts";

/** As many as the system follows. */
const LINKS_MAX = 40;

/**
 * Has to look at all folders above, so before rights are given up.
 * @throws {P2pchatError} `not-allowed` where a link of another user is on the way, or another's file at its end.
 */
export function refuseOthersPath(path: string): void {
  let links = 0;
  let at = "";
  const names = (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).split("/");
  while (names.length > 0) {
    const name = names.shift()!;
    if (name === "..") at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
    if (["", ".", ".."].includes(name)) continue;
    const next = `${at}/${name}`;
    const info = lookAt(next);
    if (info === null) return;
    const user = otherUser(info);
    if (info.isSymlink) {
      if (user !== null && user !== machineOwner()) {
        throw othersError(path, `the symbolic link ${next}`, user);
      }
      if (++links > LINKS_MAX) return; // using it reports the error
      const target = Deno.readLinkSync(next);
      if (target.startsWith("/")) at = "";
      names.unshift(...target.split("/"));
      continue;
    }
    if (info.isFile && user !== null) throw othersError(path, next, user);
    at = next;
  }
}

/** Null where there is nothing, or nothing to be seen: using it reports the error. */
function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch {
    return null;
  }
}

/** Root, in a container perhaps under another id: could change everything anyway. */
function machineOwner(): number | null {
  return Deno.lstatSync("/").uid;
}
