// The shader preprocessor: directives, substitution, what it reads from a shader, and its errors. No GPU.
import { describe, expect, it } from "vitest";
import { ShaderError } from "../../src/gpu/errors.js";
import { describeFailure } from "../../src/gpu/pipelines.js";
import { type Defines, preprocess } from "../../src/gpu/preprocess.js";

const binding = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;";

/** The lines of an expanded shader other than the binding, without empty ones. */
function expand(body: string, defines: Defines = {}, library: Record<string, string> = {}): string[] {
  const { code } = preprocess({ ...library, main: `${body}\n${binding}` }, "main", defines, {
    immediates: true,
  });
  return code.split("\n").filter((line) => line.trim() !== "" && line !== binding);
}

describe("conditions", () => {
  it.each([
    ["1", true],
    ["0", false],
    ["UNKNOWN", false],
    ["!UNKNOWN", true],
    ["A == 3", true],
    ["A != 3", false],
    ["A >= 3 && A < 4", true],
    ["A > 3 || B", true],
    ["!(A > 3 || B)", false],
    ["A == 1 || A == 2 && 0", false],
    ["(A == 3 || 0) && 0", false],
  ])("#if %s is %s", (expression, expected) => {
    expect(expand(`#if ${expression}\nyes\n#else\nno\n#endif`, { A: 3, B: true })).toEqual([
      expected ? "yes" : "no",
    ]);
  });

  it("takes one branch of #elif, also in nested and dead ones", () => {
    const body =
      "#if A == 1\none\n#elif A == 2\n#if B\ntwo b\n#else\ntwo\n#endif\n#elif A == 2\nagain\n#else\nmore\n#endif";
    expect(expand(body, { A: 1 })).toEqual(["one"]);
    expect(expand(body, { A: 2 })).toEqual(["two"]);
    expect(expand(body, { A: 2, B: 1 })).toEqual(["two b"]);
    expect(expand(body, { A: 9 })).toEqual(["more"]);
    expect(expand("#if 0\n#if 1\nx\n#else\ny\n#endif\n#else\nz\n#endif")).toEqual(["z"]);
  });
});

describe("defines", () => {
  it("replaces whole words, through other defines, and lets the caller's win", () => {
    expect(expand("#define N 4\n#define SIZE (N * 2u)\na N NN SIZE;")).toEqual(["a 4 NN (4 * 2u);"]);
    expect(expand("#define N 4\nN", { N: 8 })).toEqual(["8"]);
  });

  it("ends on defines that name each other", () => {
    expect(expand("#define A B\n#define B A\nA;").length).toBe(1);
  });

  it("repeats lines with a counter, nested, and joins words", () => {
    expect(expand("#define N 2\n#repeat i N\n#repeat j 2\nx##i##_##j = i + j;\n#end\n#end")).toEqual([
      "x0_0 = 0 + 0;",
      "x0_1 = 0 + 1;",
      "x1_0 = 1 + 0;",
      "x1_1 = 1 + 1;",
    ]);
  });
});

