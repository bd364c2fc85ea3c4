/**
 * Sentences that modes make for whoever types commands, as an agent needs them: with its tools and their arguments. What
 * has no tool is a person's to type, and that is said.
 */

/** A name as it stands behind a command; `NAME` stands for any. */
const NAME = String.raw`(?!NAME\b|yes\b|no\b)([^\s,;:?!()"]+)`;

const RULES: readonly (readonly [RegExp, string])[] = [
  [/write NAME\/TEXT, \/list shows the names/g, "members gives the names"],
  [/\/verify somebody else, to compare/g, "name somebody else, to compare"],
  [new RegExp(String.raw`(?<![\w/.])${NAME}/TEXT\b`, "g"), 'send with name "$1"'],
  [new RegExp(String.raw`(?<![\w/.])/msg ${NAME} TEXT\b`, "g"), 'send with name "$1"'],
  [
    new RegExp(String.raw`(?<![\w/.])/(?:verify|whois) ${NAME}(?! yes| no)`, "g"),
    'verify with name "$1"',
  ],
  [new RegExp(String.raw`(?<![\w/.])/history ${NAME}`, "g"), 'history with name "$1"'],
  [/(?<![\w/.])\/(?:peers|list|members|who|names)\b(?![/.]\w)/g, "members"],
  [/(?<![\w/.])\/(?:history|log|search)\b(?![/.]\w)/g, "history"],
];

const COMMAND = /(?<![\w/.])\/([a-z]+)\b(?![/.]\w)/g;

const A_PERSONS = "what begins with / only a person can type, at a console of this profile";

/** @param isCommand Whether the mode has a command of that name: anything else, such as a path, stays as it is. */
export function agentWords(text: string, isCommand: (name: string) => boolean): string {
  const said = RULES.reduce((words, [pattern, tool]) => words.replaceAll(pattern, tool), text);
  const isLeft = [...said.matchAll(COMMAND)].some(([, name]) => isCommand(name!));
  return isLeft ? `${said} (${A_PERSONS})` : said;
}
