import { execFile } from 'node:child_process';

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line in a process of its own, on the TypeScript sources; `env` is added to this process's. */
export function mcgpu(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const script = `import { run } from './src/cli/main.ts'; process.exitCode = await run(process.argv.slice(1));`;
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20 };
  return new Promise((resolve) => {
    const node = ['--import', 'tsx', '--input-type=module', '-e', script, '--', ...args];
    const child = execFile(process.execPath, node, options, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
