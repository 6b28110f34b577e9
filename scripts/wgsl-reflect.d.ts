/** The package's main file exports nothing as an ES module; its module build carries no types of its own. */
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export { ResourceType, WgslReflect } from 'wgsl_reflect';
}
