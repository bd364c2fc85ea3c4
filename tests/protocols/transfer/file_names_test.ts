import { assert, assertEquals } from "@std/assert";
import { utf8Length } from "../../../lib/base/text/text.ts";
import {
  numberedName,
  SAFE_NAME_BYTES_MAX,
  safeFileName,
} from "../../../lib/protocols/transfer/file_names.ts";

const SAFE: readonly (readonly [string, string])[] = [
  ["notes.txt", "notes.txt"],
  ["Jörg's & Ann's 写真 (1).jpg", "Jörg's & Ann's 写真 (1).jpg"],
  ["../../etc/passwd", "_.._etc_passwd"],
  ["..\\..\\boot.ini", "_.._boot.ini"],
  ["C:\\a", "C__a"],
  ["a\u2215b\uff0fc\u29f8d", "a_b_c_d"],
  [".bashrc", "bashrc"],
  ["~/.profile", "_.profile"],
  ["-rf", "rf"],
  ["..", "file"],
  ["", "file"],
  ["   ", "file"],
  ["a\0b\nc\x1b[2Jd", "a_b_c_[2Jd"],
  ["report\u202efdp.exe", "report_fdp.exe"],
  ["a\u200bb\u2028c\ud800", "a_b_c_"],
  ["CON", "_CON"],
  ["nul.txt", "_nul.txt"],
  ["com1 .log", "_com1 .log"],
  ["COM¹", "_COM¹"],
  ["console.txt", "console.txt"],
  ["trailing. . ", "trailing"],
  ["photo\uff0ejpg\u2024exe", "photo_jpg_exe"],
  ["e\u0301.txt", "é.txt"],
];

for (const [offered, saved] of SAFE) {
  Deno.test(`${JSON.stringify(offered)} is saved as ${saved}`, () => {
    assertEquals(safeFileName(offered), saved);
  });
}

Deno.test("a long name is cut before its extension, within the bound, between characters", () => {
  for (const name of [`${"x".repeat(300)}.tar`, `${"漢".repeat(100)}.pdf`, "é".repeat(255)]) {
    const saved = safeFileName(name);
    assert(utf8Length(saved) <= SAFE_NAME_BYTES_MAX && utf8Length(saved) > 200, saved);
    assertEquals(/\.\w+$/.exec(saved)?.[0], /\.\w+$/.exec(name)?.[0]);
    assert(utf8Length(numberedName(saved, 9_999)) <= 255);
    assert(!saved.includes("\ufffd") && saved.isWellFormed());
  }
  assert(utf8Length(safeFileName(`a.${"y".repeat(300)}`)) <= SAFE_NAME_BYTES_MAX);
});

Deno.test("what is safe stays as it is", () => {
  for (const [offered] of SAFE) {
    const saved = safeFileName(offered);
    assertEquals(safeFileName(saved), saved);
  }
});

Deno.test("a second file of a name has a number before its extension", () => {
  assertEquals(numberedName("a.txt", 1), "a.txt");
  assertEquals(numberedName("a.txt", 2), "a (2).txt");
  assertEquals(numberedName("a", 3), "a (3)");
});
