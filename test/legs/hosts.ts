import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { findLeg, root } from '../../scripts/legs.mjs';
import type { PortableResult } from './portable.js';

const run = promisify(execFile);
const HOST = path.join(root, 'test/legs/host.mjs');
const BROWSER_FLAGS = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

/** Bundles portable.ts for browsers and returns the path of the one file. */
export async function bundlePortable(): Promise<string> {
  const outDir = mkdtempSync(path.join(tmpdir(), 'mcgpu-legs-'));
  await build({
    configFile: false,
    logLevel: 'warn',
    root,
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2023',
      lib: { entry: 'test/legs/portable.ts', formats: ['es'], fileName: () => 'portable.js' },
    },
  });
  return path.join(outDir, 'portable.js');
}

function vulkan(icd: string | undefined): NodeJS.ProcessEnv {
  return icd === undefined ? process.env : { ...process.env, VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd };
}

async function lastLine(program: string, args: string[], icd: string | undefined): Promise<PortableResult> {
  const { stdout } = await run(program, args, { cwd: root, env: vulkan(icd) });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as PortableResult;
}

/** Dawn in a Node process of its own, on one Vulkan driver. */
export function inNode(bundle: string, icd: string | undefined): Promise<PortableResult> {
  return lastLine(process.execPath, [HOST, pathToFileURL(bundle).href], icd);
}

/** wgpu in Deno. */
export function inDeno(bundle: string, icd: string | undefined): Promise<PortableResult> {
  const args = ['run', '--no-config', '--allow-all', '--unstable-webgpu', HOST, pathToFileURL(bundle).href];
  return lastLine(findLeg.deno() ?? 'deno', args, icd);
}

/** Headless Chromium. WebGPU needs a secure context, which http://localhost is; no server runs, the browser's requests are answered here. */
export async function inChromium(bundle: string): Promise<PortableResult> {
  const browser = await chromium.launch({ executablePath: findLeg.chromium() ?? 'chromium', args: BROWSER_FLAGS });
  try {
    const page = await browser.newPage();
    await page.route('http://localhost/**', (route) =>
      route.request().url().endsWith('.js')
        ? route.fulfill({ contentType: 'text/javascript', body: readFileSync(bundle) })
        : route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>mcgpu</title>' }),
    );
    await page.goto('http://localhost/');
    // As text: vitest rewrites the import() of a function.
    return await page.evaluate<PortableResult>(`import('/portable.js').then((portable) => portable.runPortable(navigator.gpu))`);
  } finally {
    await browser.close();
  }
}
