import { describeError } from './errors.js';
import { createProgram } from './program.js';

/** Runs one command line and returns the exit code: 0, 1 for the user's error, 2 for wrong usage or a bug. */
export async function run(argv: readonly string[]): Promise<number> {
  // A reader that closes early (`mcgpu info FILE | head -1`) has what it wants.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  const fail = (error: unknown): number => {
    const { text, exitCode } = describeError(error, argv.includes('--debug'));
    if (text !== '') process.stderr.write(`${text}\n`);
    return exitCode;
  };
  process.on('uncaughtException', (error) => process.exit(fail(error)));
  try {
    const program = await createProgram(argv);
    await program.parseAsync([...argv], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const exitCode = fail(error);
    // Whatever the command left running must not keep a failed command alive.
    if (exitCode !== 0) process.exit(exitCode);
    return exitCode;
  }
}
