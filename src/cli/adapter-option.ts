import { Option, type Command } from 'commander';
import { UserError } from '../errors.js';

export interface NamedAdapter {
  /** `vulkan`, `metal` or `d3d12`. */
  readonly backend: string;
  readonly name: string;
}

/** Reads the list that Dawn gives in the error for an adapter name it does not find. */
export function parseAdapterList(message: string): NamedAdapter[] {
  return [...message.matchAll(/backend: '([^']*)', name: '([^']*)'/g)].map(([, backend = '', name = '']) => ({ backend, name }));
}

/** Every adapter of this machine; WebGPU itself shows only one. */
export async function listAdapters(): Promise<NamedAdapter[]> {
  // Loaded here, not above: `mcgpu --help` has no need of a GPU driver.
  const { dawn } = await import('../runtime/gpu.node.js');
  const noSuchName = '\u0001';
  try {
    await dawn({ adapter: noSuchName }).requestAdapter();
    return [];
  } catch (error) {
    return parseAdapterList(error instanceof Error ? error.message : String(error));
  }
}

/** The entry of the list for an adapter by WebGPU's name for it: lower case with dashes, where the list has it as the driver writes it. */
export function listedAdapter(webGpuName: string, adapters: readonly NamedAdapter[]): NamedAdapter | undefined {
  const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '');
  return adapters.find(({ name }) => plain(name) === plain(webGpuName));
}

/** The full name of the first adapter that has `part` in its name, in any case. */
export function matchAdapter(part: string, adapters: readonly NamedAdapter[]): string {
  const found = adapters.find(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  if (found) return found.name;
  const names = adapters.map(({ name }) => `"${name}"`).join(', ');
  throw new UserError(
    `No WebGPU adapter has "${part}" in its name; ${names ? `this machine has ${names}` : 'this machine has none: run `mcgpu doctor`'}.`,
  );
}

/** Adds `--adapter SUBSTRING` to the program, hence to every command; commands read it with `adapterOf`. */
export function addAdapterOption(program: Command): void {
  program.addOption(new Option('--adapter <substring>', 'WebGPU adapter to use, by a part of its name').env('MCGPU_ADAPTER'));
  program.hook('preAction', async (_program, command) => {
    const { adapter } = adapterOf(command);
    if (adapter === undefined) return;
    // Worker threads and child processes must find the same adapter.
    process.env.MCGPU_ADAPTER = matchAdapter(adapter, await listAdapters());
    program.setOptionValue('adapter', process.env.MCGPU_ADAPTER);
  });
}

/** The adapter asked for on the command line or in MCGPU_ADAPTER, as an option for openNodeDevice. */
export function adapterOf(command: Command): { adapter?: string } {
  const { adapter } = command.optsWithGlobals<{ adapter?: string }>();
  return adapter ? { adapter } : {};
}
