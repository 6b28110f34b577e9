import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PeerCommand } from '../../src/bench/peer-process.node.js';
import { peerMarkdown } from '../../src/bench/peer-table.js';
import { peerCommands, runPeers } from '../../src/bench/peers.node.js';
import { SOMEWHERE, tiny } from './tiny.js';

const script = fileURLToPath(new URL('fake-peer.mjs', import.meta.url));
const fake = (name: string, behaviour: string): PeerCommand => ({ name, command: [process.execPath, script, behaviour] });

describe('engines side by side', () => {
  it('are timed in turn, compared with mcgpu and PyTorch, and fail in their own words', async () => {
    const engines = [
      fake('mcgpu', 'right'),
      fake('pytorch-cpu', 'right'),
      fake('slow', 'slow'),
      fake('partial', 'partial'),
      fake('dies', 'dies'),
      fake('absent', 'absent'),
    ];
    const rows = await runPeers(tiny('M'), { engines, reps: 3, timeoutMs: 20_000 });
    const row = (engine: string, op = 'conv3x3') => rows.find((r) => r.engine === engine && r.op === op);
    expect(rows).toHaveLength(5 * engines.length);
    expect(row('mcgpu')).toMatchObject({ medianMs: 10, reps: 3, firstMs: 5, version: '1.2', fromMcgpu: null, fromPytorch: 0, error: null });
    expect(row('slow')).toMatchObject({ medianMs: 20, minMs: 20, p90Ms: 20, fromMcgpu: 0.5, fromPytorch: 0.5, adapter: 'fake adapter' });
    expect(row('partial', 'bilinear-x4')).toMatchObject({ medianMs: null, reps: 0, error: 'no half-pixel | centres' });
    expect(row('partial')).toMatchObject({ medianMs: 10, error: null });
    expect(row('dies', 'max-pool-2')?.error).toContain('exit code 3');
    expect(row('absent')?.error).toContain("Cannot find package 'fake-engine'");
    const table = peerMarkdown(rows, SOMEWHERE, 3);
    expect(table).toContain('| M conv3x3 | slow 1.2 | 20.0 | 20.0 | 20.0 | 2.00 | 5.00 | 1.00 | 5.0e-1 | 5.0e-1 |');
    expect(table).toContain('error: no half-pixel / centres');
    const widths = table.split('\n').filter((line) => line.startsWith('|')).map((line) => line.split('|').length); // prettier-ignore
    expect(new Set(widths).size).toBe(1);
  });

  it('whose program is not there are a row as well', async () => {
    const [row] = await runPeers(tiny('M'), { engines: [{ name: 'python', command: ['no-such-python'] }], reps: 1, timeoutMs: 3000 });
    expect(row?.error).toContain('ENOENT');
  });

  it('that do not answer are ended', async () => {
    const [row] = await runPeers(tiny('M'), { engines: [fake('hangs', 'hangs')], reps: 1, timeoutMs: 3000 });
    expect(row?.error).toBe('no answer in 3 s');
  });
});

describe('the scripts of the other engines', () => {
  it('are found by name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mcgpu-peers-'));
    for (const [name, file] of [
      ['b', 'peer.py'],
      ['a', 'peer.mjs'],
      ['lib', 'protocol.mjs'],
    ] as const) {
      // prettier-ignore
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, file), '');
    }
    expect(peerCommands(folder)).toEqual([
      { name: 'a', command: [process.execPath, join(folder, 'a', 'peer.mjs')] },
      { name: 'b', command: ['python3', join(folder, 'b', 'peer.py')] },
    ]);
  });
  it('are missed with the repair', () => {
    expect(() => peerCommands('/nowhere')).toThrow(/npm ci --ignore-scripts --prefix bench\/peers/);
  });
});
