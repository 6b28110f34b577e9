import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAdapterOption } from './adapter-option.js';
import { COMMANDS, type CommandEntry } from './commands.js';

/** Version of the package, which lies two folders up from src/cli and from dist/cli. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The command line with the commands named in `argv` loaded; the others are known by name and summary. */
export async function createProgram(argv: readonly string[], commands: readonly CommandEntry[] = COMMANDS): Promise<Command> {
  const program = new Command('mcgpu')
    .description('Annotation-free detection of microcalcifications on mammograms, trained and run on WebGPU.')
    .version(version(), '-V, --version')
    .option('--debug', 'print the stack of an error')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', '\nResearch use only - not a medical device')
    .showSuggestionAfterError()
    .exitOverride();
  addAdapterOption(program);
  for (const { name, summary, load } of commands) {
    if (argv.includes(name)) (await load())(program);
    else program.command(name).description(summary);
  }
  return program;
}
