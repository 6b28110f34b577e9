import { fileURLToPath } from 'node:url';

/** The model that ships with the package, two folders up from src/detect and dist/detect. */
export const SHIPPED_MODEL = fileURLToPath(new URL('../../models/mcgpu-compact.safetensors', import.meta.url));
