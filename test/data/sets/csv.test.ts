import { expect, test } from 'vitest';
import { parseCsv } from '../../../src/data/sets/csv.js';

test('the separator is the one that the header has most of, quotes hold separators, line breaks and quotes', () => {
  const text = '\uFEFFa;b, c;d\r\n1;"x;""y""\nz"; 3 \r\n\r\n4;5\n';
  expect(parseCsv(text)).toEqual([
    { a: '1', 'b, c': 'x;"y"\nz', d: '3' },
    { a: '4', 'b, c': '5', d: '' },
  ]);
  expect(parseCsv('a,b\n1,2')).toEqual([{ a: '1', b: '2' }]);
  expect(parseCsv('')).toEqual([]);
});

test.each([
  ['a,b\n1,"2\n', /a quoted field never ends/],
  ['a,b\n1,2,3\n', /record 1 has 3 fields, the header 2/],
  ['a,b,a\n1,2,3\n', /two columns are called 'a'/],
])('%j is refused', (text, message) => {
  expect(() => parseCsv(text)).toThrow(message);
});
