import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { adapterOf, matchAdapter, parseAdapterList } from '../../src/cli/adapter-option.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { describeError } from '../../src/cli/errors.js';
import { createProgram } from '../../src/cli/program.js';
import { useColour } from '../../src/cli/style.js';
import { UserError } from '../../src/errors.js';
import { mcgpu } from '../support/command-process.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('the command line', () => {
  it('lists every command in its help', async () => {
    const { status, stdout } = await mcgpu(['--help']);
    expect(status).toBe(0);
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).toContain('Research use only - not a medical device');
  });

  it('knows every command that a file of src/cli registers', () => {
    const sources = readdirSync('src/cli').map((file) => readFileSync(`src/cli/${file}`, 'utf8'));
    const registered = sources.flatMap((text) => /export function register(\w+)\(/.exec(text)?.[1]?.toLowerCase() ?? []);
    expect(COMMANDS.map(({ name }) => name).sort()).toEqual(registered.sort());
  });

  it('prints the version of the package', async () => {
    expect((await mcgpu(['--version'])).stdout.trim()).toBe(version);
  });

  it.each([
    ['an unknown option', ['doctor', '--jsn'], 'Did you mean --json?'],
    ['an unknown command', ['docter'], 'Did you mean doctor?'],
    ['a missing argument', ['info'], "missing required argument 'file'"],
    ['too many arguments', ['doctor', 'now'], 'too many arguments'],
  ])('answers %s with exit code 2 and a hint', async (_name, args, hint) => {
    const { status, stderr } = await mcgpu(args);
    expect(status).toBe(2);
    expect(stderr).toContain(hint);
  });

  it('answers bad input with exit code 1, a message and no stack', async () => {
    const { status, stderr } = await mcgpu(['info', 'no-such-file.safetensors']);
    expect(status).toBe(1);
    expect(stderr).toContain('no-such-file.safetensors');
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it('adds the stack under --debug', async () => {
    expect((await mcgpu(['info', 'no-such-file.safetensors', '--debug'])).stderr).toMatch(/^ {4}at /m);
  });

  it('stays quiet when the reader of its output goes away', async () => {
    const script = `import { run } from './src/cli/main.ts'; process.exitCode = await run(['--help']);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect([status, stderr]).toEqual([0, '']);
  });

  it.each(COMMANDS.map(({ name }) => name))('describes %s alike in the list and in the command itself', async (name) => {
    const loaded = (await createProgram([name])).commands.find((c) => c.name() === name);
    expect(loaded?.description()).toBe(COMMANDS.find((c) => c.name === name)?.summary);
    expect(loaded?.helpInformation()).toContain('--adapter <substring>');
  });
});

describe('errors', () => {
  it('from the user are a message and exit code 1', () => {
    expect(describeError(new UserError('x is 3, expected 4; set it to 4.'), false)).toEqual({
      text: 'mcgpu: x is 3, expected 4; set it to 4.',
      exitCode: 1,
    });
  });
  it('from a full disk say the repair', () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(describeError(error, false)).toEqual({ text: expect.stringContaining('free some space') as unknown, exitCode: 1 });
  });
  it('of ours are named a bug, exit code 2, and point to --debug', () => {
    const { text, exitCode } = describeError(new TypeError('x is undefined'), false);
    expect(exitCode).toBe(2);
    expect(text).toMatch(/internal error: x is undefined\n.*bug.*--debug/);
  });
});

describe('--adapter', () => {
  const adapters = parseAdapterList(
    "no suitable backends found\nAvailable adapters:\n * backend: 'vulkan', name: 'SwiftShader Device (Subzero)'\n * backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)'\n",
  );
  it('finds an adapter by a part of its name in any case', () => {
    expect(matchAdapter('LLVMPIPE', adapters)).toBe('llvmpipe (LLVM 15.0.6, 256 bits)');
  });
  it('lists the adapters when none has that name', () => {
    expect(() => matchAdapter('nvidia', adapters)).toThrow(
      'this machine has "SwiftShader Device (Subzero)", "llvmpipe (LLVM 15.0.6, 256 bits)"',
    );
    expect(() => matchAdapter('nvidia', [])).toThrow('this machine has none');
  });
  it('is known before and after the command', async () => {
    for (const argv of [
      ['--adapter', 'x', 'doctor'],
      ['doctor', '--adapter', 'x'],
    ]) {
      const program = await createProgram(argv);
      const doctor = program.commands.find((c) => c.name() === 'doctor');
      program.parseOptions(argv);
      expect(doctor && adapterOf(doctor)).toEqual({ adapter: 'x' });
    }
  });
});

describe('colours', () => {
  it('are for terminals only, and never under NO_COLOR', () => {
    expect(useColour({ isTTY: true }, {})).toBe(true);
    expect(useColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
    expect(useColour({}, {})).toBe(false);
  });
});
