// Where the adapters of the test legs are on this machine. Plain Node without dependencies: scripts/setup.mjs runs it
// before anything is installed. A leg is one way to run WebGPU: a driver under Dawn in Node, or another WebGPU altogether.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {'lavapipe' | 'swiftshader' | 'deno' | 'chromium'} Leg */

/** @type {readonly Leg[]} */
export const LEGS = ['lavapipe', 'swiftshader', 'deno', 'chromium'];

export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Reads a list of legs such as `lavapipe,deno`.
 * @param {string | undefined} list
 * @returns {Leg[]}
 */
export function parseLegs(list) {
  const names = (list ?? '').split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !LEGS.some((leg) => leg === name));
  if (unknown !== undefined) throw new Error(`Unknown test leg "${unknown}"; expected one or more of ${LEGS.join(',')}.`);
  return LEGS.filter((leg) => names.includes(leg));
}

/**
 * @param {readonly (string | undefined)[]} candidates
 * @returns {string | undefined}
 */
function firstExisting(candidates) {
  return candidates.find((file) => file !== undefined && existsSync(file));
}

/** Vulkan driver file of Mesa's software rasteriser; its name carries the architecture on newer systems. */
function findLavapipe() {
  const folders = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
  const files = folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : []));
  return files.find((file) => /\/lvp_icd.*\.json$/.test(file));
}

/** Vulkan driver file of SwiftShader, which browsers of the Chromium family bring along. */
function findSwiftShader() {
  const folders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return firstExisting([process.env.MCGPU_SWIFTSHADER, ...folders.map((folder) => path.join(folder, 'vk_swiftshader_icd.json'))]);
}

/** A browser of the Chromium family that playwright-core can drive. */
function findChromium() {
  const linux = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/opt/google/chrome/chrome'];
  const mac = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'];
  return firstExisting([process.env.MCGPU_CHROMIUM, ...linux, ...mac]);
}

/** Deno's executable, from the npm package of this platform. */
function findDeno() {
  const name = process.platform === 'win32' ? 'deno.exe' : 'deno';
  const folder = path.join(root, 'node_modules', '@deno');
  const packages = existsSync(folder) ? readdirSync(folder) : [];
  return firstExisting(packages.filter((p) => p.startsWith(`${process.platform}-${process.arch}`)).map((p) => path.join(folder, p, name)));
}

/**
 * What each leg runs with, or undefined where it is not installed.
 * @type {Record<Leg, () => string | undefined>}
 */
export const findLeg = { lavapipe: findLavapipe, swiftshader: findSwiftShader, deno: findDeno, chromium: findChromium };

/**
 * Asks WebGPU for an adapter and a device in a child process, so that a driver that crashes takes only the child with it.
 * @param {string} [icd] Vulkan driver file to use instead of the system's
 * @returns {{ name: string } | { problem: string }}
 */
export function probeAdapter(icd) {
  const env = icd === undefined ? process.env : { ...process.env, VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd };
  const child = spawnSync(process.execPath, [path.join(root, 'scripts/probe-adapter.mjs')], { env, encoding: 'utf8', timeout: 60_000 });
  const name = child.stdout.trim();
  if (child.status === 0 && name !== '') return { name };
  if (child.signal !== null) return { problem: `the driver crashed or hung (${child.signal})` };
  return { problem: child.status === 0 ? 'no WebGPU adapter' : (child.stderr.match(/\w*Error: .*/)?.[0] ?? `exit code ${child.status}`) };
}
