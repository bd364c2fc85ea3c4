import { assertEquals } from "@std/assert";
import { encode } from "uqr";
import { qrRows } from "../../../lib/cli/words/qr_rows.ts";
import { page } from "./page_modules.ts";

Deno.test("page: a QR code is drawn from a console's rows, its dark modules dark", () => {
  for (const length of [20, 113, 138, 300, 600]) {
    const invite = "abcdefghijklmnop234567".repeat(30).slice(0, length);

    const { side, path } = page.qrShape(qrRows(invite, 80));

    const isDark = Array.from({ length: side }, () => new Array<boolean>(side).fill(false));
    for (const [, x, y, width] of String(path).matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
      isDark[Number(y)]!.fill(true, Number(x), Number(x) + Number(width));
    }
    assertEquals(
      isDark,
      encode(invite.toUpperCase(), { ecc: "L", boostEcc: true, border: 2 }).data,
    );
  }
  assertEquals(page.qrShape([]), { side: 0, path: "" });
});
