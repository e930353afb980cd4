declare module "melgrad:shaders" {
  const shaders: Readonly<Record<string, string>>;
  export default shaders;
}
