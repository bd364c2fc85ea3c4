import { assertEquals } from "@std/assert";
import { agentWords } from "../../../lib/cli/mcp/agent_words.ts";
import { friendsCommands } from "../../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";

const NAMES = [
  ...meshCommands.commands.map(({ name }) => name),
  ...memberCommands.commands.map(({ name }) => name),
  ...friendsCommands.commands.map(({ name }) => name),
];
const isCommand = (name: string) => NAMES.includes(name);
const A_PERSONS = "(what begins with / only a person can type, at a console of this profile)";

const SAID: readonly (readonly [text: string, words: string])[] = [
  [
    "Nobody here is called Bbo; /peers shows who is here",
    "Nobody here is called Bbo; members shows who is here",
  ],
  ["; did you mean /verify Bob?", '; did you mean verify with name "Bob"?'],
  ["; did you mean /history bob?", '; did you mean history with name "bob"?'],
  ["; did you mean bob/TEXT?", '; did you mean send with name "bob"?'],
  ["; did you mean /msg Bob~k7f3 TEXT?", '; did you mean send with name "Bob~k7f3"?'],
  [
    "Cannot find x; write NAME/TEXT, /list shows the names",
    "Cannot find x; members gives the names",
  ],
  [
    "Ann is you: /verify somebody else, to compare digits with them",
    "Ann is you: name somebody else, to compare digits with them",
  ],
  ["it is kept until /trust Bob", `it is kept until /trust Bob ${A_PERSONS}`],
  ["Cannot write /list/of/names: no space", "Cannot write /list/of/names: no space"],
  ["Cannot write /home/trust/log: no space", "Cannot write /home/trust/log: no space"],
  ["Cannot write /trust.d: no space", "Cannot write /trust.d: no space"],
  ["nobody listens there", "nobody listens there"],
];

for (const [text, words] of SAID) {
  Deno.test(`agentWords(): ${text}`, () => assertEquals(agentWords(text, isCommand), words));
}

Deno.test("agentWords(): of each command is said which tool it is, or that a person types it", () => {
  for (const name of NAMES) {
    const words = agentWords(`see /${name}`, isCommand);
    const isTool = /^see (?:members|history)$/.test(words);
    assertEquals(isTool || words === `see /${name} ${A_PERSONS}`, true, words);
  }
});
