import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

// From the bottom up; a room imports from lower rows only. Files directly under src/ are free for all.
const ROWS = [
  ['runtime'],
  ['kernels'],
  ['autograd'],
  ['data'],
  ['model', 'synth'],
  ['detect'],
  ['explain'],
  ['evaluate'],
  ['train'],
  ['bench', 'experiment'],
  ['cli'],
];
const NODE_ONLY = ['webgpu', 'sharp', 'commander', 'cli-progress', 'cli-table3'];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort();

/** What a file imports, statically or dynamically; imports of types alone do not count where `values` is set. */
function imports(file: string, values = false): string[] {
  const text = readFileSync(path.join('src', file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const declaration = ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node : undefined;
    const typeOnly =
      declaration && (ts.isImportDeclaration(declaration) ? declaration.importClause?.phaseModifier !== undefined : declaration.isTypeOnly);
    const dynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined;
    const specifier = declaration?.moduleSpecifier ?? dynamic;
    if (specifier && ts.isStringLiteral(specifier) && !(values && typeOnly)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const roomOf = (file: string): string | undefined => (file.includes('/') ? file.split('/')[0] : undefined);
const rowOf = (room: string): number => ROWS.findIndex((row) => row.includes(room));
const resolve = (file: string, specifier: string): string => path.join(path.dirname(file), specifier).replace(/\.js$/, '.ts');

describe('the rooms of src', () => {
  it('all have their place', () => {
    const rooms = new Set(files.map(roomOf).filter((room) => room !== undefined));
    expect([...rooms].filter((room) => rowOf(room) < 0)).toEqual([]);
  });

  it('import downwards only', () => {
    const upwards = files.flatMap((file) => {
      const room = roomOf(file);
      const targets = imports(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => resolve(file, specifier));
      return targets
        .map((target) => [target, roomOf(target)] as const)
        .filter(([, to]) => room !== undefined && to !== undefined && to !== room && rowOf(to) >= rowOf(room))
        .map(([target]) => `${file} -> ${target}`);
    });
    expect(upwards).toEqual([]);
  });

  it('speak of Node only in files whose name says so, so that all others run in a browser and in Deno', () => {
    const isNode = (file: string): boolean => file.startsWith('cli/') || file.includes('.node.');
    const leaks = files
      .filter((file) => !isNode(file))
      .flatMap((file) =>
        imports(file, true)
          .filter((to) => to.startsWith('node:') || NODE_ONLY.includes(to) || (to.startsWith('.') && isNode(resolve(file, to))))
          .map((to) => `${file} -> ${to}`),
      );
    expect(leaks).toEqual([]);
  });

  it('pass no GPU object to the rooms above the kernels', () => {
    const above = files.filter((file) => rowOf(roomOf(file) ?? '') >= rowOf('data') && roomOf(file) !== 'cli');
    expect(
      above.filter((file) => /\bGPU(Buffer|Device|Queue|BindGroup|ComputePipeline)\b/.test(readFileSync(path.join('src', file), 'utf8'))),
    ).toEqual([]);
  });
});
