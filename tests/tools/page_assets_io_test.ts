import { assertEquals, assertThrows } from "@std/assert";
import { MODULE, moduleOf, pageAssets } from "../../tools/page_assets.ts";

/** Another version may bundle the page's scripts otherwise. */
async function isPinned(): Promise<boolean> {
  const { dependencies } = JSON.parse(await Deno.readTextFile("tools/deno/package.json"));
  return dependencies.deno === Deno.version.deno;
}

Deno.test({
  name: "the program holds the page's files as they are",
  ignore: !await isPinned(),
  async fn() {
    const written = await Deno.readTextFile(MODULE);
    assertEquals(
      written === moduleOf(await pageAssets()),
      true,
      "a file of the page was changed: deno run -A tools/page_assets.ts",
    );
  },
});

Deno.test("a file of a type that isn't served is refused", () => {
  assertThrows(() => moduleOf([{ name: "a.exe", text: "" }]), Error, "Cannot serve a.exe");
});

Deno.test("the page's own scripts make no markup of texts", async () => {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("lib/cli/page/assets")) {
    const text = await Deno.readTextFile(`lib/cli/page/assets/${name}`);
    if (/(?:inner|outer)HTML|insertAdjacent|document\.write|srcdoc|\beval\b/i.test(text)) {
      found.push(name);
    }
  }
  assertEquals(found, []);
});
