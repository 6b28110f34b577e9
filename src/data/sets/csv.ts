import { UserError } from '../../errors.js';

/** One record by column name, as written in the header, trimmed. */
export type CsvRow = Readonly<Record<string, string>>;

/**
 * Rows of a table with a header; separated by `,`, `;` or tabs, whichever the header has most of. Quoted fields may hold separators,
 * line breaks and doubled quotes (RFC 4180). Blank lines are skipped, missing fields at the end of a row are empty.
 *
 * @throws UserError for a quote that never ends, a row with more fields than the header, and two columns of one name
 */
export function parseCsv(text: string): CsvRow[] {
  const plain = text.replace(/^\uFEFF/, '');
  const firstLine = plain.slice(0, plain.search(/[\r\n]|$/));
  const counts = [',', ';', '\t'].map((s) => [s, firstLine.split(s).length] as const);
  const separator = counts.reduce((most, next) => (next[1] > most[1] ? next : most))[0];
  const [header = [], ...records] = splitRecords(plain, separator).filter((fields) => fields.some((field) => field !== ''));
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) throw new UserError(`two columns are called '${twice}', expected different names. Rename one.`);
  return records.map((fields, i) => {
    if (fields.length > header.length)
      throw new UserError(
        `record ${i + 1} has ${fields.length} fields, the header ${header.length}. Quote fields that hold '${separator}'.`,
      );
    return Object.fromEntries(header.map((name, k) => [name, fields[k] ?? '']));
  });
}

function splitRecords(text: string, separator: string): string[][] {
  const records: string[][] = [];
  let fields: string[] = [];
  let [field, quoted] = ['', false];
  const endField = (): void => {
    fields.push(field.trim());
    field = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i]!;
      else quoted = false;
    } else if (c === '"' && field.trim() === '') quoted = true;
    else if (c === separator) endField();
    else if (c === '\n' || c === '\r') {
      endField();
      records.push(fields);
      fields = [];
    } else field += c;
  }
  if (quoted) throw new UserError('a quoted field never ends. Add the missing quote.');
  endField();
  return [...records, fields];
}