describe("what is read from a shader", () => {
  const shader =
    "struct Params { count: u32, scale: f32,\n  offset: i32 }\n" +
    "@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n" +
    "@group(0) @binding(0) var<storage, read> x: array<f32>;\nvar<immediate> p: Params;\nfn f() {}";

  it("finds bindings and parameters, and asks for immediates", () => {
    const found = preprocess({ main: shader }, "main", {}, { immediates: true });
    expect(found.bindings).toEqual(["read", "read_write"]);
    expect(found.params).toEqual([
      { name: "count", type: "u32" },
      { name: "scale", type: "f32" },
      { name: "offset", type: "i32" },
    ]);
    expect(found.code.startsWith("requires immediate_address_space;\n")).toBe(true);
  });

  it("turns parameters into a uniform where there are no immediates", () => {
    const { code } = preprocess({ main: shader }, "main", {}, { immediates: false });
    expect(code).toContain("@group(0) @binding(2) var<uniform> p: Params;");
    expect(code).not.toMatch(/immediate/);
  });

  it("enables the features that the text uses", () => {
    const code = (body: string) =>
      preprocess({ main: `${body}\n${binding}` }, "main", {}, { immediates: true }).code;
    expect(code("let s = subgroupAdd(x);")).toMatch(/^enable subgroups;\n/);
    expect(code("let h: vec2<f16>;")).toMatch(/^enable f16;\n/);
    expect(code("let x: f32;")).not.toMatch(/enable/);
    expect(code("// where subgroupAdd is missing, or f16\nlet x: f32;")).not.toMatch(/^enable/);
    expect(code("@builtin(subgroup_size) size: u32")).toMatch(/^enable subgroups;\n/);
    const matrix = code("subgroupMatrixStore<row_major>(a, b);");
    expect(matrix).toMatch(/^enable chromium_experimental_subgroup_matrix;\n/);
    expect(matrix).not.toMatch(/enable subgroups/);
  });

  it("keeps the diagnostic about subgroups only where subgroups are used", () => {
    const off = "diagnostic(off, subgroup_uniformity);";
    const body = `${off}\n#if TEAM\nlet s = subgroupAdd(x);\n#endif\nlet y = 1;`;
    expect(expand(body, { TEAM: 1 })).toEqual([
      "enable subgroups;",
      off,
      "let s = subgroupAdd(x);",
      "let y = 1;",
    ]);
    expect(expand(body, { TEAM: 0 })).toEqual(["let y = 1;"]);
  });

  it("includes a file once and keeps every line's origin", () => {
    const library = {
      "lib/a": "fn a() {}",
      main: `#include "lib/a"\n#include "lib/a"\nfn b() {}\n${binding}`,
    };
    const found = preprocess(library, "main", {}, { immediates: true });
    expect(found.code.match(/fn a/g)?.length).toBe(1);
    expect(found.origin[0]).toEqual({ file: "lib/a", line: 1 });
    expect(found.origin[1]).toEqual({ file: "main", line: 3 });
    expect(found.origin.length).toBe(found.code.split("\n").length);
  });
});

describe("errors", () => {
  it.each([
    ["#if 1\n", /main\.wgsl:\d+: #if without #endif/],
    ["#endif", /main\.wgsl:1: #endif without #if/],
    ["\n#elif 1", /main\.wgsl:2: #elif without #if/],
    ["#else", /#else without #if/],
    ["#nonsense", /main\.wgsl:1: unknown directive #nonsense/],
    ["#include lib", /#include needs a quoted name/],
    ['#include "lib/none"', /no shader called 'lib\/none'/],
    ["#if (1\n#endif", /lacks a closing bracket/],
    ["#if 1 2\n#endif", /cannot read/],
    ["#repeat i 3\nx", /#repeat without #end/],
    ["#repeat i many\nx\n#end", /whole number/],
    ["struct Params { v: vec4<f32> }\nvar<immediate> p: Params;", /must be u32, i32 or f32/],
    ["var<immediate> p: Params;", /needs a struct Params/],
  ])("%j says where and what", (body, message) => {
    expect(() => expand(body)).toThrow(ShaderError);
    expect(() => expand(body)).toThrow(message);
  });

  it("refuses gaps in the bindings and more parameters than fit", () => {
    const gap = "@group(0) @binding(1) var<storage, read> x: array<f32>;";
    expect(() => preprocess({ main: gap }, "main", {}, { immediates: true })).toThrow(/without gaps/);
    const fields = Array.from({ length: 17 }, (_, i) => `f${i}: u32`).join(", ");
    expect(() => expand(`struct Params { ${fields} }\nvar<immediate> p: Params;`)).toThrow(/at most 16/);
  });

  it("points at the line of the file that a compiler's message is about", () => {
    const library = {
      "lib/bad": "// first\nlet broken = ;",
      main: `fn a() {}\n#include "lib/bad"\n${binding}`,
    };
    const shader = preprocess(library, "main", {}, { immediates: true });
    const lineNum = shader.code.split("\n").indexOf("let broken = ;") + 1;
    const message = describeFailure(
      shader,
      [
        { type: "warning", lineNum: 1, linePos: 1, message: "never mind" },
        { type: "error", lineNum, linePos: 14, message: "missing an expression" },
      ],
      "unused",
    );
    expect(message).toContain("shaders/lib/bad.wgsl:2: missing an expression\n    let broken = ;\n");
    expect(message.split("\n").at(-1)).toBe(`    ${" ".repeat(13)}^`);
    expect(message).not.toMatch(/never mind/);
    expect(describeFailure(shader, [], "the layout does not fit")).toMatch(/main.*the layout does not fit/);
  });
});
