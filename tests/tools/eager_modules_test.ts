import { assertEquals, assertThrows } from "@std/assert";
import { SourceMap } from "node:module";
import { eager, needed } from "../../tools/eager_modules.ts";

const HELPER = "var d=(i,t)=>()=>(i&&(t=i(i=0)),t);";
const TEXT = `${HELPER}var a,A=d(()=>{a=[1]});\nvar b,B=d(()=>{A();b="(()=>{})"});fail();`;

Deno.test("eager() puts parentheses around what loads a module, and nothing else", () => {
  const functions = ["()=>{a=[1]}", '()=>{A();b="(()=>{})"}'];

  assertEquals(
    eager({ text: TEXT, mappings: "" }, functions).text,
    `${HELPER}var a,A=d((()=>{a=[1]}));\nvar b,B=d((()=>{A();b="(()=>{})"}));fail();`,
  );
});

Deno.test("eager() takes no function that isn't in the bundle", () => {
  assertThrows(
    () => eager({ text: TEXT, mappings: "" }, ["()=>{c=1}"]),
    Error,
    "not in the bundle",
  );
});

Deno.test("eager() lets the source map follow", () => {
  // Line 2: column 0 is from 1:1 of a.ts, column 10 (what loads b) from 2:3, column 34 (fail) from 3:7.
  const mappings = ";AAAA,UACE,wBACI";
  const functions = ["()=>{a=[1]}", '()=>{A();b="(()=>{})"}'];
  const map = (mappings: string) =>
    new SourceMap({
      version: 3,
      file: "",
      sourceRoot: "",
      sources: ["a.ts"],
      sourcesContent: [],
      names: [],
      mappings,
    });
  const made = eager({ text: TEXT, mappings }, functions);

  for (const place of ["var b", "()=>{A", "fail()"]) {
    const columnIn = (text: string) => text.split("\n")[1]!.indexOf(place);
    const [before, after] = [columnIn(TEXT), columnIn(made.text)];
    assertEquals(map(made.mappings).findEntry(1, after), {
      ...map(mappings).findEntry(1, before),
      generatedColumn: after,
    });
  }
});

Deno.test("needed() leaves out what is imported only when it is asked for", () => {
  const text = [
    HELPER,
    "var o={};r(o,{open:()=>a});var a,A=d(()=>{a=1});", // loaded by what runs
    "var p={};r(p,{few:()=>b});var b,B=d(()=>{C();b=2});", // imported by few
    "var c,C=d(()=>{c=3});", // loaded by that alone
    "var q={};r(q,{run:()=>e});var e,E=d(()=>{A();e=import.then(()=>(B(),p))});",
    "run((await x.then(()=>(E(),q))).run,(await x.then(()=>(B(),p))).few)",
  ].join("");
  const [a, b, c, e] = [
    "()=>{a=1}",
    "()=>{C();b=2}",
    "()=>{c=3}",
    "()=>{A();e=import.then(()=>(B(),p))}",
  ] as const;
  const functions = [a, b, c, e];

  assertEquals(needed(text, functions, []), []);
  assertEquals(needed(text, functions, ["run"]), [a, e]);
  assertEquals(needed(text, functions, ["few"]), [b, c]);
  assertEquals(needed(`${text};A()`, functions, []), [a]);
});
