// Files that views import besides modules, as the page's build gives them.

/** A shader's text. */
declare module "*.wgsl" {
  const text: string;
  export default text;
}

/** The address of a script for an audio worklet, beside the importing bundle. */
declare module "*.worklet.js" {
  const url: string;
  export default url;
}
