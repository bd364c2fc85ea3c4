/** The pages of the documentation: what they name and link to exists, and a link says what it means. */

import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { dirname, normalize } from "node:path";

const ROOT_PAGES = ["README.md", "PROTOCOL.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];

/** All pages, by path from the root. */
async function pages(): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const path of ROOT_PAGES) texts.set(path, await Deno.readTextFile(path));
  for await (const { path } of walk("docs", { exts: [".md"], includeDirs: false })) {
    texts.set(path, await Deno.readTextFile(path));
  }
  assert(texts.size > 40, `only ${texts.size} were found`);
  return texts;
}

/** The headings as links name them, as GitHub makes them: one that stands twice is `name`, then `name-1`. */
function anchorsOf(page: string): readonly string[] {
  const count = new Map<string, number>();
  return [...page.replace(/^```.*?^```/gms, "").matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const name = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-");
    const before = count.get(name) ?? 0;
    count.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  });
}

Deno.test("pages: every link to a file of ours leads to one, and to a heading that it has once", async () => {
  const texts = await pages();
  const anchors = new Map([...texts].map(([path, text]) => [path, anchorsOf(text)]));
  const broken: string[] = [];
  let linked = 0;
  for (const [path, text] of texts) {
    for (
      const [, target = "", anchor] of text.matchAll(
        /(?:\]\(|src=")([^)"#:\s]*)(?:#([^)\s]*))?[)"]/g,
      )
    ) {
      linked += anchor === undefined ? 0 : 1;
      const file = target === "" ? path : normalize(`${dirname(path)}/${target}`);
      const isThere = await Deno.stat(file).then(() => true, () => false);
      const names = anchors.get(file) ?? [];
      const isClear = anchor === undefined ||
        names.includes(anchor) && !names.includes(`${anchor}-1`);
      if (!isThere || !isClear) broken.push(`${path}: ${target}${anchor ? `#${anchor}` : ""}`);
    }
  }

  assert(linked > 100, `only ${linked} links to headings were found`);
  assertEquals(broken, []);
});

Deno.test("README.md: it stays on three screens", async () => {
  const text = await Deno.readTextFile("README.md");
  const shown = text.replaceAll(/<img[^>]*>|!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)/g, " ");
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(
    await Deno.readTextFile("docs/session.svg"),
  )!;
  const pictures = [...text.matchAll(/<img [^>]*>|^!\[/gm)].map(([picture]) =>
    Number(/ width="(\d+)"/.exec(picture)?.[1] ?? Infinity)
  );

  // As GitHub shows it, 896 pixels wide, it is 2,700 high with these: three times 900.
  assert(text.split("\n").length <= 114, `${text.split("\n").length} lines`);
  assert(shown.split(/\s+/).length <= 890, `${shown.split(/\s+/).length} words`);
  assert(896 * Number(height) / Number(width) <= 400, `the terminals are ${width} x ${height}`);
  assertEquals(
    pictures.filter((shownAt) => shownAt > 430).length,
    1,
    "of full width: the terminals",
  );
});

Deno.test("pages: each test file that is named exists", async () => {
  const files = new Set<string>();
  for await (const { path } of walk("tests", { exts: [".ts"], includeDirs: false })) {
    const parts = path.split("/");
    for (let at = 0; at < parts.length; at++) files.add(parts.slice(at).join("/"));
  }
  const missing = [...await pages()].flatMap(([page, text]) =>
    [...text.matchAll(/`(?:tests\/)?([\w/]+_test\.ts)`/g)]
      .filter(([, file]) => !files.has(file!)).map(([, file]) => `${page}: ${file}`)
  );

  assertEquals(missing, []);
});

Deno.test("pages: none ends within a sentence, or has a line twice in a row", async () => {
  const faults: string[] = [];
  for (const [path, text] of await pages()) {
    const lines = text.replace(/^```.*?^```/gms, "").split("\n").map((line) => line.trim())
      .filter((line) => line !== "");
    if (!/[.:|`>)]$/.test(lines.at(-1)!)) faults.push(`${path}: ends with ${lines.at(-1)}`);
    const twice = lines.filter((line, at) => line === lines[at - 1] && !line.startsWith("|"));
    for (const line of twice) faults.push(`${path}: twice: ${line}`);
  }

  assertEquals(faults, []);
});

Deno.test("docs/third-party.md: names each package that is locked, with its version", async () => {
  const page = await Deno.readTextFile("docs/third-party.md");
  const { specifiers } = JSON.parse(await Deno.readTextFile("deno.lock"));
  const packages = Object.keys(specifiers).filter((specifier) => specifier.startsWith("npm:"))
    .map((specifier) => /^npm:(.+)@(.+)$/.exec(specifier)!);

  const missing = packages.filter(([, name, version]) =>
    !new RegExp(`\\[${name}\\]\\([^)]*\\)\\s+${version!.replaceAll(".", "\\.")}\\b`).test(page)
  );

  assert(packages.length >= 10, `only ${packages.length} were found`);
  assertEquals(missing.map(([specifier]) => specifier), []);
});

Deno.test("docs/operations.md: the command by which a container is asked how it is is the image's", async () => {
  const script = await Deno.readTextFile("packaging/oci.sh");
  const [, command] = /^health=\$\(words CMD (.*)\)$/m.exec(script)!;
  const words = command!.split(" ").map((word) => `"${word}"`).join(", ");

  assert((await Deno.readTextFile("docs/operations.md")).includes(`[${words}]`), words);
});
