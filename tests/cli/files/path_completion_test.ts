import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  ENTRIES_MAX,
  type Entry,
  findPaths,
  type Folders,
} from "../../../lib/cli/files/path_completion.ts";
import { pathQuoted, pathTyped } from "../../../lib/cli/files/path_typed.ts";

const HOME = "/home/ann";

/** Folders in which each file is; `link` leads to a file, `gone` nowhere. */
function foldersOf(paths: readonly string[]): Folders {
  return {
    home: HOME,
    list(folder) {
      const start = folder === "/" ? folder : `${folder}/`;
      const inside = paths.filter((path) => path.startsWith(start)).map((path) => {
        const [name = "", ...below] = path.slice(start.length).split("/");
        const isUnknown = name === "link" || name === "gone";
        const kind: Entry["kind"] = isUnknown ? null : below.length > 0 ? "folder" : "file";
        return [name, { name, kind }] as const;
      });
      return Promise.resolve([...new Map(inside).values()]);
    },
    kindOf: (path) => Promise.resolve(path.endsWith("/link") ? "file" : null),
    isOwn: (path) => path.startsWith(`${HOME}/p2pchat`),
  };
}

const FOLDERS = foldersOf([
  `${HOME}/my report.pdf`,
  `${HOME}/my reports/1.pdf`,
  `${HOME}/it's.txt`,
  `${HOME}/.ssh/id`,
  `${HOME}/photo.jpg`,
  `${HOME}/a\nb`,
  `${HOME}/p2pchat/identity`,
  `${HOME}/links/link`,
  `${HOME}/links/gone`,
  "/tmp/x/1",
]);

const CASES: readonly (readonly [
  typed: string,
  becomes: string | null,
  choices: readonly string[],
])[] = [
  ["~", "~/", ["~/"]],
  ["~/ph", "~/photo.jpg", ["photo.jpg"]],
  ["/home/ann/ph", "/home/ann/photo.jpg", ["photo.jpg"]],
  ["~/photo.jpg", "~/photo.jpg", ["photo.jpg"]],
  ["~/my", "~/my\\ report", ["my report.pdf", "my reports/"]],
  ["~/my rep", "~/my\\ report", ["my report.pdf", "my reports/"]],
  ["~/my report", "~/my report", ["my report.pdf", "my reports/"]],
  ["~/my\\ report.", "~/my\\ report.pdf", ["my report.pdf"]],
  ["'~/my report.", "'~/my report.pdf'", ["my report.pdf"]],
  ['"~/my reports', '"~/my reports/', ["my reports/"]],
  ["'~/my report.pdf'", null, []],
  ["'~/it", "~/it\\'s.txt", ["it's.txt"]],
  ["~/it", "~/it\\'s.txt", ["it's.txt"]],
  ["~/", "~/", ["it's.txt", "links/", "my report.pdf", "my reports/", "photo.jpg"]],
  ["~/.", "~/.ssh/", [".ssh/"]],
  ["~/..", "~/../", ["../"]],
  ["~/../ann/ph", "~/../ann/photo.jpg", ["photo.jpg"]],
  ["~/links/", "~/links/link", ["link"]],
  ["~/p2p", null, []],
  ["~/nothing", null, []],
  ["~bob/", null, []],
  ["/t", "/tmp/", ["tmp/"]],
  ["/", "/", ["home/", "tmp/"]],
];

for (const [typed, becomes, choices] of CASES) {
  Deno.test(`findPaths() makes ${becomes ?? "nothing"} of ${typed}`, async () => {
    const found = await findPaths(typed, FOLDERS);
    assertEquals(found, becomes === null ? null : { typed: becomes, choices });
  });
}

Deno.test("a path as pathQuoted() writes it is read as that path", () => {
  const name = fc.stringMatching(/^[^\n\r\u2028\u2029~]+$/u);
  fc.assert(fc.property(name, fc.constantFrom("", "'", '"'), (path, quote) => {
    fc.pre(path.trim() === path);
    assertEquals(pathTyped(pathQuoted(path, quote, true), HOME), path);
  }));
});

Deno.test("findPaths() looks at a bounded number of those that only a look tells", async () => {
  let looks = 0;
  const many = Array.from(
    { length: ENTRIES_MAX },
    (_, at): Entry => ({ name: `a${at}`, kind: null }),
  );
  const found = await findPaths("a", {
    ...FOLDERS,
    list: () => Promise.resolve(many),
    kindOf: () => Promise.resolve(looks++ < 5 ? "file" : null),
  });
  assertEquals([looks, found?.choices.length], [1_000, 5]);
});
