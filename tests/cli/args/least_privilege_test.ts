import { assertEquals } from "@std/assert";
import { type FileNeed, rightsFor } from "../../../lib/cli/args/least_privilege.ts";
import { asideNames, DAMAGED_INFIX, replacementName } from "../../../lib/store/disk/replacement.ts";

const links: Readonly<Record<string, string>> = {
  "/home/al/users.txt": "/srv/users.txt",
  "/home/al/shared/new": "/srv/new",
};

const cases: Readonly<
  Record<string, {
    readonly needs: readonly FileNeed[];
    readonly read: readonly string[];
    readonly write?: readonly string[];
  }>
> = {
  "a folder in the data folder": {
    needs: [{ path: "/home/al/data/users", use: "make" }],
    read: ["/home/al/data/users"],
    write: ["/home/al/data/users"],
  },
  "a log in a folder": {
    needs: [{ path: "/home/al/p.log", use: "write" }],
    read: ["/home/al/p.log"],
    write: ["/home/al/p.log"],
  },
  "a table that is read, by a link": {
    needs: [{ path: "/home/al/users.txt", use: "read" }],
    read: ["/home/al/users.txt", "/srv/users.txt"],
    write: [],
  },
  "a path that is said to be without links": {
    needs: [{ path: "/home/al/users.txt", use: "read", isReal: true }],
    read: ["/home/al/users.txt"],
    write: [],
  },
  "a file in a folder behind a link": {
    needs: [{ path: "/home/al/shared/new", use: "write" }],
    read: ["/home/al/shared/new", "/srv/new"],
    write: ["/home/al/shared/new", "/srv/new"],
  },
  "a log with the state beside it": {
    needs: [{ path: "/home/al/group/log", use: "read-with-state" }],
    read: ["/home/al/group/log", "/home/al/group/state"],
    write: [],
  },
  "a table that is replaced": {
    needs: [{ path: "/srv/users.txt", use: "replace" }],
    read: ["/srv/users.txt", "/srv/users.txt.lock", replacementName("/srv/users.txt")],
  },
  "a group's log": {
    needs: [{ path: "/srv/log", use: "keep-log" }],
    read: [
      "/srv/log",
      "/srv/log.lock",
      replacementName("/srv/log"),
      ...asideNames("/srv/log", performance.timeOrigin, DAMAGED_INFIX),
    ],
  },
};

for (const [name, { needs, read, write = read }] of Object.entries(cases)) {
  Deno.test(`rightsFor() ${name}`, () => {
    assertEquals(rightsFor(needs, (path) => links[path] ?? path), { read, write });
  });
}
