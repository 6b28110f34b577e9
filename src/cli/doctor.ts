import { availableParallelism, totalmem } from 'node:os';
import type { Command } from 'commander';
import { runCanary, type CanaryResult } from '../autograd/canary.js';
import { dawn, openNodeDevice } from '../runtime/gpu.node.js';
import { adapterOf, listAdapters, listedAdapter, type NamedAdapter } from './adapter-option.js';
import { advise, type Advice } from './doctor-advice.js';
import { version } from './program.js';
import { style } from './style.js';

export interface DoctorReport {
  readonly schema: 'mcgpu.doctor/1';
  readonly mcgpu: string;
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Every adapter of the machine; the one in use is `adapter`. */
  readonly adapters: readonly NamedAdapter[];
  readonly adapter: AdapterReport | null;
  /** Convolution forward and both gradients, compared with float64. */
  readonly canary: CanaryResult | null;
  readonly advice: readonly Advice[];
}

export interface AdapterReport {
  readonly name: string;
  readonly driver: string;
  readonly backend: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly isFallbackAdapter: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** `mcgpu doctor [--json]`: what WebGPU offers here and whether it can be trusted. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show the WebGPU adapter, test that it computes correctly, and say what is slow and what to do')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const report = await examine(adapterOf(command));
      process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
      if (report.advice.some(({ level }) => level === 'problem')) process.exitCode = 1;
    });
}

async function examine(options: { adapter?: string }): Promise<DoctorReport> {
  const adapters = await listAdapters();
  const gpuAdapter = await dawn(options).requestAdapter({ powerPreference: 'high-performance' });
  const adapter = gpuAdapter && describeAdapter(gpuAdapter, adapters);
  const canary = gpuAdapter && (await testDevice(options));
  return {
    schema: 'mcgpu.doctor/1',
    mcgpu: version(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    adapters,
    adapter,
    canary,
    advice: advise(adapter, adapters, canary),
  };
}

async function testDevice(options: { adapter?: string }): Promise<CanaryResult> {
  const device = await openNodeDevice(options);
  try {
    return await runCanary(device);
  } finally {
    device.destroy();
  }
}

function describeAdapter({ info, features, limits }: GPUAdapter, adapters: readonly NamedAdapter[]): AdapterReport {
  const listed = listedAdapter(info.device, adapters);
  const numbers = Object.fromEntries(
    Object.keys(Object.getPrototypeOf(limits) as object)
      .map((key) => [key, (limits as unknown as Record<string, unknown>)[key]])
      .filter((pair): pair is [string, number] => typeof pair[1] === 'number'),
  );
  return {
    name: listed?.name ?? info.device,
    driver: info.description,
    backend: listed?.backend ?? 'unknown',
    vendor: info.vendor,
    architecture: info.architecture,
    isFallbackAdapter: info.isFallbackAdapter,
    features: [...features].sort(),
    limits: numbers,
  };
}

const MARK = { good: 'green', slow: 'yellow', problem: 'red' } as const;

function asText({ adapter, adapters, canary, advice, ...machine }: DoctorReport): string {
  const rows: [string, string][] = [
    ['mcgpu', `${machine.mcgpu}, Node ${machine.node}, ${machine.platform}, ${machine.cores} cores, ${machine.memoryGiB} GiB`],
    ['adapters', adapters.map(({ name, backend }) => `${name} (${backend})`).join('; ') || 'none'],
  ];
  if (adapter) {
    const { limits } = adapter;
    const mebibytes = (key: string): string => `${Math.round((limits[key] ?? 0) / 2 ** 20)} MiB`;
    rows.push(
      ['in use', `${adapter.name} (${adapter.vendor} ${adapter.architecture})`],
      ['driver', adapter.driver],
      ['features', adapter.features.join(' ')],
      ['one binding', `${mebibytes('maxStorageBufferBindingSize')}; one buffer ${mebibytes('maxBufferSize')}`],
      [
        'workgroup',
        `${limits.maxComputeInvocationsPerWorkgroup ?? 0} invocations, ${(limits.maxComputeWorkgroupStorageSize ?? 0) / 1024} KiB`,
      ],
      ['storage buffers', `${limits.maxStorageBuffersPerShaderStage ?? 0} per stage`],
    );
  }
  for (const { name, worst, tolerance, ok } of canary?.checks ?? []) {
    rows.push([
      ok ? 'computes' : 'MISCOMPUTES',
      `${name}: error ${worst.toExponential(1)}, at most ${tolerance.toExponential(1)} expected`,
    ]);
  }
  const table = rows.map(([name, value]) => `${name.padEnd(16)} ${value}`);
  const findings = advice.map(({ level, text }) => `${style(MARK[level], level.padEnd(16))} ${text}`);
  return `${[...table, '', ...findings].join('\n')}\n`;
}
