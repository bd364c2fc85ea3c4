import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { graphemesOf } from "../../../lib/cli/rendering/graphemes.ts";
import { KeyParser } from "../../../lib/cli/terminal/key_parser.ts";
import {
  type EditorRequest,
  type EditorState,
  EMPTY_EDITOR,
  HISTORY_LINES_MAX,
  onKey,
  recalling,
  shownLine,
} from "../../../lib/cli/terminal/line_editor.ts";

const NAMED: Readonly<Record<string, string>> = {
  LEFT: "\x1b[D",
  RIGHT: "\x1b[C",
  UP: "\x1b[A",
  DOWN: "\x1b[B",
  HOME: "\x1b[H",
  END: "\x1b[F",
  DEL: "\x1b[3~",
  BS: "\x7f",
  ENTER: "\r",
  TAB: "\t",
  WORDLEFT: "\x1b[1;5D",
  WORDRIGHT: "\x1b[1;5C",
  ALTENTER: "\x1b\r",
  ALTB: "\x1bb",
  ALTF: "\x1bf",
  ALTD: "\x1bd",
  ALTBS: "\x1b\x7f",
  PASTE: "\x1b[200~",
  ENDPASTE: "\x1b[201~",
};

/** Presses `keys`, where `<LEFT>` and `<^A>` stand for keys. */
function press(keys: string, start: EditorState = EMPTY_EDITOR) {
  const bytes = keys.replace(
    /<(\^?)([A-Z]+)>/g,
    (_, control, name) =>
      control === "^" ? String.fromCharCode(name.charCodeAt(0) - 64) : NAMED[name]!,
  );
  let state = start;
  const requests: EditorRequest[] = [];
  const parser = new KeyParser();
  parser.push(new Uint8Array()); // nothing was typed before
  for (const key of parser.push(new TextEncoder().encode(bytes))) {
    const step = onKey(state, key);
    state = step.state;
    if (step.request !== null) requests.push(step.request);
  }
  return {
    state,
    requests,
    line: `${state.text.slice(0, state.cursor)}|${state.text.slice(state.cursor)}`,
  };
}

const LINES: readonly (readonly [keys: string, line: string])[] = [
  ["hello", "hello|"],
  ["first<ALTENTER>second<^J>", "first\nsecond\n|"],
  ["hello<LEFT><LEFT>X", "helX|lo"],
  ["hello<HOME>X<END>Y", "XhelloY|"],
  ["hello<^A>X<^E>Y", "XhelloY|"],
  ["hello<^B><^B><^F>X", "hellX|o"],
  ["hello<BS><BS>", "hel|"],
  ["hello<^A><BS><DEL>", "|ello"],
  ["hello<LEFT><^D>", "hell|"],
  ["one two three<WORDLEFT><WORDLEFT>X", "one X|two three"],
  ["one two<ALTB><ALTB><ALTF>X", "oneX| two"],
  ["one two <^W>", "one |"],
  ["/msg Alice see you<^W><^W><^W>", "/msg |"],
  ["/msg Alice see you<^W><^W><^W><^W>/msg", "/msg|"],
  ["one two-three<^W>", "one |"],
  ["one two-three<ALTBS>", "one two-|"],
  ["   <^W>", "|"],
  ["one two<^A><ALTD>", "| two"],
  ["one two<ALTB><^K>", "one |"],
  ["one two<ALTB><^U>", "|two"],
  ["one two<^W><^Y><^Y>", "one twotwo|"],
  ["one<^W>two<^A><^K><^K><^Y>", "two|"],
  ["ab<^T>", "ba|"],
  ["abc<LEFT><^T>", "acb|"],
  ["a<^T>", "a|"],
  ["<^T>", "|"],
  ["e\u0301x<LEFT><BS>", "|x"],
  ["👩‍👩‍👧x<LEFT><LEFT>y", "y|👩‍👩‍👧x"],
  ["🇩🇪🇫🇷<BS>", "🇩🇪|"],
  ["日本<LEFT>x", "日x|本"],
  ["aé日<^A><RIGHT><RIGHT>x", "aéx|日"],
  ["<PASTE>one\rtwo\r\nthree\n<ENDPASTE>!", "one\ntwo\nthree!|"],
  ["<PASTE>/quit\r<ENDPASTE>", "/quit|"],
  ["a<PASTE>\x03\x1b[31m<ENDPASTE>b", "a\x03\x1b[31mb|"],
  ["<LEFT><RIGHT><UP><DOWN><WORDLEFT><WORDRIGHT><BS><DEL>", "|"],
];

for (const [keys, line] of LINES) {
  Deno.test(`onKey() makes ${line} of ${JSON.stringify(keys)}`, () => {
    assertEquals(press(keys).line, line);
  });
}

Deno.test("onKey() submits on Enter and starts anew", () => {
  const { requests, line, state } = press("one<ENTER>two<ENTER><ENTER>");
  assertEquals(requests, [
    { type: "submit", text: "one" },
    { type: "submit", text: "two" },
    { type: "submit", text: "" },
  ]);
  assertEquals(line, "|");
  assertEquals(state.history, ["one", "two"]);
});

