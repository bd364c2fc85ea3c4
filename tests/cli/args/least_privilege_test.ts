import { assertEquals } from "@std/assert";
import { type FileNeed, type Places, rightsFor } from "../../../lib/cli/args/least_privilege.ts";
import { asideNames, replacementName } from "../../../lib/store/disk/replacement.ts";

/** A file system with these files and folders, and links from one path to another. */
function places(there: readonly string[], links: Readonly<Record<string, string>> = {}): Places {
  const exists = (path: string) => there.includes(path) || path in links;
  return { exists, realPath: (path) => links[path] ?? (there.includes(path) ? path : null) };
}

const cases: Readonly<
  Record<string, {
    readonly needs: readonly FileNeed[];
    readonly places: Places;
    readonly read: readonly string[];
    readonly write: readonly string[];
  }>
> = {
  "a data folder that is there": {
    needs: [{ path: "/home/al/data", use: "write" }],
    places: places(["/", "/home", "/home/al", "/home/al/data"]),
    read: ["/home/al/data"],
    write: ["/home/al/data"],
  },
  "a data folder that is made, with one above it": {
    needs: [{ path: "/home/al/share/data", use: "write" }],
    places: places(["/", "/home", "/home/al"]),
    read: ["/home/al", "/home/al/share/data"],
    write: ["/home/al/share"],
  },
  "a table that is read, by a link": {
    needs: [{ path: "/home/al/users.txt", use: "read" }],
    places: places(["/", "/srv/users.txt"], { "/home/al/users.txt": "/srv/users.txt" }),
    read: ["/home/al/users.txt", "/srv/users.txt"],
    write: [],
  },
  "a log whose keys are beside it": {
    needs: [{ path: "/home/al/group/log", use: "read-beside" }],
    places: places(["/", "/home/al/group/log"]),
    read: ["/home/al/group"],
    write: [],
  },
  "a table that is replaced": {
    needs: [{ path: "/srv/users.txt", use: "replace" }],
    places: places(["/", "/srv", "/srv/users.txt"]),
    read: ["/srv"],
    write: ["/srv/users.txt", "/srv/users.txt.lock", replacementName("/srv/users.txt")],
  },
  "a group's log": {
    needs: [{ path: "/srv/log", use: "keep-log" }],
    places: places(["/", "/srv", "/srv/log"]),
    read: ["/srv"],
    write: [
      "/srv/log",
      "/srv/log.lock",
      replacementName("/srv/log"),
      ...asideNames("/srv/log", performance.timeOrigin),
    ],
  },
};

for (const [name, { needs, places, read, write }] of Object.entries(cases)) {
  Deno.test(`rightsFor() ${name}`, () => {
    assertEquals(rightsFor(needs, places), { read, write });
  });
}
