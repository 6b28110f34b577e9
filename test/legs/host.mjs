// Runs the bundled portable test under Node (Dawn) or Deno (wgpu) and prints its result as one line of JSON.
// Dawn aborts when the instance is collected while a device lives, so it is exported.
export const gpu = 'Deno' in globalThis ? navigator.gpu : (await import('webgpu')).create([]);
const { runPortable } = await import(process.argv[2] ?? '');
console.log(JSON.stringify(await runPortable(gpu)));
