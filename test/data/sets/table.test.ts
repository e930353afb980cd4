// Tables with quotes, blanks, marks and faults, and the lines that they are reported on.
import { describe, expect, it } from "vitest";
import { Problems, problemText } from "../../../src/data/sets/problems.js";
import { readTable, rowsByKey } from "../../../src/data/sets/table.js";

function read(text: string, delimiter = ",", need: string[] = []) {
  const problems = new Problems();
  const table = readTable("list.csv", text, { delimiter, need }, problems);
  return { table, problems: () => problems.list.map(problemText), all: problems };
}

describe("readTable", () => {
  it("reads quotes, a byte order mark, both line ends, blanks and empty lines", () => {
    const { table, problems } = read('\uFEFFid , name\r\n1,"a, ""b"""\r\n\r\n 2 ,  c  \n3,"two\nlines"\n4,d');
    expect(table.columns).toEqual(["id", "name"]);
    expect(table.rows.map((row) => [row.line, row.get("id"), row.get("name"), row.get("none")])).toEqual([
      [2, "1", 'a, "b"', ""],
      [4, "2", "c", ""],
      [6, "3", "two\nlines", ""],
      [7, "4", "d", ""],
    ]);
    expect(problems()).toEqual([]);
  });

  it("keeps quotes inside cells, and takes a lone one as it stands where the header has none", () => {
    const { table, problems } = read('a\tb\n1\tx "y" z\n2\t"Heroes" (Mix)\n3\t"un\n4\tz\n', "\t");
    expect(table.rows.map((row) => row.get("b"))).toEqual(['x "y" z', '"Heroes" (Mix)', '"un', "z"]);
    expect(problems()).toEqual([
      "list.csv:4: a quote opens and does not close; quotes in this file are taken as they stand",
    ]);
    expect(() => read('"a"\t"b"\n"1"\t"x\n', "\t")).toThrow(/^list\.csv:2: this is not a table/);
  });

  it("reports rows of another length and keys that are empty or come twice", () => {
    const { table, problems, all } = read("id,x\n1,a\n2\n3,b,c\n,d\n1,e\n5,f\n");
    expect([...rowsByKey(table, "id", all).keys()]).toEqual(["1", "5"]);
    expect(problems()).toEqual([
      "list.csv:3: 1 cells where the header has 2; left out",
      "list.csv:4: 3 cells where the header has 2; left out",
      "list.csv:5: no id; left out",
      "list.csv:6: id 1 again, as in line 2; the first is taken",
    ]);
  });

  it("refuses what has no header or lacks a needed column", () => {
    expect(() => read("")).toThrow("list.csv is empty");
    expect(() => read("a,b\n", ",", ["b", "c"])).toThrow(
      'list.csv:1: no column "c" (columns, with commas between: a, b).',
    );
  });
});
