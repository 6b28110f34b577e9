import { vi } from 'vitest';
import { run } from '../../src/cli/main.js';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line inside this process, which goes on as if nothing had happened: exit code, listeners and output are its own again. */
export async function runCommand(...argv: string[]): Promise<CommandResult> {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      text[stream] += String(chunk);
      return true;
    }),
  );
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const listeners = process.listeners('uncaughtException');
  process.exitCode = undefined;
  try {
    return { code: await run(argv), ...text };
  } finally {
    process.exitCode = undefined;
    for (const listener of process.listeners('uncaughtException')) {
      if (!listeners.includes(listener)) process.off('uncaughtException', listener);
    }
    for (const spy of [...spies, exit]) spy.mockRestore();
  }
}
