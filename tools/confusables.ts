// deno-lint-ignore-file no-console -- a program of its own: says what it made
/**
 * Writes `lib/base/text/confusables.ts`: the part of Unicode's table of confusables that names can need.
 *
 *     "$(tools/find_deno.sh)" run -A tools/confusables.ts confusables.txt
 *
 * The file is https://www.unicode.org/Public/security/VERSION/confusables.txt (UTS 39, section 4). Left out are
 * characters that no name can have, those that NFKC replaces (names are compared after it), and those that nothing
 * else looks like.
 */

const PATH = new URL("../lib/base/text/confusables.ts", import.meta.url);
const IN_NAMES = /^[\p{L}\p{M}\p{Nd}_.-]+$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
const WIDTH = 96;

const text = Deno.readTextFileSync(Deno.args[0]!);
const version = /^# Version: (\S+)$/m.exec(text)![1]!;
const sources = new Map<string, string[]>();
for (const [, source, target] of text.matchAll(/^([0-9A-F]+) ;\t([0-9A-F ]+) ;\tMA/gm)) {
  const character = String.fromCodePoint(parseInt(source!, 16));
  if (!IN_NAMES.test(character) || INVISIBLE.test(character)) continue;
  if (character.normalize("NFKC").normalize("NFD") !== character) continue;
  const looks = target!.trim().split(" ").map((code) => parseInt(code, 16));
  const key = String.fromCodePoint(...looks);
  sources.set(key, [...sources.get(key) ?? [], character]);
}
const kept = [...sources].filter(([target, all]) => all.length > 1 || IN_NAMES.test(target));
const codes = (characters: Iterable<string>) =>
  [...characters].map((character) => character.codePointAt(0)!.toString(16)).join(" ");
const groups = kept.map(([target, all]) => `${codes(target)}<${codes(all)}`);
const lines: string[] = [""];
for (const group of groups) {
  if (lines.at(-1)!.length + group.length > WIDTH) lines.push("");
  lines[lines.length - 1] += `${group};`;
}
Deno.writeTextFileSync(
  PATH,
  `/**
 * What looks the same, from confusables.txt of Unicode ${version} (UTS 39), by \`tools/confusables.ts\`: what several
 * characters look like, and these, as code points, in hexadecimal.
 *
 * Copyright Unicode, Inc.; https://www.unicode.org/license.txt
 */
export const CONFUSABLES = \`
${lines.join("\n")}
\`;
`,
);
const count = kept.reduce((sum, [, all]) => sum + all.length, 0);
console.log(`Unicode ${version}: ${count} characters that look like others`);
