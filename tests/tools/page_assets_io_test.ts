import { assertEquals, assertThrows } from "@std/assert";
import { MODULE, moduleOf, pageAssets } from "../../tools/page_assets.ts";

Deno.test("the program holds the page's files as they are", async () => {
  const written = await Deno.readTextFile(MODULE);
  assertEquals(
    written === moduleOf(await pageAssets()),
    true,
    "a file of the page was changed: deno run -A tools/page_assets.ts",
  );
});

Deno.test("a file of a type that isn't served is refused", () => {
  assertThrows(() => moduleOf([{ name: "a.exe", text: "" }]), Error, "Cannot serve a.exe");
});
