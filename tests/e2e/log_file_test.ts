import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { SILENT_LOGGER } from "../../lib/base/environment.ts";
import { flushLog, logFault, openLog } from "../../lib/cli/log.ts";

Deno.test({
  name: "openLog() appends JSON lines to the file, faults with their stack and cause",
  sanitizeResources: false, // the log stays open as long as the process
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/log`;
    await Deno.writeTextFile(path, "before\n");

    const logger = await openLog({ logFile: path, verbose: false });
    logger.debug("not without --verbose");
    logger.info("link up", { link: 7 });
    logFault(new Error("a bug", { cause: new Error("its cause") }));
    await flushLog();

    const [before, info, fault, ...rest] = (await Deno.readTextFile(path)).split("\n");
    assertEquals([before, rest], ["before", [""]]);
    assertEquals(JSON.parse(info!).properties, { link: 7 });
    assertStringIncludes(JSON.parse(fault!).properties.stack, "Caused by: Error: its cause");
    assert(/log_file_test\.ts:\d+/.test(JSON.parse(fault!).properties.stack));
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("openLog() without a file keeps nothing, and refuses a file it cannot write", async () => {
  assertEquals(await openLog({ logFile: null, verbose: false }), SILENT_LOGGER);
  const error = await assertRejects(
    () => openLog({ logFile: "/nonexistent/log", verbose: false }),
    P2pchatError,
  );
  assertEquals(error.code, "disk");
});
