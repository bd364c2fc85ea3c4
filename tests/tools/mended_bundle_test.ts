import { assertEquals, assertThrows } from "@std/assert";
import { asciiOnly, withoutLeftOut, withRequire } from "../../tools/mended_bundle.ts";

/** As the bundler of Deno 2.9 writes it, minified. */
const failing = (name: string) =>
  `var ${name}=(s=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(s,{get:(t,e)=>(typeof require<"u"?require:t)[e]}):s)` +
  `(function(s){if(typeof require<"u")return require.apply(this,arguments);` +
  `throw Error('Dynamic require of "'+s+'" is not supported')});`;

Deno.test("withRequire() puts a require that works where the bundler's would fail, and moves nothing", () => {
  for (const name of ["$Y", "OW", "a$"]) {
    const text = `var a=1;${failing(name)}var b=${name}("node:buffer");`;
    const mended = withRequire(text);
    assertEquals([mended.length, mended.indexOf("var b=")], [text.length, text.indexOf("var b=")]);
    assertEquals(mended.includes(`var ${name}=m=>process.getBuiltinModule(m);`), true);
  }
});

Deno.test("withRequire() leaves a bundle without it, and refuses one that would fail", () => {
  assertEquals(withRequire("var a=1;"), "var a=1;");
  assertThrows(() => withRequire(failing("x").replace("typeof Proxy", "typeof Other")));
});

Deno.test("withoutLeftOut() hides the modules that were left out from the runtime, and moves nothing", () => {
  const text = 'import("./g/mode.ts");import("../a/b.ts");import("node:dns");import("@b/c");';
  const hidden = 'import(0||"/mode.ts");import(0||"/b.ts") ;import("node:dns");import(0||"/c");';
  assertEquals(withoutLeftOut(text), hidden);
});

Deno.test("asciiOnly() refuses what would have the runtime hold two bytes of each character", () => {
  assertEquals(asciiOnly("a=/\\u2019/;\n"), "a=/\\u2019/;\n");
  assertThrows(() => asciiOnly("a=/[ ’]/;"), Error, "a=/[ ’");
});