Deno.test("onKey() walks through the history and back to the draft", () => {
  const start = press("one<ENTER>two<ENTER>two<ENTER>dra").state;
  assertEquals(press("<UP>", start).line, "two|");
  assertEquals(press("<UP><UP>", start).line, "one|");
  assertEquals(press("<UP><UP><UP>", start).line, "one|");
  assertEquals(press("<UP><UP><DOWN><DOWN>ft", start).line, "draft|");
  assertEquals(press("<UP><UP>!<ENTER>", start).requests, [{ type: "submit", text: "one!" }]);
  assertEquals(press("<^P><^P><^N>", start).line, "two|");
});

Deno.test("onKey() keeps what was typed over a line of the history, and the draft", () => {
  const sent = press("one<ENTER>two<ENTER>").state;
  assertEquals(press("<UP><^U>a text<UP><DOWN><DOWN>", sent).line, "a text|");
  const start = press("draft", sent).state;
  assertEquals(press("<UP>!<UP><DOWN>", start).line, "two!|");
  assertEquals(press("<UP>!<UP>?<DOWN><DOWN>", start).line, "draft|");
  assertEquals(press("<UP>!<UP>?<DOWN><DOWN><UP><UP>", start).line, "one?|");
  assertEquals(press("<UP><^U><DOWN><UP>", start).line, "two|", "nothing was typed there");
  const after = press("<UP>!<ENTER>", start);
  assertEquals(after.requests, [{ type: "submit", text: "two!" }]);
  assertEquals(after.state.history, ["one", "two", "two!"]);
});

Deno.test("onKey() keeps a bounded history, the newest", () => {
  let state = EMPTY_EDITOR;
  for (let index = 0; index <= HISTORY_LINES_MAX; index++) {
    state = press(`${index}<ENTER>`, state).state;
  }
  assertEquals(state.history.length, HISTORY_LINES_MAX);
  assertEquals(state.history.at(-1), String(HISTORY_LINES_MAX));
});

const SEARCHED = ["first one", "second", "First two", "first two", "last"];

const SEARCHES: readonly (readonly [keys: string, prompt: string, line: string])[] = [
  ["dra<^R>", '(earlier line with "") ', ""],
  ["<^R>fi", '(earlier line with "fi") ', "first two"],
  ["<^R>fi<^R>", '(earlier line with "fi") ', "First two"],
  ["<^R>fi<^R><^R>", '(earlier line with "fi") ', "first one"],
  ["<^R>fi<^R><^R><^R>", '(no earlier line with "fi") ', "first one"],
  ["<^R>fi<^R>rst o", '(earlier line with "first o") ', "first one"],
  ["<^R>xyz", '(no earlier line with "xyz") ', ""],
  ["<^R>lax<BS>", '(earlier line with "la") ', "last"],
  ["<^R>fi<ENTER>", "> ", "first two"],
  ["<^R>fi<HOME>X", "> ", "Xfirst two"],
  ["draft<^R>fi<^G>", "> ", "draft"],
  ["draft<^R>fi<^C>", "> ", "draft"],
  ["draft<^R>xyz<ENTER>", "> ", "draft"],
  ["draft<^R>fi<ENTER><DOWN><DOWN>", "> ", "draft"],
];

for (const [keys, prompt, line] of SEARCHES) {
  Deno.test(`onKey() searches the history: ${keys}`, () => {
    const { state, requests } = press(keys, recalling(EMPTY_EDITOR, SEARCHED));
    const shown = shownLine(state, "> ");
    assertEquals([shown.prompt, shown.text, requests], [prompt, line, []]);
  });
}

Deno.test("onKey() sends the line that a search has found with the second Enter", () => {
  const { requests } = press("<^R>sec<ENTER><ENTER>", recalling(EMPTY_EDITOR, SEARCHED));
  assertEquals(requests, [{ type: "submit", text: "second" }]);
});

Deno.test("onKey() asks for what it cannot do itself", () => {
  assertEquals(press("<^C><^L><^Z><TAB><^D>").requests.map(({ type }) => type), [
    "interrupt",
    "redraw",
    "suspend",
    "complete",
    "end-of-input",
  ]);
  assertEquals(press("x<^A><^D>").requests, []);
});

Deno.test("onKey() refuses a paste that nobody could send, and keeps the line", () => {
  const { line, requests } = press(`half<PASTE>${"x".repeat(1_048_577)}<ENDPASTE>`);
  assertEquals(line, "half|");
  assertEquals(requests, [{ type: "refuse-paste", units: 1_048_577 }]);
});

Deno.test("onKey() holds a text that pastes would make too long", () => {
  const paste = `<PASTE>${"x".repeat(1_000_000)}<ENDPASTE>`;
  const { state, requests } = press(paste + paste + paste);
  assertEquals(state.text.length, 2_000_000);
  assertEquals(requests.length, 1);
});

Deno.test("onKey() keeps the cursor between characters, whatever is pressed", () => {
  const key = fc.constantFrom(
    ...Object.keys(NAMED).map((name) => `<${name}>`),
    "<^W>",
    "<^K>",
    "<^Y>",
    "<^T>",
  );
  const text = fc.constantFrom("a", " ", "e\u0301", "👩‍👩‍👧", "🇩🇪", "日", "\u200d", "क्षि", "\n");
  fc.assert(fc.property(fc.array(fc.oneof(text, key), { maxLength: 30 }), (keys) => {
    const { state } = press(keys.join(""));
    const boundaries = [...graphemesOf(state.text)].map(({ index }) => index);
    assert([...boundaries, state.text.length].includes(state.cursor), JSON.stringify(state));
  }));
});
