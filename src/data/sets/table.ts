// Tables of text (CSV and TSV, quoted or not) as rows that know their line, so that a fault can be pointed at. Splitting is
// csv-parse's; here are columns by name, and rows that do not fit. Not here: what the columns mean.
import { CsvError, parse } from "csv-parse/sync";
import { DataError } from "../../gpu/errors.js";
import type { Problems } from "./problems.js";

export interface Row {
  file: string;
  /** The line it ends on, counted from 1; the header is line 1. */
  line: number;
  /** The cell of a column, trimmed; "" where the table has no such column. */
  get(column: string): string;
  /** All cells, as they stand in the file. */
  cells: readonly string[];
}

export interface Table {
  file: string;
  /** Names in the header, trimmed, in order. */
  columns: readonly string[];
  rows: Row[];
}

export interface TableOptions {
  /** "," or "\t". */
  delimiter: string;
  /** Columns without which the table is of no use. */
  need?: readonly string[];
}

/**
 * Reads a table with a header. Rows with too few or too many cells, and rows whose quotes do not close, are reported and left out.
 * @throws DataError where there is no header, or a needed column is not in it
 */
export function readTable(file: string, text: string, options: TableOptions, problems: Problems): Table {
  const { delimiter, need = [] } = options;
  const records = splitRecords(file, text, delimiter, problems);
  if (records.length === 0) throw new DataError(`${file} is empty: it needs a header and rows.`);
  const columns = records[0].record.map((name) => name.trim());
  const lacking = need.filter((name) => !columns.includes(name));
  if (lacking.length > 0) {
    const between = delimiter === "\t" ? "tabs" : "commas";
    const has = columnsText(columns);
    throw new DataError(
      `${file}:1: no column ${lacking.map((name) => `"${name}"`).join(", ")} (columns, with ${between} between: ${has}).`,
    );
  }
  const index = new Map(columns.map((name, i) => [name, i]));
  const rows: Row[] = [];
  for (const { record: cells, info } of records.slice(1)) {
    const line = info.lines;
    if (cells.length !== columns.length) {
      problems.add(
        "label",
        { file, line },
        `${cells.length} cells where the header has ${columns.length}; left out`,
      );
      continue;
    }
    const get = (column: string) => {
      const at = index.get(column);
      return at === undefined ? "" : cells[at].trim();
    };
    rows.push({ file, line, get, cells });
  }
  return { file, columns, rows };
}

/** The first names of a header, for a message. */
export function columnsText(columns: readonly string[]): string {
  const names = columns.slice(0, 12).map((name) => (name.length > 30 ? `${name.slice(0, 30)}…` : name));
  return names.join(", ").replace(/\s+/g, " ") + (columns.length > 12 ? ", …" : "");
}

type Records = { record: string[]; info: { lines: number } }[];

/** Cells by csv-parse. Where a quote is opened and never closed, quotes are taken as they stand if the header has none. */
function splitRecords(file: string, text: string, delimiter: string, problems: Problems): Records {
  const split = (quote: '"' | false) =>
    parse(text, {
      delimiter,
      quote,
      record_delimiter: ["\r\n", "\n", "\r"],
      info: true,
      bom: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    }) as unknown as Records;
  try {
    return split('"');
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const lines = text.split(/\r?\n/);
    const odd = lines.findIndex((each) => (each.split('"').length - 1) % 2 === 1);
    const line = odd < 0 ? 1 : odd + 1;
    if (error.code !== "CSV_QUOTE_NOT_CLOSED" || lines[0].includes('"')) {
      throw new DataError(
        `${file}:${line}: this is not a table that can be read (${error.message.slice(0, 200)}).`,
      );
    }
    problems.add(
      "remark",
      { file, line },
      "a quote opens and does not close; quotes in this file are taken as they stand",
    );
    return split(false);
  }
}

/** Rows by a key that must be unique and not empty; others are reported and left out. */
export function rowsByKey(table: Table, column: string, problems: Problems): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const row of table.rows) {
    const key = row.get(column);
    const first = rows.get(key);
    if (key === "") problems.add("label", row, `no ${column}; left out`);
    else if (first)
      problems.add("label", row, `${column} ${key} again, as in line ${first.line}; the first is taken`);
    else rows.set(key, row);
  }
  return rows;
}
